//! The kits API: what a call asks, and the call itself.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::client::Client;
use crate::error::{Error, Result};
use crate::request::Request;
use crate::run::Run;

/// The kits of a client: [`client.kits()`](Client::kits).
#[derive(Debug, Clone, Copy)]
pub struct Kits<'a>(pub(crate) &'a Client);

impl Kits<'_> {
    /// Runs a prompt on a kit and waits for its answer.
    ///
    /// Repeats 429 and 408, connections that could not be made, and 5xx, which may be billed twice; all within the
    /// client's `max_retries`, retry budget and `timeout` (120 s by default, over everything). Dropping the future gives
    /// the call up: its request is aborted at once, and so is a wait in the queue or before a retry.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind). [`Error::may_have_run`] tells whether the call may be billed all the same.
    pub async fn run(&self, request: RunRequest) -> Result<Run> {
        self.run_with(request, CallOptions::default()).await
    }

    /// As [`run`](Self::run), with options for this call.
    ///
    /// ```
    /// # use builderaikits::*;
    /// # use std::time::Duration;
    /// # async fn example(client: Client) -> Result<Run> {
    /// let options = CallOptions { timeout: Some(Some(Duration::from_secs(10))), ..CallOptions::default() };
    /// client.kits().run_with(RunRequest::new(Kit::TextGen, "Hello"), options).await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run); an option that is bad is [`InvalidRequest`](crate::ErrorKind::InvalidRequest).
    pub async fn run_with(&self, request: RunRequest, options: CallOptions) -> Result<Run> {
        let request = Request::run(request, &options, self.0.settings())?;
        self.0.call(request).await
    }
}

/// Options of one call, over those of its client. `None` everywhere, the default, changes nothing.
#[derive(Clone, Default)]
pub struct CallOptions {
    /// Instead of [`Config::timeout`](crate::Config::timeout). `Some(None)`: no deadline.
    pub timeout: Option<Option<Duration>>,
    /// Instead of [`Config::max_retries`](crate::Config::max_retries).
    pub max_retries: Option<u32>,
    /// Instead of [`Config::retry_ambiguous`](crate::Config::retry_ambiguous).
    pub retry_ambiguous: Option<bool>,
    /// The `Idempotency-Key` of all attempts: 1 to 255 visible ASCII characters. Default: a fresh UUIDv4.
    pub idempotency_key: Option<String>,
    /// Headers for this call, instead of the client's of the same name. Same limits as
    /// [`Config::headers`](crate::Config::headers).
    pub headers: Vec<(String, String)>,
    /// For the SDK's other languages: how long the call waited there already, which is part of its time. Default 0.
    #[doc(hidden)]
    pub waited: Duration,
}

/// Shows the names of the headers, not their values.
impl fmt::Debug for CallOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("CallOptions")
            .field("timeout", &self.timeout)
            .field("max_retries", &self.max_retries)
            .field("retry_ambiguous", &self.retry_ambiguous)
            .field("idempotency_key", &self.idempotency_key)
            .field("headers", &headers)
            .finish()
    }
}

/// A kit of the service, by its id. Compares and hashes by that id.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum Kit {
    /// `text-gen`: general text generation and chat, up to 4,096 tokens.
    TextGen,
    /// `code-assist`: code completion and review, up to 8,192 tokens.
    CodeAssist,
    /// `summarizer`: document and article summarization, up to 16,384 tokens.
    Summarizer,
    /// `classifier`: text classification and sentiment, up to 2,048 tokens.
    Classifier,
    /// A kit that this version does not know; `Kit::from("its-id")` makes one.
    Other(String),
}

impl Kit {
    /// The kit's id on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::TextGen => "text-gen",
            Self::CodeAssist => "code-assist",
            Self::Summarizer => "summarizer",
            Self::Classifier => "classifier",
            Self::Other(id) => id,
        }
    }
}

impl From<&str> for Kit {
    fn from(id: &str) -> Self {
        let known = [Self::TextGen, Self::CodeAssist, Self::Summarizer, Self::Classifier];
        known.into_iter().find(|kit| kit.as_str() == id).unwrap_or_else(|| Self::Other(id.to_owned()))
    }
}

impl From<String> for Kit {
    fn from(id: String) -> Self {
        match Self::from(id.as_str()) {
            Self::Other(_) => Self::Other(id),
            known => known,
        }
    }
}

impl From<Kit> for String {
    fn from(kit: Kit) -> Self {
        kit.as_str().to_owned()
    }
}

impl PartialEq for Kit {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Kit {}

impl std::hash::Hash for Kit {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for Kit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What to run: a kit, a prompt, and settings. At most 32 MiB on the wire.
///
/// ```
/// use builderaikits::{Kit, RunRequest};
///
/// let request = RunRequest::new(Kit::Summarizer, "In three points, please.")
///     .context("a long text…")
///     .max_tokens(500)
///     .temperature(0.6);
///
/// // The same, as it stands on the wire:
/// let same = RunRequest::from_json(serde_json::json!({
///     "kit": "summarizer",
///     "input": {"prompt": "In three points, please.", "context": "a long text…"},
///     "config": {"max_tokens": 500, "temperature": 0.6},
/// }))?;
/// assert_eq!(request, same);
/// # Ok::<(), builderaikits::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize)]
pub struct RunRequest {
    kit: Kit,
    input: Input,
    #[serde(skip_serializing_if = "Settings::is_empty")]
    config: Settings,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Clone, PartialEq, Serialize)]
struct Input {
    prompt: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<String>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Clone, PartialEq, Default, Serialize)]
struct Settings {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

impl Settings {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl RunRequest {
    /// Asks `kit` to answer `prompt`.
    #[must_use]
    pub fn new(kit: impl Into<Kit>, prompt: impl Into<String>) -> Self {
        let input = Input { prompt: prompt.into(), context: None, extra: Map::new() };
        Self { kit: kit.into(), input, config: Settings::default(), extra: Map::new() }
    }

    /// What the prompt is about, such as the text to summarize. Default: none.
    #[must_use]
    pub fn context(mut self, context: impl Into<String>) -> Self {
        self.input.context = Some(context.into());
        self
    }

    /// The most tokens of output, from 1 up to the kit's limit. Default: the service's.
    #[must_use]
    pub fn max_tokens(mut self, max_tokens: u32) -> Self {
        self.config.max_tokens = Some(max_tokens);
        self
    }

    /// How freely the kit chooses its words; any finite number, the service sets the range. Default: the service's.
    #[must_use]
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.config.temperature = Some(temperature);
        self
    }

    /// Takes a request as it stands on the wire. Keys that this version does not know are sent as they are, and
    /// `"input": "text"` is short for `"input": {"prompt": "text"}`.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest), which names the field that is missing or of a wrong type.
    pub fn from_json(request: Value) -> Result<Self> {
        let Value::Object(mut request) = request else {
            return Err(Error::invalid_request("the request must be an object with kit and input"));
        };
        let kit = text("kit", request.remove("kit"))?.ok_or_else(|| missing("kit"))?;
        let input = match request.remove("input") {
            Some(Value::String(prompt)) => Input { prompt, context: None, extra: Map::new() },
            input => {
                let mut input = object("input", input)?.ok_or_else(|| missing("input"))?;
                let prompt = text("input.prompt", input.remove("prompt"))?.ok_or_else(|| missing("input.prompt"))?;
                let context = text("input.context", input.remove("context"))?;
                Input { prompt, context, extra: input }
            }
        };
        let mut config = object("config", request.remove("config"))?.unwrap_or_default();
        let config = Settings {
            max_tokens: max_tokens(config.remove("max_tokens"))?,
            temperature: temperature(config.remove("temperature"))?,
            extra: config,
        };
        Ok(Self { kit: kit.into(), input, config, extra: request })
    }
}

impl RunRequest {
    /// About how long it is as JSON at most, in bytes: with room for the line breaks and quotes that are escaped there,
    /// so that a long text is not copied once more to make it.
    pub(crate) fn likely_size(&self) -> usize {
        let context = self.input.context.as_ref().map_or(0, String::len);
        let texts = self.input.prompt.len().saturating_add(context);
        texts.saturating_add(texts / 4).saturating_add(256)
    }

    /// What is refused before anything is sent. Everything else is the service's to judge.
    pub(crate) fn check(&self) -> Result<()> {
        let refuse = |why: &str| Err(Error::invalid_request(why));
        if self.kit.as_str().is_empty() {
            return refuse("kit: is empty; name a kit, such as `text-gen`");
        }
        if self.config.max_tokens == Some(0) {
            return refuse("config.max_tokens: must be at least 1; leave it out for the kit's limit");
        }
        if self.config.temperature.is_some_and(|temperature| !temperature.is_finite()) {
            return refuse("config.temperature: must be a finite number");
        }
        Ok(())
    }
}

fn missing(field: &str) -> Error {
    Error::invalid_request(format!("{field}: is missing"))
}

fn text(field: &str, value: Option<Value>) -> Result<Option<String>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::invalid_request(format!("{field}: must be a string"))),
    }
}

fn object(field: &str, value: Option<Value>) -> Result<Option<Map<String, Value>>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(_) => Err(Error::invalid_request(format!("{field}: must be an object"))),
    }
}

fn max_tokens(value: Option<Value>) -> Result<Option<u32>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64().and_then(|n| u32::try_from(n).ok()) {
            Some(n) => Ok(Some(n)),
            None => Err(Error::invalid_request("config.max_tokens: must be a whole number from 1 to 4294967295")),
        },
    }
}

fn temperature(value: Option<Value>) -> Result<Option<f64>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => Ok(number.as_f64()),
        Some(_) => Err(Error::invalid_request("config.temperature: must be a number")),
    }
}

/// Shows sizes, never the prompt or the context.
impl fmt::Debug for RunRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunRequest")
            .field("kit", &self.kit)
            .field("prompt_bytes", &self.input.prompt.len())
            .field("context_bytes", &self.input.context.as_ref().map(String::len))
            .field("max_tokens", &self.config.max_tokens)
            .field("temperature", &self.config.temperature)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn requests_from_json() {
        let input = json!({"prompt": "p"});
        let bad = [
            (json!([]), "the request must be an object"),
            (json!({"input": input}), "kit: is missing"),
            (json!({"kit": null, "input": input}), "kit: is missing"),
            (json!({"kit": 5, "input": input}), "kit: must be a string"),
            (json!({"kit": "k"}), "input: is missing"),
            (json!({"kit": "k", "input": 5}), "input: must be an object"),
            (json!({"kit": "k", "input": {}}), "input.prompt: is missing"),
            (json!({"kit": "k", "input": {"prompt": null}}), "input.prompt: is missing"),
            (json!({"kit": "k", "input": {"prompt": ["secret"]}}), "input.prompt: must be a string"),
            (json!({"kit": "k", "input": {"prompt": "p", "context": 1}}), "input.context: must be a string"),
            (json!({"kit": "k", "input": input, "config": []}), "config: must be an object"),
            (json!({"kit": "k", "input": input, "config": {"max_tokens": -1}}), "config.max_tokens: must be"),
            (json!({"kit": "k", "input": input, "config": {"max_tokens": 1.5}}), "config.max_tokens: must be"),
            (json!({"kit": "k", "input": input, "config": {"max_tokens": "1"}}), "config.max_tokens: must be"),
            (json!({"kit": "k", "input": input, "config": {"max_tokens": true}}), "config.max_tokens: must be"),
            (json!({"kit": "k", "input": input, "config": {"max_tokens": 1_u64 << 32}}), "config.max_tokens: must be"),
            (json!({"kit": "k", "input": input, "config": {"temperature": "hot"}}), "config.temperature: must be"),
            (json!({"kit": "k", "input": input, "config": {"temperature": false}}), "config.temperature: must be"),
        ];
        for (request, message) in bad {
            let error = RunRequest::from_json(request).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::InvalidRequest);
            assert!(error.message().starts_with(message), "{error}");
        }
        let good = [
            (json!({"kit": "k", "input": "p"}), json!({"kit": "k", "input": {"prompt": "p"}})),
            (
                json!({"kit": "k", "input": {"prompt": "p", "context": null}, "config": null}),
                json!({"kit": "k", "input": {"prompt": "p"}}),
            ),
            (
                json!({"kit": "text-gen", "input": {"prompt": "", "context": "c", "new": [1]},
                       "config": {"max_tokens": 1, "temperature": 0, "top": {"p": 1}}, "also": true}),
                json!({"kit": "text-gen", "input": {"prompt": "", "context": "c", "new": [1]},
                       "config": {"max_tokens": 1, "temperature": 0.0, "top": {"p": 1}}, "also": true}),
            ),
        ];
        for (request, wire) in good {
            let request = RunRequest::from_json(request).unwrap();
            assert_eq!(serde_json::to_value(&request).unwrap(), wire);
        }
    }

    #[test]
    fn debug_shows_no_prompt() {
        let request = RunRequest::new(Kit::TextGen, "secret").context("secret");
        assert!(!format!("{request:?}").contains("secret"));
        let options = CallOptions { headers: vec![("x".into(), "secret".into())], ..CallOptions::default() };
        assert!(!format!("{options:?}").contains("secret"));
    }

    #[test]
    fn a_kit_is_its_id() {
        for id in ["text-gen", "code-assist", "summarizer", "classifier", "new-kit"] {
            assert_eq!(Kit::from(id), Kit::from(id.to_owned()));
            assert_eq!(Kit::from(id), Kit::Other(id.into()));
            assert_eq!(Kit::from(id).to_string(), id);
            assert_eq!(matches!(Kit::from(id), Kit::Other(_)), id == "new-kit");
        }
    }
}
