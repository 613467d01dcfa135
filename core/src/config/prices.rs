//! [`Prices`]: the price of 1,000 tokens of each kit: the catalogue's, and those of the option `prices`.

use crate::error::{Error, Result};
use crate::models::cost::Cost;
use crate::models::kit::Kit;

/// The prices of a client.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prices(Vec<(Kit, Cost)>);

impl Prices {
    /// Validates the option `prices`. A kit id that differs from a known one in case or separators is a mistake.
    pub(crate) fn new(overrides: &[(Kit, Cost)]) -> Result<Self> {
        for (kit, _) in overrides {
            let id = kit.as_str();
            let valid = !id.is_empty() && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            let similar = Kit::ALL.iter().find(|known| *known != kit && letters(known.as_str()) == letters(id));
            let problem = match similar {
                Some(known) => format!("'{}' is not a kit; the id is '{known}'", id.escape_debug()),
                None if !valid => {
                    format!("'{}' is not a kit id: lower-case letters, digits and hyphens", id.escape_debug())
                }
                None => continue,
            };
            return Err(Error::config("prices", format!("`prices`: {problem}.")));
        }
        Ok(Self(overrides.to_vec()))
    }

    /// The price of 1,000 tokens; `None` for a kit without a known price.
    pub(crate) fn of(&self, kit: &Kit) -> Option<Cost> {
        // The last one wins, as in a map.
        let overridden = self.0.iter().rev().find(|(id, _)| id == kit).map(|(_, price)| *price);
        overridden.or_else(|| kit.info().map(|info| info.price_per_1k_tokens))
    }
}

fn letters(id: &str) -> String {
    id.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_table() {
        let price = Cost::from_nano_usd(7);
        let prices = Prices::new(&[("summarizer".into(), price), ("new-kit-2".into(), price)]).unwrap();
        assert_eq!(prices.of(&Kit::Summarizer), Some(price));
        assert_eq!(prices.of(&"new-kit-2".into()), Some(price));
        assert_eq!(prices.of(&Kit::TextGen).map(Cost::nano_usd), Some(400_000));
        assert_eq!(prices.of(&"unknown".into()), None);
        for (id, message) in [
            ("text_gen", "`prices`: 'text_gen' is not a kit; the id is 'text-gen'."),
            ("TextGen", "`prices`: 'TextGen' is not a kit; the id is 'text-gen'."),
            ("", "`prices`: '' is not a kit id: lower-case letters, digits and hyphens."),
            ("My kit", "`prices`: 'My kit' is not a kit id: lower-case letters, digits and hyphens."),
        ] {
            let error = Prices::new(&[(id.into(), price)]).unwrap_err();
            assert_eq!((error.option(), error.message()), (Some("prices"), message));
        }
    }
}
