//! A request body that knows whether it was sent, and can be cancelled until then.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Whether a request was sent. It is decided once: by the connection that polls the body, or by the caller that cancels.
///
/// A connection can keep a request that no caller waits for any more and send it later, when an HTTP/2 stream is free.
#[derive(Clone)]
pub(crate) struct SendState {
    decision: Arc<AtomicU8>,
    listener: Arc<dyn SendListener>,
}

/// Is told when a request begins to be sent.
pub(crate) trait SendListener: Send + Sync {
    /// The body begins to be sent. It is called once for each request.
    fn started(&self);
}

const PENDING: u8 = 0;
const STARTED: u8 = 1;
const CANCELLED: u8 = 2;

impl SendState {
    pub(crate) fn new(listener: Arc<dyn SendListener>) -> Self {
        Self { decision: Arc::default(), listener }
    }

    /// Cancels the request unless it was started. Returns whether it was started: only then can the server have
    /// processed it.
    pub(crate) fn cancel(&self) -> bool {
        self.advance(CANCELLED) == STARTED
    }

    /// Returns the new state: `to`, or an earlier decision.
    fn advance(&self, to: u8) -> u8 {
        match self.decision.compare_exchange(PENDING, to, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => to,
            Err(decided) => decided,
        }
    }
}

/// Cancels a request whose call is dropped.
pub(crate) struct CancelOnDrop<'a>(pub(crate) &'a SendState);

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// A body that notes when it is first polled, and fails if the request was cancelled before.
pub(crate) struct TrackedBody {
    data: Option<Bytes>,
    state: SendState,
}

impl TrackedBody {
    pub(crate) fn new(data: Bytes, state: &SendState) -> Self {
        Self { data: Some(data), state: state.clone() }
    }
}

/// Ends the stream of a request that was cancelled before it was sent.
#[derive(Debug, thiserror::Error)]
#[error("the call was cancelled before it was sent")]
pub(crate) struct RequestCancelled;

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = RequestCancelled;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.state.advance(STARTED) == CANCELLED {
            return Poll::Ready(Some(Err(RequestCancelled)));
        }
        let data = self.data.take();
        if data.is_some() {
            self.state.listener.started();
        }
        Poll::Ready(data.map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX)))
    }
}
