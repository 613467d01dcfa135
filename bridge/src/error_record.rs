//! An error as one record, from which each language creates its own exception.

use builderaikits::{Error, HeaderMap, bindings};

/// All that is known of a failed call. Bindings copy the fields of `json` by name.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorRecord {
    /// The error's kind, such as `rate_limit`.
    pub kind: &'static str,
    /// The error in one line.
    pub display: String,
    /// A JSON object: `kind`, `message`, `display`, `attempts`, `may_have_run`, `is_retryable`, `elapsed` (seconds), and where
    /// they are known `retry_stopped_by`, `option`, `status`, `code`, `headers` (pairs), `request_id`, `retry_after` (seconds),
    /// `idempotency_key`, `cause` (`message`, `errno`).
    pub json: String,
    /// The response body.
    pub body: Option<Vec<u8>>,
}

/// Converts an error to a record.
#[must_use]
pub fn error_record(error: &Error) -> ErrorRecord {
    ErrorRecord {
        kind: error.kind().as_str(),
        display: error.to_string(),
        json: bindings::error_json(error),
        body: error.body().map(|body| body.to_vec()),
    }
}

/// Headers as pairs of name and value. Bytes that are not UTF-8 become U+FFFD.
#[must_use]
pub fn header_pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}
