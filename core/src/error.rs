//! [`Error`]: the one error type of the crate.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use serde::{Serialize, Serializer};

use crate::redacted::Redacted;

pub use crate::error_kind::ErrorKind;

/// The error type of this crate. It is pointer-sized, cheap to clone, and safe to log.
///
/// [`Display`](fmt::Display) prints one line: status, message, request id, attempts. [`source`](std::error::Error::source)
/// is the operating system's error of a failed connection, where there is one. [`body`](Self::body) holds the response as
/// received and is never printed.
///
/// ```
/// use builderaikits::{Error, ErrorKind, ErrorParts};
///
/// // Errors can be constructed, to test the code that handles them.
/// let error = Error::from(ErrorParts {
///     kind: ErrorKind::RateLimit,
///     message: "slow down".into(),
///     status: Some(429),
///     attempts: 3,
///     ..ErrorParts::default()
/// });
/// assert_eq!(error.to_string(), "429: slow down (3 attempts)");
/// assert!(!error.may_have_run());
/// ```
#[derive(Clone)]
pub struct Error(Arc<ErrorParts>);

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The fields of an [`Error`], as plain data: to construct one in a test, or to pass one on.
///
/// Fill it with `..ErrorParts::default()`, so that a field added later is not a breaking change. `Serialize` leaves out
/// the body and absent fields; durations are in seconds.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ErrorParts {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// What went wrong, in one line: the service's message if it sent one (control characters escaped, the API key
    /// redacted, cut to 512 characters), else the SDK's. What stopped a retry follows in parentheses.
    pub message: String,
    /// The option or request field that is invalid, by its canonical name, such as `base_url` or `config.max_tokens`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub option: Option<String>,
    /// The HTTP status of the response, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The service's own error code, if it sent one. New codes may be added at any time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The response body as received, with the API key redacted. The first 64 KiB for a status of 300 or above.
    #[serde(skip)]
    pub body: Option<Redacted<Bytes>>,
    /// The response headers, with the API key redacted.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "serialize_headers")]
    pub headers: Option<Redacted<HeaderMap>>,
    /// The request id from the `x-request-id` or `request-id` header. Include it in support requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The number of attempts, sent or not. 0 if the call was rejected before the first.
    pub attempts: u32,
    /// How long the service asked to wait before the next request, or how long the rate limit would hold the call back.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "serialize_seconds")]
    pub retry_after: Option<Duration>,
    /// Whether any attempt of the call may have run, and may be billed.
    pub may_have_run: bool,
    /// Whether the call's options would retry this failure, whatever attempts, budget and time are left.
    pub is_retryable: bool,
    /// What stopped the last retry of a retryable failure: `max_retries`, `retry_after` (over 120 s), `deadline` (the wait
    /// would end after it), `rate_limit` (the same, because of the rate limit) or `retry_budget`. New values may be added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_stopped_by: Option<&'static str>,
    /// The `Idempotency-Key` of all attempts of the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// The time from the start of the call to its end: queueing, attempts and waits.
    #[serde(serialize_with = "serialize_duration")]
    pub elapsed: Duration,
    /// The cause, for [`Error::source`](std::error::Error::source).
    #[serde(rename = "cause", skip_serializing_if = "Option::is_none", serialize_with = "serialize_cause")]
    pub source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Creates an error with a kind and a message.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::from(ErrorParts { kind, message: message.into(), ..ErrorParts::default() })
    }

    /// An invalid client option.
    pub(crate) fn config(option: &str, message: impl Into<String>) -> Self {
        Self::invalid(ErrorKind::Config, option, message)
    }

    /// An invalid field of a request, or option of one call.
    pub(crate) fn invalid_request(option: &str, message: impl Into<String>) -> Self {
        Self::invalid(ErrorKind::InvalidRequest, option, message)
    }

    /// An invalid option or field; `kind` says whether of the client or of a call.
    pub(crate) fn invalid(kind: ErrorKind, option: &str, message: impl Into<String>) -> Self {
        let option = Some(option.to_owned());
        Self::from(ErrorParts { kind, message: message.into(), option, ..ErrorParts::default() })
    }

    /// The client was closed.
    pub(crate) fn closed() -> Self {
        Self::new(ErrorKind::Closed, "The client is closed. Create a new client.")
    }

    /// See [`ErrorParts::kind`].
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// See [`ErrorParts::message`]. Without status and request id, which [`Display`](fmt::Display) adds.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// See [`ErrorParts::option`].
    #[must_use]
    pub fn option(&self) -> Option<&str> {
        self.0.option.as_deref()
    }

    /// See [`ErrorParts::status`].
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// See [`ErrorParts::code`].
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// See [`ErrorParts::body`]. A 2xx that could not be decoded is kept whole, up to `max_response_bytes`. The body can
    /// repeat parts of the prompt.
    #[must_use]
    pub fn body(&self) -> Option<&Bytes> {
        self.0.body.as_deref()
    }

    /// See [`ErrorParts::headers`].
    #[must_use]
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.0.headers.as_deref()
    }

    /// See [`ErrorParts::request_id`].
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// See [`ErrorParts::attempts`].
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// See [`ErrorParts::retry_after`].
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// See [`ErrorParts::may_have_run`].
    #[must_use]
    pub fn may_have_run(&self) -> bool {
        self.0.may_have_run
    }

    /// See [`ErrorParts::is_retryable`].
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.is_retryable
    }

    /// See [`ErrorParts::retry_stopped_by`].
    #[must_use]
    pub fn retry_stopped_by(&self) -> Option<&'static str> {
        self.0.retry_stopped_by
    }

    /// See [`ErrorParts::idempotency_key`].
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&str> {
        self.0.idempotency_key.as_deref()
    }

    /// See [`ErrorParts::elapsed`].
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    pub(crate) fn parts(&self) -> &ErrorParts {
        &self.0
    }

    /// Returns the error as plain data.
    #[must_use]
    pub fn into_parts(self) -> ErrorParts {
        Arc::unwrap_or_clone(self.0)
    }
}

/// The source is never changed, so a panic cannot leave it inconsistent.
impl std::panic::UnwindSafe for Error {}
impl std::panic::RefUnwindSafe for Error {}

impl From<ErrorParts> for Error {
    fn from(parts: ErrorParts) -> Self {
        Self(Arc::new(parts))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(status) = self.0.status {
            write!(f, "{status}: ")?;
        }
        f.write_str(&self.0.message)?;
        match (&self.0.request_id, self.0.attempts) {
            (Some(id), attempts) => write!(f, " (request {}, {})", id.escape_debug(), Attempts(attempts)),
            (None, 0) => Ok(()),
            (None, attempts) => write!(f, " ({})", Attempts(attempts)),
        }
    }
}

/// Prints [`Display`](fmt::Display) with the kind, because `unwrap()` prints this.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({}: {self})", self.0.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

struct Attempts(u32);

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} attempt{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

/// Pairs of name and value, because a name can occur more than once. Bytes that are not UTF-8 become U+FFFD.
fn serialize_headers<S: Serializer>(headers: &Option<Redacted<HeaderMap>>, serializer: S) -> Result<S::Ok, S::Error> {
    let headers = headers.iter().flat_map(|headers| headers.iter());
    serializer.collect_seq(headers.map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()))))
}

fn serialize_duration<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

fn serialize_seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
}

/// The text of the cause, and its number if it is the operating system's.
fn serialize_cause<S: Serializer>(
    cause: &Option<Arc<dyn std::error::Error + Send + Sync>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Cause {
        message: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        errno: Option<i32>,
    }
    let cause = cause.as_deref().map(|cause| Cause {
        message: cause.to_string(),
        errno: cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error),
    });
    cause.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_is_pointer_sized() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
    }

    #[test]
    fn display_format() {
        let parts = |status, request_id: Option<&str>, attempts| ErrorParts {
            message: "m".into(),
            body: Some(Bytes::from_static(b"prompt").into()),
            status,
            request_id: request_id.map(Into::into),
            attempts,
            ..ErrorParts::default()
        };
        let table = [
            (parts(None, None, 0), "m"),
            (parts(None, None, 1), "m (1 attempt)"),
            (parts(Some(429), None, 2), "429: m (2 attempts)"),
            (parts(Some(500), Some("r\n1"), 3), "500: m (request r\\n1, 3 attempts)"),
        ];
        for (parts, text) in table {
            assert!(!format!("{parts:?}").contains("prompt"));
            let error = Error::from(parts);
            assert_eq!(error.to_string(), text);
            assert_eq!(format!("{error:?}"), format!("Error(internal: {text})"));
        }
    }

    #[test]
    fn serialized_form() {
        let error = Error::from(ErrorParts {
            kind: ErrorKind::Connection,
            message: "m".into(),
            body: Some(Bytes::from_static(b"prompt").into()),
            headers: Some(HeaderMap::from_iter([("a".parse().unwrap(), "b".parse().unwrap())]).into()),
            retry_after: Some(Duration::from_millis(1500)),
            source: Some(Arc::new(std::io::Error::from_raw_os_error(111))),
            ..ErrorParts::default()
        });
        let json = serde_json::to_value(error.parts()).unwrap();
        let expected = serde_json::json!({"kind": "connection", "message": "m", "headers": [["a", "b"]], "attempts": 0,
            "retry_after": 1.5, "may_have_run": false, "is_retryable": false, "elapsed": 0.0,
            "cause": {"errno": 111, "message": std::io::Error::from_raw_os_error(111).to_string()}});
        assert_eq!(json, expected);
        let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<std::io::Error>());
        assert_eq!(source.and_then(std::io::Error::raw_os_error), Some(111));
    }
}
