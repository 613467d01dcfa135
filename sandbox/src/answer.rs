//! The bodies that go back over the wire: a run, or why there is none.

use hyper::StatusCode;
use serde::Serialize;
use serde_json::Value;

/// The body of a 200: the spec's fields, in its order, and no more.
#[derive(Serialize)]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) kit: &'static str,
    pub(crate) status: &'static str,
    pub(crate) output: Output,
    pub(crate) usage: Usage,
    pub(crate) latency_ms: u64,
}

#[derive(Serialize)]
pub(crate) struct Output {
    pub(crate) text: String,
}

#[derive(Serialize)]
pub(crate) struct Usage {
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
    pub(crate) total_tokens: u64,
}

/// An answer that is not 200. Its body (ours; the spec shows none) is `{"error": {"message", "code"}}`.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// For programs; never changes.
    pub(crate) code: &'static str,
    /// For people; names the field, and never holds a key or a prompt.
    pub(crate) message: String,
    /// Whole seconds of the Retry-After header.
    pub(crate) retry_after: Option<u64>,
    /// The Allow header of a 405.
    pub(crate) allow: Option<&'static str>,
}

impl Refusal {
    /// 400: a field is missing or wrong.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    /// 400: the body is not JSON.
    pub(crate) fn invalid_json(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_json", message)
    }

    /// 400: there is no such kit.
    pub(crate) fn unknown_kit(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "unknown_kit", message)
    }

    /// 400 (ours: the spec lists no 413): the body is over the limit.
    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "request_too_large", message)
    }

    /// 401.
    pub(crate) fn invalid_key(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_api_key", message)
    }

    /// 404 (ours).
    pub(crate) fn not_found() -> Self {
        let message = "no such endpoint: there are POST /v1/kits/run and GET /sandbox/stats";
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 405 (ours).
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let refusal = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", format!("use {allow}"));
        Self { allow: Some(allow), ..refusal }
    }

    /// 422 (ours).
    pub(crate) fn key_reused() -> Self {
        let message = "this Idempotency-Key was used with another body";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", message)
    }

    /// 429, to be repeated after so many seconds.
    pub(crate) fn rate_limited(message: impl Into<String>, retry_after: u64) -> Self {
        let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message);
        Self { retry_after: Some(retry_after), ..refusal }
    }

    /// 500, on purpose.
    pub(crate) fn internal() -> Self {
        let message = "simulated failure (the sandbox's fail rate); nothing was billed";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message)
    }

    /// The JSON of the body.
    pub(crate) fn body(&self) -> String {
        let (message, code) = (Value::from(self.message.as_str()), self.code);
        format!(r#"{{"error":{{"message":{message},"code":"{code}"}}}}"#)
    }

    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None, allow: None }
    }
}
