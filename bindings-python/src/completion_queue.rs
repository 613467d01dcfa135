//! The queue that receives the finished calls of one event loop.

use std::io;
use std::sync::Arc;

use builderaikits_bridge::{self as bridge, CallId, MAX_BATCH, PerProcess};
use pyo3::prelude::*;

use crate::errors::call_result;
use crate::wake::Wake;

/// The calls in flight of one event loop. In a child of `fork` it is empty and accepts no calls.
#[pyclass(frozen, module = "builderaikits._native")]
pub(crate) struct CompletionQueue(PerProcess<Inner>);

struct Inner {
    queue: Arc<bridge::CompletionQueue>,
    wake: Arc<Wake>,
}

/// Ids of finished calls, each with its run or error record.
type Finished = Vec<(CallId, Py<PyAny>)>;

#[pymethods]
impl CompletionQueue {
    #[new]
    fn new() -> PyResult<Self> {
        let queue = Self(PerProcess::new());
        queue.0.get_or_try_init(|| {
            let wake = Arc::new(Wake::new()?);
            let waker = Arc::clone(&wake);
            Ok::<_, io::Error>(Inner { queue: Arc::new(bridge::CompletionQueue::new(move || waker.wake())), wake })
        })?;
        Ok(queue)
    }

    /// Returns the descriptor that is readable while finished calls wait. The queue owns it: do not close it.
    fn fileno(&self) -> PyResult<i64> {
        self.inner().map(|inner| inner.wake.fileno())
    }

    /// Returns a duplicate of that descriptor, which the caller owns.
    fn dup(&self) -> PyResult<i64> {
        Ok(self.inner()?.wake.dup()?)
    }

    /// Returns whether more calls wait, and a batch of finished calls.
    fn drain(&self, py: Python<'_>) -> PyResult<(bool, Finished)> {
        let Some(inner) = self.0.get() else { return Ok((false, Vec::new())) };
        inner.wake.clear();
        let mut finished = Vec::new();
        let has_more = inner.queue.drain(MAX_BATCH, &mut finished);
        let finished = finished.into_iter().map(|(call_id, result)| Ok((call_id, call_result(py, result)?)));
        Ok((has_more, finished.collect::<PyResult<_>>()?))
    }

    /// Aborts the request of a call, which then never appears in this queue.
    fn abort(&self, call_id: CallId) {
        if let Some(inner) = self.0.get() {
            inner.queue.abort(call_id);
        }
    }

    /// Returns the number of calls that have neither finished nor been aborted.
    fn in_flight(&self) -> usize {
        self.0.get().map_or(0, |inner| inner.queue.in_flight())
    }
}

impl CompletionQueue {
    pub(crate) fn queue(&self) -> PyResult<&Arc<bridge::CompletionQueue>> {
        self.inner().map(|inner| &inner.queue)
    }

    fn inner(&self) -> PyResult<&Inner> {
        const INHERITED: &str =
            "This event loop was created before fork(). Create a new event loop in the child process.";
        self.0.get().ok_or_else(|| io::Error::other(INHERITED).into())
    }
}

/// The event loop and its tasks are gone, so that no result is wanted.
impl Drop for CompletionQueue {
    fn drop(&mut self) {
        if let Some(inner) = self.0.get() {
            inner.queue.shut_down();
        }
    }
}
