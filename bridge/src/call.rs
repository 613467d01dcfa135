//! One call, contained: a panic in it is its own error, and other calls go on.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

use builderaikits::{Error, ErrorKind, ErrorParts, Result, Run};

/// Runs `call`; a panic in it ends in [`ErrorKind::Internal`].
///
/// It is boxed by whoever makes it: a future of its size that is moved through others is copied with each.
pub(crate) async fn contained(mut call: Pin<Box<impl Future<Output = Result<Run>>>>) -> Result<Run> {
    // A future that panicked is not polled again, so that nobody sees what it left half-done.
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))) {
        Ok(poll) => poll,
        Err(_) => Poll::Ready(Err(panicked())),
    })
    .await
}

/// The words of the panic stay out: they could hold anything.
fn panicked() -> Error {
    Error::from(ErrorParts {
        kind: ErrorKind::Internal,
        message: "a defect of the SDK ended this call; other calls go on. Please report it".to_owned(),
        may_have_run: true,
        ..ErrorParts::default()
    })
}
