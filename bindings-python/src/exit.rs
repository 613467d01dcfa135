//! The end of the interpreter. A thread that comes back to one that is ending is unwound by force, which ends the whole
//! process: so that daemon threads whose calls end then stay away.

use std::convert::Infallible;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use builderaikits_bridge::PerProcess;
use pyo3::prelude::*;

static EXIT: PerProcess<Exit> = PerProcess::new();

#[derive(Default)]
struct Exit {
    /// Who ends the interpreter, once it is ending.
    by: OnceLock<ThreadId>,
    /// Threads between having seen that the interpreter is there, and being back in it.
    returning: AtomicUsize,
}

/// For `atexit`: from now on no other thread comes back. Waits for those that are on their way.
#[pyfunction]
pub(crate) fn exiting(py: Python<'_>) {
    let exit = exit();
    exit.by.get_or_init(|| thread::current().id());
    // They only wait for the lock that this thread gives away here.
    let until = Instant::now().checked_add(Duration::from_millis(200));
    py.detach(|| {
        while exit.returning.load(Ordering::SeqCst) > 0 && until.is_some_and(|until| Instant::now() < until) {
            thread::yield_now();
        }
    });
}

/// Works without the interpreter's lock. Every way out of the interpreter and back goes through here.
pub(crate) fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    let (done, _leaving) = py.detach(|| (work(), Leaving::begin()));
    done
}

/// Held by a thread on its way back to the interpreter.
struct Leaving(&'static Exit);

impl Leaving {
    /// Never returns once the interpreter is ending, unless this thread ends it.
    fn begin() -> Self {
        let exit = exit();
        exit.returning.fetch_add(1, Ordering::SeqCst);
        if exit.by.get().is_some_and(|by| *by != thread::current().id()) {
            exit.returning.fetch_sub(1, Ordering::SeqCst);
            loop {
                thread::park();
            }
        }
        Self(exit)
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.returning.fetch_sub(1, Ordering::SeqCst);
    }
}

fn exit() -> &'static Exit {
    let Ok(exit) = EXIT.get_or_make(|| Ok::<_, Infallible>(Exit::default()));
    exit
}
