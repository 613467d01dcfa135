//! Whether an attempt is repeated, and after how long. Pure: no clock, no sleep, no randomness, no I/O.

use std::time::{Duration, SystemTime};

/// The longest wait that a `Retry-After` can make us do; one that asks for more ends the call at once.
const LONGEST_ASKED: Duration = Duration::from_secs(120);
/// The longest wait of our own, before jitter is drawn.
const LONGEST_OWN: Duration = Duration::from_secs(20);
/// A `Retry-After` is spread by up to a tenth of itself, and at most by this.
const LONGEST_SPREAD: Duration = Duration::from_secs(1);

/// What one attempt that gave no run ended in, as far as repeating it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It never reached the service: DNS, refused, connect timeout, TLS broken off, HTTP/2 stream refused.
    NotSent,
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
            Self::NotSent | Self::Rejected => false,
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
            Outcome::NotSent | Outcome::Rejected | Outcome::Failed => true,
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

/// `asked` and up to a tenth of it on top, so that those who were told the same do not come back together.
pub(crate) fn spread(asked: Duration, jitter: f64) -> Duration {
    asked.saturating_add(seconds(asked.as_secs_f64() * 0.1 * jitter).min(LONGEST_SPREAD))
}

fn wait(ended: &Ended, repeats: u32, jitter: f64) -> Duration {
    let (base, floor) = if ended.is_throttled() {
        (Duration::from_secs(1), Duration::from_millis(100))
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
