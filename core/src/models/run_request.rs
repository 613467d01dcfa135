//! [`RunRequest`]: the request of `kits/run`.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::models::estimate::estimate_tokens;
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
/// let same = RunRequest::from_json(r#"{
///     "kit": "summarizer",
///     "input": {"prompt": "In three points, please.", "context": "a long text…"},
///     "config": {"max_tokens": 500, "temperature": 0.6}
/// }"#)?;
/// assert_eq!(request, same);
/// # Ok::<(), builderaikits::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunRequest {
    pub(crate) kit: Kit,
    pub(crate) input: RunInput,
    #[serde(skip_serializing_if = "RunConfig::is_empty")]
    pub(crate) config: RunConfig,
    #[serde(flatten)]
    pub(crate) extra: Redacted<Map<String, Value>>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct RunInput {
    pub(crate) prompt: Redacted<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) context: Option<Redacted<String>>,
    #[serde(flatten)]
    pub(crate) extra: Redacted<Map<String, Value>>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub(crate) struct RunConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) temperature: Option<f64>,
    #[serde(flatten)]
    pub(crate) extra: Redacted<Map<String, Value>>,
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

    /// The estimated number of input tokens.
    pub(crate) fn input_tokens(&self) -> u64 {
        let context = self.input.context.as_ref().map_or(0, |context| estimate_tokens(context));
        estimate_tokens(&self.input.prompt).saturating_add(context)
    }

    /// The maximum number of output tokens: the request's, else the kit's, if it is known.
    pub(crate) fn max_output_tokens(&self) -> Option<u32> {
        self.config.max_tokens.or_else(|| self.kit.info().map(|info| info.max_tokens))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_prompt() {
        let request = RunRequest::new(Kit::TextGen, "secret").context("secret");
        assert!(!format!("{request:?}").contains("secret"));
        let request = RunRequest::from_json(r#"{"kit": "k", "input": {"prompt": "p", "new": "secret"}}"#).unwrap();
        assert!(!format!("{request:?}").contains("secret"));
    }
}
