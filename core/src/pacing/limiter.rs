//! [`Limiter`]: whether an attempt may be sent now, or when. Pure: the time is an argument, and never decreases.
//!
//! It knows three reasons to wait: the maximum of attempts in flight, the gate that a 429 with `Retry-After` closes, and a
//! limit, which is configured or learned.

use std::time::Duration;

use crate::config::rate_limit::RateLimit;
use crate::models::catalog::Quota;
use crate::models::client_usage::PacingStatus;
use crate::pacing::gate::{Gate, SlowStart};
use crate::pacing::ledger::Ledger;
use crate::pacing::limit::{Limit, Seconds};
use crate::pacing::output_estimates::TokenEstimate;
use crate::pipeline::retry::{MAX_BACKOFF, MAX_RETRY_AFTER};

/// A 429 without `Retry-After` lowers a limit once in this time.
const DROP_INTERVAL: Duration = Duration::from_secs(15);
/// Whether an attempt may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It was admitted.
    Now,
    /// Not before this time.
    At(Duration),
    /// Not before another attempt ends.
    WhenAnotherEnds,
}

/// What an attempt used of the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Used {
    /// It was not sent.
    Nothing,
    /// A request without tokens: the service rejected it.
    Request,
    /// A request and the tokens that the service counted.
    Tokens(u64),
    /// A request, and tokens that are not known. The estimate stays.
    Unknown,
    /// The same, and it is known that it had no success.
    Failed,
}

/// Decides what may be sent.
#[derive(Debug)]
pub(crate) struct Limiter {
    learns: bool,
    limit: Option<Limit>,
    ledger: Ledger,
    max_in_flight: u64,
    in_flight: u64,
    gate: Gate,
    /// After a 429 that no limit could be learned from.
    slow_start: Option<SlowStart>,
    /// Slow starts in a row whose first attempt was rejected.
    failed_starts: u32,
    /// A 429 without `Retry-After` before this does not lower the limit again.
    no_drop_before: Duration,
    /// Changes whenever the calls that wait have to wait for longer.
    revision: u64,
}

impl Limiter {
    pub(crate) fn new(rate_limit: RateLimit, max_in_flight: u64) -> Self {
        let limit = rate_limit.quota().map(Limit::configured);
        Self {
            learns: rate_limit == RateLimit::Auto,
            // Without a limit, what a 429 with the longest `Retry-After` can be about is remembered.
            ledger: Ledger::new(limit.as_ref().map_or(MAX_RETRY_AFTER, Limit::window)),
            limit,
            max_in_flight,
            in_flight: 0,
            gate: Gate::default(),
            slow_start: None,
            failed_starts: 0,
            no_drop_before: Duration::ZERO,
            revision: 0,
        }
    }

    /// Whether the estimated tokens of an attempt matter.
    pub(crate) fn token_limit(&self) -> Option<u64> {
        self.limit.as_ref().and_then(Limit::tokens)
    }

    /// Admits an attempt, or says when to ask again. `tokens` is its estimate.
    pub(crate) fn admit(&mut self, now: Duration, tokens: TokenEstimate) -> Admission {
        self.advance(now);
        if now < self.gate.opens_at {
            return Admission::At(self.gate.opens_at);
        }
        if self.is_full() {
            return Admission::WhenAnotherEnds;
        }
        if let Some(at) = self.slow_start.and_then(|start| start.wait(now, self.gate.opens_at)) {
            return Admission::At(at);
        }
        match self.room_at(now, tokens) {
            Admission::Now => {
                self.in_flight = self.in_flight.saturating_add(1);
                self.ledger.reserve(tokens.likely);
                if let Some(start) = &mut self.slow_start {
                    start.admitted = start.admitted.saturating_add(1);
                }
                Admission::Now
            }
            wait => {
                if let Some(limit) = &mut self.limit {
                    limit.note_reached();
                }
                wait
            }
        }
    }

    /// The body of an admitted attempt begins to be sent.
    pub(crate) fn sent(&mut self, now: Duration) {
        self.ledger.sent(now);
    }

    /// A request that ended as not sent is sent nevertheless.
    pub(crate) fn sent_after_return(&mut self, now: Duration) {
        self.ledger.sent_after_return(now);
    }

    /// An admitted attempt ends, which was sent at `sent_at`. `tokens` is what was reserved for it. `now` is only called if
    /// there is a limit of tokens.
    pub(crate) fn ended(&mut self, now: impl FnOnce() -> Duration, sent_at: Option<Duration>, tokens: u64, used: Used) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match (used, sent_at) {
            (Used::Nothing, _) => self.ledger.return_request(),
            (Used::Failed, Some(sent_at)) => self.ledger.mark_failed(sent_at),
            _ => {}
        }
        if self.token_limit().is_some() {
            let used = match used {
                Used::Nothing | Used::Request => 0,
                Used::Tokens(used) => used,
                Used::Unknown | Used::Failed => tokens,
            };
            self.ledger.settle(now(), tokens, used);
        }
        if let (Some(start), Used::Tokens(_)) = (&mut self.slow_start, used) {
            self.failed_starts = 0;
            start.succeeded = start.succeeded.saturating_add(1);
        }
    }

    /// The service rejected an attempt with 429. `sent_at` is when it was sent, `retry_after` what the service asked for,
    /// `opens_after` the same with jitter. To be called before [`ended`](Self::ended).
    pub(crate) fn rate_limited(&mut self, now: Duration, sent_at: Duration, retry_after: Option<(Duration, Duration)>) {
        self.ledger.mark_failed(sent_at);
        let Some((retry_after, opens_after)) = retry_after else {
            if let Some(limit) = self.limit.as_mut().filter(|_| now >= self.no_drop_before) {
                limit.lower(None, now);
                tracing::info!(limit = %limit, "429 without Retry-After: the rate limit in force is lowered");
                self.no_drop_before = now.saturating_add(DROP_INTERVAL);
                self.revision = self.revision.wrapping_add(1);
            }
            return;
        };
        if self.gate.close(now, sent_at, retry_after, opens_after) {
            self.revision = self.revision.wrapping_add(1);
        }
    }

    /// When the attempt behind `ahead` others can be sent at the earliest, as far as that is known: by the gate, the limit of
    /// requests, and the tokens of attempts that have ended.
    pub(crate) fn earliest(&mut self, now: Duration, ahead: usize, tokens: TokenEstimate) -> Duration {
        self.advance(now);
        let opens_at = self.gate.opens_at.max(now);
        let Some(limit) = &self.limit else { return opens_at };
        let by_requests = limit.requests().map_or(opens_at, |max| {
            let ahead = u64::try_from(ahead).unwrap_or(u64::MAX);
            // Every request makes room for another one a window later.
            let (windows, place) = (ahead.div_euclid(max), ahead.rem_euclid(max));
            let later = limit.window().saturating_mul(u32::try_from(windows).unwrap_or(u32::MAX));
            let counted = self.ledger.requests();
            match counted.saturating_add(place).saturating_add(1).saturating_sub(max) {
                0 => opens_at,
                excess => self.ledger.requests_expire(excess, now).max(opens_at),
            }
            .saturating_add(later)
        });
        let by_tokens = limit.tokens().and_then(|max| {
            let excess = self.ledger.settled_tokens().saturating_add(tokens.at_most.min(max)).saturating_sub(max);
            self.ledger.tokens_expire(excess).filter(|_| excess > 0)
        });
        by_requests.max(by_tokens.unwrap_or(opens_at))
    }

    /// The length of a wait to this time, without the jitter that was added to what the service asked for.
    pub(crate) fn wait(&self, now: Duration, at: Duration) -> Duration {
        self.gate.without_jitter(at).saturating_sub(now)
    }

    /// Whether the option `rate_limit` has the limit in force.
    pub(crate) fn is_configured(&self) -> bool {
        self.limit.as_ref().is_some_and(Limit::is_configured)
    }

    /// The reason to wait, as the start of a sentence: the limit in force, or the 429.
    pub(crate) fn reason(&self, now: Duration) -> Option<String> {
        if let Some(limit) = &self.limit {
            return Some(format!("the rate limit in force is {limit}"));
        }
        if now < self.gate.opens_at {
            let left = Seconds(self.wait(now, self.gate.opens_at));
            return Some(format!("the service responded with 429 and asks to wait for {left} s"));
        }
        self.slow_start.map(|_| "the service responds with 429".to_owned())
    }

    /// Changes whenever the calls that wait have to wait for notably longer.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// When the gate opens, if it is closed.
    pub(crate) fn closed_until(&self, now: Duration) -> Option<Duration> {
        Some(self.gate.opens_at).filter(|opens_at| *opens_at > now)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.in_flight >= self.max_in_flight
    }

    pub(crate) fn status(&mut self, now: Duration) -> PacingStatus {
        self.advance(now);
        PacingStatus {
            limit_origin: self.limit.as_ref().map(Limit::origin),
            limit_requests: self.limit.as_ref().and_then(Limit::requests),
            limit_tokens: self.limit.as_ref().and_then(Limit::tokens),
            limit_per: self.limit.as_ref().map(|limit| limit.per),
            requests_in_window: self.ledger.requests(),
            tokens_in_window: self.ledger.tokens(),
            in_flight: self.in_flight,
            waiting: 0,
            closed_for: self.closed_until(now).map(|opens_at| opens_at.saturating_sub(now)),
        }
    }

    fn room_at(&self, now: Duration, tokens: TokenEstimate) -> Admission {
        let Some(limit) = &self.limit else { return Admission::Now };
        let mut at = now;
        if let Some(max) = limit.requests() {
            let excess = self.ledger.requests().saturating_add(1).saturating_sub(max);
            if excess > 0 {
                at = at.max(self.ledger.requests_expire(excess, now));
            }
        }
        if let Some(max) = limit.tokens() {
            // An attempt that is larger than a window waits for an empty one, and counts against the next one too.
            let excess = self.ledger.tokens().saturating_add(tokens.at_most.min(max)).saturating_sub(max);
            if excess > 0 {
                match self.ledger.tokens_expire(excess) {
                    Some(expires) => at = at.max(expires),
                    None => return Admission::WhenAnotherEnds,
                }
            }
        }
        if at > now { Admission::At(at) } else { Admission::Now }
    }

    /// Brings the state to `now`: entries expire, a 429 is learned from, a clean window raises the limit.
    fn advance(&mut self, now: Duration) {
        self.ledger.expire(now);
        // While the gate is closed nothing is sent. Once everything has ended it is known what the service accepted.
        if self.gate.unlearned && (self.in_flight == 0 || now >= self.gate.opens_at) {
            self.gate.unlearned = false;
            self.learn(now);
        }
        if let Some(limit) = self.limit.as_mut().filter(|_| now >= self.gate.opens_at) {
            limit.raise(now);
        }
    }

    /// Learns from a 429 with `Retry-After`.
    fn learn(&mut self, now: Duration) {
        self.revision = self.revision.wrapping_add(1);
        let Gate { opens_at, window_ends_by, window_ends_from, opened_at, .. } = self.gate;
        // Without further evidence, the service counts as its plans do.
        let usual = Quota::DEFAULT_PER.max(window_ends_by.saturating_sub(now));
        let window = self.limit.as_ref().map_or(usual, |limit| limit.per);
        let accepted = self.ledger.accepted_since(window_ends_from.saturating_sub(window).max(opened_at));
        // This client alone reached the limit, and less than half was accepted: the limit was learned wrongly, most of all its
        // window.
        let is_wrong = |limit: &Limit, accepted: u64| {
            limit.is_reached() && limit.requests().is_some_and(|max| accepted.saturating_mul(2) < max)
        };
        let limit = match (&mut self.limit, accepted) {
            (limit, Some((requests, first)))
                if self.learns && limit.as_ref().is_none_or(|limit| is_wrong(limit, requests)) =>
            {
                Limit::learned(requests, window_ends_by.saturating_sub(first), opens_at)
            }
            (Some(limit), accepted) => {
                limit.lower(accepted.map(|(requests, _)| requests), opens_at);
                tracing::info!(limit = %limit, "429: the rate limit in force is lowered");
                return;
            }
            (None, _) => return self.start_slowly(now),
        };
        tracing::info!(limit = %limit, "429: learned a rate limit");
        self.ledger.set_window(limit.window());
        self.limit = Some(limit);
        self.slow_start = None;
    }

    /// After the gate opens, one attempt goes first. While that one is rejected, the wait grows.
    fn start_slowly(&mut self, now: Duration) {
        let backoff = Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(self.failed_starts)).min(MAX_BACKOFF);
        if self.failed_starts > 0 {
            self.gate.extend(now.saturating_add(backoff));
        }
        self.failed_starts = self.failed_starts.saturating_add(1);
        self.slow_start = Some(SlowStart::default());
        let wait = self.gate.opens_at.saturating_sub(now);
        tracing::info!(wait_ms = wait.as_millis(), "429: all calls wait");
    }
}
