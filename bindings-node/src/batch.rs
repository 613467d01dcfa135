//! The responses of a batch as one JSON text, which V8 parses faster than objects are built through Node-API.

use std::borrow::Cow;

use builderaikits::{HeaderMap, ResponseMetadata, Run};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Responses and the JavaScript ids of their calls.
#[derive(Default)]
pub(crate) struct Batch {
    calls: Vec<i64>,
    responses: Vec<Run>,
    text_bytes: usize,
}

impl Batch {
    pub(crate) fn single(call: i64, response: Run) -> Self {
        let mut batch = Self::default();
        batch.push(call, response);
        batch
    }

    pub(crate) fn push(&mut self, call: i64, response: Run) {
        self.text_bytes = self.text_bytes.saturating_add(response.output.text.len());
        self.calls.push(call);
        self.responses.push(response);
    }

    pub(crate) fn len(&self) -> usize {
        self.responses.len()
    }

    /// The approximate size of the text.
    pub(crate) fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// Serializes to `[[call, …], [response, …], [responseMetadata, …]]`: V8 parses an object faster right after another of
    /// the same shape.
    pub(crate) fn to_json(&self) -> napi::Result<String> {
        #[cfg(feature = "inject-panic")]
        if self.responses.iter().any(|run| run.id.as_deref() == Some("unconvertible-please")) {
            return Err(napi::Error::from_reason("injected"));
        }
        Ok(serde_json::to_string(&(&self.calls, &self.responses, AllMetadata(&self.responses)))?)
    }
}

impl IntoIterator for Batch {
    type Item = (i64, Run);
    type IntoIter = std::iter::Zip<std::vec::IntoIter<i64>, std::vec::IntoIter<Run>>;

    fn into_iter(self) -> Self::IntoIter {
        self.calls.into_iter().zip(self.responses)
    }
}

struct AllMetadata<'a>(&'a [Run]);

impl Serialize for AllMetadata<'_> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        json.collect_seq(self.0.iter().map(|run| Metadata::from(&run.response_metadata)))
    }
}

/// Response metadata with its JavaScript names.
#[derive(serde::Serialize)]
struct Metadata<'a> {
    attempts: u32,
    #[serde(rename = "requestID")]
    request_id: Option<&'a str>,
    #[serde(rename = "idempotencyKey")]
    idempotency_key: &'a str,
    #[serde(rename = "elapsedMs")]
    elapsed_ms: f64,
    headers: Headers<'a>,
}

impl<'a> From<&'a ResponseMetadata> for Metadata<'a> {
    fn from(metadata: &'a ResponseMetadata) -> Self {
        Self {
            attempts: metadata.attempts,
            request_id: metadata.request_id.as_deref(),
            idempotency_key: &metadata.idempotency_key,
            elapsed_ms: metadata.elapsed.as_secs_f64() * 1000.0,
            headers: Headers(&metadata.headers),
        }
    }
}

/// A JSON object; a header that was sent twice is joined with a comma.
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
