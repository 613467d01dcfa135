//! [`ClientUsage`]: what a client has done since it was created.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::models::cost::Cost;

/// What a client and its copies have done since the client was created: [`Client::usage`](crate::Client::usage).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ClientUsage {
    /// Calls that were started, without those rejected as invalid.
    pub calls: u64,
    /// Attempts of these calls.
    pub attempts: u64,
    /// Calls that returned a run.
    pub runs: u64,
    /// Calls that returned an error. Cancelled calls are in neither number.
    pub failures: u64,
    /// Attempts that the service rejected with 429.
    pub rate_limited: u64,
    /// Input tokens of the runs.
    pub input_tokens: u64,
    /// Output tokens of the runs.
    pub output_tokens: u64,
    /// Input and output tokens of the runs.
    pub total_tokens: u64,
    /// Runs without a total of tokens in their response. They are not in `total_tokens`.
    pub runs_with_unknown_usage: u64,
    /// The cost of the runs with a total of tokens and a known price.
    pub cost: Cost,
    /// How the client keeps to the rate limit at the moment.
    pub pacing: PacingStatus,
}

/// How a client keeps to the rate limit at the moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PacingStatus {
    /// Where the limit in force comes from: `configured`, `learned`, or `None` without a limit.
    pub limit_origin: Option<&'static str>,
    /// The number of requests that the limit in force allows.
    pub limit_requests: Option<u64>,
    /// The number of tokens that the limit in force allows.
    pub limit_tokens: Option<u64>,
    /// The length of time that both apply to. Serialized in seconds.
    #[serde(serialize_with = "seconds")]
    pub limit_per: Option<Duration>,
    /// Requests that count towards the limit now; without a limit, those of the last two minutes.
    pub requests_in_window: u64,
    /// Tokens that count towards the limit now, with those reserved for attempts in flight. 0 without a limit of tokens.
    pub tokens_in_window: u64,
    /// Attempts on the wire.
    pub in_flight: u64,
    /// Calls that wait for their turn.
    pub waiting: u64,
    /// How long a `Retry-After` still holds back all calls. Serialized in seconds.
    #[serde(serialize_with = "seconds")]
    pub closed_for: Option<Duration>,
}

fn seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
}
