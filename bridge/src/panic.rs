//! Catches a panic of one call, so that other calls go on.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

use builderaikits::{Error, ErrorKind, ErrorParts, Result};

/// Polls `call`, and turns a panic into [`ErrorKind::Internal`].
///
/// The caller boxes the future, because a large future is copied each time it is moved into another one.
pub(crate) async fn catch_panic<T>(mut call: Pin<Box<dyn Future<Output = Result<T>> + Send>>) -> Result<T> {
    // A future that panicked is not polled again, so its broken state is never observed.
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))) {
        Ok(poll) => poll,
        Err(_) => Poll::Ready(Err(panicked())),
    })
    .await
}

/// The panic's own message is left out, because it could contain anything.
fn panicked() -> Error {
    Error::from(ErrorParts {
        kind: ErrorKind::Internal,
        message: "Internal SDK error. Please report it; other calls are not affected.".to_owned(),
        may_have_run: true,
        ..ErrorParts::default()
    })
}
