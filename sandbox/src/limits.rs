//! [`Limits`]: the rate limits of all keys. There is no clock in it: the time is an argument.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::config::Options;
use crate::counter::{Counter, Exhausted};
use crate::digest::Digest;
use crate::plan::{Plan, Quota};
use crate::window::{TokensAt, Window};

/// The rate limits of all keys.
///
/// A call counts as one request and as the tokens of its input and output. A rejected call does not count.
pub(crate) struct Limits {
    window: Window,
    /// Above zero.
    length: Duration,
    tokens_at: TokensAt,
    /// The time between the admission of a call and its response.
    latency: Duration,
    counters: HashMap<Digest, Counter>,
    /// For each counter, when it is next checked for being unused, earliest first.
    checks: VecDeque<(Duration, Digest)>,
    /// Calls whose tokens are not counted yet, in the order of their responses.
    running: VecDeque<RunningCall>,
}

/// An admitted call without its response.
struct RunningCall {
    completes_at: Duration,
    key: Digest,
    quota: Quota,
    tokens: u64,
}

/// The maximum number of keys with a counter. Above it the counter that is checked next is dropped, which favors its key.
const MAX_WINDOWS: usize = 100_000;
/// The maximum number of running calls. Above it the tokens of the oldest count before its response.
const MAX_RUNNING: usize = 100_000;

impl Limits {
    pub(crate) fn new(options: &Options) -> Self {
        let &Options { window, window_length: length, tokens_at, latency, .. } = options;
        let (counters, checks, running) = Default::default();
        Self { window, length, tokens_at, latency, counters, checks, running }
    }

    /// Counts one call of `key`, or rejects it. `now` is the time since a fixed moment, and never decreases.
    pub(crate) fn admit(&mut self, key: Digest, plan: Plan, now: Duration, tokens: u64) -> Result<(), Exhausted> {
        let Some(quota) = plan.quota() else {
            return Ok(());
        };
        // Before unused counters are dropped, because the tokens may have been counted while the counter was in use.
        self.count_completed(now);
        self.drop_unused(now);
        match self.tokens_at {
            TokensAt::Admission => {
                let counter = self.counter(key, quota, now);
                counter.check(now, tokens)?;
                counter.count(now, 1, tokens);
            }
            TokensAt::Completion => {
                let counter = self.counter(key, quota, now);
                counter.check(now, 1)?;
                counter.count(now, 1, 0);
                self.running.push_back(RunningCall {
                    completes_at: now.saturating_add(self.latency),
                    key,
                    quota,
                    tokens,
                });
            }
        }
        Ok(())
    }

    /// Counts the tokens of the calls that have completed, as if each had been counted when its response was sent.
    ///
    /// It needs no call when a response is sent, and so counts the tokens of a client that disconnects early.
    fn count_completed(&mut self, now: Duration) {
        while let Some(&RunningCall { completes_at, key, quota, tokens }) = self.running.front()
            && (completes_at <= now || self.running.len() > MAX_RUNNING)
        {
            self.running.pop_front();
            let counted_at = completes_at.min(now);
            self.counter(key, quota, counted_at).count(counted_at, 0, tokens);
        }
    }

    fn counter(&mut self, key: Digest, quota: Quota, now: Duration) -> &mut Counter {
        if !self.counters.contains_key(&key) {
            if self.checks.len() >= MAX_WINDOWS
                && let Some((_, dropped)) = self.checks.pop_front()
            {
                self.counters.remove(&dropped);
            }
            self.checks.push_back((now.saturating_add(self.length), key));
        }
        self.counters.entry(key).or_insert_with(|| Counter::new(self.window, quota, self.length))
    }

    /// A counter in use is checked again after a window length, not when it will be unused, so that `checks` stays sorted.
    fn drop_unused(&mut self, now: Duration) {
        while let Some(&(check_at, key)) = self.checks.front()
            && check_at <= now
        {
            self.checks.pop_front();
            if self.counters.get_mut(&key).is_some_and(|counter| !counter.is_unused_at(now)) {
                self.checks.push_back((now.saturating_add(self.length), key));
            } else {
                self.counters.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Digest = [1; 32];
    const B: Digest = [2; 32];
    const WINDOWS: [Window; 3] = [Window::Fixed, Window::Sliding, Window::Bucket];
    const REQUESTS: &str = "30 requests";
    const TOKENS: &str = "15000 tokens";

    /// Time in ms, key, tokens; for a rejected call the seconds to wait and the exhausted quota.
    type Row<'a> = (u64, Digest, u64, Option<(u64, &'a str)>);

    fn with(window: Window) -> Options {
        Options { window, ..Options::default() }
    }

    fn completion(window: Window, latency_ms: u64) -> Options {
        let latency = Duration::from_millis(latency_ms);
        Options { window, tokens_at: TokensAt::Completion, latency, ..Options::default() }
    }

    fn check(options: &Options, plan: Plan, rows: &[Row<'_>]) {
        let mut limits = Limits::new(options);
        for (row, &(now, key, tokens, rejected)) in rows.iter().enumerate() {
            let got = limits.admit(key, plan, Duration::from_millis(now), tokens);
            let got = got.as_ref().map_err(|exhausted| (exhausted.retry_after(), exhausted.quota.as_str()));
            assert_eq!(got, rejected.map_or(Ok(&()), Err), "{options:?} row {row}");
        }
    }

    #[test]
    fn fixed_window_limits_requests() {
        for (plan, max, name) in [(Plan::Maker, 30, REQUESTS), (Plan::Builder, 120, "120 requests")] {
            let mut rows = vec![(1_000, A, 1, None); max];
            rows.extend([
                (1_000, A, 1, Some((60, name))),
                (1_001, A, 1, Some((60, name))),
                (2_000, A, 1, Some((59, name))),
                (2_000, B, 1, None),
                (60_999, A, 1, Some((1, name))),
            ]);
            // The whole quota is available again, also after an idle time.
            for now in [61_000, 1_000_000] {
                rows.extend(vec![(now, A, 1, None); max]);
                rows.push((now, A, 1, Some((60, name))));
            }
            check(&Options::default(), plan, &rows);
        }
        check(&Options::default(), Plan::Enterprise, &vec![(0, A, 1_000_000, None); 500]);
    }

    #[test]
    fn fixed_window_limits_tokens() {
        check(
            &with(Window::Fixed),
            Plan::Maker,
            &[
                (0, A, 14_999, None),
                (10, A, 1, None),
                (10, A, 1, Some((60, TOKENS))),
                (59_999, A, 1, Some((1, TOKENS))),
                (60_000, A, 15_001, None), // larger than the quota: the first call of a window is admitted
                (60_001, A, 1, Some((60, TOKENS))),
                (60_001, B, 1, None),
                (60_002, B, 15_000, Some((60, TOKENS))),
                (60_003, B, 14_999, None), // rejected calls did not count
                (120_000, A, u64::MAX, None),
                (120_001, A, u64::MAX, Some((60, TOKENS))),
            ],
        );
    }

    #[test]
    fn sliding_window_limits_requests() {
        let mut rows = vec![(0, A, 1, None)];
        rows.extend(vec![(50_000, A, 1, None); 29]);
        rows.extend([
            (50_000, A, 1, Some((10, REQUESTS))),
            (59_999, A, 1, Some((1, REQUESTS))),
            (59_999, B, 1, None),
            (60_000, A, 1, None), // only the first call has left
            (60_000, A, 1, Some((50, REQUESTS))),
            (109_999, A, 1, Some((1, REQUESTS))),
        ]);
        rows.extend(vec![(110_000, A, 1, None); 29]);
        rows.push((110_000, A, 1, Some((10, REQUESTS))));
        rows.extend(vec![(1_000_000, A, 1, None); 30]); // idle, then a burst
        rows.push((1_000_000, A, 1, Some((60, REQUESTS))));
        check(&with(Window::Sliding), Plan::Maker, &rows);
        check(&with(Window::Sliding), Plan::Enterprise, &vec![(0, A, 1_000_000, None); 500]);
    }

    #[test]
    fn sliding_window_limits_tokens() {
        check(
            &with(Window::Sliding),
            Plan::Maker,
            &[
                (0, A, 5_000, None),
                (20_000, A, 10_000, None),
                (30_000, A, 1, Some((30, TOKENS))),     // the first call must leave
                (30_000, A, 5_001, Some((50, TOKENS))), // both must leave
                (60_000, A, 5_000, None),
                (60_000, A, 1, Some((20, TOKENS))),
                (80_000, A, 15_001, Some((40, TOKENS))), // larger than the quota: it needs an empty log
                (119_999, A, u64::MAX, Some((1, TOKENS))),
                (120_000, A, u64::MAX, None),
                (120_001, A, 1, Some((60, TOKENS))),
                (180_000, A, 15_000, None),
            ],
        );
    }

    #[test]
    fn bucket_limits_requests() {
        let mut rows = vec![(1_000, A, 1, None); 30];
        rows.extend([
            (1_000, A, 1, Some((2, REQUESTS))), // one request in 2 s
            (2_999, A, 1, Some((1, REQUESTS))),
            (2_999, B, 1, None),
            (3_000, A, 1, None),
            (3_000, A, 1, Some((2, REQUESTS))),
            (6_000, A, 1, None),
            (6_000, A, 1, Some((1, REQUESTS))), // half a request was left
            (7_000, A, 1, None),
        ]);
        rows.extend(vec![(1_000_000, A, 1, None); 30]); // idle, then a burst
        rows.push((1_000_000, A, 1, Some((2, REQUESTS))));
        check(&with(Window::Bucket), Plan::Maker, &rows);
        check(&with(Window::Bucket), Plan::Enterprise, &vec![(0, A, 1_000_000, None); 500]);
    }

    #[test]
    fn bucket_limits_tokens() {
        check(
            &with(Window::Bucket),
            Plan::Maker,
            &[
                (0, A, 15_000, None),
                (0, A, 1, Some((1, TOKENS))),
                (0, A, 1_000, Some((4, TOKENS))), // 250 tokens in 1 s
                (1_000, A, 251, Some((1, TOKENS))),
                (1_000, A, 250, None),
                (10_000, A, 20_000, Some((51, TOKENS))), // larger than the quota: it needs a full bucket
                (60_999, A, 20_000, Some((1, TOKENS))),
                (61_000, A, 20_000, None), // 5,000 tokens of debt
                (61_000, A, 1, Some((21, TOKENS))),
                (81_000, A, 1, Some((1, TOKENS))),
                (82_000, A, 250, None),
                (1_000_000, A, u64::MAX, None),
                (2_000_000, A, 1, Some((u64::MAX / 1_000_000_000 + 1, TOKENS))),
            ],
        );
    }

    #[test]
    fn tokens_at_completion_do_not_limit_calls_that_run() {
        for window in WINDOWS {
            let mut rows = vec![(0, A, 20_000, None); 30]; // all run at once, although each is over the quota
            rows.push((1, A, 1, Some((if window == Window::Bucket { 2 } else { 60 }, REQUESTS))));
            check(&completion(window, 5_000), Plan::Maker, &rows);
        }
    }

    #[test]
    fn tokens_at_completion_limit_later_calls() {
        let rows: [(Window, &[Row<'_>]); 3] = [
            (
                Window::Fixed,
                &[
                    (0, A, 14_999, None),
                    (4_999, A, 20_000, None),
                    (5_000, A, 1, None), // one token of the quota is left
                    (9_999, A, 1, Some((51, TOKENS))),
                    (9_999, B, 1, None),
                    (60_000, A, 15_000, None),
                    (65_000, A, 1, Some((55, TOKENS))),
                    (120_000, A, 15_000, None),
                    // Its response, at 125 s, is in the window of 120 s; that of a later call opens a window at 184 s.
                    (125_000, A, 1, Some((55, TOKENS))),
                    (179_000, A, 1, Some((1, TOKENS))),
                    (180_000, A, 1, None),
                    (239_000, A, 15_000, None),
                    (244_000, A, 1, Some((60, TOKENS))),
                    (303_999, A, 1, Some((1, TOKENS))),
                    (304_000, A, 1, None),
                ],
            ),
            (
                Window::Sliding,
                &[
                    (0, A, 10_000, None),
                    (1_000, A, 5_000, None),
                    (5_999, A, 1, None),
                    (6_000, A, 1, Some((59, TOKENS))), // the first response was at 5 s
                    (64_999, A, 1, Some((1, TOKENS))),
                    (65_000, A, 20_000, None),
                    (70_000, A, 1, Some((60, TOKENS))),
                    (130_000, A, 1, None),
                ],
            ),
            (
                Window::Bucket,
                &[
                    (0, A, 15_000, None),
                    (4_999, A, 15_000, None),
                    (5_000, A, 1, Some((1, TOKENS))),
                    (5_004, A, 1, None),               // one token in 4 ms; it counts at 10.004 s
                    (9_999, A, 1, Some((56, TOKENS))), // 15,000 tokens, of which 1,249.75 were there
                    (65_007, A, 1, Some((1, TOKENS))),
                    (65_008, A, 1, None),
                ],
            ),
        ];
        for (window, rows) in rows {
            check(&completion(window, 5_000), Plan::Maker, rows);
        }
    }

    /// The tokens are counted at the time of the response, even if no call of the key follows soon.
    #[test]
    fn tokens_at_completion_count_when_the_response_is_sent() {
        for (window, then) in [
            (Window::Fixed, None),                // in the window that ended at 60 s
            (Window::Sliding, Some((5, TOKENS))), // until 90 s
            // 25,000 at 30 s, of which 6,875 are refilled; 3,126 more are needed, 125 per second.
            (Window::Bucket, Some((26, TOKENS))),
        ] {
            let mut options = completion(window, 30_000);
            if window == Window::Bucket {
                options.window_length = Duration::from_secs(120);
            }
            check(&options, Plan::Maker, &[(0, A, 25_000, None), (85_000, B, 1, None), (85_000, A, 1, then)]);
        }
    }

    #[test]
    fn tokens_at_completion_without_latency_limit_the_next_call() {
        for (window, seconds) in [(Window::Fixed, 60), (Window::Sliding, 60), (Window::Bucket, 21)] {
            check(&completion(window, 0), Plan::Maker, &[(0, A, 20_000, None), (0, A, 1, Some((seconds, TOKENS)))]);
        }
    }

    #[test]
    fn window_length_is_configurable() {
        for (length_ms, seconds) in [(1, 1), (250, 1), (1_000, 1), (1_001, 2), (10_000, 10), (3_600_000, 3_600)] {
            let length = Duration::from_millis(length_ms);
            for window in [Window::Fixed, Window::Sliding] {
                let mut rows = vec![(7, A, 1, None); 30];
                rows.extend([
                    (7, A, 1, Some((seconds, REQUESTS))),
                    (6 + length_ms, A, 1, Some((1, REQUESTS))),
                    (7 + length_ms, A, 1, None),
                ]);
                check(&Options { window_length: length, ..with(window) }, Plan::Maker, &rows);
            }
        }
        for (length_ms, seconds) in [(30, 1), (3_000, 1), (90_000, 3), (3_600_000, 120)] {
            let mut rows = vec![(7, A, 1, None); 30];
            rows.extend([
                (7, A, 1, Some((seconds, REQUESTS))),
                (6 + length_ms / 30, A, 1, Some((1, REQUESTS))),
                (7 + length_ms / 30, A, 1, None),
            ]);
            let window_length = Duration::from_millis(length_ms);
            check(&Options { window_length, ..with(Window::Bucket) }, Plan::Maker, &rows);
        }
    }

    fn nth_key(n: usize) -> Digest {
        let mut key = A;
        key[..8].copy_from_slice(&n.to_be_bytes());
        key
    }

    #[test]
    fn number_of_counters_is_bounded() {
        for window in WINDOWS {
            let mut limits = Limits::new(&with(window));
            for n in 0..MAX_WINDOWS + 10 {
                limits.admit(nth_key(n), Plan::Maker, Duration::ZERO, 15_000).unwrap();
            }
            assert_eq!((limits.counters.len(), limits.checks.len()), (MAX_WINDOWS, MAX_WINDOWS));
            // The oldest was dropped, the newest was not.
            assert!(limits.admit(nth_key(MAX_WINDOWS + 9), Plan::Maker, Duration::ZERO, 1).is_err());
            limits.admit(nth_key(0), Plan::Maker, Duration::ZERO, 1).unwrap();
            limits.admit(B, Plan::Maker, Duration::from_secs(60), 1).unwrap();
            assert_eq!((limits.counters.len(), limits.checks.len()), (1, 1));
        }
    }

    #[test]
    fn counter_in_use_is_not_dropped() {
        for window in WINDOWS {
            let mut limits = Limits::new(&with(window));
            for (now, other) in [(0, 0), (40, 1), (80, 2), (120, 3), (160, 4)] {
                let now = Duration::from_secs(now);
                limits.admit(A, Plan::Maker, now, 1).unwrap();
                limits.admit(nth_key(other), Plan::Maker, now, 1).unwrap();
                assert!(limits.counters.contains_key(&A) && limits.counters.len() <= 5);
                assert_eq!(limits.counters.len(), limits.checks.len());
            }
            limits.admit(B, Plan::Maker, Duration::from_secs(300), 1).unwrap();
            assert_eq!((limits.counters.len(), limits.checks.len()), (1, 1));
        }
    }

    #[test]
    fn number_of_running_calls_is_bounded() {
        let mut limits = Limits::new(&completion(Window::Fixed, 3_600_000));
        for n in 0..MAX_RUNNING + 10 {
            limits.admit(nth_key(n), Plan::Maker, Duration::ZERO, 15_000).unwrap();
            assert!(limits.running.len() <= MAX_RUNNING + 1);
        }
    }
}
