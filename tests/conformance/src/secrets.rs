//! Keys and prompts: found in what a driver prints, and kept out of what the runner prints.

use serde_json::{Map, Value};

use crate::vector::{CANARY_KEY, Case};

/// The canary, and a key that the case gives, if it is long enough to be told from other text.
pub(crate) fn keys(case: &Case) -> impl Iterator<Item = &str> {
    let own = case.client.get("api_key").and_then(Value::as_str).map(str::trim).filter(|key| key.len() >= 8);
    [CANARY_KEY].into_iter().chain(own.filter(|own| *own != CANARY_KEY))
}

/// Whether a text stands in a reply's line as it is, or in one of its texts once unescaped.
pub(crate) fn says(line: &str, reply: &Value, text: &str) -> bool {
    fn within(value: &Value, text: &str) -> bool {
        match value {
            Value::String(whole) => whole.contains(text),
            Value::Array(items) => items.iter().any(|item| within(item, text)),
            Value::Object(fields) => fields.iter().any(|(name, field)| name.contains(text) || within(field, text)),
            _ => false,
        }
    }
    line.contains(text) || within(reply, text)
}

/// Takes keys and prompts out of differences, also where they are cut short, from 8 characters on.
pub(crate) fn hide(wrong: Vec<String>, case: &Case) -> Vec<String> {
    let prompt = |call: &Map<String, Value>| {
        let input = call.get("input")?;
        input.as_str().or_else(|| input.get("prompt")?.as_str()).map(str::to_owned)
    };
    let mut secrets: Vec<String> = keys(case).map(str::to_owned).collect();
    secrets.extend(case.calls.iter().filter_map(prompt));
    wrong.into_iter().map(|line| secrets.iter().fold(line, |line, secret| hide_one(&line, secret))).collect()
}

pub(crate) fn hide_one(line: &str, secret: &str) -> String {
    let Some(start) = secret.char_indices().nth(8).and_then(|(end, _)| secret.get(..end)) else {
        return line.to_owned();
    };
    let (mut hidden, mut rest) = (String::new(), line);
    while let Some((before, found)) = rest.find(start).and_then(|place| rest.split_at_checked(place)) {
        let common = found.chars().zip(secret.chars()).take_while(|(one, other)| one == other);
        let length = common.map(|(character, _)| character.len_utf8()).sum();
        hidden.push_str(before);
        hidden.push_str("[hidden]");
        rest = found.get(length..).unwrap_or_default();
    }
    hidden + rest
}
