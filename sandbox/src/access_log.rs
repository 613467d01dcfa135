//! [`LogEntry`]: one line on standard error per request.

use std::io::{self, Write as _};
use std::time::Instant;

use axum::http::{Method, Uri};
use axum::response::Response;

use crate::response::Summary;

/// What the log line of a request needs to know before the response exists.
pub(crate) struct LogEntry {
    method: String,
    path: String,
    received_at: Instant,
}

impl LogEntry {
    pub(crate) fn new(method: &Method, uri: &Uri) -> Self {
        Self { method: redact(method.as_str()), path: redact(uri.path()), received_at: Instant::now() }
    }

    /// Writes one line, such as `POST /v1/kits/run 200 3ms text-gen 31 tokens req_8f3k2m`.
    pub(crate) fn write(self, response: &Response, request_id: &str) {
        let Self { method, path, received_at } = self;
        let (status, ms) = (response.status().as_u16(), received_at.elapsed().as_millis());
        let summary = response.extensions().get::<Summary>().map_or("-", |Summary(text)| text);
        // A log that cannot be written must not stop the server.
        let _ = writeln!(io::stderr().lock(), "{method} {path} {status} {ms}ms {summary} {request_id}");
    }
}

/// Hides a text that may contain an API key, and escapes what a terminal would interpret. A query is never logged.
fn redact(text: &str) -> String {
    if text.contains("bak_") || text.len() > 100 { "…".to_owned() } else { text.escape_default().to_string() }
}
