//! What the types of a driver's language cannot express.

use serde_json::Value;

/// Whether the runner accepts `unsupported: name` from this driver for this line: only if the types of its language cannot
/// hold the value of that field, or the language has no such operation.
pub(crate) fn may_be_unsupported(driver: &str, name: &str, line: &Value) -> bool {
    let rule = UNSUPPORTED.iter().find(|rule| rule.0 == driver && rule.1 == name);
    rule.is_some_and(|(_, name, value_type)| {
        // The prompt itself may be absent.
        let name = if *name == "prompt" { "input" } else { name };
        OBJECTS.iter().filter_map(|object| line.pointer(object)?.get(name)).any(|value| !value_type.can_hold(value))
    })
}

/// The objects of a line to the driver that can hold a value.
const OBJECTS: [&str; 4] = ["/client", "/call", "/call/options", "/call/config"];

/// The values that the language's type for a field can hold.
#[derive(Clone, Copy)]
enum ValueType {
    U32,
    U64,
    /// Not negative, with or without a fraction. Null disables it.
    Milliseconds,
    String,
    /// Also the three strings for numbers that are not finite.
    Number,
    Bool,
    /// A string, or an object whose prompt is a string.
    Input,
    /// The language does not have this operation.
    Never,
}

#[rustfmt::skip]
const UNSUPPORTED: [(&str, &str, ValueType); 23] = [
    ("rust", "max_retries", ValueType::U32),
    ("rust", "max_tokens", ValueType::U32),
    ("rust", "max_concurrency", ValueType::U64),
    ("rust", "max_response_bytes", ValueType::U64),
    ("rust", "timeout_ms", ValueType::Milliseconds),
    ("rust", "attempt_timeout_ms", ValueType::Milliseconds),
    ("rust", "connect_timeout_ms", ValueType::Milliseconds),
    ("rust", "temperature", ValueType::Number),
    ("rust", "retry_ambiguous", ValueType::Bool),
    ("rust", "allow_http", ValueType::Bool),
    ("rust", "kit", ValueType::String),
    ("rust", "input", ValueType::Input),
    ("rust", "prompt", ValueType::Input),
    ("rust", "idempotency_key", ValueType::String),
    ("rust", "api_key", ValueType::String),
    ("rust", "base_url", ValueType::String),
    ("rust", "proxy", ValueType::String),
    ("rust", "ca_file", ValueType::String),
    ("rust", "app_name", ValueType::String),
    ("go", "kit", ValueType::String),
    ("go", "input", ValueType::Input),
    ("go", "prompt", ValueType::Input),
    ("python_sync", "cancel_after_ms", ValueType::Never),
];

impl ValueType {
    fn can_hold(self, value: &Value) -> bool {
        match self {
            Self::U32 => value.as_u64().is_some_and(|number| u32::try_from(number).is_ok()),
            Self::U64 => value.is_u64(),
            Self::Milliseconds => value.is_null() || value.as_f64().is_some_and(|number| (0.0..1e19).contains(&number)),
            Self::String => value.is_string() || value.is_null(),
            Self::Number => value.is_number() || ["NaN", "Infinity", "-Infinity"].iter().any(|name| value == name),
            Self::Bool => value.is_boolean(),
            Self::Input => value.is_string() || value.get("prompt").is_some_and(Value::is_string),
            Self::Never => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_values_outside_the_language_types_are_unsupported() {
        for (driver, name, line, expected) in [
            ("rust", "max_retries", json!({"client": {"max_retries": -1}}), true),
            ("rust", "max_retries", json!({"call": {"options": {"max_retries": 1.5}}}), true),
            ("rust", "max_retries", json!({"client": {"max_retries": 2}}), false),
            ("rust", "max_tokens", json!({"call": {"config": {"max_tokens": 4_294_967_296_u64}}}), true),
            ("rust", "timeout_ms", json!({"client": {"timeout_ms": -5}}), true),
            ("rust", "timeout_ms", json!({"client": {"timeout_ms": null}}), false),
            ("rust", "timeout_ms", json!({"client": {"timeout_ms": 0}}), false),
            ("rust", "kit", json!({"call": {"kit": 7}}), true),
            ("rust", "prompt", json!({"call": {"input": {"prompt": 7}}}), true),
            ("rust", "input", json!({"call": {"input": 7}}), true),
            ("rust", "prompt", json!({"call": {"input": {}}}), true),
            ("rust", "prompt", json!({"call": {"input": {"prompt": "a"}}}), false),
            ("rust", "input", json!({"call": {"input": "Hello"}}), false),
            ("rust", "temperature", json!({"call": {"config": {"temperature": "NaN"}}}), false),
            ("rust", "cancel", json!({"call": {"options": {"cancel_after_ms": 5}}}), false),
            ("node", "max_retries", json!({"client": {"max_retries": -1}}), false),
            ("python_sync", "cancel_after_ms", json!({"call": {"options": {"cancel_after_ms": 5}}}), true),
            ("python_async", "cancel_after_ms", json!({"call": {"options": {"cancel_after_ms": 5}}}), false),
        ] {
            assert_eq!(may_be_unsupported(driver, name, &line), expected, "{driver} {name} {line}");
        }
    }
}
