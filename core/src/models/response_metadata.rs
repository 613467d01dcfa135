//! [`ResponseMetadata`]: how a call went.

use std::time::Duration;

use http::HeaderMap;

use crate::redacted::Redacted;

/// How a call went: attempts, request id, headers. It is not part of the API response, so it is never compared or
/// serialized with one.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ResponseMetadata {
    /// The number of attempts, including the successful one.
    pub attempts: u32,
    /// The request id from the `x-request-id` or `request-id` header. Include it in support requests.
    pub request_id: Option<String>,
    /// The `Idempotency-Key` of all attempts.
    pub idempotency_key: String,
    /// The time from the start of the call to its end: queueing, attempts and waits.
    pub elapsed: Duration,
    /// The response headers, with the API key redacted.
    pub headers: Redacted<HeaderMap>,
}
