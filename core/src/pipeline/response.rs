//! [`RawResponse`]: a response as received, without the API key, and what the service says in it.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;

use crate::config::api_key::ApiKey;
use crate::error::ErrorParts;
use crate::pipeline::attempt_error::AttemptError;
use crate::pipeline::body::BodyError;
use crate::pipeline::retry_after::parse_retry_after;
use crate::redacted::{REDACTED, Redacted, sanitize};

/// A body below this size is copied, so that keeping it does not keep the buffer that a connection reads into.
const COPY_THRESHOLD: usize = 8 << 10;

/// A response as received.
#[derive(Debug)]
pub(crate) struct RawResponse {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl RawResponse {
    /// Returns the response if it is a complete success. The API key is redacted from headers, and from all of a failure.
    pub(crate) fn into_success(mut self, error: Option<BodyError>, api_key: &ApiKey) -> Result<Self, AttemptError> {
        redact_and_detach(&mut self.headers, api_key);
        if !(200..300).contains(&self.status) {
            self.redact_body(api_key);
            return Err(self.into_status_error(api_key));
        }
        match error {
            None => Ok(self),
            Some(error) => {
                self.redact_body(api_key);
                Err(AttemptError::Body { response: Box::new(self), error })
            }
        }
    }

    /// Redacts the API key in the body, and copies a short one.
    pub(crate) fn redact_body(&mut self, api_key: &ApiKey) {
        if let Some(clean) = api_key.redact(&self.body) {
            self.body = Bytes::from(clean);
        } else if self.body.len() < COPY_THRESHOLD {
            self.body = Bytes::copy_from_slice(&self.body);
        }
    }

    /// The request id from the `x-request-id` or `request-id` header.
    pub(crate) fn request_id(&self) -> Option<String> {
        ["x-request-id", "request-id"].iter().find_map(|name| self.header(name)).map(|id| sanitize(&id))
    }

    /// The content type, safe for a message.
    pub(crate) fn content_type(&self) -> Option<String> {
        self.header("content-type").map(|content_type| sanitize(&content_type))
    }

    /// Moves the response into the fields of an error.
    pub(crate) fn move_into(self, parts: &mut ErrorParts) {
        parts.status = Some(self.status);
        parts.request_id = self.request_id();
        parts.body = Some(Redacted(self.body));
        parts.headers = Some(Redacted(self.headers));
    }

    fn into_status_error(self, api_key: &ApiKey) -> AttemptError {
        let (retry_after, should_retry) =
            if self.status >= 400 { (self.retry_after(), self.should_retry()) } else { (None, None) };
        let (message, code) = self.message_and_code();
        // Redacted again, because the escapes of JSON are undone now.
        let (message, code) = (api_key.redact_text(message), code.map(|code| api_key.redact_text(code)));
        AttemptError::Status { response: Box::new(self), message, code, retry_after, should_retry }
    }

    /// The service's message and code. The shape of its error bodies is not published, so the usual places are read, and
    /// any other body is the message itself.
    fn message_and_code(&self) -> (String, Option<String>) {
        let json: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let message = ["/error/message", "/error", "/message", "/detail"]
            .iter()
            .filter_map(|place| json.pointer(place)?.as_str())
            .find(|text| !text.trim().is_empty());
        let code = ["/error/code", "/error/type", "/code"].iter().find_map(|place| match json.pointer(place)? {
            Value::String(code) if !code.is_empty() => Some(sanitize(code)),
            Value::Number(code) => Some(code.to_string()),
            _ => None,
        });
        let text = String::from_utf8_lossy(&self.body);
        let message = match (message, text.trim()) {
            (Some(message), _) => sanitize(message),
            (None, "") => match StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason()) {
                Some(reason) => format!("{reason} (no message from the server)"),
                None => "no message from the server".to_owned(),
            },
            (None, text) => match self.content_type() {
                Some(content_type) => format!("{content_type}: {}", sanitize(text)),
                None => sanitize(text),
            },
        };
        (message, code)
    }

    fn retry_after(&self) -> Option<Duration> {
        let date = self.unique_header("date").and_then(|date| httpdate::parse_http_date(&date).ok());
        let ms = self.unique_header("retry-after-ms");
        let value = self.unique_header("retry-after");
        parse_retry_after(ms.as_deref(), value.as_deref(), date.unwrap_or_else(SystemTime::now))
    }

    fn should_retry(&self) -> Option<bool> {
        match self.unique_header("x-should-retry")?.trim() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The value of a header that occurs once. Two values contradict each other.
    fn unique_header(&self, name: &str) -> Option<Cow<'_, str>> {
        if self.headers.get_all(name).iter().nth(1).is_some() { None } else { self.header(name) }
    }

    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()))
    }
}

/// Redacts the API key in headers, and copies the values into memory of their own, so that keeping them does not keep the
/// 8 KiB buffer that they were read into.
fn redact_and_detach(headers: &mut HeaderMap, api_key: &ApiKey) {
    let mut detached = BytesMut::with_capacity(headers.values().map(HeaderValue::len).sum());
    for value in headers.values_mut() {
        match api_key.redact(value.as_bytes()) {
            Some(clean) => detached.extend_from_slice(&clean),
            None => detached.extend_from_slice(value.as_bytes()),
        }
        let clean = HeaderValue::from_maybe_shared(detached.split().freeze());
        *value = clean.unwrap_or(HeaderValue::from_static(REDACTED));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::http::error::TransportError;
    use crate::pipeline::retry::FailureClass;

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
        response.into_success(None, &api_key()).map(|ok| panic!("{ok:?}")).unwrap_err()
    }

    #[test]
    fn success_keeps_headers_and_request_id() {
        let headers = [("x-request-id", "req_1"), ("x-echo", "Bearer bak_k")];
        let success = response(201, &headers, RUN).into_success(None, &api_key()).unwrap();
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
            let headers = match response.into_success(None, &api_key()) {
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
        const HTML: &[(&str, &str)] = &[("content-type", "text/html")];
        let long = "x".repeat(600);
        let cut = format!("{}…", "x".repeat(512));
        let table: &[(&[_], &str, &str, Option<&str>)] = &[
            (&[], r#"{"error":{"message":"slow down","code":"rate"}}"#, "slow down", Some("rate")),
            (&[], r#"{"error":{"message":" ","type":"kind"},"message":"here"}"#, "here", Some("kind")),
            (&[], r#"{"error":"in words","code":7}"#, "in words", Some("7")),
            (&[], r#"{"detail":"more","error":{"code":""},"code":true}"#, "more", None),
            (&[], "", "Too Many Requests (no message from the server)", None),
            (&[], " plain ", "plain", None),
            (HTML, "<p>", "text/html: <p>", None),
            (&[], "a\u{1b}[2J\nb", "a\\u{1b}[2J\\nb", None),
            (&[], "a\u{202e}b\u{2028}é", "a\\u{202e}b\\u{2028}é", None),
            (&[], &long, &cut, None),
            (&[], r#"{"message":"b\u0061k_k","code":"bak_k"}"#, "[redacted]", Some("[redacted]")),
        ];
        for (headers, body, message, code) in table {
            let error = failure(response(429, headers, body)).into_parts();
            assert_eq!((error.message.as_str(), error.code.as_deref()), (*message, *code), "{body}");
            assert_eq!((error.kind, error.status), (ErrorKind::RateLimit, Some(429)));
        }
        assert_eq!(failure(response(799, &[], "")).to_string(), "no message from the server");
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
        let table: [(AttemptError, ErrorKind, FailureClass, &str); 15] = [
            (failure(response(302, &[], RUN)), BadResponse, not, RUN),
            (failure(response(199, &[], RUN)), BadResponse, not, RUN),
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
