//! What holds for every reply of every driver, whatever the case expects.

use serde_json::{Map, Value};

use crate::matching::show;
use crate::tables::{class_fits, status_fits};

/// What a reply says.
pub(crate) enum Reply<'a> {
    Ok { run: &'a Value, metadata: &'a Value },
    Error(&'a Value),
    Unsupported(&'a str),
}

/// Reads a reply and holds it against the rules for all replies: exactly its fields, of their types, and a class and
/// a status that go with the kind.
///
/// # Errors
/// Everything that is not so.
pub(crate) fn read<'a>(reply: &'a Value, driver: &str) -> Result<Reply<'a>, Vec<String>> {
    let object = reply.as_object().ok_or_else(|| vec!["the reply is not an object".to_owned()])?;
    let mut wrong = Vec::new();
    let read = if let Some(what) = object.get("unsupported") {
        fields(object, "reply", &["id", "unsupported"], &mut wrong);
        what.as_str().map(Reply::Unsupported)
    } else if let Some(error) = object.get("error") {
        fields(object, "reply", &["id", "error"], &mut wrong);
        check_error(error, driver, &mut wrong);
        Some(Reply::Error(error))
    } else {
        fields(object, "reply", &["id", "ok", "response_metadata"], &mut wrong);
        let (run, metadata) =
            (object.get("ok").unwrap_or(&Value::Null), object.get("response_metadata").unwrap_or(&Value::Null));
        check_ok(run, metadata, &mut wrong);
        Some(Reply::Ok { run, metadata })
    };
    match read {
        Some(read) if wrong.is_empty() => Ok(read),
        Some(_) => Err(wrong),
        None => Err(vec!["unsupported: not a text".to_owned()]),
    }
}

#[derive(Clone, Copy)]
enum Type {
    Text,
    Count,
    Number,
    Truth,
    Headers,
}

const METADATA: [(&str, Type); 5] = [
    ("attempts", Type::Count),
    ("request_id", Type::Text),
    ("idempotency_key", Type::Text),
    ("elapsed_ms", Type::Number),
    ("headers", Type::Headers),
];

const ERROR: [(&str, Type); 13] = [
    ("kind", Type::Text),
    ("class", Type::Text),
    ("status", Type::Count),
    ("code", Type::Text),
    ("message", Type::Text),
    ("body", Type::Text),
    ("headers", Type::Headers),
    ("request_id", Type::Text),
    ("attempts", Type::Count),
    ("retry_after_ms", Type::Count),
    ("may_have_run", Type::Truth),
    ("is_retryable", Type::Truth),
    ("idempotency_key", Type::Text),
];

/// Kinds whose error knows of no attempt, at least not in every language.
const LOCAL: [&str; 5] = ["config", "invalid_request", "cancelled", "closed", "internal"];

fn check_ok(run: &Value, metadata: &Value, wrong: &mut Vec<String>) {
    if !run.pointer("/output/text").is_some_and(Value::is_string) {
        wrong.push(format!("ok.output.text: every run has a text, got {}", show(run.pointer("/output/text"))));
    }
    typed(metadata, "response_metadata", &METADATA, wrong);
    if metadata.get("attempts").and_then(Value::as_u64).is_none_or(|attempts| attempts == 0) {
        wrong.push("response_metadata.attempts: a run took at least one".to_owned());
    }
    given(metadata, "response_metadata", &["idempotency_key", "elapsed_ms", "headers"], wrong);
}

fn check_error(error: &Value, driver: &str, wrong: &mut Vec<String>) {
    typed(error, "error", &ERROR, wrong);
    let kind = error.get("kind").and_then(Value::as_str).unwrap_or_default();
    match error.get("class").and_then(Value::as_str) {
        Some(class) => wrong.extend(class_fits(driver, kind, class).err().map(|wrong| format!("error.class: {wrong}"))),
        None if kind == "cancelled" => {}
        None => wrong.push("error.class: every error has one".to_owned()),
    }
    if kind != "cancelled" {
        given(error, "error", &["message"], wrong);
    }
    if !LOCAL.contains(&kind) {
        given(error, "error", &["attempts", "may_have_run", "is_retryable", "idempotency_key"], wrong);
    }
    let status = error.get("status").and_then(Value::as_u64);
    if status_fits(kind, status) == Some(false) {
        wrong.push(format!("error.status: kind {kind} does not go with {}", show(error.get("status"))));
    }
    if status.is_some() && LOCAL.contains(&kind) && kind != "cancelled" {
        wrong.push(format!("error.status: kind {kind} has none, got {}", show(error.get("status"))));
    }
}

/// Each field there, and null or of its type; no other field.
fn typed(value: &Value, path: &str, types: &[(&str, Type)], wrong: &mut Vec<String>) {
    let Some(object) = value.as_object() else {
        wrong.push(format!("{path}: expected an object, got {}", show(Some(value))));
        return;
    };
    let names: Vec<&str> = types.iter().map(|(name, _)| *name).collect();
    fields(object, path, &names, wrong);
    for (name, kind) in types {
        let fits = |value: &Value| match kind {
            Type::Text => value.is_string(),
            Type::Count => value.is_u64(),
            Type::Number => value.as_f64().is_some_and(|number| number >= 0.0),
            Type::Truth => value.is_boolean(),
            Type::Headers => value.is_object(),
        };
        if let Some(odd) = object.get(*name).filter(|value| !value.is_null() && !fits(value)) {
            wrong.push(format!("{path}.{name}: not of its type: {}", show(Some(odd))));
        }
    }
}

fn fields(object: &Map<String, Value>, path: &str, names: &[&str], wrong: &mut Vec<String>) {
    let missing = names.iter().filter(|name| !object.contains_key(**name));
    wrong.extend(missing.map(|name| format!("{path}.{name}: not there (absent values are null)")));
    let unknown = object.keys().filter(|name| !names.contains(&name.as_str()));
    wrong.extend(unknown.map(|name| format!("{path}.{name}: not a field of a reply")));
}

fn given(value: &Value, path: &str, names: &[&str], wrong: &mut Vec<String>) {
    let nulls = names.iter().filter(|name| value.get(**name).is_none_or(Value::is_null));
    wrong.extend(nulls.map(|name| format!("{path}.{name}: null, but every one has it")));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ok() -> Value {
        json!({"id": "1", "ok": {"output": {"text": "hi"}}, "response_metadata":
            {"attempts": 1, "request_id": null, "idempotency_key": "k", "elapsed_ms": 0.5, "headers": {}}})
    }

    fn error(kind: &str, class: &str, status: Value) -> Value {
        json!({"id": "1", "error": {"kind": kind, "class": class, "status": status, "code": null, "message": "m",
            "body": null, "headers": null, "request_id": null, "attempts": 1, "retry_after_ms": null,
            "may_have_run": false, "is_retryable": true, "idempotency_key": "k"}})
    }

    #[test]
    fn sound_replies_pass() {
        for reply in [
            ok(),
            error("rate_limit", "RateLimit", json!(429)),
            error("connection", "Connection", json!(null)),
            error("config", "Config", json!(null)),
            json!({"id": "1", "unsupported": "max_retries"}),
        ] {
            assert_eq!(read(&reply, "rust").err(), None, "{reply}");
        }
        let mut cancelled = error("cancelled", "", json!(null));
        for (name, value) in cancelled["error"].as_object_mut().unwrap() {
            if name != "kind" {
                *value = Value::Null;
            }
        }
        assert_eq!(read(&cancelled, "rust").err(), None);
    }

    #[test]
    fn unsound_replies_say_why() {
        let with = |mut reply: Value, pointer: &str, value: Value| {
            *reply.pointer_mut(pointer).unwrap() = value;
            reply
        };
        let without = |mut reply: Value, field: &str| {
            reply["error"].as_object_mut().unwrap().remove(field);
            reply
        };
        let sound = || error("rate_limit", "RateLimit", json!(429));
        for (reply, why) in [
            (json!([]), "not an object"),
            (json!({"id": "1"}), "reply.ok: not there"),
            (json!({"id": "1", "unsupported": 7}), "not a text"),
            (with(ok(), "/ok/output", json!({})), "ok.output.text"),
            (with(ok(), "/response_metadata/attempts", json!(0)), "at least one"),
            (with(ok(), "/response_metadata/attempts", json!("1")), "not of its type"),
            (with(ok(), "/response_metadata/idempotency_key", json!(null)), "idempotency_key: null"),
            (with(ok(), "/response_metadata/elapsed_ms", json!(-1)), "not of its type"),
            (with(ok(), "/response_metadata", json!(null)), "expected an object"),
            (without(sound(), "code"), "error.code: not there"),
            (with(sound(), "/error", json!({"kind": "rate_limit", "extra": 1})), "error.extra: not a field"),
            (with(sound(), "/error/status", json!(400)), "does not go with 400"),
            (with(sound(), "/error/class", json!("Server")), "error.class: kind rate_limit has class RateLimit"),
            (with(sound(), "/error/class", json!(null)), "error.class: every error has one"),
            (with(sound(), "/error/may_have_run", json!(null)), "may_have_run: null"),
            (with(sound(), "/error/retry_after_ms", json!(1.5)), "not of its type"),
            (with(sound(), "/error/message", json!(null)), "message: null"),
            (error("teapot", "Teapot", json!(418)), "no such kind"),
            (error("config", "Config", json!(400)), "has none, got 400"),
        ] {
            let wrong = read(&reply, "rust").err().unwrap_or_default();
            assert!(wrong.iter().any(|line| line.contains(why)), "{reply}: {wrong:?}");
        }
    }
}
