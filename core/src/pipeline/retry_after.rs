//! Parses `Retry-After`. Pure: `now` is an argument.

use std::time::{Duration, SystemTime};

/// Parses how long the service asks to wait: `retry-after-ms`, else `retry-after` in seconds (digits with an optional
/// fraction) or as one of the three HTTP-date forms. A date is measured from `now`, the service's clock if it sent one.
///
/// 0, past dates, signs and garbage are ignored. A number that is too large to represent is the longest duration.
pub(crate) fn parse_retry_after(ms: Option<&str>, value: Option<&str>, now: SystemTime) -> Option<Duration> {
    let ms = ms.and_then(|text| parse_number(text, 1_000.0));
    let delay = ms.or_else(|| {
        let text = value?.trim();
        parse_number(text, 1.0).or_else(|| httpdate::parse_http_date(text).ok()?.duration_since(now).ok())
    });
    delay.filter(|delay| !delay.is_zero())
}

fn parse_number(text: &str, per_second: f64) -> Option<Duration> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    let delay = Duration::try_from_secs_f64(value / per_second).unwrap_or(Duration::MAX);
    Some(delay).filter(|delay| !delay.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;
    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn retry_after_table() {
        // Fri, 29 Sep 2023 16:26:37 GMT
        let now = SystemTime::UNIX_EPOCH + S(1_696_004_797);
        let date = |seconds| httpdate::fmt_http_date(now + S(seconds));
        let long = format!("2{}", "0".repeat(299));
        let check = |ms: Option<&str>, value: Option<&str>, delay: Option<Duration>| {
            assert_eq!(parse_retry_after(ms, value, now), delay, "retry-after-ms {ms:?}, retry-after {value:?}");
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
        for (value, delay) in values {
            check(None, Some(value), delay);
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
        for (ms, value, delay) in ms {
            check(Some(ms), value, delay);
        }
        check(None, None, None);
    }
}
