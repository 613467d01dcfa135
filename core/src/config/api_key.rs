//! [`ApiKey`]: validated when it is created, redacted wherever it could be printed, wiped when it is dropped.

use std::fmt;

use bytes::Bytes;
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::redacted::REDACTED;

/// The prefix of the service's keys. It is required for the service's own host, so that a key of another vendor is
/// never sent there.
pub(crate) const KEY_PREFIX: &str = "bak_";

const SCHEME: &str = "Bearer ";

/// An API key for the service.
///
/// `Debug` and `Display` print `[redacted]`. The memory is wiped when the last copy is dropped, except for the bytes
/// that the HTTP library wrote to a connection's buffer.
///
/// ```
/// # use builderaikits::ApiKey;
/// let key = ApiKey::new(" bak_example\n")?; // white space at both ends is trimmed
/// assert_eq!(format!("{key} {key:?}"), "[redacted] [redacted]");
/// assert!(ApiKey::new("bak_two words").is_err());
/// # Ok::<(), builderaikits::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(
    /// The value of the `authorization` header, marked sensitive.
    HeaderValue,
);

impl ApiKey {
    /// Creates a key. White space at both ends is trimmed.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if the key is empty, or has a character that is not visible ASCII. The message
    /// gives the position of the character and the length of the key, never a character of it.
    pub fn new(key: &str) -> Result<Self> {
        let invalid = |message: String| Error::config("api_key", message);
        let key = key.trim();
        if key.is_empty() {
            return Err(invalid(
                "`api_key` is empty. Pass a key from your dashboard, or omit the option to read BUILDERAIKITS_API_KEY."
                    .to_owned(),
            ));
        }
        if let Some(at) = key.chars().position(|c| !c.is_ascii_graphic()) {
            let (position, length) = (at.saturating_add(1), key.chars().count());
            return Err(invalid(format!(
                "`api_key` has an invalid character at position {position} of {length}. Copy the key again; it contains \
                 printable ASCII only."
            )));
        }
        let header = Bytes::from_owner(Zeroizing::new([SCHEME, key].concat().into_bytes()));
        // Visible ASCII is a valid header value, so this cannot fail.
        let mut header = HeaderValue::from_maybe_shared(header).map_err(|e| invalid(e.to_string()))?;
        header.set_sensitive(true);
        Ok(Self(header))
    }

    /// The value of the `authorization` header, marked sensitive so that no library logs it.
    pub(crate) fn header(&self) -> &HeaderValue {
        &self.0
    }

    pub(crate) fn has_prefix(&self) -> bool {
        self.as_bytes().starts_with(KEY_PREFIX.as_bytes())
    }

    /// Returns `text` with the key redacted, or `None` if the key is not in it.
    pub(crate) fn redact(&self, text: &[u8]) -> Option<Vec<u8>> {
        let key = self.as_bytes();
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

    /// Returns `text` with the key redacted.
    pub(crate) fn redact_text(&self, text: String) -> String {
        self.redact(text.as_bytes()).map_or(text, |clean| String::from_utf8_lossy(&clean).into_owned())
    }

    fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes().get(SCHEME.len()..).unwrap_or_default()
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
    fn api_key_table() {
        let good = ["bak_1", " bak_1", "bak_1\r\n", "\tbak_1 ", "sk-other"];
        for key in good {
            let value = ApiKey::new(key).unwrap().header().clone();
            assert_eq!(value.to_str().unwrap(), format!("Bearer {}", key.trim()));
            assert!(value.is_sensitive());
            assert!(!format!("{value:?}").contains(key.trim()));
        }
        let bad = [
            ("", "`api_key` is empty"),
            (" \t\n", "`api_key` is empty"),
            ("bak_a b", "position 6 of 7"),
            ("bak_a\nb", "position 6 of 7"),
            ("bak_a\tb", "position 6 of 7"),
            ("bak_a\r\nHost: evil", "position 6 of 17"),
            ("bak_\0", "position 5 of 5"),
            ("bak_\u{7f}x", "position 5 of 6"),
            ("bak_ключ", "position 5 of 8"),
            ("\u{1f511}", "position 1 of 1"),
        ];
        for (key, message) in bad {
            let error = ApiKey::new(key).unwrap_err();
            assert_eq!((error.kind(), error.option()), (crate::ErrorKind::Config, Some("api_key")));
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
