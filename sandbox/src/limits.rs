//! Plans and their limits per key and minute. There is no clock in it: the time is an argument.

use std::collections::{HashMap, VecDeque};
use std::str::FromStr;
use std::time::Duration;

use crate::digest::Digest;

/// A plan of the launch spec: how much a key may do in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Plan {
    /// 30 requests and 15,000 tokens per minute.
    Maker,
    /// 120 requests and 100,000 tokens per minute.
    Builder,
    /// No limits. The spec says "custom".
    Enterprise,
}

impl Plan {
    /// The name in lower case, as [`FromStr`] reads it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Maker => "maker",
            Self::Builder => "builder",
            Self::Enterprise => "enterprise",
        }
    }

    fn quota(self) -> Option<Quota> {
        match self {
            Self::Maker => Some(Quota { requests: 30, tokens: 15_000 }),
            Self::Builder => Some(Quota { requests: 120, tokens: 100_000 }),
            Self::Enterprise => None,
        }
    }
}

impl FromStr for Plan {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::Maker, Self::Builder, Self::Enterprise]
            .into_iter()
            .find(|plan| plan.name() == name)
            .ok_or_else(|| "a plan is maker, builder or enterprise".to_owned())
    }
}

struct Quota {
    requests: u64,
    tokens: u64,
}

/// The windows of all keys with a limit.
///
/// The rule, which the spec does not define: a key's minute begins with its first admitted call and lasts 60 s; then the whole
/// quota is available again. A call counts as one request and as the tokens of its input and output. A rejected call does not
/// count. The first call of a minute is always admitted, because a call larger than the quota could never pass otherwise.
#[derive(Default)]
pub(crate) struct Limits {
    open: HashMap<Digest, Window>,
    /// The same windows, oldest first. They end in this order, so closing them needs no scan.
    order: VecDeque<(Duration, Digest)>,
}

struct Window {
    ends: Duration,
    requests: u64,
    tokens: u64,
}

/// Why a call was rejected, and when it would be admitted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exhausted {
    /// The exhausted quota, such as `30 requests`.
    pub(crate) quota: String,
    /// Whole seconds until the window ends, at least 1.
    pub(crate) retry_after: u64,
}

const WINDOW: Duration = Duration::from_secs(60);

/// The maximum number of open windows. Above it the oldest is dropped, which favors its key.
const MAX_WINDOWS: usize = 100_000;

impl Limits {
    /// Counts one call of `key`, or rejects it. `now` is the time since a fixed moment, and never decreases.
    pub(crate) fn admit(&mut self, key: Digest, plan: Plan, now: Duration, tokens: u64) -> Result<(), Exhausted> {
        let Some(quota) = plan.quota() else {
            return Ok(());
        };
        self.close_ended(now);
        let Some(window) = self.open.get_mut(&key) else {
            self.open(key, now, tokens);
            return Ok(());
        };
        let used = window.tokens.saturating_add(tokens);
        let exhausted = if window.requests >= quota.requests {
            format!("{} requests", quota.requests)
        } else if used > quota.tokens {
            format!("{} tokens", quota.tokens)
        } else {
            window.requests = window.requests.saturating_add(1);
            window.tokens = used;
            return Ok(());
        };
        let left = window.ends.saturating_sub(now);
        let retry_after = left.as_secs().saturating_add(u64::from(left.subsec_nanos() > 0)).max(1);
        Err(Exhausted { quota: exhausted, retry_after })
    }

    fn open(&mut self, key: Digest, now: Duration, tokens: u64) {
        if self.order.len() >= MAX_WINDOWS
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.open.remove(&oldest);
        }
        let ends = now.saturating_add(WINDOW);
        self.open.insert(key, Window { ends, requests: 1, tokens });
        self.order.push_back((ends, key));
    }

    fn close_ended(&mut self, now: Duration) {
        while let Some(&(ends, key)) = self.order.front()
            && ends <= now
        {
            self.order.pop_front();
            self.open.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Digest = [1; 32];
    const B: Digest = [2; 32];

    /// Time in ms, key, tokens; for a rejected call the seconds to wait and the exhausted quota.
    type Row<'a> = (u64, Digest, u64, Option<(u64, &'a str)>);

    fn check(plan: Plan, rows: &[Row<'_>]) {
        let mut limits = Limits::default();
        for (row, &(now, key, tokens, rejected)) in rows.iter().enumerate() {
            let got = limits.admit(key, plan, Duration::from_millis(now), tokens);
            let want =
                rejected.map_or(Ok(()), |(retry_after, quota)| Err(Exhausted { quota: quota.to_owned(), retry_after }));
            assert_eq!(got, want, "row {row}");
        }
    }

    #[test]
    fn requests_are_limited_per_minute() {
        for (plan, max, name) in [(Plan::Maker, 30, "30 requests"), (Plan::Builder, 120, "120 requests")] {
            let mut rows = vec![(1_000, A, 1, None); max];
            rows.extend([
                (1_000, A, 1, Some((60, name))),
                (1_001, A, 1, Some((60, name))),
                (2_000, A, 1, Some((59, name))),
                (2_000, B, 1, None),
                (60_999, A, 1, Some((1, name))),
                (61_000, A, 1, None),
            ]);
            check(plan, &rows);
        }
        check(Plan::Enterprise, &vec![(0, A, 1_000_000, None); 500]);
    }

    #[test]
    fn tokens_are_limited_per_minute() {
        check(
            Plan::Maker,
            &[
                (0, A, 14_999, None),
                (10, A, 1, None),
                (10, A, 1, Some((60, "15000 tokens"))),
                (59_999, A, 1, Some((1, "15000 tokens"))),
                (60_000, A, 15_001, None), // larger than the quota: the first call of a minute passes
                (60_001, A, 1, Some((60, "15000 tokens"))),
                (60_001, B, 1, None),
                (60_002, B, 15_000, Some((60, "15000 tokens"))),
                (60_003, B, 14_999, None), // rejected calls did not count
                (120_000, A, u64::MAX, None),
                (120_001, A, u64::MAX, Some((60, "15000 tokens"))),
            ],
        );
    }

    #[test]
    fn memory_is_bounded() {
        let mut limits = Limits::default();
        for n in 0..MAX_WINDOWS + 10 {
            let mut key = A;
            key[..8].copy_from_slice(&n.to_be_bytes());
            limits.admit(key, Plan::Maker, Duration::ZERO, 1).unwrap();
        }
        assert_eq!((limits.open.len(), limits.order.len()), (MAX_WINDOWS, MAX_WINDOWS));
        limits.admit(B, Plan::Maker, WINDOW, 1).unwrap();
        assert_eq!((limits.open.len(), limits.order.len()), (1, 1));
    }

    #[test]
    fn plan_names_are_parsed() {
        for plan in [Plan::Maker, Plan::Builder, Plan::Enterprise] {
            assert_eq!(plan.name().parse(), Ok(plan));
        }
        assert!("Maker".parse::<Plan>().is_err());
    }
}
