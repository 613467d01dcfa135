//! [`Ledger`]: the requests and tokens of a sliding window. Pure: the time is an argument, and never decreases.
//!
//! A window is exact, because a token bucket that starts full lets twice the limit pass in its first window.

use std::collections::VecDeque;
use std::time::Duration;

/// The maximum number of entries of a log. Above it, entries that are close in time are joined.
const MAX_ENTRIES: usize = 1_024;

/// What counts towards a limit.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// How long an entry counts.
    window: Duration,
    /// Requests that were admitted and not sent yet.
    unsent: u64,
    /// Requests, from the moment when their body begins to be sent.
    requests: Log,
    /// Estimated tokens of the attempts in flight.
    reserved_tokens: u64,
    /// Tokens, from the end of their attempt.
    tokens: Log,
}

impl Ledger {
    pub(crate) fn new(window: Duration) -> Self {
        let (requests, tokens) = (Log::default(), Log::default());
        let mut ledger = Self { window, unsent: 0, requests, reserved_tokens: 0, tokens };
        ledger.set_window(window);
        ledger
    }

    /// Changes how long entries count.
    pub(crate) fn set_window(&mut self, window: Duration) {
        self.window = window;
        let resolution = window.div_f64(MAX_ENTRIES as f64);
        (self.requests.resolution, self.tokens.resolution) = (resolution, resolution);
    }

    /// Removes the entries that count no longer.
    pub(crate) fn expire(&mut self, now: Duration) {
        self.requests.expire(now, self.window);
        self.tokens.expire(now, self.window);
    }

    /// Requests that count now, with those not sent yet.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.total.saturating_add(self.unsent)
    }

    /// Tokens that count now, with those reserved for attempts in flight.
    pub(crate) fn tokens(&self) -> u64 {
        self.tokens.total.saturating_add(self.reserved_tokens)
    }

    /// Tokens that count now, of attempts that have ended.
    pub(crate) fn settled_tokens(&self) -> u64 {
        self.tokens.total
    }

    /// Reserves a request and its tokens.
    pub(crate) fn reserve(&mut self, tokens: u64) {
        self.unsent = self.unsent.saturating_add(1);
        self.reserved_tokens = self.reserved_tokens.saturating_add(tokens);
    }

    /// A reserved request begins to be sent.
    pub(crate) fn sent(&mut self, now: Duration) {
        self.unsent = self.unsent.saturating_sub(1);
        self.requests.add(now, 1);
    }

    /// Returns a reserved request that was never sent.
    pub(crate) fn return_request(&mut self) {
        self.unsent = self.unsent.saturating_sub(1);
    }

    /// Replaces reserved tokens by those that an attempt used.
    pub(crate) fn settle(&mut self, now: Duration, reserved: u64, used: u64) {
        self.reserved_tokens = self.reserved_tokens.saturating_sub(reserved);
        if used > 0 {
            self.tokens.add(now, used);
        }
    }

    /// A request that was returned is sent nevertheless: its connection took it at the moment of the cancellation.
    pub(crate) fn sent_after_return(&mut self, now: Duration) {
        self.requests.add(now, 1);
    }

    /// Notes that the request that was sent at `sent_at` had no success. It still counts.
    pub(crate) fn mark_failed(&mut self, sent_at: Duration) {
        self.requests.mark_failed(sent_at);
    }

    /// The number of requests sent since `start` without those that had no success, and when the first of them was sent.
    pub(crate) fn accepted_since(&self, start: Duration) -> Option<(u64, Duration)> {
        let accepted = self.requests.entries.iter().filter(|entry| entry.last >= start && entry.amount > entry.failed);
        let mut first = None;
        let mut count = 0_u64;
        for entry in accepted {
            first = first.or(Some(entry.first.max(start)));
            count = count.saturating_add(entry.amount.saturating_sub(entry.failed));
        }
        first.map(|first| (count, first))
    }

    /// When `count` of the requests count no longer. Those not sent yet count for at least a window from now.
    pub(crate) fn requests_expire(&self, count: u64, now: Duration) -> Duration {
        self.requests.expires(count, self.window).unwrap_or(now.saturating_add(self.window))
    }

    /// When `count` of the tokens count no longer; `None` if that depends on attempts in flight.
    pub(crate) fn tokens_expire(&self, count: u64) -> Option<Duration> {
        self.tokens.expires(count, self.window)
    }
}

/// Amounts by time, the oldest first.
#[derive(Debug, Default)]
struct Log {
    entries: VecDeque<Entry>,
    total: u64,
    /// Amounts that are closer than this are joined into one entry, which counts until the last of them does.
    resolution: Duration,
}

#[derive(Debug)]
struct Entry {
    first: Duration,
    last: Duration,
    amount: u64,
    failed: u64,
}

impl Log {
    fn add(&mut self, now: Duration, amount: u64) {
        self.total = self.total.saturating_add(amount);
        // A short log is exact.
        let resolution = if self.entries.len() < MAX_ENTRIES.div_euclid(2) { Duration::ZERO } else { self.resolution };
        match self.entries.back_mut() {
            Some(entry) if now.saturating_sub(entry.first) <= resolution => {
                entry.last = entry.last.max(now);
                entry.amount = entry.amount.saturating_add(amount);
            }
            _ => self.entries.push_back(Entry { first: now, last: now, amount, failed: 0 }),
        }
    }

    fn mark_failed(&mut self, sent_at: Duration) {
        let at = self.entries.partition_point(|entry| entry.last < sent_at);
        if let Some(entry) = self.entries.get_mut(at) {
            entry.failed = entry.failed.saturating_add(1).min(entry.amount);
        }
    }

    fn expire(&mut self, now: Duration, window: Duration) {
        while let Some(entry) = self.entries.front().filter(|entry| entry.last.saturating_add(window) <= now) {
            self.total = self.total.saturating_sub(entry.amount);
            self.entries.pop_front();
        }
    }

    fn expires(&self, count: u64, window: Duration) -> Option<Duration> {
        let mut left = count;
        for entry in &self.entries {
            left = left.saturating_sub(entry.amount);
            if left == 0 {
                return Some(entry.last.saturating_add(window));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;
    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn requests_count_from_the_moment_they_are_sent() {
        let mut ledger = Ledger::new(S(60));
        ledger.reserve(0);
        ledger.reserve(0);
        ledger.sent(S(10));
        ledger.expire(S(69));
        assert_eq!(ledger.requests(), 2);
        assert_eq!((ledger.requests_expire(1, S(69)), ledger.requests_expire(2, S(69))), (S(70), S(129)));
        ledger.expire(S(70));
        assert_eq!(ledger.requests(), 1, "a request that is not sent yet does not age");
        ledger.return_request();
        assert_eq!(ledger.requests(), 0);
    }

    #[test]
    fn tokens_count_from_the_end_of_their_attempt() {
        let mut ledger = Ledger::new(S(60));
        ledger.reserve(100);
        ledger.reserve(50);
        assert_eq!((ledger.tokens(), ledger.tokens_expire(1)), (150, None));
        ledger.settle(S(8), 100, 30);
        ledger.settle(S(9), 50, 70);
        assert_eq!(ledger.tokens(), 100, "less or more than the estimate");
        let expire = |count| ledger.tokens_expire(count);
        assert_eq!((expire(30), expire(31), expire(101)), (Some(S(68)), Some(S(69)), None));
        ledger.expire(S(68));
        assert_eq!(ledger.tokens(), 70);
        ledger.settle(S(68), 0, 0);
        ledger.expire(S(69));
        assert_eq!((ledger.tokens(), ledger.tokens.entries.len()), (0, 0));
    }

    #[test]
    fn accepted_requests_are_those_that_did_not_fail() {
        let mut ledger = Ledger::new(S(60));
        for at in [1, 2, 2, 3, 5] {
            ledger.reserve(0);
            ledger.sent(S(at));
        }
        assert_eq!(ledger.accepted_since(S(0)), Some((5, S(1))));
        ledger.mark_failed(S(2));
        ledger.mark_failed(S(5));
        ledger.mark_failed(S(7));
        assert_eq!(ledger.accepted_since(S(0)), Some((3, S(1))));
        assert_eq!(ledger.accepted_since(S(2)), Some((2, S(2))));
        assert_eq!(ledger.accepted_since(S(4)), None);
    }

    #[test]
    fn memory_is_bounded_and_no_request_is_counted_too_short() {
        let mut ledger = Ledger::new(S(60));
        let mut sent = VecDeque::new();
        for step in 0..200_000_u64 {
            let now = MS(step);
            ledger.reserve(1);
            ledger.sent(now);
            ledger.settle(now, 1, 1);
            sent.push_back(now);
            ledger.expire(now);
            while sent.front().is_some_and(|at| *at + S(60) <= now) {
                sent.pop_front();
            }
            let (exact, counted) = (sent.len() as u64, ledger.requests());
            assert!(counted >= exact && counted <= exact + 120, "{step}: {counted} {exact}");
            assert_eq!(ledger.tokens(), counted);
        }
        assert!(ledger.requests.entries.len() <= 2 * MAX_ENTRIES, "{}", ledger.requests.entries.len());
    }
}
