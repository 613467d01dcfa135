//! Response bodies: a run, or an error.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

/// The body of a 200: the fields of the spec, in its order.
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

/// What the log line says about a response. It is a response extension.
#[derive(Clone)]
pub(crate) struct Summary(pub(crate) String);

/// A response other than 200. Its body is `{"error": {"message", "code"}}`; the spec does not define one.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    /// For programs. It never changes.
    pub(crate) code: &'static str,
    /// For people. It names the field, and never contains a key or a prompt.
    pub(crate) message: String,
    /// The Retry-After header, in whole seconds.
    pub(crate) retry_after: Option<u64>,
}

impl ApiError {
    /// 400: a field is missing or invalid.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    /// 400: the body is not JSON.
    pub(crate) fn invalid_json(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_json", message)
    }

    /// 400: the kit is unknown.
    pub(crate) fn unknown_kit(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "unknown_kit", message)
    }

    /// 400: the body is over the limit. The spec lists no 413.
    pub(crate) fn too_large() -> Self {
        let message = "the body is over the limit of 33554432 bytes (32 MiB)";
        Self::new(StatusCode::BAD_REQUEST, "request_too_large", message)
    }

    /// 401.
    pub(crate) fn invalid_key(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_api_key", message)
    }

    /// 403. The spec does not define it.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// 408. The spec does not define it.
    pub(crate) fn body_timeout() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", "the body did not arrive in time")
    }

    /// 404. The spec does not define it.
    pub(crate) fn not_found() -> Self {
        let message = "unknown endpoint; check that the base URL ends with /v1, as in http://127.0.0.1:8787/v1";
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 405. The spec does not define it.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "use the method of the Allow header")
    }

    /// 422. The spec does not define it.
    pub(crate) fn key_reused() -> Self {
        let message = "this Idempotency-Key was used with another body";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", message)
    }

    /// 429, with the seconds after which a retry can succeed.
    pub(crate) fn rate_limited(message: impl Into<String>, retry_after: u64) -> Self {
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message);
        Self { retry_after: Some(retry_after), ..error }
    }

    /// 500, on purpose.
    pub(crate) fn internal() -> Self {
        let message = "simulated failure (the sandbox's fail rate); nothing was billed";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message)
    }

    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        // Not `json!`, which would sort the fields.
        let body = format!(r#"{{"error":{{"message":{},"code":"{}"}}}}"#, Value::from(self.message), self.code);
        let headers = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        let mut response = (self.status, headers, body).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(Summary(self.code.to_owned()));
        response
    }
}
