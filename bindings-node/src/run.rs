//! Runs as one JSON text for a whole batch, which V8 reads faster than objects are built through Node-API.

use std::borrow::Cow;

use builderaikits::{HeaderMap, Run};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// A call that ended well.
pub(crate) struct Answer {
    pub(crate) call: f64,
    pub(crate) run: Run,
}

/// `[[call, run, responseMetadata], …]`.
pub(crate) fn batch_text(answers: &[Answer]) -> napi::Result<String> {
    Ok(serde_json::to_string(answers)?)
}

/// A JSON object; a header that was sent twice is joined with a comma.
pub(crate) fn headers_text(headers: &HeaderMap) -> napi::Result<String> {
    Ok(serde_json::to_string(&Headers(headers))?)
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        let metadata = &self.run.response_metadata;
        let metadata = Metadata {
            attempts: metadata.attempts,
            request_id: metadata.request_id.as_deref(),
            idempotency_key: &metadata.idempotency_key,
            elapsed: metadata.elapsed.as_secs_f64() * 1000.0,
            headers: Headers(&metadata.headers),
        };
        (self.call as u64, &self.run, metadata).serialize(json)
    }
}

/// Under the names that users see.
#[derive(serde::Serialize)]
struct Metadata<'a> {
    attempts: u32,
    #[serde(rename = "requestID")]
    request_id: Option<&'a str>,
    #[serde(rename = "idempotencyKey")]
    idempotency_key: &'a str,
    /// In milliseconds.
    elapsed: f64,
    headers: Headers<'a>,
}

struct Headers<'a>(&'a HeaderMap);

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        let mut object = json.serialize_map(Some(self.0.keys_len()))?;
        for name in self.0.keys() {
            let mut values = self.0.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
            let first = values.next().unwrap_or_default();
            let value = values.fold(first, |all, value| Cow::Owned(format!("{all}, {value}")));
            object.serialize_entry(name.as_str(), &value)?;
        }
        object.end()
    }
}
