//! Request bodies: reading one within its limits, and draining one that is not needed.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::http::HeaderMap;
use axum::http::header::EXPECT;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::response::ApiError;

/// The maximum size of a request body.
const MAX_BODY_BYTES: u32 = 32 << 20;
/// The maximum size of all bodies that are being read. Others wait for their turn.
const MAX_BYTES_OF_ALL_BODIES: u32 = 256 << 20;
/// The maximum size of what is drained of an unneeded body.
const MAX_DRAINED_BYTES: usize = 64 << 20;
/// The maximum time for draining.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads bodies, with a limit for each and for all of them together.
pub(crate) struct BodyReader {
    memory: Semaphore,
    timeout: Duration,
}

impl BodyReader {
    /// `timeout` is the time in which a whole body must arrive.
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { memory: Semaphore::new(MAX_BYTES_OF_ALL_BODIES as usize), timeout }
    }

    /// Reads a body of up to 32 MiB. A larger one is drained.
    pub(crate) async fn read(&self, headers: &HeaderMap, body: &mut Body) -> Result<Bytes, ApiError> {
        let size = body.size_hint();
        let Some(limit) = u32::try_from(size.lower()).ok().filter(|size| *size <= MAX_BODY_BYTES) else {
            drain_unless_held(headers, body).await;
            return Err(ApiError::too_large());
        };
        // A body without a length can have any.
        let limit = size.exact().map_or(MAX_BODY_BYTES, |_| limit);
        let read = async {
            // The semaphore is never closed.
            let _memory = self.memory.acquire_many(limit).await;
            Limited::new(&mut *body, MAX_BODY_BYTES as usize).collect().await
        };
        match timeout(self.timeout, read).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                drain(body).await;
                Err(ApiError::too_large())
            }
            Ok(Err(_)) => Err(ApiError::invalid("the body ended early")),
            Err(_) => Err(ApiError::body_timeout()),
        }
    }
}

/// Drains a body of which nothing was read yet. A client that waits for `100 Continue` holds its body back, and reading
/// would ask for it.
pub(crate) async fn drain_unless_held(headers: &HeaderMap, body: &mut Body) {
    if !headers.contains_key(EXPECT) {
        drain(body).await;
    }
}

/// Reads and drops what the client is still sending, up to 64 MiB and 10 s. A connection that closes with unread bytes is
/// reset, and the client loses the response.
async fn drain(body: &mut Body) {
    let mut body = Limited::new(body, MAX_DRAINED_BYTES);
    let all = async { while let Some(Ok(_)) = body.frame().await {} };
    let _ = timeout(DRAIN_TIMEOUT, all).await;
}
