//! The `repr` of runs and their parts.

use serde_json::{Map, Value};

/// Builds a repr. Absent fields are left out, and long texts are truncated.
pub(super) struct Repr(String);

impl Repr {
    const MAX_CHARS: usize = 200;

    pub(super) fn new(class: &str) -> Self {
        Self(format!("{class}("))
    }

    pub(super) fn value(mut self, name: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            let comma = if self.0.ends_with('(') { "" } else { ", " };
            self.0 += &format!("{comma}{name}={}", value.to_string());
        }
        self
    }

    pub(super) fn text(self, name: &str, text: Option<&str>) -> Self {
        let Some(text) = text else { return self };
        let short: String = text.chars().take(Self::MAX_CHARS).collect();
        let ellipsis = if short.len() < text.len() { "…" } else { "" };
        // Like Python, which escapes only the quotes that it quotes with.
        let quoted = short.escape_debug().to_string().replace("\\\"", "\"");
        self.value(name, Some(format!("'{quoted}{ellipsis}'")))
    }

    pub(super) fn extra(self, extra: &Map<String, Value>) -> Self {
        let names: Vec<_> = extra.keys().map(String::as_str).collect();
        let names = (!names.is_empty()).then(|| format!("<{}>", names.join(", ").escape_debug()));
        self.value("extra", names)
    }

    pub(super) fn finish(self) -> String {
        self.0 + ")"
    }
}
