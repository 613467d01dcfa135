//! [`ErrorKind`]: the one table of error kinds.

use std::fmt;

use serde::{Serialize, Serializer};

/// Defines [`ErrorKind`] and the name of each kind.
macro_rules! error_kinds {
    ($($(#[$doc:meta])+ $kind:ident = $name:literal,)+) => {
        /// What kind of failure an [`Error`](crate::Error) is.
        ///
        /// There are few kinds on purpose: the service's own [`code`](crate::Error::code) is text, and new codes need no release.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[$doc])+ $kind,)+
        }

        impl ErrorKind {
            /// The kind's name in every language and in the conformance vectors, such as `rate_limit`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }
        }
    };
}

error_kinds! {
    /// A client option is missing or invalid. Nothing was sent.
    Config = "config",
    /// The request, or an option of this call, was rejected before anything was sent.
    InvalidRequest = "invalid_request",
    /// 400: the request is malformed.
    BadRequest = "bad_request",
    /// 401: the API key is missing, wrong or revoked.
    Authentication = "authentication",
    /// 403: the API key lacks permission.
    PermissionDenied = "permission_denied",
    /// 404: nothing exists at this address. Check `base_url`.
    NotFound = "not_found",
    /// 409: the request conflicts with another one.
    Conflict = "conflict",
    /// 422: the service understood the request and rejected it.
    Unprocessable = "unprocessable",
    /// 429: too many requests or tokens. See [`Error::retry_after`](crate::Error::retry_after).
    RateLimit = "rate_limit",
    /// 500 and above: the service failed.
    Server = "server",
    /// Any other status of 400 or above.
    Status = "status",
    /// No response, a truncated response, or one that is not HTTP.
    Connection = "connection",
    /// The server's certificate is not trusted, or the server does not speak TLS. Nothing was sent.
    Tls = "tls",
    /// A timeout elapsed. The message says which one, and in which phase.
    Timeout = "timeout",
    /// The response could not be decoded, or was a redirect. [`Error::body`](crate::Error::body) has it; you may have been billed.
    BadResponse = "bad_response",
    /// The caller cancelled the call. In Rust a call is cancelled by dropping its future, so only other languages
    /// report this kind.
    Cancelled = "cancelled",
    /// The client was closed before the call.
    Closed = "closed",
    /// A bug in the SDK was caught. Other calls are not affected.
    #[default]
    Internal = "internal",
}

impl ErrorKind {
    /// The kind of a response with this status that is not a success.
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

impl Serialize for ErrorKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_from_status_table() {
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
}
