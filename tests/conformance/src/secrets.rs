//! Keys and prompts: found in the output of a driver, and redacted in the output of the runner.

use serde_json::{Map, Value};

use crate::case::{CANARY_KEY, Case};

/// The canary, and the key that the case sets if it is long enough to be distinct from other text.
pub(crate) fn keys(case: &Case) -> impl Iterator<Item = &str> {
    let own = case.client.get("api_key").and_then(Value::as_str).map(str::trim).filter(|key| key.len() >= 8);
    [CANARY_KEY].into_iter().chain(own.filter(|own| *own != CANARY_KEY))
}

/// Whether the line of a reply contains a text, as written or in one of its unescaped strings.
pub(crate) fn contains_text(line: &str, reply: &Value, text: &str) -> bool {
    fn within(value: &Value, text: &str) -> bool {
        match value {
            Value::String(string) => string.contains(text),
            Value::Array(items) => items.iter().any(|item| within(item, text)),
            Value::Object(fields) => fields.iter().any(|(name, field)| name.contains(text) || within(field, text)),
            _ => false,
        }
    }
    line.contains(text) || within(reply, text)
}

/// Redacts keys and prompts in differences, also the beginning of one if it has 8 characters or more.
pub(crate) fn redact(differences: Vec<String>, case: &Case) -> Vec<String> {
    let prompt = |call: &Map<String, Value>| {
        let input = call.get("input")?;
        input.as_str().or_else(|| input.get("prompt")?.as_str()).map(str::to_owned)
    };
    let mut secrets: Vec<String> = keys(case).map(str::to_owned).collect();
    secrets.extend(case.calls.iter().filter_map(prompt));
    differences.into_iter().map(|line| secrets.iter().fold(line, |line, secret| redact_one(&line, secret))).collect()
}

pub(crate) fn redact_one(line: &str, secret: &str) -> String {
    let Some(start) = secret.char_indices().nth(8).and_then(|(end, _)| secret.get(..end)) else {
        return line.to_owned();
    };
    let (mut redacted, mut rest) = (String::new(), line);
    while let Some((before, found)) = rest.find(start).and_then(|index| rest.split_at_checked(index)) {
        let common = found.chars().zip(secret.chars()).take_while(|(one, other)| one == other);
        let length = common.map(|(character, _)| character.len_utf8()).sum();
        redacted.push_str(before);
        redacted.push_str("[redacted]");
        rest = found.get(length..).unwrap_or_default();
    }
    redacted + rest
}
