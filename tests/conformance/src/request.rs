//! A request that the scripted server received.

use std::time::Instant;

use bytes::Bytes;

/// One request that the server received completely.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    /// The time when its head had been read.
    pub at: Instant,
    /// The method as sent: `POST`.
    pub method: String,
    /// The request target as sent, with the segment of the case and any query.
    pub path: String,
    /// Names as sent, in the order sent. Bytes that are not UTF-8 become U+FFFD.
    pub headers: Vec<(String, String)>,
    /// The body, without chunk framing.
    pub body: Bytes,
    /// The connection of this server that it arrived on. Equal numbers are the same connection.
    pub connection: u64,
    /// The time when the client closed the connection (FIN or RST) while this was its last request. `None` while the
    /// connection is open, and if this server closed it first.
    pub closed_at: Option<Instant>,
    /// Whether a service with a rate limit rejected it.
    pub rejected: bool,
}

impl RecordedRequest {
    /// Every value of a header, in the order sent. The case of the name is ignored.
    pub fn header_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(sent, _)| sent.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The first value of a header, if it was sent.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(sent, _)| sent.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON, if it is JSON.
    #[must_use]
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The first segment of the path, which is the id of the case. In the absolute form that a proxy receives, the path
    /// follows the authority.
    pub(crate) fn case_id(&self) -> String {
        let path = match self.path.split_once("://") {
            Some((scheme, rest)) if !scheme.contains('/') => rest.split_once('/').map_or("", |(_, path)| path),
            _ => self.path.trim_start_matches('/'),
        };
        path.split(['/', '?']).next().unwrap_or_default().to_owned()
    }

    pub(crate) fn asks_to_close(&self) -> bool {
        self.header("connection").is_some_and(|value| value.to_ascii_lowercase().contains("close"))
    }
}
