//! The end of the interpreter. A thread that comes back to one that is ending is unwound by force, which ends the whole
//! process: so that daemon threads whose calls end then stay away.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use builderaikits_bridge::PerProcess;
use pyo3::prelude::*;

/// Who ends the interpreter, once it is ending.
static EXITING: PerProcess<ThreadId> = PerProcess::new();
/// Threads between having seen that the interpreter is there, and being back in it.
static RETURNING: PerProcess<AtomicUsize> = PerProcess::new();

/// For `atexit`: from now on no other thread comes back. Waits for those that are on their way.
#[pyfunction]
pub(crate) fn exiting(py: Python<'_>) {
    let Ok(_) = EXITING.get_or_make(|| Ok::<_, Infallible>(thread::current().id()));
    // They only wait for the lock that this thread gives away here.
    let until = Instant::now().checked_add(Duration::from_millis(200));
    py.detach(|| {
        while returning().load(Ordering::SeqCst) > 0 && until.is_some_and(|until| Instant::now() < until) {
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
struct Leaving(());

impl Leaving {
    /// Never returns once the interpreter is ending, unless this thread ends it.
    fn begin() -> Self {
        returning().fetch_add(1, Ordering::SeqCst);
        if EXITING.get().is_some_and(|by| *by != thread::current().id()) {
            returning().fetch_sub(1, Ordering::SeqCst);
            loop {
                thread::park();
            }
        }
        Self(())
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        returning().fetch_sub(1, Ordering::SeqCst);
    }
}

fn returning() -> &'static AtomicUsize {
    let Ok(count) = RETURNING.get_or_make(|| Ok::<_, Infallible>(AtomicUsize::new(0)));
    count
}
