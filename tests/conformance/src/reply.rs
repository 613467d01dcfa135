//! The rules for every reply of every driver, whatever the case expects.

use serde_json::{Map, Value};

use crate::error_kinds::{check_class, status_matches};
use crate::matching::show;

/// A parsed reply.
pub(crate) enum Reply<'a> {
    Ok { run: &'a Value, metadata: &'a Value },
    Error(&'a Value),
    Unsupported(&'a str),
}

/// Parses a reply and checks the rules for all replies: exactly its fields, of their types, and a class and a status that
/// match the kind.
///
/// # Errors
/// Every violation.
pub(crate) fn parse<'a>(reply: &'a Value, driver: &str) -> Result<Reply<'a>, Vec<String>> {
    let object = reply.as_object().ok_or_else(|| vec!["the reply is not an object".to_owned()])?;
    let mut wrong = Vec::new();
    let parsed = if let Some(what) = object.get("unsupported") {
        check_fields(object, "reply", &["id", "unsupported"], &mut wrong);
        what.as_str().map(Reply::Unsupported)
    } else if let Some(error) = object.get("error") {
        check_fields(object, "reply", &["id", "error"], &mut wrong);
        check_error(error, driver, &mut wrong);
        Some(Reply::Error(error))
    } else {
        check_fields(object, "reply", &["id", "ok", "response_metadata"], &mut wrong);
        let (run, metadata) =
            (object.get("ok").unwrap_or(&Value::Null), object.get("response_metadata").unwrap_or(&Value::Null));
        check_ok(run, metadata, &mut wrong);
        Some(Reply::Ok { run, metadata })
    };
    match parsed {
        Some(parsed) if wrong.is_empty() => Ok(parsed),
        Some(_) => Err(wrong),
        None => Err(vec!["unsupported: not a string".to_owned()]),
    }
}

#[derive(Clone, Copy)]
enum Type {
    String,
    Count,
    Number,
    Bool,
    Headers,
}

const METADATA: [(&str, Type); 6] = [
    ("attempts", Type::Count),
    ("request_id", Type::String),
    ("idempotency_key", Type::String),
    ("elapsed_ms", Type::Number),
    ("headers", Type::Headers),
    ("cost_nano_usd", Type::Count),
];

const ERROR: [(&str, Type); 14] = [
    ("kind", Type::String),
    ("class", Type::String),
    ("status", Type::Count),
    ("code", Type::String),
    ("message", Type::String),
    ("body", Type::String),
    ("headers", Type::Headers),
    ("request_id", Type::String),
    ("attempts", Type::Count),
    ("retry_after_ms", Type::Count),
    ("may_have_run", Type::Bool),
    ("is_retryable", Type::Bool),
    ("retry_stopped_by", Type::String),
    ("idempotency_key", Type::String),
];

/// Kinds whose error has no attempt, at least not in every language.
const LOCAL_KINDS: [&str; 5] = ["config", "invalid_request", "cancelled", "closed", "internal"];

fn check_ok(run: &Value, metadata: &Value, wrong: &mut Vec<String>) {
    if !run.pointer("/output/text").is_some_and(Value::is_string) {
        wrong.push(format!("ok.output.text: every run has an output text, got {}", show(run.pointer("/output/text"))));
    }
    check_types(metadata, "response_metadata", &METADATA, wrong);
    if metadata.get("attempts").and_then(Value::as_u64).is_none_or(|attempts| attempts == 0) {
        wrong.push("response_metadata.attempts: a run has at least one".to_owned());
    }
    check_not_null(metadata, "response_metadata", &["idempotency_key", "elapsed_ms", "headers"], wrong);
}

fn check_error(error: &Value, driver: &str, wrong: &mut Vec<String>) {
    check_types(error, "error", &ERROR, wrong);
    let kind = error.get("kind").and_then(Value::as_str).unwrap_or_default();
    match error.get("class").and_then(Value::as_str) {
        Some(class) => {
            wrong.extend(check_class(driver, kind, class).err().map(|wrong| format!("error.class: {wrong}")))
        }
        None if kind == "cancelled" => {}
        None => wrong.push("error.class: every error has one".to_owned()),
    }
    if kind != "cancelled" {
        check_not_null(error, "error", &["message"], wrong);
    }
    if !LOCAL_KINDS.contains(&kind) {
        check_not_null(error, "error", &["attempts", "may_have_run", "is_retryable", "idempotency_key"], wrong);
    }
    let status = error.get("status").and_then(Value::as_u64);
    // The rate limit can hold back the first attempt of a call.
    let not_sent = kind == "rate_limit" && error.get("attempts").is_some_and(|attempts| *attempts == 0);
    if not_sent && (status.is_some() || error.get("retry_stopped_by").is_none_or(|stop| stop != "rate_limit")) {
        wrong.push("error: a rate_limit without attempts has no status, and is stopped by rate_limit".to_owned());
    }
    if !not_sent && status_matches(kind, status) == Some(false) {
        wrong.push(format!("error.status: kind {kind} does not match {}", show(error.get("status"))));
    }
    if status.is_some() && LOCAL_KINDS.contains(&kind) && kind != "cancelled" {
        wrong.push(format!("error.status: kind {kind} has none, got {}", show(error.get("status"))));
    }
}

/// Requires every field, each null or of its type, and no other field.
fn check_types(value: &Value, path: &str, types: &[(&str, Type)], wrong: &mut Vec<String>) {
    let Some(object) = value.as_object() else {
        wrong.push(format!("{path}: expected an object, got {}", show(Some(value))));
        return;
    };
    let names: Vec<&str> = types.iter().map(|(name, _)| *name).collect();
    check_fields(object, path, &names, wrong);
    for (name, kind) in types {
        let has_type = |value: &Value| match kind {
            Type::String => value.is_string(),
            Type::Count => value.is_u64(),
            Type::Number => value.as_f64().is_some_and(|number| number >= 0.0),
            Type::Bool => value.is_boolean(),
            Type::Headers => value.is_object(),
        };
        if let Some(odd) = object.get(*name).filter(|value| !value.is_null() && !has_type(value)) {
            wrong.push(format!("{path}.{name}: wrong type: {}", show(Some(odd))));
        }
    }
}

fn check_fields(object: &Map<String, Value>, path: &str, names: &[&str], wrong: &mut Vec<String>) {
    let missing = names.iter().filter(|name| !object.contains_key(**name));
    wrong.extend(missing.map(|name| format!("{path}.{name}: missing (absent values are null)")));
    let unknown = object.keys().filter(|name| !names.contains(&name.as_str()));
    wrong.extend(unknown.map(|name| format!("{path}.{name}: not a field of a reply")));
}

fn check_not_null(value: &Value, path: &str, names: &[&str], wrong: &mut Vec<String>) {
    let nulls = names.iter().filter(|name| value.get(**name).is_none_or(Value::is_null));
    wrong.extend(nulls.map(|name| format!("{path}.{name}: null, but it is required")));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ok() -> Value {
        json!({"id": "1", "ok": {"output": {"text": "hi"}}, "response_metadata":
            {"attempts": 1, "request_id": null, "idempotency_key": "k", "elapsed_ms": 0.5, "headers": {},
                "cost_nano_usd": null}})
    }

    fn error(kind: &str, class: &str, status: Value) -> Value {
        json!({"id": "1", "error": {"kind": kind, "class": class, "status": status, "code": null, "message": "m",
            "body": null, "headers": null, "request_id": null, "attempts": 1, "retry_after_ms": null,
            "may_have_run": false, "is_retryable": true, "retry_stopped_by": null, "idempotency_key": "k"}})
    }

    #[test]
    fn valid_reply_is_accepted() {
        for reply in [
            ok(),
            error("rate_limit", "RateLimit", json!(429)),
            error("connection", "Connection", json!(null)),
            error("config", "Config", json!(null)),
            json!({"id": "1", "unsupported": "max_retries"}),
        ] {
            assert_eq!(parse(&reply, "rust").err(), None, "{reply}");
        }
        let mut held_back = error("rate_limit", "RateLimit", json!(null));
        held_back["error"]["attempts"] = json!(0);
        held_back["error"]["retry_stopped_by"] = json!("rate_limit");
        assert_eq!(parse(&held_back, "rust").err(), None);
        let mut cancelled = error("cancelled", "", json!(null));
        for (name, value) in cancelled["error"].as_object_mut().unwrap() {
            if name != "kind" {
                *value = Value::Null;
            }
        }
        assert_eq!(parse(&cancelled, "rust").err(), None);
    }

    #[test]
    fn invalid_reply_is_rejected_with_its_reason() {
        let with = |mut reply: Value, pointer: &str, value: Value| {
            *reply.pointer_mut(pointer).unwrap() = value;
            reply
        };
        let without = |mut reply: Value, field: &str| {
            reply["error"].as_object_mut().unwrap().remove(field);
            reply
        };
        let valid = || error("rate_limit", "RateLimit", json!(429));
        for (reply, why) in [
            (json!([]), "not an object"),
            (json!({"id": "1"}), "reply.ok: missing"),
            (json!({"id": "1", "unsupported": 7}), "not a string"),
            (with(ok(), "/ok/output", json!({})), "ok.output.text"),
            (with(ok(), "/response_metadata/attempts", json!(0)), "at least one"),
            (with(ok(), "/response_metadata/attempts", json!("1")), "wrong type"),
            (with(ok(), "/response_metadata/idempotency_key", json!(null)), "idempotency_key: null"),
            (with(ok(), "/response_metadata/elapsed_ms", json!(-1)), "wrong type"),
            (with(ok(), "/response_metadata/cost_nano_usd", json!(0.5)), "wrong type"),
            (with(ok(), "/response_metadata", json!(null)), "expected an object"),
            (without(valid(), "code"), "error.code: missing"),
            (with(valid(), "/error", json!({"kind": "rate_limit", "extra": 1})), "error.extra: not a field"),
            (with(valid(), "/error/status", json!(400)), "does not match 400"),
            (with(valid(), "/error/status", json!(null)), "does not match null"),
            (with(valid(), "/error/attempts", json!(0)), "a rate_limit without attempts"),
            (with(valid(), "/error/class", json!("Server")), "error.class: kind rate_limit has class RateLimit"),
            (with(valid(), "/error/class", json!(null)), "error.class: every error has one"),
            (with(valid(), "/error/may_have_run", json!(null)), "may_have_run: null"),
            (with(valid(), "/error/retry_after_ms", json!(1.5)), "wrong type"),
            (with(valid(), "/error/message", json!(null)), "message: null"),
            (error("teapot", "Teapot", json!(418)), "unknown kind"),
            (error("config", "Config", json!(400)), "has none, got 400"),
        ] {
            let wrong = parse(&reply, "rust").err().unwrap_or_default();
            assert!(wrong.iter().any(|line| line.contains(why)), "{reply}: {wrong:?}");
        }
    }
}
