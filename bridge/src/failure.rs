//! An error of the core as a flat record, for languages that make their own exceptions of it.

use builderaikits::{Error, HeaderMap};

/// Everything that is known of a failed call. Each language turns it into the class that `kind` names.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The kind's name, such as `rate_limit`.
    pub kind: &'static str,
    /// One line for a person: status, message, request id, attempts.
    pub text: String,
    /// The message alone.
    pub message: String,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The service's own code.
    pub code: Option<String>,
    /// What the service sent.
    pub body: Option<Vec<u8>>,
    /// The headers of the answer.
    pub headers: Option<Vec<(String, String)>>,
    /// The service's name for the request.
    pub request_id: Option<String>,
    /// Attempts begun.
    pub attempts: u32,
    /// How long the service asked to wait, in seconds.
    pub retry_after: Option<f64>,
    /// Whether it may be billed.
    pub may_have_run: bool,
    /// Whether the call's options would repeat it.
    pub is_retryable: bool,
    /// The `Idempotency-Key` of the call.
    pub idempotency_key: Option<String>,
    /// How long the call took, in seconds.
    pub elapsed: f64,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        let error = error.into_parts();
        Self {
            kind: error.kind.as_str(),
            text,
            message: error.message,
            status: error.status,
            code: error.code,
            body: error.body.map(|body| body.to_vec()),
            headers: error.headers.as_ref().map(header_pairs),
            request_id: error.request_id,
            attempts: error.attempts,
            retry_after: error.retry_after.map(|wait| wait.as_secs_f64()),
            may_have_run: error.may_have_run,
            is_retryable: error.is_retryable,
            idempotency_key: error.idempotency_key,
            elapsed: error.elapsed.as_secs_f64(),
        }
    }
}

/// Headers as name and value. Bytes that are not UTF-8 become U+FFFD.
#[must_use]
pub fn header_pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect()
}
