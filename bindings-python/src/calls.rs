//! The queue that an event loop's calls end in.

use std::io;
use std::sync::Arc;

use builderaikits_bridge::{self as bridge, PerProcess};
use pyo3::prelude::*;

use crate::failure::outcome;
use crate::wake::Wake;

/// Calls in flight of one event loop. In a child of `fork` it holds none and takes none.
#[pyclass(frozen, module = "builderaikits._native")]
pub(crate) struct Calls(PerProcess<Open>);

type Ended = Vec<(bridge::CallId, Py<PyAny>)>;

struct Open {
    queue: Arc<bridge::Calls>,
    wake: Arc<Wake>,
}

#[pymethods]
impl Calls {
    #[new]
    fn new() -> PyResult<Self> {
        let calls = Self(PerProcess::new());
        calls.0.get_or_make(|| {
            let wake = Arc::new(Wake::new()?);
            let write = Arc::clone(&wake);
            Ok::<_, io::Error>(Open { queue: Arc::new(bridge::Calls::new(move || write.wake())), wake })
        })?;
        Ok(calls)
    }

    /// What becomes readable when there is something to drain. It belongs to the queue: do not close it.
    fn fileno(&self) -> PyResult<i64> {
        self.open().map(|open| open.wake.fileno())
    }

    /// The same as a file or socket of its own, which belongs to the caller.
    fn dup(&self) -> PyResult<i64> {
        Ok(self.open()?.wake.dup()?)
    }

    /// Whether there is more, and up to `most` calls that have ended: their ids, each with its run or error.
    fn drain(&self, py: Python<'_>, most: usize) -> PyResult<(bool, Ended)> {
        let Some(open) = self.0.get() else { return Ok((false, Vec::new())) };
        open.wake.clear();
        let mut ended = Vec::new();
        let more = open.queue.drain(most, &mut ended);
        let ended = ended.into_iter().map(|(call, end)| Ok((call, outcome(py, end)?)));
        Ok((more, ended.collect::<PyResult<_>>()?))
    }

    /// Gives a call up: its request is aborted, and it never ends here.
    fn abort(&self, call: bridge::CallId) {
        if let Some(open) = self.0.get() {
            open.queue.abort(call);
        }
    }

    /// How many calls have neither ended nor been given up.
    fn in_flight(&self) -> usize {
        self.0.get().map_or(0, |open| open.queue.in_flight())
    }
}

impl Calls {
    pub(crate) fn queue(&self) -> PyResult<&Arc<bridge::Calls>> {
        self.open().map(|open| &open.queue)
    }

    fn open(&self) -> PyResult<&Open> {
        self.0.get().ok_or_else(|| io::Error::other("this event loop belongs to the parent process").into())
    }
}

/// Its event loop has gone, and with it all who wait.
impl Drop for Calls {
    fn drop(&mut self) {
        if let Some(open) = self.0.get() {
            open.queue.shut();
        }
    }
}
