//! [`Counter`]: what one key has used of its quota. There is no clock in it: the time is an argument, and never decreases.

use std::collections::VecDeque;
use std::time::Duration;

use crate::plan::Quota;
use crate::window::Window;

/// What one key has used of its quota.
#[derive(Clone)]
pub(crate) struct Counter {
    quota: Quota,
    /// Above zero.
    length: Duration,
    used: Used,
}

/// Why a call was rejected, and when it would be admitted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exhausted {
    /// The exhausted quota, such as `30 requests`. If both are exhausted, the one that is available later.
    pub(crate) quota: String,
    /// The time until the call would be admitted, if nothing else is counted. It is above zero.
    pub(crate) wait: Duration,
}

#[derive(Clone)]
enum Used {
    /// The window is open if anything is counted.
    Fixed {
        ends: Duration,
        requests: u64,
        tokens: u64,
    },
    Sliding {
        requests: Log,
        tokens: Log,
    },
    Bucket {
        refilled_at: Duration,
        requests: Bucket,
        tokens: Bucket,
    },
}

/// When each counted amount leaves the window, oldest first.
#[derive(Clone, Default)]
struct Log(VecDeque<(Duration, u64)>);

/// What is missing until the bucket is full: zero at the start, above the quota in debt. The unit is an amount times a
/// nanosecond of the window length, so that refilling needs no division and is exact.
#[derive(Clone, Default)]
struct Bucket(u128);

impl Counter {
    pub(crate) fn new(window: Window, quota: Quota, length: Duration) -> Self {
        let used = match window {
            Window::Fixed => Used::Fixed { ends: Duration::ZERO, requests: 0, tokens: 0 },
            Window::Sliding => Used::Sliding { requests: Log::default(), tokens: Log::default() },
            Window::Bucket => {
                Used::Bucket { refilled_at: Duration::ZERO, requests: Bucket::default(), tokens: Bucket::default() }
            }
        };
        Self { quota, length, used }
    }

    /// Checks whether one request that needs `tokens` tokens fits. A call that needs more than the quota fits if no tokens are
    /// counted, because it could never pass otherwise.
    pub(crate) fn check(&mut self, now: Duration, tokens: u64) -> Result<(), Exhausted> {
        self.advance(now);
        let Self { quota, length, used } = self;
        let needs = tokens.min(quota.tokens);
        let (for_request, for_tokens) = match used {
            Used::Fixed { ends, requests, tokens } => {
                let left = ends.saturating_sub(now);
                let wait = |used: u64, needs, max| if used.saturating_add(needs) > max { left } else { Duration::ZERO };
                (wait(*requests, 1, quota.requests), wait(*tokens, needs, quota.tokens))
            }
            Used::Sliding { requests, tokens } => {
                (requests.wait(now, 1, quota.requests), tokens.wait(now, needs, quota.tokens))
            }
            Used::Bucket { requests, tokens, .. } => {
                (requests.wait(1, quota.requests, *length), tokens.wait(needs, quota.tokens, *length))
            }
        };
        if for_tokens > for_request {
            Err(Exhausted { quota: format!("{} tokens", quota.tokens), wait: for_tokens })
        } else if for_request > Duration::ZERO {
            Err(Exhausted { quota: format!("{} requests", quota.requests), wait: for_request })
        } else {
            Ok(())
        }
    }

    /// Counts requests and tokens, even if they exceed the quota. In a fixed window, the first ones open it.
    pub(crate) fn count(&mut self, now: Duration, requests: u64, tokens: u64) {
        self.advance(now);
        let is_unused = self.is_unused();
        let Self { quota, length, used } = self;
        let leaves = now.saturating_add(*length);
        match used {
            Used::Fixed { ends, requests: all_requests, tokens: all_tokens } => {
                if is_unused {
                    *ends = leaves;
                }
                *all_requests = all_requests.saturating_add(requests);
                *all_tokens = all_tokens.saturating_add(tokens);
            }
            Used::Sliding { requests: request_log, tokens: token_log } => {
                request_log.add(leaves, requests, quota.requests);
                token_log.add(leaves, tokens, quota.requests);
            }
            Used::Bucket { requests: request_bucket, tokens: token_bucket, .. } => {
                request_bucket.take(requests, *length);
                token_bucket.take(tokens, *length);
            }
        }
    }

    /// Whether nothing is counted at this time, so that a new counter would behave the same.
    pub(crate) fn is_unused_at(&mut self, now: Duration) -> bool {
        self.advance(now);
        self.is_unused()
    }

    /// Forgets what no longer counts.
    fn advance(&mut self, now: Duration) {
        let Self { quota, used, .. } = self;
        match used {
            Used::Fixed { ends, requests, tokens } => {
                if *ends <= now {
                    (*requests, *tokens) = (0, 0);
                }
            }
            Used::Sliding { requests, tokens } => {
                requests.forget(now);
                tokens.forget(now);
            }
            Used::Bucket { refilled_at, requests, tokens } => {
                let elapsed = now.saturating_sub(*refilled_at);
                requests.refill(elapsed, quota.requests);
                tokens.refill(elapsed, quota.tokens);
                *refilled_at = now;
            }
        }
    }

    fn is_unused(&self) -> bool {
        match &self.used {
            Used::Fixed { requests, tokens, .. } => (*requests, *tokens) == (0, 0),
            Used::Sliding { requests, tokens } => requests.0.is_empty() && tokens.0.is_empty(),
            Used::Bucket { requests, tokens, .. } => (requests.0, tokens.0) == (0, 0),
        }
    }
}

impl Exhausted {
    /// The wait in whole seconds, rounded up.
    pub(crate) fn retry_after(&self) -> u64 {
        self.wait.as_secs().saturating_add(u64::from(self.wait.subsec_nanos() > 0))
    }
}

impl Log {
    fn forget(&mut self, now: Duration) {
        while self.0.front().is_some_and(|&(leaves, _)| leaves <= now) {
            self.0.pop_front();
        }
    }

    /// The time until `needs`, which is at most `max`, fits beside what is still in the log.
    fn wait(&self, now: Duration, needs: u64, max: u64) -> Duration {
        let mut used = needs;
        for &(leaves, amount) in self.0.iter().rev() {
            used = used.saturating_add(amount);
            if used > max {
                return leaves.saturating_sub(now);
            }
        }
        Duration::ZERO
    }

    fn add(&mut self, leaves: Duration, amount: u64, max_entries: u64) {
        if amount == 0 {
            return;
        }
        // Only tokens that count at completion can get here with a full log: the key's counter was dropped while its calls
        // ran, and more calls were admitted. One entry for several calls keeps memory bounded.
        if u64::try_from(self.0.len()).is_ok_and(|len| len >= max_entries)
            && let Some(newest) = self.0.back_mut()
        {
            *newest = (leaves, newest.1.saturating_add(amount));
            return;
        }
        self.0.push_back((leaves, amount));
    }
}

impl Bucket {
    fn refill(&mut self, elapsed: Duration, max: u64) {
        self.0 = self.0.saturating_sub(elapsed.as_nanos().saturating_mul(max.into()));
    }

    /// The time until `needs`, which is at most `max`, is in the bucket.
    fn wait(&self, needs: u64, max: u64, length: Duration) -> Duration {
        let after = self.0.saturating_add(in_units(needs, length));
        let nanos = after.saturating_sub(in_units(max, length)).div_ceil(max.into());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn take(&mut self, amount: u64, length: Duration) {
        self.0 = self.0.saturating_add(in_units(amount, length));
    }
}

fn in_units(amount: u64, length: Duration) -> u128 {
    length.as_nanos().saturating_mul(amount.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota { requests: 3, tokens: 100 };
    const WINDOWS: [Window; 3] = [Window::Fixed, Window::Sliding, Window::Bucket];

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn nth(seed: u64, n: u64, below: u64) -> u64 {
        crate::ids::mix(seed, n).checked_rem(below).unwrap()
    }

    /// For random calls: a rejected one is admitted exactly `wait` later, and not a nanosecond earlier.
    #[test]
    fn wait_is_exact() {
        for window in WINDOWS {
            for (seed, length) in [(1, ms(1_000)), (2, ms(7)), (3, Duration::from_nanos(11)), (4, ms(3_600_000))] {
                let mut counter = Counter::new(window, QUOTA, length);
                let (mut now, mut rejected) = (Duration::ZERO, 0);
                for n in 0..2_000 {
                    let step = u64::try_from(length.as_nanos()).unwrap() / 2;
                    now += Duration::from_nanos(nth(seed, 3 * n, step));
                    let tokens =
                        [1, 1, 10, 30, 60, 99, 100, 101, 250][usize::try_from(nth(seed, 3 * n + 1, 9)).unwrap()];
                    match counter.check(now, tokens) {
                        // Some completions that no admission precedes, so that the quota is exceeded.
                        Ok(()) => counter.count(now, u64::from(nth(seed, 3 * n + 2, 4) > 0), tokens),
                        Err(Exhausted { wait, .. }) => {
                            rejected += 1;
                            let at = |after| counter.clone().check(now + after, tokens);
                            assert_eq!(at(wait), Ok(()), "{window:?} {n}");
                            assert!(at(wait - Duration::from_nanos(1)).is_err(), "{window:?} {n}");
                        }
                    }
                }
                assert!((200..1_800).contains(&rejected), "{window:?} {rejected}");
            }
        }
    }

    /// The definition of each window, computed from the whole history.
    #[test]
    fn admitted_calls_meet_the_definition_of_the_window() {
        let length = ms(1_000);
        for window in WINDOWS {
            let mut counter = Counter::new(window, QUOTA, length);
            let mut history: Vec<(Duration, u64)> = Vec::new();
            let mut window_start = None;
            let mut now = Duration::ZERO;
            for n in 0..1_000 {
                now += ms(nth(9, 2 * n, 400));
                let tokens = 1 + nth(9, 2 * n + 1, 60);
                let fits = |since: Duration, calls: u64, sum: u64| {
                    let counted = history.iter().filter(|(at, _)| *at >= since);
                    let (requests, used) = counted.fold((0, 0), |(r, t), (_, tokens)| (r + 1, t + tokens));
                    requests < calls && used + tokens <= sum
                };
                let want = match window {
                    Window::Fixed => {
                        if window_start.is_none_or(|start| now >= start + length) {
                            window_start = None;
                        }
                        window_start.is_none_or(|start| fits(start, 3, 100))
                    }
                    Window::Sliding => fits((now + ms(1)).saturating_sub(length), 3, 100),
                    // Since any call, at most the capacity and what was refilled.
                    Window::Bucket => {
                        let (mut calls, mut used) = (1, tokens);
                        history.iter().rev().all(|&(since, tokens)| {
                            (calls, used) = (calls + 1, used + tokens);
                            let available = u64::try_from((now - since + length).as_millis()).unwrap();
                            calls * 1_000 <= 3 * available && used * 1_000 <= 100 * available
                        })
                    }
                };
                assert_eq!(counter.check(now, tokens).is_ok(), want, "{window:?} {n}");
                if want {
                    counter.count(now, 1, tokens);
                    history.push((now, tokens));
                    window_start.get_or_insert(now);
                }
            }
        }
    }

    #[test]
    fn quota_that_is_available_later_is_named() {
        let table = [
            // Requests 3 of 3 and tokens over: a fixed window ends for both.
            (Window::Fixed, [(0, 1), (10, 1), (20, 98)], 98, "3 requests", 970),
            // One request leaves at 1000, the tokens at 1020.
            (Window::Sliding, [(0, 1), (10, 1), (20, 98)], 98, "100 tokens", 990),
            (Window::Sliding, [(0, 98), (10, 1), (20, 1)], 1, "3 requests", 970),
            // 970 ms are missing until the bucket is full. 98 tokens take 980 of its 1000 ms, one request 333.3 ms.
            (Window::Bucket, [(0, 1), (10, 1), (20, 98)], 98, "100 tokens", 950),
            (Window::Bucket, [(0, 1), (10, 1), (20, 1)], 1, "3 requests", 304),
        ];
        for (window, calls, tokens, quota, wait) in table {
            let mut counter = Counter::new(window, QUOTA, ms(1_000));
            for (at, tokens) in calls {
                counter.count(ms(at), 1, tokens);
            }
            let Exhausted { quota: got, wait: left } = counter.check(ms(30), tokens).unwrap_err();
            assert_eq!((got.as_str(), left.as_nanos().div_ceil(1_000_000)), (quota, wait), "{window:?}");
        }
    }

    #[test]
    fn retry_after_is_rounded_up() {
        for (wait, seconds) in [
            (Duration::from_nanos(1), 1),
            (ms(1_000), 1),
            (ms(1_000) + Duration::from_nanos(1), 2),
            (ms(59_999), 60),
            (Duration::MAX, u64::MAX),
        ] {
            assert_eq!(Exhausted { quota: String::new(), wait }.retry_after(), seconds);
        }
    }

    #[test]
    fn log_of_a_key_is_bounded() {
        let mut counter = Counter::new(Window::Sliding, QUOTA, ms(1_000));
        for n in 0..50 {
            counter.count(ms(n), 0, 2);
        }
        let Used::Sliding { tokens: Log(entries), .. } = &counter.used else { panic!() };
        assert_eq!(entries.iter().copied().collect::<Vec<_>>(), [(ms(1_000), 2), (ms(1_001), 2), (ms(1_049), 96)]);
    }

    #[test]
    fn extreme_numbers_do_not_overflow() {
        for window in WINDOWS {
            for length in [Duration::from_nanos(1), Duration::MAX] {
                let mut counter = Counter::new(window, QUOTA, length);
                for now in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
                    counter.count(now, u64::MAX, u64::MAX);
                    drop(counter.check(now, u64::MAX));
                }
            }
        }
    }
}
