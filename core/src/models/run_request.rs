//! [`RunRequest`]: the request of `kits/run`.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::models::kit::Kit;
use crate::redacted::Redacted;

/// A request to run a prompt on a kit. It may have up to 32 MiB of JSON.
///
/// ```
/// use builderaikits::{Kit, RunRequest};
///
/// let request = RunRequest::new(Kit::Summarizer, "In three points, please.")
///     .context("a long text…")
///     .max_tokens(500)
///     .temperature(0.6);
///
/// // The same request, as JSON:
/// let same = RunRequest::from_json(serde_json::json!({
///     "kit": "summarizer",
///     "input": {"prompt": "In three points, please.", "context": "a long text…"},
///     "config": {"max_tokens": 500, "temperature": 0.6},
/// }))?;
/// assert_eq!(request, same);
/// # Ok::<(), builderaikits::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunRequest {
    kit: Kit,
    input: RunInput,
    #[serde(skip_serializing_if = "RunConfig::is_empty")]
    config: RunConfig,
    #[serde(flatten)]
    extra: Redacted<Map<String, Value>>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct RunInput {
    prompt: Redacted<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Redacted<String>>,
    #[serde(flatten)]
    extra: Redacted<Map<String, Value>>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
struct RunConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(flatten)]
    extra: Redacted<Map<String, Value>>,
}

impl RunConfig {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl RunRequest {
    /// Creates a request to run `prompt` on `kit`.
    #[must_use]
    pub fn new(kit: impl Into<Kit>, prompt: impl Into<String>) -> Self {
        let input = RunInput { prompt: Redacted(prompt.into()), context: None, extra: Redacted::default() };
        Self { kit: kit.into(), input, config: RunConfig::default(), extra: Redacted::default() }
    }

    /// Sets the text that the prompt is about, such as the text to summarize. Default: none.
    #[must_use]
    pub fn context(mut self, context: impl Into<String>) -> Self {
        self.input.context = Some(Redacted(context.into()));
        self
    }

    /// Sets the maximum number of output tokens, from 1 to the kit's limit. Default: the service's.
    #[must_use]
    pub fn max_tokens(mut self, max_tokens: u32) -> Self {
        self.config.max_tokens = Some(max_tokens);
        self
    }

    /// Sets the sampling temperature. The service validates the range. Default: the service's.
    #[must_use]
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.config.temperature = Some(temperature);
        self
    }

    /// Reads a request from JSON. Fields that this version does not know are sent as they are, and `"input": "text"` is
    /// short for `"input": {"prompt": "text"}`.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) with the name of a field that is missing or has a wrong type.
    pub fn from_json(request: Value) -> Result<Self> {
        let Value::Object(mut request) = request else {
            return Err(Error::new(
                crate::error::ErrorKind::InvalidRequest,
                "The request must be an object with kit and input.",
            ));
        };
        let kit = string("kit", request.remove("kit"))?.ok_or_else(|| missing("kit"))?;
        let input = match request.remove("input") {
            Some(Value::String(prompt)) => {
                RunInput { prompt: Redacted(prompt), context: None, extra: Redacted::default() }
            }
            input => {
                let mut input = object("input", input)?.ok_or_else(|| missing("input"))?;
                let prompt = string("input.prompt", input.remove("prompt"))?.ok_or_else(|| missing("input.prompt"))?;
                let context = string("input.context", input.remove("context"))?;
                RunInput { prompt: Redacted(prompt), context: context.map(Redacted), extra: Redacted(input) }
            }
        };
        let mut config = object("config", request.remove("config"))?.unwrap_or_default();
        let config = RunConfig {
            max_tokens: max_tokens(config.remove("max_tokens"))?,
            temperature: temperature(config.remove("temperature"))?,
            extra: Redacted(config),
        };
        Ok(Self { kit: kit.into(), input, config, extra: Redacted(request) })
    }

    /// The expected size of the request as JSON, in bytes, with room for escaped line breaks and quotes, so that a long
    /// text is not copied again when the buffer grows.
    pub(crate) fn json_size_hint(&self) -> usize {
        let context = self.input.context.as_ref().map_or(0, |context| context.len());
        let texts = self.input.prompt.len().saturating_add(context);
        texts.saturating_add(texts / 4).saturating_add(256)
    }

    /// Rejects what cannot be valid. Everything else is for the service to judge.
    pub(crate) fn validate(&self) -> Result<()> {
        if self.kit.as_str().is_empty() {
            return Err(Error::invalid_request("kit", "kit must not be empty, for example `text-gen`."));
        }
        if self.config.max_tokens == Some(0) {
            let message = "config.max_tokens must be at least 1. Omit it for the kit's limit.";
            return Err(Error::invalid_request("config.max_tokens", message));
        }
        if self.config.temperature.is_some_and(|temperature| !temperature.is_finite()) {
            return Err(Error::invalid_request("config.temperature", "config.temperature must be a finite number."));
        }
        Ok(())
    }
}

fn missing(field: &str) -> Error {
    Error::invalid_request(field, format!("{field} is required."))
}

fn wrong_type(field: &str, expected: &str) -> Error {
    Error::invalid_request(field, format!("{field} must be {expected}."))
}

fn string(field: &str, value: Option<Value>) -> Result<Option<String>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(wrong_type(field, "a string")),
    }
}

fn object(field: &str, value: Option<Value>) -> Result<Option<Map<String, Value>>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(_) => Err(wrong_type(field, "an object")),
    }
}

fn max_tokens(value: Option<Value>) -> Result<Option<u32>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64().and_then(|n| u32::try_from(n).ok()) {
            Some(n) => Ok(Some(n)),
            None => Err(wrong_type("config.max_tokens", "an integer from 1 to 4294967295")),
        },
    }
}

fn temperature(value: Option<Value>) -> Result<Option<f64>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => Ok(number.as_f64()),
        Some(_) => Err(wrong_type("config.temperature", "a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn from_json_table() {
        let input = json!({"prompt": "p"});
        let bad = [
            (json!([]), "The request must be an object"),
            (json!({"input": input}), "kit is required"),
            (json!({"kit": null, "input": input}), "kit is required"),
            (json!({"kit": 5, "input": input}), "kit must be a string"),
            (json!({"kit": "k"}), "input is required"),
            (json!({"kit": "k", "input": 5}), "input must be an object"),
            (json!({"kit": "k", "input": {}}), "input.prompt is required"),
            (json!({"kit": "k", "input": {"prompt": null}}), "input.prompt is required"),
            (json!({"kit": "k", "input": {"prompt": ["secret"]}}), "input.prompt must be a string"),
            (json!({"kit": "k", "input": {"prompt": "p", "context": 1}}), "input.context must be a string"),
            (json!({"kit": "k", "input": input, "config": []}), "config must be an object"),
            (json!({"kit": "k", "input": input, "config": {"max_tokens": -1}}), "config.max_tokens must be"),
            (json!({"kit": "k", "input": input, "config": {"max_tokens": 1.5}}), "config.max_tokens must be"),
            (json!({"kit": "k", "input": input, "config": {"max_tokens": "1"}}), "config.max_tokens must be"),
            (json!({"kit": "k", "input": input, "config": {"max_tokens": true}}), "config.max_tokens must be"),
            (json!({"kit": "k", "input": input, "config": {"max_tokens": 1_u64 << 32}}), "config.max_tokens must be"),
            (json!({"kit": "k", "input": input, "config": {"temperature": "hot"}}), "config.temperature must be"),
            (json!({"kit": "k", "input": input, "config": {"temperature": false}}), "config.temperature must be"),
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
        let request = RunRequest::from_json(json!({"kit": "k", "input": {"prompt": "p", "new": "secret"}})).unwrap();
        assert!(!format!("{request:?}").contains("secret"));
    }
}
