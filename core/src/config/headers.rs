//! The caller's extra headers: which names and values are valid.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{Error, ErrorKind, Result};
use crate::redacted::Redacted;

/// The headers that only the SDK sets, besides `content-*`: credentials, and what changes the framing or the connection.
const RESERVED_HEADERS: [&str; 13] = [
    "authorization",
    "host",
    "transfer-encoding",
    "accept-encoding",
    "connection",
    "proxy-authorization",
    "idempotency-key",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
];

/// Validates extra headers of a client ([`ErrorKind::Config`]) or of a call ([`ErrorKind::InvalidRequest`]).
pub(crate) fn parse_headers(headers: &[(String, Redacted<String>)], kind: ErrorKind) -> Result<HeaderMap> {
    let invalid = |message: String| Error::invalid(kind, "headers", message);
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let shown = name.escape_debug();
        let parsed: HeaderName =
            name.parse().map_err(|_| invalid(format!("`headers`: '{shown}' is not a valid header name.")))?;
        if is_reserved_header(parsed.as_str()) {
            return Err(invalid(format!("`headers`: '{shown}' is set by the SDK and cannot be overridden.")));
        }
        let mut value = HeaderValue::from_str(value).map_err(|_| {
            invalid(format!("`headers`: the value of '{shown}' contains a control character, such as a line break."))
        })?;
        value.set_sensitive(true);
        map.append(parsed, value);
    }
    Ok(map)
}

fn is_reserved_header(name: &str) -> bool {
    RESERVED_HEADERS.contains(&name) || name.starts_with("content-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_values_are_marked_sensitive() {
        let headers = parse_headers(&[("x-token".into(), "secret".into())], ErrorKind::Config).unwrap();
        assert!(headers["x-token"].is_sensitive());
    }

    #[test]
    fn invalid_headers_table() {
        let table = [
            ("Authorization", "secret", "'Authorization' is set by the SDK"),
            ("HOST", "secret", "'HOST' is set by the SDK"),
            ("content-type", "secret", "'content-type' is set by the SDK"),
            ("Content-New", "secret", "'Content-New' is set by the SDK"),
            ("transfer-encoding", "secret", "'transfer-encoding' is set by the SDK"),
            ("accept-encoding", "secret", "'accept-encoding' is set by the SDK"),
            ("connection", "secret", "'connection' is set by the SDK"),
            ("proxy-authorization", "secret", "'proxy-authorization' is set by the SDK"),
            ("idempotency-key", "secret", "'idempotency-key' is set by the SDK"),
            ("Expect", "secret", "'Expect' is set by the SDK"),
            ("keep-alive", "secret", "'keep-alive' is set by the SDK"),
            ("proxy-connection", "secret", "'proxy-connection' is set by the SDK"),
            ("TE", "secret", "'TE' is set by the SDK"),
            ("trailer", "secret", "'trailer' is set by the SDK"),
            ("upgrade", "secret", "'upgrade' is set by the SDK"),
            ("x\ny", "secret", "'x\\ny' is not a valid header name"),
            ("", "secret", "'' is not a valid header name"),
            ("x", "secret\r\ny: z", "the value of 'x' contains a control character"),
        ];
        for (name, value, message) in table {
            for kind in [ErrorKind::Config, ErrorKind::InvalidRequest] {
                let error = parse_headers(&[(name.into(), value.into())], kind).unwrap_err();
                assert_eq!((error.kind(), error.option()), (kind, Some("headers")));
                assert!(error.message().starts_with("`headers`: ") && error.message().contains(message), "{error}");
                assert!(!error.to_string().contains("secret"), "{error}");
            }
        }
        for (name, value) in [("X-Team", "blue"), ("user-agent", "mine")] {
            parse_headers(&[(name.into(), value.into())], ErrorKind::Config).unwrap();
        }
    }
}
