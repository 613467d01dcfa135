//! The API key: checked when it is made, redacted wherever it could be printed, wiped when it is dropped.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// What stands where the key would be.
pub(crate) const REDACTED: &str = "[redacted]";

/// How keys of the service begin; required for its own host only, so that no other vendor's key is sent there.
pub(crate) const KEY_PREFIX: &str = "bak_";

/// An API key of the service.
///
/// It cannot be printed: `Debug` and `Display` show `[redacted]`. Its memory is wiped when the last copy of it is
/// dropped. Copies that the HTTP library makes of the header while a request is on its way cannot be wiped.
///
/// ```
/// # use builderaikits::ApiKey;
/// let key = ApiKey::new(" bak_example\n")?; // the ends are trimmed
/// assert_eq!(format!("{key} {key:?}"), "[redacted] [redacted]");
/// assert!(ApiKey::new("bak_two words").is_err());
/// # Ok::<(), builderaikits::Error>(())
/// ```
#[derive(Clone)]
pub struct ApiKey(Arc<Zeroizing<String>>);

impl ApiKey {
    /// Takes a key as it was pasted: white space at the ends is trimmed.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) when nothing is left, or when a character inside is not visible ASCII; the
    /// message gives its position and the key's length, never a character of it.
    pub fn new(key: &str) -> Result<Self> {
        let key = key.trim();
        if key.is_empty() {
            return Err(Error::config("api_key: is empty; give a key of your dashboard, or leave the option out"));
        }
        let length = key.chars().count();
        if let Some(at) = key.chars().position(|c| !c.is_ascii_graphic()) {
            let position = at.saturating_add(1);
            return Err(Error::config(format!(
                "api_key: character {position} of {length} is not visible ASCII; copy the key once more"
            )));
        }
        Ok(Self(Arc::new(Zeroizing::new(key.to_owned()))))
    }

    pub(crate) fn has_prefix(&self) -> bool {
        self.0.starts_with(KEY_PREFIX)
    }

    /// The value of `authorization`, made anew for each attempt and marked so that no library logs it.
    pub(crate) fn header(&self) -> Result<HeaderValue> {
        // The text becomes the value, without a copy that would stay behind.
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.0.as_str()))
            .map_err(|_| Error::config("api_key: cannot stand in a header; copy the key once more"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// `text` with the key blotted out, or nothing where it does not stand in it.
    pub(crate) fn redact(&self, text: &[u8]) -> Option<Vec<u8>> {
        let key = self.0.as_bytes();
        let mut clean = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.windows(key.len()).position(|window| window == key) {
            let (before, found) = rest.split_at(at);
            clean.extend_from_slice(before);
            clean.extend_from_slice(REDACTED.as_bytes());
            rest = found.split_at(key.len()).1;
        }
        if rest.len() == text.len() {
            return None;
        }
        clean.extend_from_slice(rest);
        Some(clean)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_table() {
        let good = ["bak_1", " bak_1", "bak_1\r\n", "\tbak_1 ", "sk-other"];
        for key in good {
            let value = ApiKey::new(key).unwrap().header().unwrap();
            assert_eq!(value.to_str().unwrap(), format!("Bearer {}", key.trim()));
            assert!(value.is_sensitive());
            assert!(!format!("{value:?}").contains(key.trim()));
        }
        let bad = [
            ("", "api_key: is empty"),
            (" \t\n", "api_key: is empty"),
            ("bak_a b", "character 6 of 7"),
            ("bak_a\nb", "character 6 of 7"),
            ("bak_a\tb", "character 6 of 7"),
            ("bak_a\r\nHost: evil", "character 6 of 17"),
            ("bak_\0", "character 5 of 5"),
            ("bak_\u{7f}x", "character 5 of 6"),
            ("bak_ключ", "character 5 of 8"),
            ("\u{1f511}", "character 1 of 1"),
        ];
        for (key, message) in bad {
            let error = ApiKey::new(key).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Config);
            assert!(error.message().contains(message), "{error}");
            assert!(key.trim().is_empty() || !error.to_string().contains(key.trim()), "{error}");
        }
    }

    #[test]
    fn redact_table() {
        let key = ApiKey::new("bak_k").unwrap();
        let table = [
            ("", None),
            ("bak_", None),
            ("bak_k", Some("[redacted]")),
            ("a bak_k b bak_kbak_k", Some("a [redacted] b [redacted][redacted]")),
        ];
        for (text, clean) in table {
            assert_eq!(key.redact(text.as_bytes()), clean.map(|c: &str| c.as_bytes().to_vec()), "{text}");
        }
    }
}
