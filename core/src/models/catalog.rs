//! The kits and plans of the service, with limits and prices: the one place where these facts are defined.
//!
//! Source: the API reference of the launch. The tables of the README are checked against it.

use std::time::Duration;

use serde::Serialize;

use crate::models::cost::Cost;
use crate::models::kit::Kit;

/// What is known of a kit: [`Kit::info`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KitInfo {
    /// The id in the API.
    pub id: &'static str,
    /// What the kit is for.
    pub purpose: &'static str,
    /// The maximum of `max_tokens`.
    pub max_tokens: u32,
    /// The price of 1,000 tokens. It applies to the total of input and output tokens.
    pub price_per_1k_tokens: Cost,
}

/// Every kit, in the order of the API reference.
pub(crate) static KITS: [KitInfo; 4] = [
    kit("text-gen", "general text generation and chat", 4_096, 400_000),
    kit("code-assist", "code completion and review", 8_192, 600_000),
    kit("summarizer", "document and article summarization", 16_384, 500_000),
    kit("classifier", "text classification and sentiment", 2_048, 300_000),
];

const fn kit(id: &'static str, purpose: &'static str, max_tokens: u32, nano_usd_per_1k: u64) -> KitInfo {
    KitInfo { id, purpose, max_tokens, price_per_1k_tokens: Cost::from_nano_usd(nano_usd_per_1k) }
}

impl Kit {
    /// Every kit that this version knows, in the order of the API reference.
    pub const ALL: [Self; 4] = [Self::TextGen, Self::CodeAssist, Self::Summarizer, Self::Classifier];

    /// Returns what this version knows of the kit; `None` for a kit that it does not know.
    ///
    /// ```
    /// use builderaikits::Kit;
    ///
    /// let info = Kit::Summarizer.info().ok_or("unknown")?;
    /// assert_eq!((info.max_tokens, info.price_per_1k_tokens.to_string()), (16_384, "0.0005".to_owned()));
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn info(&self) -> Option<&'static KitInfo> {
        KITS.iter().find(|info| info.id == self.as_str())
    }
}

/// A plan of the service with limits that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Plan {
    /// 30 requests and 15,000 tokens per minute.
    Maker,
    /// 120 requests and 100,000 tokens per minute.
    Builder,
}

/// How many requests and tokens may be sent in a length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quota {
    /// The number of requests. `None`: no limit.
    pub requests: Option<u64>,
    /// The number of input and output tokens. `None`: no limit.
    pub tokens: Option<u64>,
    /// The length of time. The plans count per minute.
    pub per: Duration,
}

impl Quota {
    /// The length of time if none is given: a minute, as the plans count.
    pub const DEFAULT_PER: Duration = Duration::from_secs(60);
}

impl Plan {
    /// Every plan with limits that are known. An Enterprise plan has limits of its own.
    pub const ALL: [Self; 2] = [Self::Maker, Self::Builder];

    /// The plan's name in lower case, as the option `rate_limit` has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Maker => "maker",
            Self::Builder => "builder",
        }
    }

    /// The plan's limits.
    #[must_use]
    pub fn quota(self) -> Quota {
        let (requests, tokens) = match self {
            Self::Maker => (30, 15_000),
            Self::Builder => (120, 100_000),
        };
        Quota { requests: Some(requests), tokens: Some(tokens), per: Quota::DEFAULT_PER }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_kit_has_an_entry() {
        assert_eq!(Kit::ALL.map(|kit| kit.info().map(|info| info.id)), KITS.map(|info| Some(info.id)));
        assert_eq!(Kit::from("new-kit").info(), None);
    }
}
