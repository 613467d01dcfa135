//! Reads a [`RunRequest`] from JSON.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};
use crate::models::json_object::JsonObject;
use crate::models::run_request::{RunConfig, RunInput, RunRequest};
use crate::redacted::Redacted;

impl RunRequest {
    /// Reads a request from JSON. Fields that this version does not know are sent as they are, and `"input": "text"` is
    /// short for `"input": {"prompt": "text"}`.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) with the name of a field that is missing or has a wrong type, or
    /// with the position where the text is not JSON.
    pub fn from_json(text: &str) -> Result<Self> {
        if let Ok(strict) = serde_json::from_str::<JsonObject<StrictRequest>>(text) {
            return Ok(strict.0.into());
        }
        let value = serde_json::from_str(text).map_err(|e| {
            let message = format!("The request is not valid JSON (line {}, column {}).", e.line(), e.column());
            Error::new(ErrorKind::InvalidRequest, message)
        })?;
        Self::from_value(value)
    }

    /// As [`from_json`](Self::from_json), from a value.
    pub(crate) fn from_value(request: Value) -> Result<Self> {
        let Value::Object(mut request) = request else {
            return Err(Error::new(ErrorKind::InvalidRequest, "The request must be an object with kit and input."));
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
}

/// A request with known fields of the expected types only. Most requests are, and this reads them without a map: see
/// bench/README.md.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictRequest {
    kit: String,
    input: JsonObject<StrictInput>,
    config: Option<JsonObject<StrictConfig>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictInput {
    prompt: String,
    context: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct StrictConfig {
    max_tokens: Option<u32>,
    temperature: Option<f64>,
}

impl From<StrictRequest> for RunRequest {
    fn from(strict: StrictRequest) -> Self {
        let JsonObject(StrictInput { prompt, context }) = strict.input;
        let StrictConfig { max_tokens, temperature } =
            strict.config.map_or_else(StrictConfig::default, |config| config.0);
        Self {
            kit: strict.kit.into(),
            input: RunInput { prompt: Redacted(prompt), context: context.map(Redacted), extra: Redacted::default() },
            config: RunConfig { max_tokens, temperature, extra: Redacted::default() },
            extra: Redacted::default(),
        }
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
            (json!({"kit": "k", "input": ["p"]}), "input must be an object"),
            (json!(["k", {"prompt": "p"}]), "The request must be an object"),
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
            let error = RunRequest::from_json(&request.to_string()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert!(error.message().starts_with(message), "{error}");
        }
        for text in ["", "{", "{\"kit\": \"secret", "{} {}"] {
            let error = RunRequest::from_json(text).unwrap_err();
            assert!(error.message().starts_with("The request is not valid JSON (line 1, column "), "{error}");
            assert!(!error.message().contains("secret"), "{error}");
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
            let text = request.to_string();
            let request = RunRequest::from_json(&text).unwrap();
            assert_eq!(serde_json::to_value(&request).unwrap(), wire);
            assert_eq!(RunRequest::from_value(serde_json::from_str(&text).unwrap()).unwrap(), request);
        }
    }
}
