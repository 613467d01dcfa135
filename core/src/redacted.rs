//! Values that must not be printed, and texts of a peer made safe to print.

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is printed in place of a secret.
pub(crate) const REDACTED: &str = "[redacted]";

/// The maximum length of a peer's text in a message, in characters.
const MAX_MESSAGE_CHARS: usize = 512;

/// A value whose `Debug` is `[redacted]`: header values, proxy URLs, prompts, response bodies.
///
/// It dereferences to the value, and `.into()` makes one.
///
/// ```
/// # use builderaikits::Redacted;
/// let proxy: Redacted<String> = "http://user:password@proxy:3128".into();
/// assert_eq!(format!("{proxy:?}"), "[redacted]");
/// assert!(proxy.ends_with("3128"));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Redacted<T>(pub T);

impl<T> Redacted<T> {
    /// Returns the value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<T> Deref for Redacted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Redacted<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> From<T> for Redacted<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl From<&str> for Redacted<String> {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl<T: Serialize> Serialize for Redacted<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Redacted<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

/// Makes a text that a peer can influence safe for a message. Where a key is known, it is `ApiKey::clean`.
pub(crate) type Clean<'a> = &'a (dyn Fn(&str) -> String + Send + Sync);

/// Escapes control and bidirectional characters, and cuts a text to 512 characters.
pub(crate) fn sanitize(text: &str) -> String {
    if text.len() <= MAX_MESSAGE_CHARS && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return text.to_owned();
    }
    let mut safe = String::new();
    for (at, c) in text.chars().enumerate() {
        if at == MAX_MESSAGE_CHARS {
            safe.push('…');
            break;
        }
        match c {
            _ if c.is_control() => safe.extend(c.escape_default()),
            '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                safe.extend(c.escape_unicode());
            }
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sanitize_table() {
        let long = "é".repeat(600);
        let table = [
            ("plain", "plain".to_owned()),
            ("a\x1b[31m\r\nb", "a\\u{1b}[31m\\r\\nb".to_owned()),
            ("a\u{202e}b\u{2028}", "a\\u{202e}b\\u{2028}".to_owned()),
            ("\u{85}", "\\u{85}".to_owned()),
            (&long, format!("{}…", "é".repeat(512))),
        ];
        for (text, safe) in table {
            assert_eq!(sanitize(text), safe);
        }
    }

    #[test]
    fn redacted_is_not_printed() {
        assert_eq!(format!("{:?}", Redacted("secret")), REDACTED);
        assert_eq!(serde_json::to_string(&Redacted("value")).unwrap(), "\"value\"");
    }
}
