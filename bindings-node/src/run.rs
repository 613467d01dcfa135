//! Runs as one JSON text for a whole batch, which V8 reads faster than objects are built through Node-API.

use std::borrow::Cow;

use builderaikits::{HeaderMap, ResponseMetadata, Run};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Runs, and the numbers of their calls.
#[derive(Default)]
pub(crate) struct Runs {
    calls: Vec<i64>,
    runs: Vec<Run>,
}

impl Runs {
    pub(crate) fn push(&mut self, call: i64, run: Run) {
        self.calls.push(call);
        self.runs.push(run);
    }

    pub(crate) fn of(call: i64, run: Run) -> Self {
        Self { calls: vec![call], runs: vec![run] }
    }

    pub(crate) fn len(&self) -> usize {
        self.runs.len()
    }

    pub(crate) fn each(self) -> impl Iterator<Item = (i64, Run)> {
        self.calls.into_iter().zip(self.runs)
    }

    /// `[[call, …], [run, …], [responseMetadata, …]]`: V8 reads an object faster beside another one of the same shape.
    pub(crate) fn text(&self) -> napi::Result<String> {
        #[cfg(feature = "inject-panic")]
        if self.runs.iter().any(|run| run.id.as_deref() == Some("unconvertible-please")) {
            return Err(napi::Error::from_reason("injected"));
        }
        Ok(serde_json::to_string(&(&self.calls, &self.runs, AllMetadata(&self.runs)))?)
    }
}

struct AllMetadata<'a>(&'a [Run]);

impl Serialize for AllMetadata<'_> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        json.collect_seq(self.0.iter().map(|run| Metadata::of(&run.response_metadata)))
    }
}

/// A JSON object; a header that was sent twice is joined with a comma.
pub(crate) fn headers_text(headers: &HeaderMap) -> napi::Result<String> {
    Ok(serde_json::to_string(&Headers(headers))?)
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

impl<'a> Metadata<'a> {
    fn of(metadata: &'a ResponseMetadata) -> Self {
        Self {
            attempts: metadata.attempts,
            request_id: metadata.request_id.as_deref(),
            idempotency_key: &metadata.idempotency_key,
            elapsed: metadata.elapsed.as_secs_f64() * 1000.0,
            headers: Headers(&metadata.headers),
        }
    }
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
