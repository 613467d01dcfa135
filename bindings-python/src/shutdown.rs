//! Interpreter shutdown. CPython ends threads that take the GIL during finalization, and unwinding them through Rust
//! aborts the process. Daemon threads whose calls finish then are parked instead.

use std::convert::Infallible;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use builderaikits_bridge::PerProcess;
use pyo3::prelude::*;

static SHUTDOWN: PerProcess<Shutdown> = PerProcess::new();

#[derive(Default)]
struct Shutdown {
    /// The thread that finalizes the interpreter. Set when finalization begins.
    finalizer: OnceLock<ThreadId>,
    /// Threads that passed the check in [`ReattachGuard::new`] and do not hold the GIL yet.
    reattaching: AtomicUsize,
}

/// Called by `atexit`. From now on, no other thread takes the GIL. Waits for those that are about to take it.
#[pyfunction]
pub(crate) fn begin_shutdown(py: Python<'_>) {
    let shutdown = shutdown();
    shutdown.finalizer.get_or_init(|| thread::current().id());
    // They wait only for the GIL, which this thread releases here.
    let deadline = Instant::now().checked_add(Duration::from_millis(200));
    py.detach(|| {
        while shutdown.reattaching.load(Ordering::SeqCst) > 0
            && deadline.is_some_and(|deadline| Instant::now() < deadline)
        {
            thread::yield_now();
        }
    });
}

/// Runs `work` without the GIL. No other function of this crate releases the GIL for a call.
pub(crate) fn without_gil<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    let (result, _guard) = py.detach(|| (work(), ReattachGuard::new()));
    result
}

/// Held by a thread while it takes the GIL again.
struct ReattachGuard(&'static Shutdown);

impl ReattachGuard {
    /// Never returns during finalization, except on the thread that finalizes.
    fn new() -> Self {
        let shutdown = shutdown();
        shutdown.reattaching.fetch_add(1, Ordering::SeqCst);
        if shutdown.finalizer.get().is_some_and(|finalizer| *finalizer != thread::current().id()) {
            shutdown.reattaching.fetch_sub(1, Ordering::SeqCst);
            loop {
                thread::park();
            }
        }
        Self(shutdown)
    }
}

impl Drop for ReattachGuard {
    fn drop(&mut self) {
        self.0.reattaching.fetch_sub(1, Ordering::SeqCst);
    }
}

fn shutdown() -> &'static Shutdown {
    let Ok(shutdown) = SHUTDOWN.get_or_try_init(|| Ok::<_, Infallible>(Shutdown::default()));
    shutdown
}
