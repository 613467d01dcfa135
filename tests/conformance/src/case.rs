//! A case that is completed for one run against one server.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::expect::{Expect, ExpectError, ExpectJson, check};
use crate::placeholders::{RepeatError, expand_repeats, fill_in};
use crate::step::Step;
use crate::step_json::{StepError, steps_from_json};

/// The API key of every case that sets none. It must not appear in the output of a driver.
pub const CANARY_KEY: &str = "bak_canary_Qz7mT4xW9pLs2VnK";

/// The options of a client that a case can set.
#[rustfmt::skip]
pub const CLIENT_OPTIONS: [&str; 14] = [
    "api_key", "base_url", "timeout_ms", "attempt_timeout_ms", "connect_timeout_ms", "max_retries", "retry_ambiguous",
    "max_concurrency", "max_response_bytes", "headers", "proxy", "ca_file", "allow_http", "app_name",
];
/// The fields of a call.
pub const CALL_FIELDS: [&str; 4] = ["kit", "input", "config", "options"];
/// The options of a call that a case can set.
#[rustfmt::skip]
pub const CALL_OPTIONS: [&str; 6] = [
    "timeout_ms", "max_retries", "retry_ambiguous", "idempotency_key", "headers", "cancel_after_ms",
];

/// A case that is completed for a run.
#[derive(Debug, Clone)]
pub struct Case {
    /// The options of the client, as the driver receives them. `api_key` and `base_url` are always present.
    pub client: Map<String, Value>,
    /// The calls, as the driver receives them: one, or several on one client, one after another.
    pub calls: Vec<Map<String, Value>>,
    /// The pause between the reply to one call and the next call.
    pub pause: Duration,
    /// What the server does.
    pub server: Vec<Step>,
    /// The expected result.
    pub expect: Expect,
}

/// A case that does not follow the format.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// A field has the wrong name or type.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A `$repeat` is invalid.
    #[error(transparent)]
    Repeat(#[from] RepeatError),
    /// A step of the server is invalid.
    #[error(transparent)]
    Step(#[from] StepError),
    /// The expectation is invalid.
    #[error("expect: {0}")]
    Expect(#[from] ExpectError),
    /// The case has both `call` and `calls`, neither of them, or no calls.
    #[error("needs either call or calls")]
    CallOrCalls,
    /// An object has a field that the format does not have.
    #[error("{object}: unknown field `{field}`, expected one of {}", expected.join(", "))]
    UnknownField {
        /// The object with the field.
        object: &'static str,
        /// The name of the field.
        field: String,
        /// The names that the format has.
        expected: &'static [&'static str],
    },
}

impl Case {
    /// Completes a case for a server: replaces `$repeat` and placeholders, and adds the key and the base URL.
    pub(crate) fn complete(mut case: Value, base_url: &str, port: u16) -> Result<Self, CaseError> {
        expand_repeats(&mut case)?;
        let mut case: CaseJson = serde_json::from_value(case)?;
        let fill_in = |value: &mut Value| fill_in(value, base_url, port);
        for name in ["base_url", "proxy"] {
            case.client.get_mut(name).map(fill_in);
        }
        for step in case.server.as_array_mut().into_iter().flatten() {
            step.get_mut("headers").map(fill_in);
            step.get_mut("raw").map(fill_in);
        }
        case.client.entry("api_key").or_insert_with(|| json!(CANARY_KEY));
        case.client.entry("base_url").or_insert_with(|| json!(base_url));
        let calls = match (case.call, case.calls) {
            (Some(call), None) => vec![call],
            (None, Some(calls)) if !calls.is_empty() => calls,
            _ => return Err(CaseError::CallOrCalls),
        };
        check_fields("client", &case.client, &CLIENT_OPTIONS)?;
        for call in &calls {
            check_fields("call", call, &CALL_FIELDS)?;
            if let Some(Value::Object(options)) = call.get("options") {
                check_fields("call.options", options, &CALL_OPTIONS)?;
            }
        }
        let expect = case.expect.for_calls(calls.len())?;
        check(&expect, &calls)?;
        let server = steps_from_json(case.server)?;
        Ok(Self { client: case.client, calls, pause: Duration::from_millis(case.pause_ms), server, expect })
    }
}

/// A case as written in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseJson {
    #[serde(rename = "name")]
    _name: String,
    #[serde(default)]
    client: Map<String, Value>,
    call: Option<Map<String, Value>>,
    calls: Option<Vec<Map<String, Value>>>,
    #[serde(default)]
    pause_ms: u64,
    #[serde(default = "no_steps")]
    server: Value,
    expect: ExpectJson,
}

fn no_steps() -> Value {
    json!([])
}

fn check_fields(
    object: &'static str,
    fields: &Map<String, Value>,
    expected: &'static [&'static str],
) -> Result<(), CaseError> {
    match fields.keys().find(|name| !expected.contains(&name.as_str())) {
        Some(name) => Err(CaseError::UnknownField { object, field: name.clone(), expected }),
        None => Ok(()),
    }
}
