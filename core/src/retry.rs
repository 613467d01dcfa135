//! Whether an attempt is repeated, and after how long. Pure: no clock, no sleep, no randomness, no I/O.

use std::time::{Duration, SystemTime};

/// The longest wait that a `Retry-After` can make us do; one that asks for more ends the call at once.
const LONGEST_ASKED: Duration = Duration::from_secs(120);
/// The longest wait of our own, before jitter is drawn.
const LONGEST_OWN: Duration = Duration::from_secs(20);
/// A `Retry-After` is spread by up to a tenth of itself, and at most by this.
const LONGEST_SPREAD: Duration = Duration::from_secs(1);

/// So many refusals of a call do not count against `max_retries`: connections that end under many calls refuse some of
/// them again and again.
const FREE_REFUSALS: u32 = 5;

/// What one attempt that gave no run ended in, as far as repeating it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It never reached the service: DNS, refused, connect timeout, TLS broken off.
    NotSent,
    /// The service said that it did not begin it, as it does to what is under way when it ends an HTTP/2 connection.
    Refused,
    /// The service said "not now": 429, 408.
    Rejected,
    /// The service says that it is its own fault: 5xx.
    Failed,
    /// Sent, and no answer that we can read: it may have run.
    Ambiguous,
    /// Repeating it would end alike, or would be paid for twice.
    Final { may_have_run: bool },
}

impl Outcome {
    /// What an answer with this status is, when it is not a run.
    pub(crate) fn of_status(status: u16) -> Self {
        match status {
            408 | 429 => Self::Rejected,
            501 | 505 => Self::Final { may_have_run: false },
            500.. => Self::Failed,
            200..300 => Self::Final { may_have_run: true },
            _ => Self::Final { may_have_run: false },
        }
    }

    pub(crate) fn may_have_run(self) -> bool {
        match self {
            Self::NotSent | Self::Refused | Self::Rejected => false,
            Self::Failed | Self::Ambiguous => true,
            Self::Final { may_have_run } => may_have_run,
        }
    }
}

/// The options of a call that have a say in repeating it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    pub(crate) max_retries: u32,
    pub(crate) retry_ambiguous: bool,
}

/// An attempt that ended without a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    pub(crate) status: Option<u16>,
    pub(crate) retry_after: Option<Duration>,
    /// The service's own word (`x-should-retry`), which stands above the table of outcomes.
    pub(crate) should_retry: Option<bool>,
}

impl Ended {
    /// 429 is waited for longer and costs less of the retry budget.
    pub(crate) fn is_throttled(&self) -> bool {
        self.status == Some(429)
    }

    /// No fault of the service: waited for shortly, so that the next connection is opened once, at next to no cost.
    pub(crate) fn is_refused(&self) -> bool {
        self.outcome == Outcome::Refused
    }

    /// Whether it stands before the gate that all of a client's repeats after 429 or 503 share.
    pub(crate) fn is_gated(&self) -> bool {
        matches!(self.status, Some(429 | 503))
    }

    /// How long it closes that gate, if it does.
    pub(crate) fn closes_gate_for(&self) -> Option<Duration> {
        self.retry_after.filter(|asked| self.is_gated() && *asked <= LONGEST_ASKED)
    }
}

/// What follows an attempt that ended without a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Repeat it after this long.
    Wait(Duration),
    /// Return the error: the reason, for the log.
    Stop(&'static str),
}

impl Policy {
    /// Whether this outcome would be repeated, whatever attempts and time are left.
    pub(crate) fn repeats(&self, ended: &Ended) -> bool {
        ended.should_retry.unwrap_or(match ended.outcome {
            Outcome::NotSent | Outcome::Refused | Outcome::Rejected | Outcome::Failed => true,
            Outcome::Ambiguous => self.retry_ambiguous,
            Outcome::Final { .. } => false,
        })
    }

    /// Decides. `repeats` counts those made so far, `jitter` is a random number from 0 to 1, `left` is the time to
    /// the deadline.
    pub(crate) fn decide(&self, ended: &Ended, repeats: u32, jitter: f64, left: Option<Duration>) -> Verdict {
        if !self.repeats(ended) {
            return Verdict::Stop("this outcome is not repeated");
        }
        if repeats >= self.max_retries {
            return Verdict::Stop("max_retries is used up");
        }
        if ended.retry_after.is_some_and(|asked| asked > LONGEST_ASKED) {
            return Verdict::Stop("the service asks to wait for more than 120 s");
        }
        let wait = wait(ended, repeats, jitter);
        match left {
            Some(left) if wait >= left => Verdict::Stop("the wait does not fit the deadline"),
            _ => Verdict::Wait(wait),
        }
    }
}

/// The repeats so far that count against `max_retries`; `refused` of the attempts were not begun by the service.
pub(crate) fn repeats(attempts: u32, refused: u32) -> u32 {
    attempts.saturating_sub(1).saturating_sub(refused.min(FREE_REFUSALS))
}

/// `asked` and up to a tenth of it on top, so that those who were told the same do not come back together.
pub(crate) fn spread(asked: Duration, jitter: f64) -> Duration {
    asked.saturating_add(seconds(asked.as_secs_f64() * 0.1 * jitter).min(LONGEST_SPREAD))
}

fn wait(ended: &Ended, repeats: u32, jitter: f64) -> Duration {
    let (base, floor) = if ended.is_throttled() {
        (Duration::from_secs(1), Duration::from_millis(100))
    } else if ended.is_refused() {
        (Duration::from_millis(50), Duration::from_millis(5))
    } else {
        (Duration::from_millis(500), Duration::from_millis(50))
    };
    if let Some(asked) = ended.retry_after {
        return spread(asked.max(floor), jitter);
    }
    let ceiling = base.saturating_mul(2_u32.saturating_pow(repeats)).min(LONGEST_OWN);
    floor.saturating_add(seconds(ceiling.saturating_sub(floor).as_secs_f64() * jitter))
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// How long the service asks to wait: `retry-after-ms`, else `retry-after` in seconds (digits, with a fraction or
/// without) or as one of the three HTTP dates, measured from `now`, which is the service's own clock where it told it.
///
/// 0, a date that is past, a sign, garbage: nothing, and our own wait stands. Too large to count: the longest there is.
pub(crate) fn parse_retry_after(ms: Option<&str>, value: Option<&str>, now: SystemTime) -> Option<Duration> {
    let ms = ms.and_then(|text| number(text, 1_000.0));
    let asked = ms.or_else(|| {
        let text = value?.trim();
        number(text, 1.0).or_else(|| httpdate::parse_http_date(text).ok()?.duration_since(now).ok())
    });
    asked.filter(|asked| !asked.is_zero())
}

fn number(text: &str, per_second: f64) -> Option<Duration> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    let asked = Duration::try_from_secs_f64(value / per_second).unwrap_or(Duration::MAX);
    Some(asked).filter(|asked| !asked.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: fn(u64) -> Duration = Duration::from_secs;
    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn retry_after_table() {
        // Fri, 29 Sep 2023 16:26:37 GMT
        let now = SystemTime::UNIX_EPOCH + S(1_696_004_797);
        let date = |seconds| httpdate::fmt_http_date(now + S(seconds));
        let long = format!("2{}", "0".repeat(299));
        let check = |ms: Option<&str>, value: Option<&str>, asked: Option<Duration>| {
            assert_eq!(parse_retry_after(ms, value, now), asked, "retry-after-ms {ms:?}, retry-after {value:?}");
        };
        let values = [
            ("20", Some(S(20))),
            (" 20\t", Some(S(20))),
            ("020", Some(S(20))),
            ("60", Some(S(60))),
            ("61", Some(S(61))),
            ("120", Some(S(120))),
            ("121", Some(S(121))),
            ("0.1", Some(MS(100))),
            ("0.5", Some(MS(500))),
            ("99999", Some(S(99_999))),
            (&long, Some(Duration::MAX)),
            ("99999999999999999999999999999999999", Some(Duration::MAX)),
            ("0", None),
            ("0.0", None),
            ("0.0000000001", None),
            ("-10", None),
            ("-0.5", None),
            ("+5", None),
            ("", None),
            (" ", None),
            (".", None),
            (".5", None),
            ("5.", None),
            ("1.2.3", None),
            ("1e9", None),
            ("1e999", None),
            ("inf", None),
            ("+Inf", None),
            ("nan", None),
            ("NaN", None),
            ("soon", None),
            ("5 s", None),
            ("5,6", None),
            ("0x10", None),
            ("٣", None),
            (&date(20), Some(S(20))),
            (&date(60), Some(S(60))),
            (&date(61), Some(S(61))),
            (&date(120), Some(S(120))),
            (&date(121), Some(S(121))),
            (&date(3_600), Some(S(3_600))),
            (&date(0), None),
            ("Fri, 29 Sep 2023 16:26:57 GMT", Some(S(20))),
            ("Friday, 29-Sep-23 16:26:57 GMT", Some(S(20))),
            ("Fri Sep 29 16:26:57 2023", Some(S(20))),
            ("Fri, 29 Sep 2023 16:26:27 GMT", None),
            ("Zun, 29 Sep 2023 16:26:57 GMT", None),
            ("Fri, 29 Sep 2023 16:26:57 CET", None),
            ("Fri, 29 Sep 100000 16:26:37 GMT", None),
            ("Fri, 99 Sep 2023 16:26:57 GMT", None),
            ("2023-09-29T16:26:57Z", None),
        ];
        for (value, asked) in values {
            check(None, Some(value), asked);
        }
        let ms = [
            ("125", Some("7"), Some(MS(125))),
            ("0.25", None, Some(Duration::from_micros(250))),
            ("10", None, Some(MS(10))),
            ("120000", None, Some(S(120))),
            ("120001", None, Some(MS(120_001))),
            (&long, None, Some(Duration::MAX)),
            ("1e100", None, None),
            ("0", None, None),
            ("-100", None, None),
            ("NaN", None, None),
            ("+Inf", None, None),
            ("-1", Some("0.5"), Some(MS(500))),
            ("0", Some(&date(20)), Some(S(20))),
            ("soon", Some("soon"), None),
        ];
        for (ms, value, asked) in ms {
            check(Some(ms), value, asked);
        }
        check(None, None, None);
    }

    fn ended(outcome: Outcome, status: Option<u16>) -> Ended {
        Ended { outcome, status, retry_after: None, should_retry: None }
    }

    fn status(status: u16) -> Ended {
        ended(Outcome::of_status(status), Some(status))
    }

    /// The same without jitter, for a table: the wait in milliseconds, or none.
    fn decide(policy: Policy, ended: Ended, repeats: u32, left: Option<Duration>) -> Option<u128> {
        match policy.decide(&ended, repeats, 0.0, left) {
            Verdict::Wait(wait) => Some(wait.as_millis()),
            Verdict::Stop(_) => None,
        }
    }

    #[test]
    fn decide_table() {
        let policy = Policy { max_retries: 2, retry_ambiguous: false };
        let careless = Policy { retry_ambiguous: true, ..policy };
        for code in 100..=999 {
            let repeated = matches!(code, 408 | 429) || (code >= 500 && !matches!(code, 501 | 505));
            assert_eq!(policy.repeats(&status(code)), repeated, "{code}");
            assert_eq!(policy.repeats(&status(code)), careless.repeats(&status(code)), "{code}");
            let may_have_run = (200..300).contains(&code) || (repeated && code >= 500);
            assert_eq!(Outcome::of_status(code).may_have_run(), may_have_run, "{code}");
            let asked = |answer| Ended { should_retry: Some(answer), ..status(code) };
            assert!(policy.repeats(&asked(true)) && !policy.repeats(&asked(false)), "{code}");
        }
        assert!(
            !Outcome::NotSent.may_have_run() && !Outcome::Refused.may_have_run() && Outcome::Ambiguous.may_have_run()
        );

        let asking = |seconds, of: u16| Ended { retry_after: Some(seconds), ..status(of) };
        let table = [
            (policy, status(500), 0, None, Some(50)),
            (policy, status(500), 1, None, Some(50)),
            (policy, status(500), 2, None, None),
            (policy, status(429), 0, None, Some(100)),
            (policy, status(408), 0, None, Some(50)),
            (policy, status(409), 0, None, None),
            (policy, ended(Outcome::NotSent, None), 0, None, Some(50)),
            (policy, ended(Outcome::Refused, None), 0, None, Some(5)),
            (policy, ended(Outcome::Refused, None), 2, None, None),
            (policy, ended(Outcome::Ambiguous, None), 0, None, None),
            (careless, ended(Outcome::Ambiguous, None), 0, None, Some(50)),
            (careless, ended(Outcome::Final { may_have_run: true }, Some(200)), 0, None, None),
            (Policy { max_retries: 0, ..policy }, status(429), 0, None, None),
            (Policy { max_retries: u32::MAX, ..policy }, status(500), u32::MAX - 1, None, Some(50)),
            // What the service asks for stands instead of the own wait, but not under its floor.
            (policy, asking(S(7), 500), 0, None, Some(7_000)),
            (policy, asking(MS(1), 500), 0, None, Some(50)),
            (policy, asking(MS(1), 429), 0, None, Some(100)),
            (policy, asking(S(120), 429), 0, None, Some(120_000)),
            (policy, asking(MS(120_001), 429), 0, None, None),
            (policy, asking(S(121), 503), 0, None, None),
            (policy, asking(Duration::MAX, 429), 0, None, None),
            (policy, asking(S(5), 400), 0, None, None),
            // A wait that does not fit the deadline is not begun.
            (policy, asking(S(5), 429), 0, Some(S(6)), Some(5_000)),
            (policy, asking(S(5), 429), 0, Some(S(5)), None),
            (policy, asking(S(5), 429), 0, Some(S(4)), None),
            (policy, status(500), 0, Some(MS(50)), None),
            (policy, status(500), 0, Some(MS(51)), Some(50)),
            (policy, status(500), 0, Some(Duration::ZERO), None),
            // The service's own word stands above the table, within attempts and deadline.
            (policy, Ended { should_retry: Some(true), ..status(400) }, 0, None, Some(50)),
            (policy, Ended { should_retry: Some(true), ..status(501) }, 1, None, Some(50)),
            (policy, Ended { should_retry: Some(true), ..status(400) }, 2, None, None),
            (policy, Ended { should_retry: Some(true), ..asking(S(121), 400) }, 0, None, None),
            (policy, Ended { should_retry: Some(false), ..status(500) }, 0, None, None),
            (policy, Ended { should_retry: Some(false), ..status(429) }, 0, None, None),
        ];
        for (policy, ended, repeats, left, wait) in table {
            assert_eq!(decide(policy, ended, repeats, left), wait, "{policy:?} {ended:?} {repeats} {left:?}");
        }
    }

    #[test]
    fn refusals_are_repeated_beside_the_others() {
        let table = [(1, 0, 0), (2, 0, 1), (3, 1, 1), (1, 1, 0), (5, 5, 0), (6, 6, 0), (7, 7, 1), (8, 8, 2), (8, 5, 2)];
        for (attempts, refused, counted) in table {
            assert_eq!(repeats(attempts, refused), counted, "{attempts} {refused}");
        }
    }

    #[test]
    fn gate_table() {
        let table = [
            (429, Some(S(5)), true, Some(S(5))),
            (503, Some(S(120)), true, Some(S(120))),
            (503, Some(S(121)), true, None),
            (429, None, true, None),
            (500, Some(S(5)), false, None),
            (408, Some(S(5)), false, None),
        ];
        for (code, retry_after, gated, closes) in table {
            let ended = Ended { retry_after, ..status(code) };
            assert_eq!((ended.is_gated(), ended.closes_gate_for()), (gated, closes), "{code} {retry_after:?}");
        }
    }

    #[test]
    fn waits_at_both_ends_of_the_jitter() {
        let policy = Policy { max_retries: u32::MAX, retry_ambiguous: false };
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
        for (code, repeats, least, most) in table {
            for (jitter, wait) in [(0.0, least), (1.0, most)] {
                assert_eq!(policy.decide(&status(code), repeats, jitter, None), Verdict::Wait(MS(wait)));
            }
        }
        for (repeats, most) in [(0, 50), (1, 100), (8, 12_800), (9, 20_000)] {
            let refused = ended(Outcome::Refused, None);
            assert_eq!(policy.decide(&refused, repeats, 0.0, None), Verdict::Wait(MS(5)));
            assert_eq!(policy.decide(&refused, repeats, 1.0, None), Verdict::Wait(MS(most)));
        }
        for (asked, most) in [(S(1), MS(1_100)), (S(10), S(11)), (S(60), S(61)), (S(120), S(121))] {
            assert_eq!(spread(asked, 0.0), asked);
            assert_eq!(spread(asked, 1.0), most);
        }
    }

    proptest! {
        /// Whatever the headers and however many repeats: no panic, and every wait within its bounds.
        #[test]
        fn waits_stay_in_bounds(
            code in 100_u16..1000,
            repeats in any::<u32>(),
            jitter in 0.0..=1.0,
            left in proptest::option::of(any::<u64>().prop_map(Duration::from_millis)),
            ms in proptest::option::of("[0-9.eE+-]{0,9}|.{0,9}"),
            value in proptest::option::of("[0-9]{0,9}(\\.[0-9]{0,9})?|[A-Z][a-z]{2}, [0-9]{2} Sep 20[0-9]{2} 16:26:37 GMT|.*"),
            now in 0_u64..1 << 33,
        ) {
            let now = SystemTime::UNIX_EPOCH.checked_add(S(now)).unwrap();
            let retry_after = parse_retry_after(ms.as_deref(), value.as_deref(), now);
            prop_assert_ne!(retry_after, Some(Duration::ZERO));
            let ended = Ended { retry_after, ..status(code) };
            prop_assert!(!ended.is_refused());
            let policy = Policy { max_retries: u32::MAX, retry_ambiguous: false };
            if let Verdict::Wait(wait) = policy.decide(&ended, repeats, jitter, left) {
                let floor = if code == 429 { MS(100) } else { MS(50) };
                prop_assert!(wait >= floor);
                prop_assert!(left.is_none_or(|left| wait < left));
                match retry_after {
                    Some(asked) => {
                        prop_assert!(asked <= LONGEST_ASKED);
                        prop_assert!(wait >= asked && wait <= asked.max(floor).mul_f64(1.1).max(asked).saturating_add(MS(1)));
                        prop_assert!(wait <= asked.max(floor).saturating_add(LONGEST_SPREAD));
                    }
                    None => prop_assert!(wait <= LONGEST_OWN),
                }
            }
        }
    }
}
