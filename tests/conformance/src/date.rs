//! The three forms of an HTTP date (RFC 9110, section 5.6.7).

use serde::Deserialize;

/// Which form a scripted date takes.
#[derive(Debug, Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DateForm {
    /// `Sun, 06 Nov 1994 08:49:37 GMT`
    #[default]
    Imf,
    /// `Sunday, 06-Nov-94 08:49:37 GMT`
    Rfc850,
    /// `Sun Nov  6 08:49:37 1994`
    Asctime,
}

/// Writes seconds since 1970 (UTC) as an HTTP date.
pub(crate) fn http_date(unix_seconds: i64, form: DateForm) -> String {
    let (days, second) = (unix_seconds.div_euclid(86_400), unix_seconds.rem_euclid(86_400));
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let (year, month, day) = civil(days);
    let weekday = name(&WEEKDAYS, (days + 4).rem_euclid(7));
    let short = weekday.get(..3).unwrap_or_default();
    let month = name(&MONTHS, month - 1);
    match form {
        DateForm::Imf => {
            format!("{short}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
        }
        DateForm::Rfc850 => {
            format!("{weekday}, {day:02}-{month}-{:02} {hour:02}:{minute:02}:{second:02} GMT", year.rem_euclid(100))
        }
        DateForm::Asctime => {
            format!("{short} {month} {day:>2} {hour:02}:{minute:02}:{second:02} {year:04}")
        }
    }
}

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn name(names: &[&'static str], index: i64) -> &'static str {
    usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or_default()
}

/// Days since 1970 as year, month, day: counted in eras of 400 years that begin on 1 March.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_take_their_form() {
        for (seconds, form, expected) in [
            (784_111_777, DateForm::Imf, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (784_111_777, DateForm::Rfc850, "Sunday, 06-Nov-94 08:49:37 GMT"),
            (784_111_777, DateForm::Asctime, "Sun Nov  6 08:49:37 1994"),
            (0, DateForm::Imf, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (-1, DateForm::Imf, "Wed, 31 Dec 1969 23:59:59 GMT"),
            (1_709_164_800, DateForm::Imf, "Thu, 29 Feb 2024 00:00:00 GMT"),
            (1_709_251_200, DateForm::Asctime, "Fri Mar  1 00:00:00 2024"),
            (4_102_444_800, DateForm::Rfc850, "Friday, 01-Jan-00 00:00:00 GMT"),
        ] {
            assert_eq!(http_date(seconds, form), expected);
        }
    }
}
