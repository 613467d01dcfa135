//! The one table of error kinds, and the error that every call of the SDK ends in when it fails.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

/// Why a call failed, and all that is known of it: one word wide, safe to print and to log.
///
/// Its text ([`Display`](fmt::Display)) is one line: status, message, request id, attempts. Neither the API key nor
/// the prompt of the call is ever in it; what the service answered, word for word, is in [`body`](Self::body).
///
/// ```
/// use builderaikits::{Error, ErrorKind, ErrorParts};
///
/// // Errors can be made by hand, to test the code that handles them.
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
pub struct Error(Box<ErrorParts>);

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure an [`Error`] is.
///
/// Few and coarse on purpose: the service's own [`code`](Error::code) is an open string, and new codes need no release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An option of the client is missing or bad. Nothing was sent.
    Config,
    /// The request, or an option of this call, was refused before anything was sent.
    InvalidRequest,
    /// 400: the service found the request malformed.
    BadRequest,
    /// 401: the API key is missing, wrong or revoked.
    Authentication,
    /// 403: the API key may not do this.
    PermissionDenied,
    /// 404: there is nothing at this address; check `base_url`.
    NotFound,
    /// 409: the request conflicts with another one.
    Conflict,
    /// 422: the service understood the request and will not do it.
    Unprocessable,
    /// 429: too many requests or tokens; see [`Error::retry_after`].
    RateLimit,
    /// 500 and above: the service failed.
    Server,
    /// Any other status of 400 or above.
    Status,
    /// No answer, one that was cut short, or one that is not HTTP.
    Connection,
    /// The server could not be trusted, or spoke no TLS that we accept. Nothing was sent.
    Tls,
    /// A limit of time ran out; the message says which, and in which phase.
    Timeout,
    /// The service answered something that is not a run: see [`Error::body`], it may have been paid for.
    BadResponse,
    /// The caller gave the call up. In Rust that is dropping the future, so that only other languages see this kind.
    Cancelled,
    /// The client was closed before the call.
    Closed,
    /// A defect of the SDK, caught; other calls go on.
    #[default]
    Internal,
}

impl ErrorKind {
    /// The kind's name in every language and in the conformance vectors, such as `rate_limit`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::InvalidRequest => "invalid_request",
            Self::BadRequest => "bad_request",
            Self::Authentication => "authentication",
            Self::PermissionDenied => "permission_denied",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Unprocessable => "unprocessable",
            Self::RateLimit => "rate_limit",
            Self::Server => "server",
            Self::Status => "status",
            Self::Connection => "connection",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::BadResponse => "bad_response",
            Self::Cancelled => "cancelled",
            Self::Closed => "closed",
            Self::Internal => "internal",
        }
    }

    /// The kind of an answer with this status. Below 400 it is an answer that we cannot use.
    #[must_use]
    pub const fn from_status(status: u16) -> Self {
        match status {
            400 => Self::BadRequest,
            401 => Self::Authentication,
            403 => Self::PermissionDenied,
            404 => Self::NotFound,
            409 => Self::Conflict,
            422 => Self::Unprocessable,
            429 => Self::RateLimit,
            500.. => Self::Server,
            402.. => Self::Status,
            _ => Self::BadResponse,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The fields of an [`Error`], as plain data: to make one for a test, or to carry one elsewhere.
///
/// Fill it with `..ErrorParts::default()`: a field added later is not a breaking change.
#[derive(Clone, Default)]
pub struct ErrorParts {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// What went wrong, in one line: the service's words where it gave any (control characters escaped, the key
    /// redacted, cut after 512 characters), ours elsewhere.
    pub message: String,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// The service's own code, if it gave one. An open set.
    pub code: Option<String>,
    /// What the service sent, as received but for the API key; the first 64 KiB when the status is 300 or above.
    pub body: Option<Bytes>,
    /// The headers of the answer, if there was one; the key is redacted.
    pub headers: Option<HeaderMap>,
    /// The service's name for the request, to give to support.
    pub request_id: Option<String>,
    /// Attempts begun, sent or not; 0 when the call was refused before the first.
    pub attempts: u32,
    /// How long the service asked to wait, if it did.
    pub retry_after: Option<Duration>,
    /// Whether any attempt of the call may have run, and so may be billed.
    pub may_have_run: bool,
    /// Whether the call's options would repeat this outcome, whatever attempts, budget and time are left.
    pub is_retryable: bool,
    /// The `Idempotency-Key` of all attempts of the call.
    pub idempotency_key: Option<String>,
    /// From the start of the call to its end: queue, attempts and waits.
    pub elapsed: Duration,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::from(ErrorParts { kind, message: message.into(), ..ErrorParts::default() })
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    pub(crate) fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidRequest, message)
    }

    /// Not of the SDK's interface: the other languages' clients are closed before their calls come here.
    #[doc(hidden)]
    #[must_use]
    pub fn closed() -> Self {
        Self::new(ErrorKind::Closed, "the client is closed; make a new one")
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What went wrong, in one line, without status and request id.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The HTTP status of the answer, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The service's own code, if it gave one. An open set: compare it, do not match it exhaustively.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// What the service sent, as received but for the API key, which is redacted where it echoes.
    ///
    /// The first 64 KiB of an answer with a status of 300 or above; all of a 2xx that could not be decoded (it was
    /// paid for), up to `max_response_bytes`. It can hold parts of the prompt, so it stands in no message and no log.
    #[must_use]
    pub fn body(&self) -> Option<&Bytes> {
        self.0.body.as_ref()
    }

    /// The headers of the answer, if there was one. The API key is redacted where it echoes.
    #[must_use]
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.0.headers.as_ref()
    }

    /// The service's name for the request (`x-request-id` or `request-id`), to give to support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Attempts begun, sent or not. 0 when the call was refused before the first.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// How long the service asked to wait before the next request, if it did.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether any attempt of the call may have run on the service, and so may be billed.
    #[must_use]
    pub fn may_have_run(&self) -> bool {
        self.0.may_have_run
    }

    /// Whether the call's options would repeat this outcome, whatever attempts, budget and time were left.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.is_retryable
    }

    /// The `Idempotency-Key` that all attempts of the call carried; none when it was refused before.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&str> {
        self.0.idempotency_key.as_deref()
    }

    /// From the start of the call to its end: queue, attempts and waits.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// The error as plain data.
    #[must_use]
    pub fn into_parts(self) -> ErrorParts {
        *self.0
    }
}

impl From<ErrorParts> for Error {
    fn from(parts: ErrorParts) -> Self {
        Self(Box::new(parts))
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

/// As [`Display`](fmt::Display) with the kind, since `unwrap()` prints this one: no body, no headers.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({}: {self})", self.0.kind)
    }
}

/// The fields but `body` and `headers`, which can hold parts of the prompt.
impl fmt::Debug for ErrorParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorParts")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("status", &self.status)
            .field("code", &self.code)
            .field("request_id", &self.request_id)
            .field("attempts", &self.attempts)
            .field("retry_after", &self.retry_after)
            .field("may_have_run", &self.may_have_run)
            .field("is_retryable", &self.is_retryable)
            .field("idempotency_key", &self.idempotency_key)
            .field("elapsed", &self.elapsed)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {}

struct Attempts(u32);

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} attempt{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_one_word() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
    }

    #[test]
    fn kinds_of_statuses() {
        let table = [
            (200, "bad_response"),
            (304, "bad_response"),
            (399, "bad_response"),
            (400, "bad_request"),
            (401, "authentication"),
            (402, "status"),
            (403, "permission_denied"),
            (404, "not_found"),
            (405, "status"),
            (408, "status"),
            (409, "conflict"),
            (422, "unprocessable"),
            (429, "rate_limit"),
            (499, "status"),
            (500, "server"),
            (503, "server"),
            (599, "server"),
            (999, "server"),
        ];
        for (status, kind) in table {
            assert_eq!(ErrorKind::from_status(status).as_str(), kind, "{status}");
        }
    }

    #[test]
    fn one_line_of_text() {
        let parts = |status, request_id: Option<&str>, attempts| ErrorParts {
            message: "m".into(),
            body: Some(Bytes::from_static(b"prompt")),
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
}
