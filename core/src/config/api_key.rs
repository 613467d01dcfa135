//! [`ApiKey`]: validated when it is created, redacted wherever it could be printed, wiped when it is dropped.

use std::fmt;

use bytes::Bytes;
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::redacted::{REDACTED, sanitize};

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

    /// Returns `text` with the key redacted, or `None` if the key is not in it. The key is found as it is, and with any of
    /// its characters escaped as in JSON.
    pub(crate) fn redact(&self, text: &[u8]) -> Option<Vec<u8>> {
        self.replace(text, false)
    }

    /// As [`redact`](Self::redact), for a text that was cut: the start of the key at its end is redacted as well.
    pub(crate) fn redact_cut(&self, text: &[u8]) -> Option<Vec<u8>> {
        self.replace(text, true)
    }

    /// Makes a text that a peer can influence safe for a message: redacts the key, then escapes and cuts it.
    pub(crate) fn clean(&self, text: &str) -> String {
        match self.redact(text.as_bytes()) {
            Some(redacted) => sanitize(&String::from_utf8_lossy(&redacted)),
            None => sanitize(text),
        }
    }

    fn replace(&self, text: &[u8], is_cut: bool) -> Option<Vec<u8>> {
        let (key, mut clean, mut kept, mut at) = (self.as_bytes(), Vec::new(), 0, 0_usize);
        let first = *key.first()?;
        let starts = |byte: &u8| *byte == first || *byte == b'\\';
        while let Some(skipped) = text.get(at..).and_then(|rest| rest.iter().position(starts)) {
            at = at.saturating_add(skipped);
            let rest = text.get(at..).unwrap_or_default();
            let length = match find_at_start(key, rest) {
                Found::Whole(length) => length,
                Found::Start if is_cut => rest.len(),
                Found::Start | Found::No => {
                    at = at.saturating_add(1);
                    continue;
                }
            };
            clean.extend_from_slice(text.get(kept..at).unwrap_or_default());
            clean.extend_from_slice(REDACTED.as_bytes());
            at = at.saturating_add(length);
            kept = at;
        }
        if kept == 0 {
            return None;
        }
        clean.extend_from_slice(text.get(kept..).unwrap_or_default());
        Some(clean)
    }

    fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes().get(SCHEME.len()..).unwrap_or_default()
    }
}

/// A shorter start of a key at the end of a text is not redacted. It tells nothing: keys of the service begin with `bak_`.
const MIN_START: usize = KEY_PREFIX.len();

enum Found {
    /// The text begins with the key, which takes so many bytes of it.
    Whole(usize),
    /// The text ends within the key.
    Start,
    No,
}

fn find_at_start(key: &[u8], text: &[u8]) -> Found {
    if text.starts_with(key) {
        return Found::Whole(key.len());
    }
    let mut length = 0_usize;
    for (matched, byte) in key.iter().enumerate() {
        let rest = text.get(length..).unwrap_or_default();
        match json_char(rest) {
            Some((found, width)) if found == *byte => length = length.saturating_add(width),
            Some(_) => return Found::No,
            None if matched >= MIN_START => return Found::Start,
            None => return Found::No,
        }
    }
    Found::Whole(length)
}

/// The first character of a text and its width, if it is ASCII, also if it is escaped as in JSON. None: the text ends here,
/// possibly within an escape.
fn json_char(text: &[u8]) -> Option<(u8, usize)> {
    match text {
        [] | [b'\\'] => None,
        [b'\\', b'u', hex @ ..] => {
            let code = str::from_utf8(hex.get(..4)?).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
            Some((code.unwrap_or_default(), 6))
        }
        [b'\\', escaped, ..] => Some((*escaped, 2)),
        [byte, ..] => Some((*byte, 1)),
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
            (r"a bak\u005fk b", Some("a [redacted] b")),
            (r"\u0062\u0061\u006B\u005F\u006b", Some("[redacted]")),
            (r"bak\u005f", None),
            (r"bak\u05fk bak\", None),
            ("bbak_k", Some("b[redacted]")),
        ];
        let text = |clean: Option<Vec<u8>>| clean.map(|clean| String::from_utf8(clean).unwrap());
        for (given, clean) in table {
            assert_eq!(text(key.redact(given.as_bytes())).as_deref(), clean, "{given}");
        }
        let cut = [
            ("a bak_k b", Some("a [redacted] b")),
            ("a bak", None),
            ("a bak_", Some("a [redacted]")),
            (r"a bak\u005", None),
            (r"a bak_\u006", Some("a [redacted]")),
            (r"a bak_\", Some("a [redacted]")),
            ("bak_ b", None),
        ];
        for (given, clean) in cut {
            assert_eq!(text(key.redact_cut(given.as_bytes())).as_deref(), clean, "{given}");
        }
        // Keys with characters that JSON escapes.
        let key = ApiKey::new(r#"bak_\"/x"#).unwrap();
        for given in [r#"bak_\"/x"#, r#"bak_\\\"\/x"#, r"\u0062ak_\u005c\u0022\u002fx"] {
            assert_eq!(text(key.redact(given.as_bytes())).as_deref(), Some("[redacted]"), "{given}");
        }
        assert_eq!(key.clean(&format!("{}{}", "a".repeat(510), r#"bak_\"/x"#)), format!("{}[r…", "a".repeat(510)));
    }
}
