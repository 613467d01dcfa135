//! [`Limit`]: the limit in force: configured or learned, lowered after a 429, and raised again. Pure.

use std::fmt;
use std::time::Duration;

use crate::models::catalog::Quota;

/// Added to the window of every limit: requests can reach the service closer together than they were sent.
pub(crate) const MARGIN: Duration = Duration::from_millis(250);
/// A 429 lowers a limit to this part of it at most.
const DROP: f64 = 0.8;
/// A window without a 429 raises a limit by this part of it, and by one request at least.
const RAISE: f64 = 0.05;
/// A raise that ends in a 429 doubles the number of windows before the next one, up to this.
const MAX_WINDOWS_BEFORE_RAISE: u32 = 16;

/// The limit in force.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    /// Fractions count, so that small raises add up.
    requests: Option<f64>,
    tokens: Option<f64>,
    pub(crate) per: Duration,
    /// What it is raised to at most; `None` for a learned limit.
    configured: Option<Quota>,
    /// The start of the current time without a 429.
    clean_since: Duration,
    /// Windows without a 429 before a raise.
    windows_before_raise: u32,
    /// Whether it was raised since the last 429.
    raised: bool,
    /// Whether a request had to wait since `clean_since`. A limit that nobody reaches is not raised.
    reached: bool,
}

impl Limit {
    pub(crate) fn configured(quota: Quota) -> Self {
        Self { configured: Some(quota), ..Self::new(quota.requests, quota.tokens, quota.per, Duration::ZERO) }
    }

    /// The limit of a service that accepted `requests` per `per`.
    pub(crate) fn learned(requests: u64, per: Duration, now: Duration) -> Self {
        Self::new(Some(requests), None, per, now)
    }

    fn new(requests: Option<u64>, tokens: Option<u64>, per: Duration, clean_since: Duration) -> Self {
        let number = |limit: u64| limit as f64;
        Self {
            requests: requests.map(number),
            tokens: tokens.map(number),
            per,
            configured: None,
            clean_since,
            windows_before_raise: 1,
            raised: false,
            reached: false,
        }
    }

    pub(crate) fn requests(&self) -> Option<u64> {
        self.requests.map(whole)
    }

    pub(crate) fn tokens(&self) -> Option<u64> {
        self.tokens.map(whole)
    }

    pub(crate) fn is_configured(&self) -> bool {
        self.configured.is_some()
    }

    pub(crate) fn origin(&self) -> &'static str {
        if self.is_configured() { "configured" } else { "learned" }
    }

    /// How long an entry of the ledger counts under this limit.
    pub(crate) fn window(&self) -> Duration {
        self.per.saturating_add(MARGIN)
    }

    /// Notes that a request had to wait because of the limit.
    pub(crate) fn note_reached(&mut self) {
        self.reached = true;
    }

    /// Whether a request had to wait because of the limit since the last 429 or raise.
    pub(crate) fn is_reached(&self) -> bool {
        self.reached
    }

    /// Lowers the limit after a 429, to what the service accepted in the window, but not below [`DROP`] of it. Without that
    /// number, or if the limit is configured, to [`DROP`].
    pub(crate) fn lower(&mut self, accepted: Option<u64>, clean_since: Duration) {
        let accepted = accepted.filter(|_| self.configured.is_none());
        let lowered = |limit: f64| {
            let drop = limit * DROP;
            accepted.map_or(drop, |accepted| (accepted as f64).clamp(drop, limit)).max(1.0)
        };
        self.requests = self.requests.map(lowered);
        self.tokens = self.tokens.map(lowered);
        if self.raised {
            let doubled = self.windows_before_raise.saturating_mul(2);
            self.windows_before_raise = doubled.min(MAX_WINDOWS_BEFORE_RAISE);
        }
        (self.clean_since, self.raised, self.reached) = (clean_since, false, false);
    }

    /// Raises the limit if enough time has passed without a 429.
    pub(crate) fn raise(&mut self, now: Duration) {
        let windows = if self.raised { 1 } else { self.windows_before_raise };
        if now < self.clean_since.saturating_add(self.window().saturating_mul(windows)) {
            return;
        }
        self.clean_since = now;
        if !std::mem::take(&mut self.reached) {
            return;
        }
        let raise = |limit: f64, configured: Option<u64>| {
            let raised = limit + (limit * RAISE).max(1.0);
            configured.map_or(raised, |configured| raised.min(configured as f64))
        };
        let configured = |of: fn(Quota) -> Option<u64>| self.configured.and_then(of);
        let requests = self.requests.map(|limit| raise(limit, configured(|quota| quota.requests)));
        let tokens = self.tokens.map(|limit| raise(limit, configured(|quota| quota.tokens)));
        if self.raised {
            // The raise before this one has held for a window.
            self.windows_before_raise = 1;
        }
        self.raised = (requests, tokens) != (self.requests, self.tokens);
        (self.requests, self.tokens) = (requests, tokens);
    }
}

/// Such as `30 requests per 60 s (learned from 429 responses)`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.requests(), self.tokens()) {
            (Some(requests), Some(tokens)) => write!(f, "{requests} requests and {tokens} tokens")?,
            (Some(1), None) => f.write_str("1 request")?,
            (Some(requests), None) => write!(f, "{requests} requests")?,
            (None, tokens) => write!(f, "{} tokens", tokens.unwrap_or(0))?,
        }
        let origin = match self.configured {
            Some(quota) if (quota.requests, quota.tokens) != (self.requests(), self.tokens()) => {
                "`rate_limit`, lowered after a 429"
            }
            Some(_) => "`rate_limit`",
            None => "learned from 429 responses",
        };
        write!(f, " per {} s ({origin})", Seconds(self.per))
    }
}

/// Seconds for a message: with one decimal at most, and with three below 10 s.
pub(crate) struct Seconds(pub(crate) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = if self.0 < Duration::from_secs(10) { 3 } else { 1 };
        let text = format!("{:.decimals$}", self.0.as_secs_f64());
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// The whole part of a limit, at least 1.
fn whole(limit: f64) -> u64 {
    // The cast saturates.
    (limit as u64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn learned_limit_drops_to_what_was_accepted_and_is_raised_slowly() {
        let mut limit = Limit::learned(30, S(60), S(0));
        limit.raise(S(61));
        assert_eq!(limit.requests(), Some(30), "nobody waited");
        limit.note_reached();
        limit.raise(S(121));
        assert_eq!(limit.requests(), Some(30), "not before a whole window without a 429");
        limit.raise(S(122));
        assert_eq!((limit.requests(), limit.requests), (Some(31), Some(31.5)));
        limit.lower(Some(30), S(200));
        assert_eq!(limit.requests, Some(30.0));
        limit.note_reached();
        limit.raise(S(261));
        assert_eq!(limit.requests, Some(30.0), "a raise that failed needs twice the time");
        limit.raise(S(321));
        assert_eq!(limit.requests, Some(31.5));
        limit.lower(Some(3), S(400));
        assert_eq!(limit.requests(), Some(25), "at most a fifth at once");
        // Each raise that fails doubles the time before the next one, and one that holds resets it.
        let mut limit = Limit::learned(100, S(59), S(0));
        let mut now = S(0);
        for windows in [1, 2, 4, 8, 16, 16] {
            limit.note_reached();
            let before = limit.requests;
            limit.raise(now + limit.window() * windows - S(1));
            assert_eq!(limit.requests, before, "{windows}");
            now += limit.window() * windows;
            limit.raise(now);
            assert!(limit.requests > before, "{windows}");
            limit.lower(Some(100), now);
        }
        for windows in [16, 1, 1] {
            limit.note_reached();
            let before = limit.requests;
            now += limit.window() * windows;
            limit.raise(now);
            assert!(limit.requests > before, "{windows}");
        }
        let mut small = Limit::learned(1, S(2), S(0));
        small.note_reached();
        small.raise(S(3));
        assert_eq!(small.requests(), Some(2));
        small.lower(Some(0), S(5));
        small.lower(None, S(6));
        assert_eq!(small.requests(), Some(1));
    }

    #[test]
    fn configured_limit_is_lowered_and_returns() {
        let quota = Quota { requests: Some(30), tokens: Some(15_000), per: S(60) };
        let mut limit = Limit::configured(quota);
        assert_eq!(limit.to_string(), "30 requests and 15000 tokens per 60 s (`rate_limit`)");
        limit.lower(Some(29), S(0));
        assert_eq!((limit.requests(), limit.tokens()), (Some(24), Some(12_000)));
        assert_eq!(limit.to_string(), "24 requests and 12000 tokens per 60 s (`rate_limit`, lowered after a 429)");
        for window in 1..10 {
            limit.note_reached();
            limit.raise(S(61 * window));
        }
        assert_eq!((limit.requests(), limit.tokens()), (Some(30), Some(15_000)));
    }

    #[test]
    fn display_table() {
        let custom = |requests, tokens, ms| {
            Limit::configured(Quota { requests, tokens, per: Duration::from_millis(ms) }).to_string()
        };
        assert_eq!(custom(None, Some(5), 6_000), "5 tokens per 6 s (`rate_limit`)");
        assert_eq!(custom(Some(1), None, 500), "1 request per 0.5 s (`rate_limit`)");
        let seconds = [60_000, 60_250, 120_000, 9_999, 50, 0].map(|ms| Seconds(Duration::from_millis(ms)).to_string());
        assert_eq!(seconds, ["60", "60.2", "120", "9.999", "0.05", "0"]);
        assert_eq!(
            Limit::learned(30, Duration::from_millis(60_240), S(0)).to_string(),
            "30 requests per 60.2 s (learned from 429 responses)"
        );
    }
}
