//! The responses of a batch as one JSON text, which V8 parses faster than objects are built through Node-API.

use std::borrow::Cow;

use builderaikits::{HeaderMap, ResponseMetadata};
use builderaikits_bridge::{Payload, Response};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Responses and the JavaScript ids of their calls.
#[derive(Default)]
pub(crate) struct Batch {
    calls: Vec<i64>,
    responses: Vec<Response>,
    text_bytes: usize,
}

impl Batch {
    pub(crate) fn single(call: i64, response: Response) -> Self {
        let mut batch = Self::default();
        batch.push(call, response);
        batch
    }

    pub(crate) fn push(&mut self, call: i64, response: Response) {
        self.text_bytes = self.text_bytes.saturating_add(text_bytes(&response.payload));
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
        if self.responses.iter().any(is_unconvertible) {
            return Err(napi::Error::from_reason("injected"));
        }
        let mut json = Vec::with_capacity(self.text_bytes.saturating_mul(2));
        json.push(b'[');
        serde_json::to_writer(&mut json, &self.calls)?;
        json.extend_from_slice(b",[");
        for (index, response) in self.responses.iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            match &response.payload {
                Payload::Run(run) => serde_json::to_writer(&mut json, run)?,
                Payload::Json(text) => json.extend_from_slice(text.as_bytes()),
            }
        }
        json.extend_from_slice(b"],");
        let metadata: Vec<_> = self.responses.iter().map(|response| Metadata::from(&response.metadata)).collect();
        serde_json::to_writer(&mut json, &metadata)?;
        json.push(b']');
        String::from_utf8(json).map_err(|_| napi::Error::from_reason("it is not UTF-8"))
    }
}

impl IntoIterator for Batch {
    type Item = (i64, Response);
    type IntoIter = std::iter::Zip<std::vec::IntoIter<i64>, std::vec::IntoIter<Response>>;

    fn into_iter(self) -> Self::IntoIter {
        self.calls.into_iter().zip(self.responses)
    }
}

/// The size of the part of a payload that can be large.
pub(crate) fn text_bytes(payload: &Payload) -> usize {
    match payload {
        Payload::Run(run) => run.output.text.len(),
        Payload::Json(text) => text.len(),
    }
}

#[cfg(feature = "inject-panic")]
fn is_unconvertible(response: &Response) -> bool {
    matches!(&response.payload, Payload::Run(run) if run.id.as_deref() == Some("unconvertible-please"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use builderaikits::Run;
    use serde_json::{Value, json};
    use std::time::Duration;

    #[test]
    fn batch_holds_responses_of_any_operation() {
        let mut metadata = ResponseMetadata::default();
        metadata.attempts = 2;
        metadata.idempotency_key = "key-1".to_owned();
        metadata.elapsed = Duration::from_micros(1500);
        metadata.headers.append("a", "1".parse().unwrap());
        metadata.headers.append("a", "2".parse().unwrap());
        let mut batch = Batch::default();
        batch.push(7, Response { payload: Payload::Run(Box::new(Run::new("hi"))), metadata });
        let payload = Payload::Json(r#"{"kits":["é"]}"#.to_owned());
        batch.push(8, Response { payload, metadata: ResponseMetadata::default() });
        let expected = json!([
            [7, 8],
            [{"output": {"text": "hi"}, "usage": {}}, {"kits": ["é"]}],
            [
                {"attempts": 2, "requestID": null, "idempotencyKey": "key-1", "elapsedMs": 1.5, "headers": {"a": "1, 2"}},
                {"attempts": 0, "requestID": null, "idempotencyKey": "", "elapsedMs": 0.0, "headers": {}},
            ],
        ]);
        assert_eq!(serde_json::from_str::<Value>(&batch.to_json().unwrap()).unwrap(), expected);
        assert_eq!((batch.len(), batch.text_bytes()), (2, 2 + 15));
    }
}
