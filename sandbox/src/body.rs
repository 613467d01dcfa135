//! Request bodies: reading one up to its limit, and draining one that is not needed.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::http::HeaderMap;
use axum::http::header::EXPECT;
use http_body_util::BodyExt as _;

use crate::response::ApiError;

/// The maximum size of a request body.
const MAX_BODY_BYTES: u64 = 32 << 20;
/// How much of an unneeded body is drained…
const MAX_DRAINED_BYTES: usize = 64 << 20;
/// …and for how long.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads a body of up to 32 MiB.
pub(crate) async fn read(headers: &HeaderMap, body: &mut Body) -> Result<Bytes, ApiError> {
    let too_large = || ApiError::too_large("the body is over the limit of 33554432 bytes (32 MiB)");
    if body.size_hint().lower() > MAX_BODY_BYTES {
        drain_unless_held(headers, body).await;
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ApiError::invalid("the body ended early"))?;
        let data = frame.into_data().unwrap_or_default();
        bytes.extend_from_slice(&data);
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_BODY_BYTES {
            drop(bytes);
            drain(body).await;
            return Err(too_large());
        }
    }
    Ok(bytes.into())
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
    let all = async {
        let mut left = MAX_DRAINED_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            let size = frame.data_ref().map_or(0, Bytes::len);
            let Some(rest) = left.checked_sub(size) else {
                return;
            };
            left = rest;
        }
    };
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, all).await;
}
