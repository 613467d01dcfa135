//! [`Bill`]: what a response used and cost.

use crate::models::cost::Cost;

/// The tokens and the cost of a response. `None` where they are not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bill {
    /// Tokens of prompt and context.
    pub input_tokens: Option<u64>,
    /// Tokens of the output.
    pub output_tokens: Option<u64>,
    /// The sum of both.
    pub total_tokens: Option<u64>,
    /// The cost of the total.
    pub cost: Option<Cost>,
}
