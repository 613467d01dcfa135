//! Whether a failed attempt is retried, and after how long. Pure: no clock, no sleep, no randomness, no I/O.

use std::time::Duration;

/// A `Retry-After` over this ends the call at once.
pub(crate) const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);
/// The maximum backoff, before jitter.
pub(crate) const MAX_BACKOFF: Duration = Duration::from_secs(20);
/// A `Retry-After` is extended by up to a tenth of itself, and at most by this.
const MAX_RETRY_AFTER_JITTER: Duration = Duration::from_secs(1);
/// The number of unprocessed attempts of a call that do not count against `max_retries`: connections that end under many
/// calls leave some of them unprocessed again and again.
const FREE_UNPROCESSED_RETRIES: u32 = 5;

/// What may have happened to a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureClass {
    /// It never reached the service: DNS, connection refused, connect timeout, TLS handshake cut. Retried.
    NotSent,
    /// The server declared it unprocessed, for example because it closes an HTTP/2 connection. Retried.
    Unprocessed,
    /// The service asks to send it later: 429, 408. Retried.
    Throttled,
    /// The service failed: 5xx. Retried, although it may have run.
    ServerError,
    /// It was sent and has no complete response, so it may have run. Retried only with `retry_ambiguous`.
    Ambiguous,
    /// A retry would fail the same way, or could be billed twice. Never retried.
    Permanent { may_have_run: bool },
}

impl FailureClass {
    /// The class of a response with this status that is not a valid success.
    pub(crate) fn from_status(status: u16) -> Self {
        match status {
            408 | 429 => Self::Throttled,
            501 | 505 => Self::Permanent { may_have_run: false },
            500.. => Self::ServerError,
            // A success that is not valid, a switch to another protocol, and "see the result elsewhere".
            101 | 200..300 | 303 => Self::Permanent { may_have_run: true },
            _ => Self::Permanent { may_have_run: false },
        }
    }

    pub(crate) fn may_have_run(self) -> bool {
        match self {
            Self::NotSent | Self::Unprocessed | Self::Throttled => false,
            Self::ServerError | Self::Ambiguous => true,
            Self::Permanent { may_have_run } => may_have_run,
        }
    }
}

/// A failed attempt, as far as retries depend on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FailedAttempt {
    pub(crate) class: FailureClass,
    pub(crate) status: Option<u16>,
    pub(crate) retry_after: Option<Duration>,
    /// The service's own decision (`x-should-retry`), which overrides the class.
    pub(crate) should_retry: Option<bool>,
}

impl FailedAttempt {
    /// Whether it is a 429, which has a longer backoff and costs less of the retry budget.
    pub(crate) fn is_throttled(&self) -> bool {
        self.status == Some(429)
    }

    /// Whether it is unprocessed. Its backoff is short, just so that the next connection is opened once.
    pub(crate) fn is_unprocessed(&self) -> bool {
        self.class == FailureClass::Unprocessed
    }

    /// Whether its retry waits at the gate that all retries of a client after 503 share.
    pub(crate) fn waits_at_gate(&self) -> bool {
        self.status == Some(503)
    }

    /// How long it closes that gate, if it does.
    pub(crate) fn gate_duration(&self) -> Option<Duration> {
        self.retry_after.filter(|delay| self.waits_at_gate() && *delay <= MAX_RETRY_AFTER)
    }

    /// How long a 429 holds back all attempts of a client, if the service said so.
    pub(crate) fn pause(&self) -> Option<Duration> {
        let (_, floor) = backoff_range(self);
        self.retry_after.filter(|delay| self.is_throttled() && *delay <= MAX_RETRY_AFTER).map(|delay| delay.max(floor))
    }
}

/// What follows a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryDecision {
    /// Retry after this delay.
    RetryAfter(Duration),
    /// Retry when the rate limit has room, after the `Retry-After` of a 429.
    WhenAdmitted,
    /// Return the error.
    Stop(RetryStop),
}

/// Why a failed attempt is not retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryStop {
    NotRetryable,
    MaxRetries,
    /// `Retry-After` is over 120 s.
    RetryAfter,
    /// The wait would end after the deadline.
    Deadline,
    /// The rate limit holds the call back beyond its deadline.
    RateLimit,
    Budget,
}

impl RetryStop {
    /// The value of `retry_stopped_by` in every language.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::NotRetryable => None,
            Self::MaxRetries => Some("max_retries"),
            Self::RetryAfter => Some("retry_after"),
            Self::Deadline => Some("deadline"),
            Self::RateLimit => Some("rate_limit"),
            Self::Budget => Some("retry_budget"),
        }
    }

    /// What the error's message adds. The number of attempts tells of `max_retries`, and the pacer of the rate limit.
    pub(crate) fn words(self) -> Option<&'static str> {
        match self {
            Self::NotRetryable | Self::MaxRetries | Self::RateLimit => None,
            Self::RetryAfter => Some("the service asks to wait for more than 120 s"),
            Self::Deadline => Some("the wait would end after `timeout`"),
            Self::Budget => Some("the client's `retry_budget` is empty"),
        }
    }
}

/// The options of a call that decide about retries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryPolicy {
    pub(crate) max_retries: u32,
    pub(crate) retry_ambiguous: bool,
}

impl RetryPolicy {
    /// Whether this failure is retried, whatever attempts and time are left.
    pub(crate) fn is_retryable(&self, failed: &FailedAttempt) -> bool {
        failed.should_retry.unwrap_or(match failed.class {
            FailureClass::NotSent | FailureClass::Unprocessed | FailureClass::Throttled | FailureClass::ServerError => {
                true
            }
            FailureClass::Ambiguous => self.retry_ambiguous,
            FailureClass::Permanent { .. } => false,
        })
    }

    /// Decides what follows a failed attempt. `retries` counts those so far, `jitter` is a random number from 0 to 1,
    /// `remaining` is the time to the deadline.
    pub(crate) fn decide(
        &self,
        failed: &FailedAttempt,
        retries: u32,
        jitter: f64,
        remaining: Option<Duration>,
    ) -> RetryDecision {
        if !self.is_retryable(failed) {
            return RetryDecision::Stop(RetryStop::NotRetryable);
        }
        if retries >= self.max_retries {
            return RetryDecision::Stop(RetryStop::MaxRetries);
        }
        if failed.retry_after.is_some_and(|delay| delay > MAX_RETRY_AFTER) {
            return RetryDecision::Stop(RetryStop::RetryAfter);
        }
        if failed.pause().is_some() {
            return RetryDecision::WhenAdmitted;
        }
        let delay = backoff(failed, retries, jitter);
        match remaining {
            Some(remaining) if delay >= remaining => RetryDecision::Stop(RetryStop::Deadline),
            _ => RetryDecision::RetryAfter(delay),
        }
    }
}

/// The retries so far that count against `max_retries`. `unprocessed` of the attempts were not processed by the server.
pub(crate) fn retries_used(attempts: u32, unprocessed: u32) -> u32 {
    attempts.saturating_sub(1).saturating_sub(unprocessed.min(FREE_UNPROCESSED_RETRIES))
}

/// Extends `delay` by up to a tenth, so that calls with the same `Retry-After` do not return together.
pub(crate) fn add_jitter(delay: Duration, jitter: f64) -> Duration {
    delay.saturating_add(seconds(delay.as_secs_f64() * 0.1).min(MAX_RETRY_AFTER_JITTER).mul_f64(jitter))
}

fn backoff(failed: &FailedAttempt, retries: u32, jitter: f64) -> Duration {
    let (base, floor) = backoff_range(failed);
    if let Some(delay) = failed.retry_after {
        return add_jitter(delay.max(floor), jitter);
    }
    let ceiling = base.saturating_mul(2_u32.saturating_pow(retries)).min(MAX_BACKOFF);
    floor.saturating_add(seconds(ceiling.saturating_sub(floor).as_secs_f64() * jitter))
}

/// The first backoff at most, and every delay at least.
fn backoff_range(failed: &FailedAttempt) -> (Duration, Duration) {
    if failed.is_throttled() {
        (Duration::from_secs(1), Duration::from_millis(100))
    } else if failed.is_unprocessed() {
        (Duration::from_millis(50), Duration::from_millis(5))
    } else {
        (Duration::from_millis(500), Duration::from_millis(50))
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::retry_after::parse_retry_after;
    use proptest::prelude::*;
    use std::time::SystemTime;

    const S: fn(u64) -> Duration = Duration::from_secs;
    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn failed(class: FailureClass, status: Option<u16>) -> FailedAttempt {
        FailedAttempt { class, status, retry_after: None, should_retry: None }
    }

    fn status(status: u16) -> FailedAttempt {
        failed(FailureClass::from_status(status), Some(status))
    }

    /// The delay in milliseconds without jitter, or `None` for no retry. The delay before a retry that the rate limit holds
    /// back is its `Retry-After`.
    fn decide(policy: RetryPolicy, failed: FailedAttempt, retries: u32, remaining: Option<Duration>) -> Option<u128> {
        match policy.decide(&failed, retries, 0.0, remaining) {
            RetryDecision::RetryAfter(delay) => Some(delay.as_millis()),
            RetryDecision::WhenAdmitted => failed.pause().map(|pause| pause.as_millis()),
            RetryDecision::Stop(_) => None,
        }
    }

    #[test]
    fn decide_table() {
        let policy = RetryPolicy { max_retries: 2, retry_ambiguous: false };
        let ambiguous = RetryPolicy { retry_ambiguous: true, ..policy };
        for code in 100..=999 {
            let retried = matches!(code, 408 | 429) || (code >= 500 && !matches!(code, 501 | 505));
            assert_eq!(policy.is_retryable(&status(code)), retried, "{code}");
            assert_eq!(policy.is_retryable(&status(code)), ambiguous.is_retryable(&status(code)), "{code}");
            let may_have_run = matches!(code, 101 | 200..300 | 303) || (retried && code >= 500);
            assert_eq!(FailureClass::from_status(code).may_have_run(), may_have_run, "{code}");
            let service_says = |decision| FailedAttempt { should_retry: Some(decision), ..status(code) };
            assert!(policy.is_retryable(&service_says(true)) && !policy.is_retryable(&service_says(false)), "{code}");
        }
        assert!(
            !FailureClass::NotSent.may_have_run()
                && !FailureClass::Unprocessed.may_have_run()
                && FailureClass::Ambiguous.may_have_run()
        );

        let with_retry_after = |seconds, of: u16| FailedAttempt { retry_after: Some(seconds), ..status(of) };
        let table = [
            (policy, status(500), 0, None, Some(50)),
            (policy, status(500), 1, None, Some(50)),
            (policy, status(500), 2, None, None),
            (policy, status(429), 0, None, Some(100)),
            (policy, status(408), 0, None, Some(50)),
            (policy, status(409), 0, None, None),
            (policy, failed(FailureClass::NotSent, None), 0, None, Some(50)),
            (policy, failed(FailureClass::Unprocessed, None), 0, None, Some(5)),
            (policy, failed(FailureClass::Unprocessed, None), 2, None, None),
            (policy, failed(FailureClass::Ambiguous, None), 0, None, None),
            (ambiguous, failed(FailureClass::Ambiguous, None), 0, None, Some(50)),
            (ambiguous, failed(FailureClass::Permanent { may_have_run: true }, Some(200)), 0, None, None),
            (RetryPolicy { max_retries: 0, ..policy }, status(429), 0, None, None),
            (RetryPolicy { max_retries: u32::MAX, ..policy }, status(500), u32::MAX - 1, None, Some(50)),
            // A Retry-After replaces the backoff, but is at least the floor.
            (policy, with_retry_after(S(7), 500), 0, None, Some(7_000)),
            (policy, with_retry_after(MS(1), 500), 0, None, Some(50)),
            (policy, with_retry_after(MS(1), 429), 0, None, Some(100)),
            (policy, with_retry_after(S(120), 429), 0, None, Some(120_000)),
            (policy, with_retry_after(MS(120_001), 429), 0, None, None),
            (policy, with_retry_after(S(121), 503), 0, None, None),
            (policy, with_retry_after(Duration::MAX, 429), 0, None, None),
            (policy, with_retry_after(S(5), 400), 0, None, None),
            // A delay that does not fit the deadline is not started.
            (policy, with_retry_after(S(5), 500), 0, Some(S(6)), Some(5_000)),
            (policy, with_retry_after(S(5), 500), 0, Some(S(5)), None),
            (policy, with_retry_after(S(5), 503), 0, Some(S(4)), None),
            // The pacer knows the wait after a 429, and compares it with the deadline.
            (policy, with_retry_after(S(5), 429), 0, Some(S(4)), Some(5_000)),
            (policy, with_retry_after(S(5), 429), 2, None, None),
            (policy, status(500), 0, Some(MS(50)), None),
            (policy, status(500), 0, Some(MS(51)), Some(50)),
            (policy, status(500), 0, Some(Duration::ZERO), None),
            // x-should-retry overrides the class, within max_retries and the deadline.
            (policy, FailedAttempt { should_retry: Some(true), ..status(400) }, 0, None, Some(50)),
            (policy, FailedAttempt { should_retry: Some(true), ..status(501) }, 1, None, Some(50)),
            (policy, FailedAttempt { should_retry: Some(true), ..status(400) }, 2, None, None),
            (policy, FailedAttempt { should_retry: Some(true), ..with_retry_after(S(121), 400) }, 0, None, None),
            (policy, FailedAttempt { should_retry: Some(false), ..status(500) }, 0, None, None),
            (policy, FailedAttempt { should_retry: Some(false), ..status(429) }, 0, None, None),
        ];
        for (policy, failed, retries, remaining, delay) in table {
            assert_eq!(
                decide(policy, failed, retries, remaining),
                delay,
                "{policy:?} {failed:?} {retries} {remaining:?}"
            );
        }
    }

    #[test]
    fn unprocessed_attempts_do_not_count_against_max_retries() {
        let table = [(1, 0, 0), (2, 0, 1), (3, 1, 1), (1, 1, 0), (5, 5, 0), (6, 6, 0), (7, 7, 1), (8, 8, 2), (8, 5, 2)];
        for (attempts, unprocessed, counted) in table {
            assert_eq!(retries_used(attempts, unprocessed), counted, "{attempts} {unprocessed}");
        }
    }

    #[test]
    fn gate_table() {
        let table = [
            (429, Some(S(5)), false, None),
            (503, Some(S(120)), true, Some(S(120))),
            (503, Some(S(121)), true, None),
            (503, None, true, None),
            (500, Some(S(5)), false, None),
            (408, Some(S(5)), false, None),
        ];
        for (code, retry_after, gated, closes) in table {
            let failed = FailedAttempt { retry_after, ..status(code) };
            assert_eq!((failed.waits_at_gate(), failed.gate_duration()), (gated, closes), "{code} {retry_after:?}");
        }
    }

    #[test]
    fn pause_table() {
        let table = [
            (429, Some(S(5)), Some(S(5))),
            (429, Some(MS(1)), Some(MS(100))),
            (429, Some(S(120)), Some(S(120))),
            (429, Some(S(121)), None),
            (429, None, None),
            (503, Some(S(5)), None),
        ];
        for (code, retry_after, pause) in table {
            let failed = FailedAttempt { retry_after, ..status(code) };
            assert_eq!(failed.pause(), pause, "{code} {retry_after:?}");
        }
    }

    #[test]
    fn backoff_at_min_and_max_jitter() {
        let policy = RetryPolicy { max_retries: u32::MAX, retry_ambiguous: false };
        let table = [
            (500, 0, 50, 500),
            (500, 1, 50, 1_000),
            (500, 2, 50, 2_000),
            (500, 5, 50, 16_000),
            (500, 6, 50, 20_000),
            (500, 1_000, 50, 20_000),
            (429, 0, 100, 1_000),
            (429, 1, 100, 2_000),
            (429, 4, 100, 16_000),
            (429, 5, 100, 20_000),
        ];
        for (code, retries, min, max) in table {
            for (jitter, delay) in [(0.0, min), (1.0, max)] {
                assert_eq!(policy.decide(&status(code), retries, jitter, None), RetryDecision::RetryAfter(MS(delay)));
            }
        }
        for (retries, max) in [(0, 50), (1, 100), (8, 12_800), (9, 20_000)] {
            let unprocessed = failed(FailureClass::Unprocessed, None);
            assert_eq!(policy.decide(&unprocessed, retries, 0.0, None), RetryDecision::RetryAfter(MS(5)));
            assert_eq!(policy.decide(&unprocessed, retries, 1.0, None), RetryDecision::RetryAfter(MS(max)));
        }
        for (delay, max) in [(S(1), MS(1_100)), (S(10), S(11)), (S(60), S(61)), (S(120), S(121))] {
            assert_eq!(add_jitter(delay, 0.0), delay);
            assert_eq!(add_jitter(delay, 1.0), max);
        }
        // Long delays are spread as well: the limit applies before the jitter.
        assert_eq!((add_jitter(S(60), 0.25), add_jitter(S(60), 0.5)), (MS(60_250), MS(60_500)));
    }

    proptest! {
        /// No headers and no number of retries cause a panic or a delay out of bounds.
        #[test]
        fn delays_stay_in_bounds(
            code in 100_u16..1000,
            retries in any::<u32>(),
            jitter in 0.0..=1.0,
            remaining in proptest::option::of(any::<u64>().prop_map(Duration::from_millis)),
            ms in proptest::option::of("[0-9.eE+-]{0,9}|.{0,9}"),
            value in proptest::option::of("[0-9]{0,9}(\\.[0-9]{0,9})?|[A-Z][a-z]{2}, [0-9]{2} Sep 20[0-9]{2} 16:26:37 GMT|.*"),
            now in 0_u64..1 << 33,
        ) {
            let now = SystemTime::UNIX_EPOCH.checked_add(S(now)).unwrap();
            let retry_after = parse_retry_after(ms.as_deref(), value.as_deref(), now);
            prop_assert_ne!(retry_after, Some(Duration::ZERO));
            let failed = FailedAttempt { retry_after, ..status(code) };
            prop_assert!(!failed.is_unprocessed());
            let policy = RetryPolicy { max_retries: u32::MAX, retry_ambiguous: false };
            if let RetryDecision::RetryAfter(delay) = policy.decide(&failed, retries, jitter, remaining) {
                let floor = if code == 429 { MS(100) } else { MS(50) };
                prop_assert!(delay >= floor);
                prop_assert!(remaining.is_none_or(|remaining| delay < remaining));
                match retry_after {
                    Some(after) => {
                        prop_assert!(after <= MAX_RETRY_AFTER);
                        prop_assert!(delay >= after && delay <= after.max(floor).mul_f64(1.1).max(after).saturating_add(MS(1)));
                        prop_assert!(delay <= after.max(floor).saturating_add(MAX_RETRY_AFTER_JITTER));
                    }
                    None => prop_assert!(delay <= MAX_BACKOFF),
                }
            }
        }
    }
}
