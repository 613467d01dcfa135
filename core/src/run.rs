//! The answer of a run, in the wire's own names.

use std::fmt;
use std::time::Duration;

use http::HeaderMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::decode;
use crate::error::{Error, ErrorKind, Result};
use crate::kits::Kit;

/// A finished run: the wire's fields, and beside them what is known of the call.
///
/// Only the text is certain: a field that the service leaves out, or fills with something odd, is `None` here, and what
/// stood there is in [`extra`](Self::extra), as are fields that this version does not know (but for those nested
/// over 100 levels deep). `Serialize` and `==` give and compare the wire's form only.
///
/// ```
/// use builderaikits::Run;
///
/// // Runs can be made by hand, to test the code that uses them.
/// let mut run = Run::new("Hello!");
/// run.usage.total_tokens = Some(2);
/// assert_eq!(serde_json::to_string(&run)?, r#"{"output":{"text":"Hello!"},"usage":{"total_tokens":2}}"#);
/// assert_eq!(Run::from_json(&serde_json::to_string(&run)?)?, run);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Run {
    /// The run's own name, such as `run_8f3k2m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The kit that ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kit: Option<Kit>,
    /// How it ended, such as `completed`. An open set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// What the kit answered.
    pub output: Output,
    /// What it is billed by.
    pub usage: Usage,
    /// How long the service worked on it, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// Fields that this version does not know, as the service sent them.
    #[serde(flatten, serialize_with = "beside_usage")]
    pub extra: Map<String, Value>,
    /// How the answer came to be; not of the wire.
    #[serde(skip)]
    pub response_metadata: ResponseMetadata,
}

/// What a kit answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Output {
    /// The answer's text.
    pub text: String,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The tokens that a run is billed by. `None` where the service did not say.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Usage {
    /// Tokens of prompt and context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Both together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_tokens: Option<u64>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// How an answer came to be: not of the wire, and never compared or serialized with a [`Run`].
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ResponseMetadata {
    /// Attempts that it took, the one that gave the answer included.
    pub attempts: u32,
    /// The service's name for the request (`x-request-id` or `request-id`), to give to support.
    pub request_id: Option<String>,
    /// The `Idempotency-Key` of all attempts.
    pub idempotency_key: String,
    /// From the start of the call to its end: queue, attempts and waits.
    pub elapsed: Duration,
    /// The answer's headers. The API key is redacted where it echoes.
    pub headers: HeaderMap,
}

impl Run {
    /// A run with this text and nothing else, for tests of code that uses runs.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { output: Output { text: text.into(), ..Output::default() }, ..Self::default() }
    }

    /// Reads a run from the wire's form, as tolerant as a call is.
    ///
    /// # Errors
    ///
    /// [`BadResponse`](crate::ErrorKind::BadResponse) when it is not JSON or has no `output.text`.
    pub fn from_json(text: &str) -> Result<Self> {
        decode::run(text.as_bytes()).map_err(|why| Error::new(ErrorKind::BadResponse, why))
    }

    fn wire(&self) -> impl PartialEq + '_ {
        let Self { id, kit, status, output, usage, latency_ms, extra, response_metadata: _ } = self;
        (id, kit, status, output, usage, latency_ms, extra)
    }
}

/// A usage that is no object is kept, but `usage` is already written.
fn beside_usage<S: Serializer>(extra: &Map<String, Value>, run: S) -> Result<S::Ok, S::Error> {
    run.collect_map(extra.iter().filter(|(key, _)| *key != "usage"))
}

impl PartialEq for Run {
    fn eq(&self, other: &Self) -> bool {
        self.wire() == other.wire()
    }
}

/// Shows how many headers there are, not what they say.
impl fmt::Debug for ResponseMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseMetadata")
            .field("attempts", &self.attempts)
            .field("request_id", &self.request_id)
            .field("idempotency_key", &self.idempotency_key)
            .field("elapsed", &self.elapsed)
            .field("headers", &self.headers.len())
            .finish()
    }
}
