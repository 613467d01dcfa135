//! [`Gate`]: closed by a 429 with `Retry-After`; and [`SlowStart`] after it. Pure.

use std::time::Duration;

/// A gate that opens this much later is notable for the calls that wait.
const NOTABLE: Duration = Duration::from_secs(1);

/// Holds back all attempts of a client.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Gate {
    /// When it opens…
    pub(crate) opens_at: Duration,
    /// …which is a little later than the service asked for.
    pub(crate) asked_for: Duration,
    /// The latest end of the service's window: the earliest of what its responses with 429 ask for. It rounds up to seconds,
    /// and a response can wait in the client before it is read.
    pub(crate) window_ends_by: Duration,
    /// The earliest end of the service's window.
    pub(crate) window_ends_from: Duration,
    /// Whether what the 429 tells of the limit was not used yet.
    pub(crate) unlearned: bool,
    /// When it opened the last time before it was closed.
    pub(crate) opened_at: Duration,
}

impl Gate {
    /// Closes the gate, or leaves it closed for longer. Returns whether calls that wait have to wait for notably longer.
    pub(crate) fn close(
        &mut self,
        now: Duration,
        sent_at: Duration,
        retry_after: Duration,
        opens_after: Duration,
    ) -> bool {
        let (asked_for, opens_at) = (now.saturating_add(retry_after), now.saturating_add(opens_after));
        let is_notable = opens_at > self.opens_at.saturating_add(NOTABLE);
        if now >= self.opens_at {
            let window_ends_from = sent_at.saturating_add(retry_after).saturating_sub(Duration::from_secs(1));
            let (window_ends_by, opened_at) = (asked_for, self.opens_at);
            *self = Self { opens_at, asked_for, window_ends_by, window_ends_from, unlearned: true, opened_at };
        } else {
            self.window_ends_by = self.window_ends_by.min(asked_for);
            self.opens_at = self.opens_at.max(opens_at);
            self.asked_for = self.asked_for.max(asked_for);
        }
        is_notable
    }

    /// Keeps the gate closed at least until this time, whatever the service asked for.
    pub(crate) fn extend(&mut self, opens_at: Duration) {
        if opens_at > self.opens_at {
            (self.opens_at, self.asked_for) = (opens_at, opens_at);
        }
    }

    /// This time, or what the service asked for if it is when the gate opens.
    pub(crate) fn without_jitter(&self, at: Duration) -> Duration {
        if at == self.opens_at { self.asked_for } else { at }
    }
}

/// Lets the first attempts after a gate pass one by one, then twice as many each second and for each success, so that a
/// service that still rejects is asked little.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SlowStart {
    pub(crate) admitted: u64,
    pub(crate) succeeded: u64,
}

impl SlowStart {
    /// When the next attempt may be sent; `None`: now.
    pub(crate) fn wait(self, now: Duration, opened_at: Duration) -> Option<Duration> {
        let seconds = now.saturating_sub(opened_at).as_secs();
        let by_time = 2_u64.saturating_pow(u32::try_from(seconds).unwrap_or(u32::MAX));
        let allowed = by_time.saturating_add(self.succeeded.saturating_mul(2));
        let next_second = Duration::from_secs(seconds.saturating_add(1));
        (self.admitted >= allowed).then(|| opened_at.saturating_add(next_second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;
    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn gate_stays_closed_for_the_longest_wait() {
        let mut gate = Gate::default();
        let mut close = |now, opens_after| gate.close(now, now, S(60), opens_after);
        assert!(close(S(1), S(61)), "calls have to wait");
        assert!(!close(S(1), S(62)), "1 s more is not notable");
        assert!(!close(S(1), S(30)));
        assert!(close(S(1), MS(63_001)));
        assert_eq!((gate.opens_at, gate.asked_for, gate.opened_at), (MS(64_001), S(61), Duration::ZERO));
        gate.close(MS(64_001), MS(64_001), S(10), S(11));
        assert_eq!((gate.opens_at, gate.opened_at), (MS(75_001), MS(64_001)), "it had opened");
    }

    #[test]
    fn window_ends_between_what_the_responses_say() {
        let mut gate = Gate::default();
        gate.close(S(10), S(9), S(50), S(51));
        gate.close(S(11), S(9), S(48), S(51));
        gate.close(S(12), S(9), S(49), S(51));
        assert_eq!((gate.window_ends_from, gate.window_ends_by), (S(58), S(59)));
    }

    #[test]
    fn extended_gate_has_no_jitter() {
        let mut gate = Gate::default();
        gate.close(S(0), S(0), S(1), MS(1_100));
        assert_eq!([S(5), MS(1_100)].map(|at| gate.without_jitter(at)), [S(5), S(1)]);
        gate.extend(MS(1_100));
        assert_eq!(gate.without_jitter(MS(1_100)), S(1), "it was closed as long");
        gate.extend(S(20));
        assert_eq!((gate.opens_at, gate.without_jitter(S(20))), (S(20), S(20)));
    }

    #[test]
    fn slow_start_doubles_each_second_and_for_each_success() {
        let start = |admitted, succeeded| SlowStart { admitted, succeeded };
        let table = [
            (start(0, 0), 0, None),
            (start(1, 0), 0, Some(S(101))),
            (start(1, 1), 0, None),
            (start(3, 1), 0, Some(S(101))),
            (start(3, 0), 2, None),
            (start(4, 0), 2, Some(S(103))),
            (start(1 << 40, 0), 100, None),
        ];
        for (start, seconds, wait) in table {
            assert_eq!(start.wait(S(100 + seconds), S(100)), wait, "{start:?} {seconds}");
        }
    }
}
