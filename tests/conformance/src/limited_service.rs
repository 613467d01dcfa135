//! [`LimitedService`]: a service that enforces a rate limit. Pure: the time is an argument, and never decreases.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::step::Step;

/// Responds with a run while its window has room, and else with 429 and the exact time until it has room again.
///
/// Rejected requests do not count. Tokens count when a request is admitted. A request with more tokens than the limit is
/// admitted if nothing else counts.
#[derive(Debug, Clone)]
pub struct LimitedService {
    window: Window,
    per: Duration,
    /// The number of requests that fit into a window. All requests use the same number of tokens.
    max_requests: u64,
    usage: Value,
    /// The times of the admitted requests that count, the oldest first.
    admitted: VecDeque<Instant>,
}

/// How a service counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Window {
    /// A window begins with the first request that is admitted after the one before has ended.
    Fixed,
    /// A request counts for the length of the window.
    Sliding,
}

/// A limit that does not follow the format.
#[derive(Debug, thiserror::Error)]
pub enum LimitError {
    /// A field has the wrong name or type.
    #[error("limit: {0}")]
    Json(#[from] serde_json::Error),
    /// The limit admits nothing, or everything.
    #[error("limit: needs per_ms of at least 1, and requests or tokens of at least 1")]
    Numbers,
    /// Tokens are limited, but the runs have none.
    #[error("limit: tokens requires usage.total_tokens of at least 1")]
    TokensWithoutUsage,
}

impl LimitedService {
    /// Reads a limit from JSON.
    ///
    /// # Errors
    /// Names what does not follow the format.
    pub fn from_json(limit: Value) -> Result<Self, LimitError> {
        let LimitJson { window, per_ms, requests, tokens, usage } = serde_json::from_value(limit)?;
        let usage = usage.unwrap_or_else(|| json!({"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}));
        if per_ms == 0 || requests == Some(0) || tokens == Some(0) || (requests.is_none() && tokens.is_none()) {
            return Err(LimitError::Numbers);
        }
        let by_tokens = match tokens {
            None => u64::MAX,
            Some(tokens) => {
                let used = usage.get("total_tokens").and_then(Value::as_u64).filter(|used| *used > 0);
                (tokens / used.ok_or(LimitError::TokensWithoutUsage)?).max(1)
            }
        };
        let max_requests = requests.unwrap_or(u64::MAX).min(by_tokens);
        let per = Duration::from_millis(per_ms);
        Ok(Self { window, per, max_requests, usage, admitted: VecDeque::new() })
    }

    /// Admits a request. The error is the time until the window has room.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        let ended = |at: &Instant| now.saturating_duration_since(*at) >= self.per;
        match self.window {
            Window::Fixed if self.admitted.front().is_some_and(ended) => self.admitted.clear(),
            Window::Fixed => {}
            Window::Sliding => self.admitted.retain(|at| !ended(at)),
        }
        match self.admitted.front() {
            Some(first) if self.admitted.len() as u64 >= self.max_requests => {
                Err(self.per.saturating_sub(now.saturating_duration_since(*first)))
            }
            _ => {
                self.admitted.push_back(now);
                Ok(())
            }
        }
    }

    /// The response to an admitted request.
    pub(crate) fn run(&self) -> Step {
        let run = json!({"id": "run_1", "kit": "text-gen", "status": "completed", "output": {"text": "hi"},
            "usage": self.usage, "latency_ms": 3});
        Step::respond(200, &[], run)
    }

    /// The response to a rejected request, which can be sent again after `wait`.
    pub(crate) fn rejection(wait: Duration) -> Step {
        // Rounded up, so that a client that waits exactly this long is admitted.
        let ms = wait.as_nanos().div_ceil(1_000_000).to_string();
        let body = json!({"error": {"message": "slow down", "code": "rate_limit_exceeded"}});
        Step::respond(429, &[("retry-after-ms", &ms)], body)
    }
}

/// A limit as written in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitJson {
    window: Window,
    per_ms: u64,
    requests: Option<u64>,
    tokens: Option<u64>,
    usage: Option<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The wait in milliseconds of requests at these times; 0 if they are admitted.
    fn waits(limit: Value, at_ms: &[u64]) -> Vec<u128> {
        let mut service = LimitedService::from_json(limit).unwrap();
        let start = Instant::now();
        let wait = |at: &u64| service.admit(start + Duration::from_millis(*at)).err().unwrap_or_default().as_millis();
        at_ms.iter().map(wait).collect()
    }

    #[test]
    fn fixed_window_begins_with_the_first_admitted_request() {
        let limit = json!({"window": "fixed", "requests": 2, "per_ms": 500});
        let at = [100, 550, 551, 599, 600, 1_099, 1_099, 1_100];
        assert_eq!(waits(limit.clone(), &at), [0, 0, 49, 1, 0, 0, 1, 0]);
        assert_eq!(waits(limit, &[0, 700, 1_100, 1_150, 1_200]), [0, 0, 0, 50, 0], "a window does not begin by itself");
    }

    #[test]
    fn sliding_window_has_room_when_its_oldest_request_leaves() {
        let limit = json!({"window": "sliding", "requests": 2, "per_ms": 500});
        let at = [0, 300, 400, 499, 500, 501, 799, 800];
        assert_eq!(waits(limit, &at), [0, 0, 100, 1, 0, 299, 1, 0], "rejected requests do not count");
    }

    #[test]
    fn tokens_are_limited() {
        let limit = |tokens: u64, requests: Option<u64>, used: u64| {
            json!({"window": "sliding", "tokens": tokens, "requests": requests, "per_ms": 500,
                "usage": {"total_tokens": used}})
        };
        assert_eq!(waits(limit(100, None, 40), &[0, 1, 2, 500]), [0, 0, 498, 0]);
        assert_eq!(waits(limit(100, Some(1), 40), &[0, 1]), [0, 499]);
        assert_eq!(waits(limit(100, None, 150), &[0, 1, 500]), [0, 499, 0], "admitted if nothing else counts");
    }

    #[test]
    fn wait_is_rounded_up() {
        let rejection = LimitedService::rejection(Duration::from_micros(1_001));
        assert!(format!("{rejection:?}").contains(r#""retry-after-ms": Some(One(Text("2")))"#), "{rejection:?}");
    }

    #[test]
    fn invalid_limit_is_rejected() {
        for (limit, reason) in [
            (json!({"window": "fixed", "per_ms": 500}), "requests or tokens of at least 1"),
            (json!({"window": "fixed", "per_ms": 0, "requests": 1}), "per_ms of at least 1"),
            (json!({"window": "fixed", "per_ms": 500, "requests": 0}), "requests or tokens of at least 1"),
            (json!({"window": "fixed", "per_ms": 500, "requests": 1, "tokens": 0}), "requests or tokens of at least 1"),
            (json!({"window": "fixed", "per_ms": 500, "tokens": 9, "usage": {}}), "requires usage.total_tokens"),
            (json!({"window": "bucket", "per_ms": 500, "requests": 1}), "unknown variant `bucket`"),
            (json!({"per_ms": 500, "requests": 1}), "missing field `window`"),
            (json!({"window": "fixed", "requests": 1}), "missing field `per_ms`"),
            (json!({"window": "fixed", "per": 500, "requests": 1}), "unknown field `per`"),
        ] {
            let error = LimitedService::from_json(limit.clone()).unwrap_err().to_string();
            assert!(error.starts_with("limit: ") && error.contains(reason), "{limit}: {error}");
        }
    }
}
