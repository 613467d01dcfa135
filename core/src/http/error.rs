//! [`TransportError`]: why a request has no response.

use std::error::Error as StdError;
use std::io;
use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
use std::time::Duration;

use crate::redacted::Clean;

/// Why a request has no response. Each variant says what it means for a retry.
///
/// The reasons are texts of libraries that a peer can influence, so they were made safe to print, and no other part of a
/// library's error is kept except an [`io::Error`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransportError {
    /// There is no connection, so nothing was sent: retried.
    #[error("Could not connect to {target}: {reason}. Check `base_url`, your network and proxy settings.")]
    Connect { target: String, reason: String, source: Option<io::Error> },
    /// There is no connection in time, so nothing was sent: retried.
    #[error("`connect_timeout` ({limit:?}) elapsed while connecting to {target}.")]
    ConnectTimeout { target: String, limit: Duration },
    /// The server declared the request unprocessed (RFC 9113, 8.7): retried.
    #[error("The server closed the connection before processing the request: {reason}.")]
    Unprocessed { reason: String },
    /// The proxy wants credentials; nothing was sent. A retry would fail the same way.
    #[error(
        "The proxy at {proxy} rejected the connection: 407 Proxy Authentication Required. Put the credentials in the \
         proxy URL: http://user:password@host:port."
    )]
    ProxyAuthentication { proxy: String },
    /// The certificate is not trusted; nothing was sent. A retry would fail the same way.
    #[error(
        "The certificate of {target} is not trusted: {reason}. Set `ca_file` or SSL_CERT_FILE if the server uses a \
         private CA."
    )]
    Certificate { target: String, reason: String },
    /// The TLS handshake failed; nothing was sent. A retry would fail the same way.
    #[error("The TLS handshake with {target} failed: {reason}. Check that `base_url` is an https server.")]
    Handshake { target: String, reason: String },
    /// The connection broke after the request was sent: it may have run.
    #[error(
        "The connection to {target} was lost before a response arrived: {reason}. The request may have been processed."
    )]
    Lost { target: String, reason: String, source: Option<io::Error> },
    /// The connection went silent after the request was sent: it may have run.
    #[error("The connection to {target} stopped responding: {reason}. The request may have been processed.")]
    Silent { target: String, reason: String },
    /// The response broke off.
    #[error("The connection closed before the whole response arrived: {reason}.")]
    Truncated { reason: String, source: Option<io::Error> },
}

impl TransportError {
    /// The operating system's error that caused it, if there is one.
    pub(crate) fn into_source(self) -> Option<io::Error> {
        match self {
            Self::Connect { source, .. } | Self::Lost { source, .. } | Self::Truncated { source, .. } => source,
            _ => None,
        }
    }
}

/// An error and its causes, also where an I/O error wraps one.
pub(crate) fn error_chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> + Clone {
    std::iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map_or_else(|| error.source(), |inner| Some(inner as &(dyn StdError + 'static)))
    })
}

/// The causes of an error in one line. The error's own text is left out: it holds the URL.
pub(crate) fn format_chain(error: &(dyn StdError + 'static), clean: Clean<'_>) -> String {
    let mut reasons: Vec<String> = error_chain(error).skip(1).map(describe).filter(|text| !is_generic(text)).collect();
    reasons.dedup();
    if reasons.is_empty() { "no reason given".to_owned() } else { clean(&reasons.join(": ")) }
}

/// The operating system's error among the causes, without any text of a peer.
pub(crate) fn io_source(error: &(dyn StdError + 'static)) -> Option<io::Error> {
    error_chain(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).find_map(|error| {
        match (error.raw_os_error(), error.kind()) {
            (Some(code), _) => Some(io::Error::from_raw_os_error(code)),
            // Kinds that the libraries set themselves. Others, such as that of a failed DNS lookup, say nothing.
            (None, kind @ (ConnectionReset | ConnectionAborted | BrokenPipe | UnexpectedEof | TimedOut)) => {
                Some(io::Error::from(kind))
            }
            (None, _) => None,
        }
    })
}

/// Whether the server declared the request unprocessed, so that it is safe to send again (RFC 9113, 8.7).
pub(crate) fn is_unprocessed(error: &(dyn StdError + 'static)) -> bool {
    let Some(error) = error.downcast_ref::<h2::Error>() else { return false };
    let going_away = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
    let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    error.is_remote() && (going_away || refused)
}

fn describe(error: &(dyn StdError + 'static)) -> String {
    // The text of a GOAWAY frame holds debug data of the peer, which can repeat the request.
    match error.downcast_ref::<h2::Error>().and_then(h2::Error::reason) {
        Some(reason) => format!("HTTP/2 error {reason:?}"),
        None => error.to_string(),
    }
}

/// The HTTP library's own layers, which say nothing about the reason.
fn is_generic(text: &str) -> bool {
    text.starts_with("client error (") || matches!(text, "request or response body error" | "tcp connect error")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redacted::sanitize;

    #[derive(Debug, thiserror::Error)]
    #[error("outer with a URL")]
    struct Outer(#[source] io::Error);

    #[test]
    fn chain_is_sanitized_and_keeps_the_os_error() {
        let error = Outer(io::Error::other(Outer(io::Error::from_raw_os_error(2))));
        assert!(
            format_chain(&error, &sanitize).starts_with("outer with a URL: "),
            "{}",
            format_chain(&error, &sanitize)
        );
        let error = Outer(io::Error::other("a\x1b[31m"));
        assert_eq!(format_chain(&error, &sanitize), "a\\u{1b}[31m");
        assert!(io_source(&error).is_none());
        let error = Outer(io::Error::new(UnexpectedEof, "a text of the peer"));
        assert_eq!(io_source(&error).map(|e| e.to_string()), Some(UnexpectedEof.to_string()));
        let error = Outer(io::Error::from_raw_os_error(2));
        assert_eq!(io_source(&error).and_then(|e| e.raw_os_error()), Some(2));
    }

    #[test]
    fn debug_data_of_a_peer_is_dropped() {
        let error = Outer(io::Error::other(h2::Error::from(h2::Reason::ENHANCE_YOUR_CALM)));
        assert!(
            format_chain(&error, &sanitize).ends_with("HTTP/2 error ENHANCE_YOUR_CALM"),
            "{}",
            format_chain(&error, &sanitize)
        );
    }
}
