//! [`RateLimit`]: how a client keeps to the rate limits of its plan.

use std::str::FromStr;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::models::catalog::{Plan, Quota};

/// How a client keeps to the rate limits of the service: [`ClientOptions::rate_limit`](crate::ClientOptions::rate_limit).
///
/// [`FromStr`] reads `auto`, `off`, `maker`, `builder`, or numbers: `30,15000` is requests and tokens per minute, either may
/// be missing (`30` or `,15000`), and `30,15000/6s` counts per 6 seconds.
///
/// ```
/// use builderaikits::{Plan, Quota, RateLimit};
/// use std::time::Duration;
///
/// assert_eq!("maker".parse::<RateLimit>()?, RateLimit::Plan(Plan::Maker));
/// let quota = Quota { requests: Some(300), tokens: None, per: Duration::from_secs(10) };
/// assert_eq!("300/10s".parse::<RateLimit>()?, RateLimit::Custom(quota));
/// # Ok::<(), builderaikits::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RateLimit {
    /// No pacing until the service responds with 429 and `Retry-After`. Then the client learns the limit from what the
    /// service accepted, and keeps to it.
    #[default]
    Auto,
    /// The limits of a plan, from the first call on.
    Plan(Plan),
    /// Your own limits, from the first call on.
    Custom(Quota),
    /// No pacing and nothing learned. A 429 with `Retry-After` still holds back all calls until that time.
    Off,
}

impl RateLimit {
    /// The configured limits, if there are any.
    pub(crate) fn quota(self) -> Option<Quota> {
        match self {
            Self::Plan(plan) => Some(plan.quota()),
            Self::Custom(quota) => Some(quota),
            Self::Auto | Self::Off => None,
        }
    }

    /// Rejects limits that can never admit a call.
    pub(crate) fn validate(self) -> Result<()> {
        let Self::Custom(quota) = self else { return Ok(()) };
        if quota.requests.is_none() && quota.tokens.is_none() {
            return Err(invalid("needs a number of requests or of tokens"));
        }
        if quota.requests == Some(0) || quota.tokens == Some(0) {
            return Err(invalid("needs numbers of at least 1"));
        }
        if quota.per < MIN_PER || quota.per > MAX_PER {
            return Err(invalid("must count per 0.1 s to 1 day"));
        }
        Ok(())
    }
}

const MIN_PER: Duration = Duration::from_millis(100);
const MAX_PER: Duration = Duration::from_secs(86_400);

fn invalid(problem: &str) -> Error {
    let forms = "`auto`, `off`, `maker`, `builder`, or numbers of requests and tokens such as `30,15000` (per minute) or `30,15000/6s`";
    Error::invalid(ErrorKind::Config, "rate_limit", format!("`rate_limit` {problem}. It can be {forms}."))
}

impl FromStr for RateLimit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        if let Some(plan) = Plan::ALL.into_iter().find(|plan| plan.name() == text) {
            return Ok(Self::Plan(plan));
        }
        let limit = match text {
            "auto" => Self::Auto,
            "off" => Self::Off,
            _ => Self::Custom(quota(text).ok_or_else(|| invalid("is not known"))?),
        };
        limit.validate().map(|()| limit)
    }
}

/// `30,15000/6s`, where every part but one number can be missing.
fn quota(text: &str) -> Option<Quota> {
    let (numbers, per) = match text.split_once('/') {
        None => (text, Quota::DEFAULT_PER),
        Some((numbers, per)) => (numbers, Duration::try_from_secs_f64(seconds(per)?).ok()?),
    };
    let (requests, tokens) = numbers.split_once(',').unwrap_or((numbers, ""));
    let number = |text: &str| match text.trim() {
        "" => Some(None),
        digits => digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?.map(Some),
    };
    let (requests, tokens) = (number(requests)?, number(tokens)?);
    (requests.is_some() || tokens.is_some()).then_some(Quota { requests, tokens, per })
}

fn seconds(text: &str) -> Option<f64> {
    let digits = text.trim().strip_suffix('s')?.trim();
    digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.').then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_str_table() {
        let custom =
            |requests, tokens, ms| Some(RateLimit::Custom(Quota { requests, tokens, per: Duration::from_millis(ms) }));
        let table = [
            ("auto", Some(RateLimit::Auto)),
            ("off", Some(RateLimit::Off)),
            (" maker ", Some(RateLimit::Plan(Plan::Maker))),
            ("builder", Some(RateLimit::Plan(Plan::Builder))),
            ("30,15000", custom(Some(30), Some(15_000), 60_000)),
            ("30", custom(Some(30), None, 60_000)),
            (",15000", custom(None, Some(15_000), 60_000)),
            ("30, 15000 / 6s", custom(Some(30), Some(15_000), 6_000)),
            ("30/0.5s", custom(Some(30), None, 500)),
            ("30/0.1s", custom(Some(30), None, 100)),
            ("30/86400s", custom(Some(30), None, 86_400_000)),
            ("30/0.09s", None),
            ("30/86400.1s", None),
            ("", None),
            (",", None),
            ("Maker", None),
            ("enterprise", None),
            ("0", None),
            ("30,0", None),
            ("-1", None),
            ("1.5", None),
            ("30/6", None),
            ("30/0s", None),
            ("30/1e9s", None),
            ("30/100000s", None),
            ("30,1,1", None),
            ("99999999999999999999", None),
        ];
        for (text, limit) in table {
            let parsed = text.parse::<RateLimit>();
            if let Err(error) = &parsed {
                assert_eq!((error.kind(), error.option()), (ErrorKind::Config, Some("rate_limit")), "{error}");
                assert!(
                    error.message().starts_with("`rate_limit` ") && error.message().contains("30,15000"),
                    "{error}"
                );
            }
            assert_eq!(parsed.ok(), limit, "{text}");
        }
    }
}
