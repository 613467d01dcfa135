//! Which requests may come from elsewhere: web pages, and names that are resolved to this machine by others.

use std::net::IpAddr;

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Uri};

use crate::response::ApiError;

/// Rejects a request that was not meant for a server on this machine: its `Host` is another name, as in DNS rebinding, or a
/// web page of another site sent it.
pub(crate) fn check_origin(headers: &HeaderMap) -> Result<(), ApiError> {
    if headers.get(HOST).is_some_and(|host| !is_local(&[b"http://", host.as_bytes()].concat())) {
        return Err(ApiError::forbidden("the Host header must be localhost or a loopback address, as in the base URL"));
    }
    if headers.get_all(ORIGIN).iter().map(HeaderValue::as_bytes).any(|origin| !is_local(origin)) {
        return Err(ApiError::forbidden("web pages of other sites may not call the sandbox"));
    }
    Ok(())
}

fn is_local(origin: &[u8]) -> bool {
    let Ok(uri) = Uri::try_from(origin) else { return false };
    let Some(host) = uri.host() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or_else(|_| host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_table() {
        let local = [
            "http://localhost",
            "http://LOCALHOST:1",
            "http://127.0.0.1:8787",
            "http://127.9.9.9",
            "http://[::1]:8787",
            "https://localhost:3000",
        ];
        let other = [
            "null",
            "",
            "http://",
            "http://localhost.evil.test",
            "http://evil.test",
            "http://10.0.0.1",
            "http://127.0.0.1.evil.test",
            "http://[::2]",
            "http://0.0.0.0",
        ];
        for origin in local {
            assert!(is_local(origin.as_bytes()), "{origin}");
        }
        for origin in other {
            assert!(!is_local(origin.as_bytes()), "{origin}");
        }
    }
}
