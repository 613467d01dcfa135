//! Comparing a value with what a vector expects: a subset, with operators.

use serde_json::{Map, Value};

/// Returns every difference between the expected and the actual value, each with its JSON path that starts with `path`.
///
/// An object is a subset. An array has the same length. Numbers compare by value. `null` matches an absent value. Values
/// are shown with at most 120 characters.
#[must_use]
pub fn differences(expected: &Value, actual: Option<&Value>, path: &str) -> Vec<String> {
    let present = actual.filter(|value| !value.is_null());
    match (expected, present) {
        (Value::Object(fields), _) if is_operation(fields) => fields
            .iter()
            .filter(|(operator, operand)| !is_satisfied(operator, operand, present))
            .map(|(operator, operand)| {
                format!("{path}: expected {operator} {}, got {}", show(Some(operand)), show(actual))
            })
            .collect(),
        (Value::Object(fields), Some(Value::Object(actual))) => fields
            .iter()
            .flat_map(|(name, expected)| differences(expected, actual.get(name), &format!("{path}.{name}")))
            .collect(),
        (Value::Array(items), Some(Value::Array(actual))) if items.len() == actual.len() => items
            .iter()
            .zip(actual)
            .enumerate()
            .flat_map(|(index, (expected, actual))| differences(expected, Some(actual), &format!("{path}[{index}]")))
            .collect(),
        (Value::Null, None) => Vec::new(),
        (Value::Number(_), Some(actual)) if numbers_equal(expected, actual) => Vec::new(),
        (_, Some(actual)) if expected == actual => Vec::new(),
        _ => vec![format!("{path}: expected {}, got {}", show(Some(expected)), show(actual))],
    }
}

/// An operator that does not exist, or has an invalid operand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OperatorError {
    /// The operator does not exist.
    #[error("unknown operator {0}")]
    Unknown(String),
    /// The operand has the wrong type.
    #[error("{operator} cannot use {operand}")]
    Operand {
        /// The name of the operator.
        operator: String,
        /// The operand, as it is shown.
        operand: String,
    },
}

/// Checks the operators of an expected value.
///
/// # Errors
/// Names the first invalid operator.
pub fn check(expected: &Value) -> Result<(), OperatorError> {
    match expected {
        Value::Object(fields) if is_operation(fields) => fields.iter().try_for_each(|(operator, operand)| {
            let valid = match operator.as_str() {
                "$contains" => true,
                "$absent" | "$names" => operand.is_string(),
                "$in" => operand.is_array(),
                "$gte" | "$lte" => operand.is_number(),
                "$max_len" => operand.is_u64(),
                "$not_null" => *operand == Value::Bool(true),
                _ => return Err(OperatorError::Unknown(operator.clone())),
            };
            let invalid = || OperatorError::Operand { operator: operator.clone(), operand: show(Some(operand)) };
            if valid { Ok(()) } else { Err(invalid()) }
        }),
        Value::Object(fields) => fields.values().try_for_each(check),
        Value::Array(items) => items.iter().try_for_each(check),
        _ => Ok(()),
    }
}

/// Shows a value as JSON with at most 120 characters.
pub(crate) fn show(value: Option<&Value>) -> String {
    const MAX_CHARACTERS: usize = 120;
    let Some(value) = value else {
        return "nothing".to_owned();
    };
    let text = value.to_string();
    match text.char_indices().nth(MAX_CHARACTERS) {
        Some((cut, _)) => format!("{}… ({} bytes)", text.get(..cut).unwrap_or_default(), text.len()),
        None => text,
    }
}

/// Whether the object consists of operators. The format does not mix them with other fields.
pub(crate) fn is_operation(fields: &Map<String, Value>) -> bool {
    fields.keys().any(|name| name.starts_with('$'))
}

fn is_satisfied(operator: &str, operand: &Value, present: Option<&Value>) -> bool {
    let compare = |fits: fn(f64, f64) -> bool| match (present.and_then(Value::as_f64), operand.as_f64()) {
        (Some(actual), Some(bound)) => fits(actual, bound),
        _ => false,
    };
    match operator {
        "$contains" => present.is_some_and(|value| contains(value, operand)),
        "$absent" => !present.is_some_and(|value| contains(value, operand)),
        "$names" => {
            present.and_then(Value::as_str).zip(operand.as_str()).is_some_and(|(text, option)| names(text, option))
        }
        "$in" => operand.as_array().is_some_and(|any| any.iter().any(|one| differences(one, present, "").is_empty())),
        "$gte" => compare(|actual, bound| actual >= bound),
        "$lte" => compare(|actual, bound| actual <= bound),
        "$max_len" => match present {
            Some(Value::String(text)) => operand.as_u64().is_some_and(|max| text.chars().count() as u64 <= max),
            Some(Value::Array(items)) => operand.as_u64().is_some_and(|max| items.len() as u64 <= max),
            _ => false,
        },
        "$not_null" => present.is_some(),
        _ => false,
    }
}

/// A text within a text, a matching item of an array, or a text at any depth of an object.
fn contains(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        (Value::Array(items), Value::String(_)) => items.iter().any(|item| contains(item, part)),
        (Value::Array(items), _) => items.iter().any(|item| differences(part, Some(item), "").is_empty()),
        (Value::Object(fields), Value::String(text)) => {
            fields.iter().any(|(name, field)| name.contains(text.as_str()) || contains(field, part))
        }
        _ => false,
    }
}

/// Whether a text has the name of an option in backticks, in the spelling of any language: `max_retries`, `maxRetries` or
/// `WithMaxRetries`.
fn names(text: &str, option: &str) -> bool {
    let letters = |name: &str| name.replace('_', "").to_ascii_lowercase();
    let mut quoted = text.split('`').skip(1).step_by(2);
    quoted.any(|name| letters(name.strip_prefix("With").unwrap_or(name)) == letters(option))
}

fn numbers_equal(one: &Value, other: &Value) -> bool {
    let floats = one.is_f64() || other.is_f64();
    one == other || (floats && one.as_f64().is_some() && one.as_f64() == other.as_f64())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_compared() {
        let long = "x".repeat(300);
        for (expected, actual, differing) in [
            (json!({}), json!({"a": 1}), vec![]),
            (json!({"a": 1}), json!({"a": 1, "b": 2}), vec![]),
            (json!({"a": 1}), json!({"a": 1.0}), vec![]),
            (json!({"a": 1}), json!({"a": "1"}), vec!["r.a: expected 1, got \"1\""]),
            (json!({"a": u64::MAX}), json!({"a": u64::MAX - 1}), vec!["r.a: "]),
            (json!({"a": null}), json!({}), vec![]),
            (json!({"a": null}), json!({"a": null}), vec![]),
            (json!({"a": null}), json!({"a": false}), vec!["r.a: expected null, got false"]),
            (json!({"a": {"b": {}}}), json!({"a": {}}), vec!["r.a.b: expected {}, got nothing"]),
            (json!({"a": 1, "b": 2}), json!({"a": 2}), vec!["r.a: ", "r.b: expected 2, got nothing"]),
            (json!([1, {"a": 2}]), json!([1, {"a": 2, "b": 3}]), vec![]),
            (json!([1, {"a": 2}]), json!([1, {"a": 3}]), vec!["r[1].a: "]),
            (json!([1]), json!([1, 2]), vec!["r: expected [1], got [1,2]"]),
            (json!(true), json!(1), vec!["r: "]),
            (json!("a"), json!(long), vec!["… (302 bytes)"]),
        ] {
            check_differences(&expected, &actual, &differing);
        }
    }

    #[test]
    fn operators_are_applied() {
        for (expected, fitting, differing) in [
            (
                json!({"$contains": "b"}),
                vec![json!("abc"), json!(["a", "b"]), json!({"k": "b"}), json!({"b": 1})],
                vec![json!("ac"), json!(null), json!(1), json!(["a"])],
            ),
            (json!({"$contains": {"a": 1}}), vec![json!([0, {"a": 1, "b": 2}])], vec![json!([{"a": 2}]), json!("a")]),
            (
                json!({"$absent": "b"}),
                vec![json!("ac"), json!(null), json!({}), json!(["a"])],
                vec![json!("abc"), json!({"k": ["b"]})],
            ),
            (
                json!({"$names": "base_url"}),
                vec![json!("`a` or `base_url`"), json!("`baseURL` is"), json!("is `WithBaseURL`")],
                vec![
                    json!("base_url"),
                    json!("`base_url_2`"),
                    json!("`a` base_url `b`"),
                    json!(["`base_url`"]),
                    json!(null),
                ],
            ),
            (
                json!({"$in": [1, null, {"a": 1}]}),
                vec![json!(1), json!(null), json!({"a": 1, "b": 1})],
                vec![json!(2), json!({"a": 2})],
            ),
            (json!({"$gte": 2}), vec![json!(2), json!(2.5)], vec![json!(1), json!("2"), json!(null)]),
            (json!({"$gte": 2, "$lte": 3}), vec![json!(2), json!(3)], vec![json!(1), json!(4)]),
            (
                json!({"$max_len": 2}),
                vec![json!("ab"), json!("éé"), json!([1])],
                vec![json!("abc"), json!([1, 2, 3]), json!(null)],
            ),
            (json!({"$not_null": true}), vec![json!(0), json!(""), json!(false)], vec![json!(null)]),
        ] {
            assert_eq!(check(&expected), Ok(()));
            for actual in fitting {
                assert_eq!(differences(&expected, Some(&actual), "r"), Vec::<String>::new(), "{actual}");
            }
            for actual in differing {
                assert_eq!(differences(&expected, Some(&actual), "r").len(), 1, "{expected} {actual}");
            }
        }
        assert_eq!(differences(&json!({"$not_null": true}), None, "r"), ["r: expected $not_null true, got nothing"]);
    }

    #[test]
    fn invalid_operator_is_rejected() {
        for expected in [
            json!({"$has": 1}),
            json!({"$gte": "1"}),
            json!({"$in": "a"}),
            json!({"$absent": true}),
            json!({"$names": ["a"]}),
            json!({"$max_len": -1}),
            json!({"$not_null": false}),
            json!({"$gte": 1, "a": 1}),
            json!({"deep": [{"$has": 1}]}),
        ] {
            assert!(check(&expected).is_err(), "{expected}");
        }
    }

    fn check_differences(expected: &Value, actual: &Value, parts: &[&str]) {
        let found = differences(expected, Some(actual), "r");
        assert_eq!(found.len(), parts.len(), "{expected} {actual}: {found:?}");
        for part in parts {
            assert!(found.iter().any(|difference| difference.contains(part)), "{part}: {found:?}");
        }
    }
}
