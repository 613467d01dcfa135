//! [`RawResponse`]: a response as received, without the API key, and what the service says in it.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http::header::AsHeaderName;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::config::api_key::ApiKey;
use crate::error::ErrorParts;
use crate::pipeline::error_body::{describe, message_and_code};
use crate::pipeline::retry_after::parse_retry_after;
use crate::redacted::{REDACTED, Redacted, sanitize};

/// A body below this size is copied, so that keeping it does not keep the buffer that a connection reads into.
pub(crate) const COPY_THRESHOLD: usize = 8 << 10;

/// Parsed once, because every response is asked for them.
static REQUEST_ID: [HeaderName; 2] = [HeaderName::from_static("x-request-id"), HeaderName::from_static("request-id")];

/// A response as received.
#[derive(Debug)]
pub(crate) struct RawResponse {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl RawResponse {
    /// Redacts the API key in the headers, and detaches them from the buffer that they were read into.
    pub(crate) fn redact_headers(&mut self, api_key: &ApiKey) {
        redact_and_detach(&mut self.headers, api_key);
    }

    /// Redacts the API key in the body, and copies a short one. `is_cut`: this is not the whole body.
    pub(crate) fn redact_body(&mut self, api_key: &ApiKey, is_cut: bool) {
        let clean = if is_cut { api_key.redact_cut(&self.body) } else { api_key.redact(&self.body) };
        if let Some(clean) = clean {
            self.body = Bytes::from(clean);
        } else if self.body.len() < COPY_THRESHOLD {
            self.body = Bytes::copy_from_slice(&self.body);
        }
    }

    /// The request id from the `x-request-id` or `request-id` header.
    pub(crate) fn request_id(&self) -> Option<String> {
        REQUEST_ID.iter().find_map(|name| self.header(name)).map(|id| sanitize(&id))
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
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

    /// The message and the code of a response that is not a success.
    pub(crate) fn message_and_code(&self, api_key: &ApiKey) -> (String, Option<String>) {
        let (message, code) = message_and_code(&self.body, api_key);
        let message = message.unwrap_or_else(|| {
            let words = describe(&self.body, self.content_type().as_deref());
            match StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason()) {
                Some(reason) => format!("{reason} ({words})"),
                None => words,
            }
        });
        (message, code)
    }

    /// How long the service asks to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let date = self.unique_header("date").and_then(|date| httpdate::parse_http_date(&date).ok());
        let ms = self.unique_header("retry-after-ms");
        let value = self.unique_header("retry-after");
        parse_retry_after(ms.as_deref(), value.as_deref(), date.unwrap_or_else(SystemTime::now))
    }

    /// The service's own decision about a retry.
    pub(crate) fn should_retry(&self) -> Option<bool> {
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

    fn header(&self, name: impl AsHeaderName) -> Option<Cow<'_, str>> {
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
