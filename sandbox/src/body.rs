//! Request bodies: reading one up to its limit, and draining one that is not needed.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::http::HeaderMap;
use axum::http::header::EXPECT;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::response::ApiError;

/// The maximum size of a request body.
const MAX_BODY_BYTES: usize = 32 << 20;
/// The maximum size of what is drained of an unneeded body.
const MAX_DRAINED_BYTES: usize = 64 << 20;
/// The maximum time for draining.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads a body of up to 32 MiB. A larger one is drained.
pub(crate) async fn read(headers: &HeaderMap, body: &mut Body) -> Result<Bytes, ApiError> {
    if usize::try_from(body.size_hint().lower()).map_or(true, |size| size > MAX_BODY_BYTES) {
        drain_unless_held(headers, body).await;
        return Err(ApiError::too_large());
    }
    match Limited::new(&mut *body, MAX_BODY_BYTES).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            drain(body).await;
            Err(ApiError::too_large())
        }
        Err(_) => Err(ApiError::invalid("the body ended early")),
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
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, all).await;
}
