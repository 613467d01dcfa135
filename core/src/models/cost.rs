//! [`Cost`]: an amount of money, exact.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::error::{Error, ErrorKind};

const NANO_PER_USD: u64 = 1_000_000_000;

/// An amount of US dollars as a whole number of billionths, so that sums are exact.
///
/// `Display` writes dollars without a currency sign, such as `0.0001328`, and [`FromStr`] reads the same form.
///
/// ```
/// use builderaikits::Cost;
///
/// let cost: Cost = "0.0004".parse()?;
/// assert_eq!((cost.nano_usd(), cost.to_string()), (400_000, "0.0004".to_owned()));
/// # Ok::<(), builderaikits::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cost(u64);

impl Cost {
    /// The form of a cost as text, for messages.
    pub(crate) const FORM: &str = "a number of US dollars that is not negative, with up to 9 decimals, such as 0.0004";

    /// Creates a cost from billionths of a US dollar.
    #[must_use]
    pub const fn from_nano_usd(nano_usd: u64) -> Self {
        Self(nano_usd)
    }

    /// Returns the cost in billionths of a US dollar.
    #[must_use]
    pub const fn nano_usd(self) -> u64 {
        self.0
    }

    /// The cost of `tokens` if this is the price of 1,000. A fraction of a billionth is rounded up.
    #[must_use]
    pub fn of_tokens(self, tokens: u64) -> Self {
        let nano = (u128::from(self.0).saturating_mul(u128::from(tokens))).div_ceil(1_000);
        Self(u64::try_from(nano).unwrap_or(u64::MAX))
    }

    /// The sum of two costs, at most `u64::MAX` billionths.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, nano) = (self.0.div_euclid(NANO_PER_USD), self.0.rem_euclid(NANO_PER_USD));
        if nano == 0 {
            return write!(f, "{dollars}");
        }
        let decimals = format!("{nano:09}");
        write!(f, "{dollars}.{}", decimals.trim_end_matches('0'))
    }
}

impl FromStr for Cost {
    type Err = Error;

    /// Reads US dollars as a decimal number with up to 9 decimals, such as `0.0004`. The error is
    /// [`InvalidRequest`](ErrorKind::InvalidRequest).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| Error::new(ErrorKind::InvalidRequest, format!("A cost must be {}.", Self::FORM)))
    }
}

fn parse(text: &str) -> Option<Cost> {
    let (whole, decimals) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let decimals = if decimals.len() > 9 { decimals.trim_end_matches('0') } else { decimals };
    if !digits(whole) || (!digits(decimals) && !decimals.is_empty()) || decimals.len() > 9 {
        return None;
    }
    let nano: u64 = format!("{decimals:0<9}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(NANO_PER_USD)?.checked_add(nano).map(Cost)
}

/// Dollars as text and billionths as a number.
impl Serialize for Cost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Record {
            usd: String,
            nano_usd: u64,
        }
        Record { usd: self.to_string(), nano_usd: self.0 }.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_and_display_table() {
        let table = [
            ("0", Some(0), "0"),
            ("0.0004", Some(400_000), "0.0004"),
            (" 1.5 ", Some(1_500_000_000), "1.5"),
            ("12", Some(12_000_000_000), "12"),
            ("1.", Some(1_000_000_000), "1"),
            ("0.000000001", Some(1), "0.000000001"),
            ("0.0000000010", Some(1), "0.000000001"),
            ("18446744073.709551615", Some(u64::MAX), "18446744073.709551615"),
            ("18446744073.709551616", None, ""),
            ("0.0000000001", None, ""),
            ("-1", None, ""),
            ("+1", None, ""),
            ("1.+5", None, ""),
            ("", None, ""),
            (".5", None, ""),
            ("1e-3", None, ""),
            ("NaN", None, ""),
            ("$1", None, ""),
        ];
        for (text, nano, shown) in table {
            let cost = text.parse::<Cost>().ok();
            assert_eq!(cost.map(Cost::nano_usd), nano, "{text}");
            assert!(cost.is_none_or(|cost| cost.to_string() == shown), "{text}");
        }
    }

    #[test]
    fn cost_of_tokens_table() {
        let price = Cost::from_nano_usd;
        let table = [
            (price(400_000), 332, 132_800),
            (price(400_000), 0, 0),
            (price(1), 1, 1),
            (price(1), 1_001, 2),
            (price(u64::MAX), u64::MAX, u64::MAX),
        ];
        for (price, tokens, nano) in table {
            assert_eq!(price.of_tokens(tokens).nano_usd(), nano, "{price} {tokens}");
        }
    }
}
