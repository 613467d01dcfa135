//! [`Run`]: the response of `kits/run`, with the API's field names.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::models::bill::Bill;
use crate::models::cost::Cost;
use crate::models::kit::Kit;
use crate::models::response_metadata::ResponseMetadata;

/// A finished run.
///
/// Only `output.text` is guaranteed. Fields that are missing or malformed are `None`; malformed values are kept in
/// [`extra`](Self::extra), as are fields that this version does not know, except values nested over 100 levels deep.
/// `Serialize` and `==` use the API's fields only.
///
/// ```
/// use builderaikits::Run;
///
/// // Runs can be constructed, to test the code that uses them.
/// let mut run = Run::new("Hello!");
/// run.usage.total_tokens = Some(2);
/// assert_eq!(serde_json::to_string(&run)?, r#"{"output":{"text":"Hello!"},"usage":{"total_tokens":2}}"#);
/// assert_eq!(Run::from_json(&serde_json::to_string(&run)?)?, run);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Run {
    /// The run id, such as `run_8f3k2m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The kit that ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kit: Option<Kit>,
    /// The status, such as `completed`. New values may be added at any time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The output.
    pub output: Output,
    /// Token usage, which determines the price.
    pub usage: Usage,
    /// The time that the service worked on the run, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// Fields that this version does not know, as the service sent them.
    #[serde(flatten, serialize_with = "serialize_extra")]
    pub extra: Map<String, Value>,
    /// What the run cost: the price of its kit times its total tokens. `None` where either is not known. Not part of the
    /// API response.
    #[serde(skip)]
    pub cost: Option<Cost>,
    /// How the call went. Not part of the API response.
    #[serde(skip)]
    pub response_metadata: ResponseMetadata,
}

/// The output of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Output {
    /// The generated text.
    pub text: String,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The tokens of a run. `None` where the service did not say.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Usage {
    /// Tokens of prompt and context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens of the output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// The sum of both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_tokens: Option<u64>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Run {
    /// Creates a run with this text and nothing else, for tests of code that uses runs.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { output: Output { text: text.into(), ..Output::default() }, ..Self::default() }
    }

    /// The tokens and their cost, if 1,000 cost `price`.
    pub(crate) fn bill(&self, price: Option<Cost>) -> Bill {
        let Usage { input_tokens, output_tokens, total_tokens, .. } = self.usage;
        let sum = || input_tokens?.checked_add(output_tokens?);
        let total_tokens = total_tokens.or_else(sum);
        let cost = total_tokens.and_then(|tokens| Some(price?.of_tokens(tokens)));
        Bill { input_tokens, output_tokens, total_tokens, cost }
    }

    fn api_fields(&self) -> impl PartialEq + '_ {
        let Self { id, kit, status, output, usage, latency_ms, extra, cost: _, response_metadata: _ } = self;
        (id, kit, status, output, usage, latency_ms, extra)
    }
}

/// Leaves out a `usage` that is not an object: it is kept in `extra`, and the field itself is written already.
fn serialize_extra<S: Serializer>(extra: &Map<String, Value>, run: S) -> Result<S::Ok, S::Error> {
    run.collect_map(extra.iter().filter(|(key, _)| *key != "usage"))
}

impl PartialEq for Run {
    fn eq(&self, other: &Self) -> bool {
        self.api_fields() == other.api_fields()
    }
}
