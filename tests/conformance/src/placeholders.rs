//! What is replaced in a case before it runs: `$repeat`, `{base}` and `{port}`.

use serde_json::Value;

/// A `$repeat` that does not follow the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("$repeat must be the only field, and takes [text, n] with at most 50 MB in total")]
pub struct RepeatError;

/// Replaces every `{"$repeat": [text, n]}` by that text n times, at any depth.
pub(crate) fn expand_repeats(value: &mut Value) -> Result<(), RepeatError> {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(expand_repeats),
        Value::Object(fields) => match fields.get("$repeat") {
            Some(repeat) => {
                let text = (fields.len() == 1).then(|| repeated(repeat)).flatten().ok_or(RepeatError)?;
                *value = Value::String(text);
                Ok(())
            }
            None => fields.values_mut().try_for_each(expand_repeats),
        },
        _ => Ok(()),
    }
}

fn repeated(repeat: &Value) -> Option<String> {
    const MAX_REPEAT_BYTES: usize = 50 * 1024 * 1024;
    let [Value::String(text), times] = repeat.as_array()?.as_slice() else { return None };
    let times = usize::try_from(times.as_u64()?).ok()?;
    let length = text.len().checked_mul(times)?;
    (length <= MAX_REPEAT_BYTES).then(|| text.repeat(times))
}

/// Replaces `{base}` and `{port}` in every string of a value.
pub(crate) fn fill_in(value: &mut Value, base_url: &str, port: u16) {
    match value {
        Value::String(text) if text.contains('{') => {
            *text = text.replace("{base}", base_url).replace("{port}", &port.to_string());
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill_in(item, base_url, port)),
        Value::Object(fields) => fields.values_mut().for_each(|field| fill_in(field, base_url, port)),
        _ => {}
    }
}
