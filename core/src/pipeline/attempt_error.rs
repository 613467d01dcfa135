//! [`AttemptError`]: a failed attempt, what it means for a retry, and the error that a call ends with because of it.

use std::sync::Arc;
use std::time::Duration;

use crate::config::api_key::ApiKey;
use crate::error::{ErrorKind, ErrorParts};
use crate::http::error::TransportError;
use crate::pipeline::body::BodyError;
use crate::pipeline::response::RawResponse;
use crate::pipeline::retry::{FailedAttempt, FailureClass};

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttemptError {
    /// There was no response.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A deadline passed before the head of the response. It may have run if it was sent.
    #[error("{message}")]
    Timeout { message: String, sent: bool },
    /// The status is not a success. It decides, even if the body is incomplete.
    #[error("{message}")]
    Status {
        response: Box<RawResponse>,
        message: String,
        code: Option<String>,
        retry_after: Option<Duration>,
        should_retry: Option<bool>,
    },
    /// A success whose body is incomplete.
    #[error("{error}")]
    Body { response: Box<RawResponse>, error: BodyError },
}

/// Returns a response if it is a complete success. The API key is redacted from headers, and from all of a failure.
pub(crate) fn success_or_error(
    mut response: RawResponse,
    body_error: Option<BodyError>,
    api_key: &ApiKey,
) -> Result<RawResponse, AttemptError> {
    response.redact_headers(api_key);
    if response.is_success() && body_error.is_none() {
        return Ok(response);
    }
    response.redact_body(api_key, body_error.is_some());
    match body_error {
        Some(error) if response.is_success() => Err(AttemptError::Body { response: Box::new(response), error }),
        _ => Err(AttemptError::from_status(response, api_key)),
    }
}

impl AttemptError {
    fn from_status(response: RawResponse, api_key: &ApiKey) -> Self {
        let (retry_after, should_retry) =
            if response.status >= 400 { (response.retry_after(), response.should_retry()) } else { (None, None) };
        let (message, code) = response.message_and_code(api_key);
        Self::Status { response: Box::new(response), message, code, retry_after, should_retry }
    }

    /// What the retry policy needs to know.
    pub(crate) fn failed_attempt(&self) -> FailedAttempt {
        let class = match self {
            Self::Transport(error) => match error {
                TransportError::Connect { .. } | TransportError::ConnectTimeout { .. } => FailureClass::NotSent,
                TransportError::Unprocessed { .. } => FailureClass::Unprocessed,
                TransportError::ProxyAuthentication { .. }
                | TransportError::Certificate { .. }
                | TransportError::Handshake { .. } => FailureClass::Permanent { may_have_run: false },
                TransportError::Lost { .. } | TransportError::Silent { .. } | TransportError::Truncated { .. } => {
                    FailureClass::Ambiguous
                }
            },
            Self::Timeout { sent: false, .. } => FailureClass::NotSent,
            Self::Timeout { sent: true, .. } => FailureClass::Ambiguous,
            Self::Status { response, .. } => FailureClass::from_status(response.status),
            Self::Body { error: BodyError::TooLarge { .. }, .. } => FailureClass::Permanent { may_have_run: true },
            Self::Body { .. } => FailureClass::Ambiguous,
        };
        let (retry_after, should_retry) = match self {
            Self::Status { retry_after, should_retry, .. } => (*retry_after, *should_retry),
            _ => (None, None),
        };
        FailedAttempt { class, status: self.status(), retry_after, should_retry }
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Transport(TransportError::Certificate { .. } | TransportError::Handshake { .. }) => ErrorKind::Tls,
            Self::Transport(TransportError::ConnectTimeout { .. } | TransportError::Silent { .. })
            | Self::Timeout { .. }
            | Self::Body { error: BodyError::Timeout(_), .. } => ErrorKind::Timeout,
            Self::Transport(_) | Self::Body { error: BodyError::Truncated(_), .. } => ErrorKind::Connection,
            Self::Body { error: BodyError::TooLarge { .. }, .. } => ErrorKind::BadResponse,
            Self::Status { response, .. } => ErrorKind::from_status(response.status),
        }
    }

    pub(crate) fn status(&self) -> Option<u16> {
        self.response().map(|response| response.status)
    }

    pub(crate) fn request_id(&self) -> Option<String> {
        self.response().and_then(RawResponse::request_id)
    }

    /// The fields of the error that depend on this attempt alone.
    pub(crate) fn into_parts(self) -> ErrorParts {
        let mut parts = ErrorParts { kind: self.kind(), message: self.to_string(), ..ErrorParts::default() };
        let (response, source) = match self {
            Self::Transport(error) => (None, error.into_source()),
            Self::Timeout { .. } => (None, None),
            Self::Status { response, code, retry_after, .. } => {
                (parts.code, parts.retry_after) = (code, retry_after);
                (Some(response), None)
            }
            Self::Body { response, error: BodyError::Truncated(error) } => (Some(response), error.into_source()),
            Self::Body { response, .. } => (Some(response), None),
        };
        parts.source = source.map(|source| Arc::new(source) as _);
        if let Some(response) = response {
            response.move_into(&mut parts);
        }
        parts
    }

    fn response(&self) -> Option<&RawResponse> {
        match self {
            Self::Status { response, .. } | Self::Body { response, .. } => Some(response),
            Self::Transport(_) | Self::Timeout { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue};

    use crate::pipeline::response::COPY_THRESHOLD;

    const RUN: &str = r#"{"output":{"text":"t"}}"#;

    fn response(status: u16, headers: &[(&'static str, &str)], body: &str) -> RawResponse {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        RawResponse { status, headers: map, body: Bytes::copy_from_slice(body.as_bytes()) }
    }

    fn api_key() -> ApiKey {
        ApiKey::new("bak_k").unwrap()
    }

    fn failure(response: RawResponse) -> AttemptError {
        success_or_error(response, None, &api_key()).map(|ok| panic!("{ok:?}")).unwrap_err()
    }

    #[test]
    fn success_keeps_headers_and_request_id() {
        let headers = [("x-request-id", "req_1"), ("x-echo", "Bearer bak_k")];
        let success = success_or_error(response(201, &headers, RUN), None, &api_key()).unwrap();
        assert_eq!(success.request_id().as_deref(), Some("req_1"));
        assert_eq!(success.headers["x-echo"], "Bearer [redacted]");
    }

    #[test]
    fn kept_headers_do_not_pin_the_read_buffer() {
        for status in [200, 429] {
            let buffer = Bytes::from(format!("req_1 bak_k {RUN}"));
            let mut response = response(status, &[], "");
            for (name, part) in [("x-request-id", 0..5), ("x-echo", 6..11)] {
                response.headers.insert(name, HeaderValue::from_maybe_shared(buffer.slice(part)).unwrap());
            }
            response.body = buffer.slice(12..);
            let headers = match success_or_error(response, None, &api_key()) {
                Ok(success) => success.headers,
                Err(error) => error.into_parts().headers.unwrap().into_inner(),
            };
            assert_eq!([&headers["x-request-id"], &headers["x-echo"]], ["req_1", "[redacted]"]);
            assert!(buffer.is_unique(), "{status}");
        }
    }

    #[test]
    fn long_bodies_are_not_copied() {
        for (length, copied) in [(COPY_THRESHOLD - 1, true), (COPY_THRESHOLD, false)] {
            let body = Bytes::from(vec![b'x'; length]);
            let kept = failure(RawResponse { body: body.clone(), ..response(429, &[], "") }).into_parts().body.unwrap();
            assert_eq!((&*kept, kept.as_ptr() != body.as_ptr()), (&body, copied), "{length}");
        }
    }

    #[test]
    fn message_table() {
        let html: &[_] = &[("content-type", "text/html")];
        let table: &[(u16, &[_], &str, &str, Option<&str>)] = &[
            (429, &[], r#"{"error":{"message":"slow down","code":"rate"}}"#, "slow down", Some("rate")),
            (429, &[], "", "Too Many Requests (no message from the server)", None),
            (502, html, "<p>", "Bad Gateway (a text/html body of 3 bytes, which `body` has)", None),
            (799, &[], "plain", "a body of 5 bytes, which `body` has", None),
        ];
        for (status, headers, body, message, code) in table {
            let error = failure(response(*status, headers, body)).into_parts();
            assert_eq!((error.message.as_str(), error.code.as_deref()), (*message, *code), "{body}");
            assert_eq!((error.kind, error.status), (ErrorKind::from_status(*status), Some(*status)));
        }
    }

    #[test]
    fn start_of_the_key_at_the_end_of_a_cut_body_is_redacted() {
        let limit = || Some(BodyError::TooLarge { limit: 23 });
        for (status, body_error, kept) in
            [(429, None, "echo bak_"), (429, limit(), "echo [redacted]"), (200, limit(), "echo [redacted]")]
        {
            let error = success_or_error(response(status, &[], "echo bak_"), body_error, &api_key()).unwrap_err();
            assert_eq!(*error.into_parts().body.unwrap(), kept);
        }
    }

    #[test]
    fn error_keeps_body_headers_request_id_and_retry_after() {
        let headers = [("request-id", "r\t1"), ("x-echo", "bak_k"), ("retry-after", "7")];
        let error = failure(response(503, &headers, "echo bak_k")).into_parts();
        assert_eq!(error.request_id.as_deref(), Some("r\\t1"));
        assert_eq!(error.headers.unwrap()["x-echo"], "[redacted]");
        assert_eq!(*error.body.unwrap(), "echo [redacted]");
        assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
    }

    #[test]
    fn parses_retry_after_and_should_retry() {
        const DATE: (&str, &str) = ("date", "Fri, 29 Sep 2023 16:26:37 GMT");
        let after = |seconds| Some(Duration::from_secs(seconds));
        let table: &[(u16, &[_], Option<Duration>, Option<bool>)] = &[
            (429, &[("retry-after", "7"), ("x-should-retry", "true")], after(7), Some(true)),
            (400, &[("retry-after-ms", "2000"), ("x-should-retry", " false ")], after(2), Some(false)),
            (503, &[DATE, ("retry-after", "Fri, 29 Sep 2023 16:26:57 GMT")], after(20), None),
            (503, &[("retry-after", "Fri, 29 Sep 2023 16:26:57 GMT")], None, None),
            (429, &[("retry-after", "7"), ("retry-after", "8")], None, None),
            (429, &[("x-should-retry", "maybe")], None, None),
            (399, &[("retry-after", "7"), ("x-should-retry", "true")], None, None),
        ];
        for (status, headers, retry_after, should_retry) in table {
            let failed = failure(response(*status, headers, "")).failed_attempt();
            assert_eq!(
                (failed.retry_after, failed.should_retry),
                (*retry_after, *should_retry),
                "{status} {headers:?}"
            );
            assert_eq!(failed.status, Some(*status));
        }
    }

    #[test]
    fn attempt_error_table() {
        use ErrorKind::{BadResponse, Connection, Timeout, Tls};
        let body = |error| AttemptError::Body { response: Box::new(response(200, &[], RUN)), error };
        let none = String::new;
        let truncated = || TransportError::Truncated { reason: "why".into(), source: None };
        let ran = FailureClass::Permanent { may_have_run: true };
        let not = FailureClass::Permanent { may_have_run: false };
        let ambiguous = FailureClass::Ambiguous;
        let table: [(AttemptError, ErrorKind, FailureClass, &str); 17] = [
            (failure(response(302, &[], RUN)), BadResponse, not, "Found (a JSON body"),
            (failure(response(199, &[], RUN)), BadResponse, not, "a JSON body"),
            (failure(response(101, &[], "")), BadResponse, ran, "Switching Protocols"),
            (failure(response(303, &[], "")), BadResponse, ran, "See Other"),
            (
                body(BodyError::TooLarge { limit: 23 }),
                BadResponse,
                ran,
                "The response exceeds `max_response_bytes` (23)",
            ),
            (body(truncated().into()), Connection, ambiguous, "The connection closed before"),
            (body(BodyError::Timeout("why".into())), Timeout, ambiguous, "why"),
            (AttemptError::Timeout { message: "why".into(), sent: false }, Timeout, FailureClass::NotSent, "why"),
            (AttemptError::Timeout { message: "why".into(), sent: true }, Timeout, ambiguous, "why"),
            (
                TransportError::Connect { target: "h:1".into(), reason: "why".into(), source: None }.into(),
                Connection,
                FailureClass::NotSent,
                "Could not connect to h:1: why",
            ),
            (
                TransportError::ConnectTimeout { target: "h:1".into(), limit: Duration::from_secs(5) }.into(),
                Timeout,
                FailureClass::NotSent,
                "`connect_timeout` (5s) elapsed while connecting to h:1",
            ),
            (
                TransportError::Lost { target: none(), reason: none(), source: None }.into(),
                Connection,
                ambiguous,
                "The connection to",
            ),
            (TransportError::Silent { target: none(), reason: none() }.into(), Timeout, ambiguous, "The connection to"),
            (
                TransportError::Unprocessed { reason: none() }.into(),
                Connection,
                FailureClass::Unprocessed,
                "The server closed the connection before processing the request",
            ),
            (TransportError::ProxyAuthentication { proxy: none() }.into(), Connection, not, "The proxy at"),
            (TransportError::Certificate { target: none(), reason: none() }.into(), Tls, not, "The certificate of"),
            (TransportError::Handshake { target: none(), reason: none() }.into(), Tls, not, "The TLS handshake with"),
        ];
        for (error, kind, class, message) in table {
            let has_response = error.status().is_some();
            assert_eq!((error.kind(), error.failed_attempt().class), (kind, class), "{message}");
            let parts = error.into_parts();
            assert!(parts.message.starts_with(message), "{}: {message}", parts.message);
            assert_eq!(parts.body.is_some(), has_response, "a response that may be billed is kept: {message}");
        }
    }
}
