//! [`Estimate`]: what a request may use and cost.

use serde::Serialize;

use crate::models::cost::Cost;

/// What a request may use and cost: [`Kits::estimate`](crate::Kits::estimate).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Estimate {
    /// The estimated number of input tokens: a quarter of the characters of prompt and context, each rounded up.
    pub input_tokens: u64,
    /// The maximum number of output tokens: `max_tokens` of the request, else the kit's. `None` if neither is known.
    pub max_output_tokens: Option<u64>,
    /// The cost of both at the kit's price. `None` if the output or the price is not known.
    pub max_cost: Option<Cost>,
}

/// Estimates the tokens of a text: four characters are one token. The service's own count can differ.
pub(crate) fn estimate_tokens(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX).div_ceil(4)
}
