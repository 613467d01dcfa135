//! The three forms of an HTTP date (RFC 9110, section 5.6.7).

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::StaticFormatDescription;
use time::macros::format_description;

/// The form of a scripted date.
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

const IMF: StaticFormatDescription =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
const RFC850: StaticFormatDescription =
    format_description!("[weekday], [day]-[month repr:short]-[year repr:last_two] [hour]:[minute]:[second] GMT");
const ASCTIME: StaticFormatDescription =
    format_description!("[weekday repr:short] [month repr:short] [day padding:space] [hour]:[minute]:[second] [year]");

/// Formats seconds since 1970 (UTC) as an HTTP date. A time outside the years -9999 to 9999 becomes 1970.
pub(crate) fn http_date(unix_seconds: i64, form: DateForm) -> String {
    let date = OffsetDateTime::from_unix_timestamp(unix_seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let format = match form {
        DateForm::Imf => IMF,
        DateForm::Rfc850 => RFC850,
        DateForm::Asctime => ASCTIME,
    };
    // Each component of the formats exists in every date.
    date.format(format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_date_has_the_requested_form() {
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
