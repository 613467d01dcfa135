//! A case that is completed for one run against one server.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::expect::{Expect, ExpectError, ExpectJson, check};
use crate::limited_service::{LimitError, LimitedService};
use crate::placeholders::{RepeatError, expand_repeats, fill_in};
use crate::service::Service;
use crate::step_json::{StepError, steps_from_json};

/// The API key of every case that sets none. It must not appear in the output of a driver.
pub const CANARY_KEY: &str = "bak_canary_Qz7mT4xW9pLs2VnK";

/// The options of a client that a case can set.
#[rustfmt::skip]
pub const CLIENT_OPTIONS: [&str; 17] = [
    "api_key", "base_url", "timeout_ms", "attempt_timeout_ms", "connect_timeout_ms", "max_retries", "retry_ambiguous",
    "retry_budget", "rate_limit", "prices", "max_concurrency", "max_response_bytes", "headers", "proxy", "ca_file",
    "allow_http", "app_name",
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
    /// The calls, as the driver receives them: one, or several on one client.
    pub calls: Vec<Map<String, Value>>,
    /// Whether the calls are made at once. Else they are made one after another.
    pub concurrent: bool,
    /// The pause between the reply to one call and the next call.
    pub pause: Duration,
    /// What plays the service.
    pub service: Service,
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
    /// The case has both `server` and `limit`.
    #[error("server and limit exclude each other")]
    ServerAndLimit,
    /// The limit of the service is invalid.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The number of times that a call is made is invalid.
    #[error("calls: times takes a number from 1 to 100")]
    Times,
    /// The case makes its calls at once, and has a field that is only valid for other calls.
    #[error("concurrent {0}")]
    Concurrent(&'static str),
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
        for step in case.server.iter_mut().filter_map(Value::as_array_mut).flatten() {
            step.get_mut("headers").map(fill_in);
            step.get_mut("raw").map(fill_in);
        }
        case.client.entry("api_key").or_insert_with(|| json!(CANARY_KEY));
        case.client.entry("base_url").or_insert_with(|| json!(base_url));
        let (calls, times) = match (case.call, case.calls) {
            (Some(call), None) => (vec![call], vec![1]),
            (None, Some(calls)) if !calls.is_empty() => repeat_calls(calls)?,
            _ => return Err(CaseError::CallOrCalls),
        };
        check_fields("client", &case.client, &CLIENT_OPTIONS)?;
        for call in &calls {
            check_fields("call", call, &CALL_FIELDS)?;
            if let Some(Value::Object(options)) = call.get("options") {
                check_fields("call.options", options, &CALL_OPTIONS)?;
            }
        }
        let expect = case.expect.for_calls(&times)?;
        check(&expect, &calls)?;
        let service = match (case.server, case.limit) {
            (Some(_), Some(_)) => return Err(CaseError::ServerAndLimit),
            (_, Some(limit)) => LimitedService::from_json(limit)?.into(),
            (Some(server), None) => steps_from_json(server)?.into(),
            (None, None) => Service::default(),
        };
        if expect.rejected.is_some() && !matches!(service, Service::Limited(_)) {
            return Err(ExpectError::RejectedWithoutLimit.into());
        }
        if case.concurrent {
            check_concurrent(calls.len(), case.pause_ms, &expect)?;
        }
        let (client, concurrent, pause) = (case.client, case.concurrent, Duration::from_millis(case.pause_ms));
        Ok(Self { client, calls, concurrent, pause, service, expect })
    }
}

type Call = Map<String, Value>;

/// A case as written in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseJson {
    #[serde(rename = "name")]
    _name: String,
    #[serde(default)]
    client: Map<String, Value>,
    call: Option<Call>,
    calls: Option<Vec<Call>>,
    #[serde(default)]
    concurrent: bool,
    #[serde(default)]
    pause_ms: u64,
    server: Option<Value>,
    limit: Option<Value>,
    expect: ExpectJson,
}

/// The calls, each as often as its `times` says, and these numbers.
fn repeat_calls(calls: Vec<Call>) -> Result<(Vec<Call>, Vec<usize>), CaseError> {
    const MAX_TIMES: usize = 100;
    let (mut repeated, mut all_times) = (Vec::new(), Vec::with_capacity(calls.len()));
    for mut call in calls {
        let times = match call.remove("times") {
            None => 1,
            Some(times) => times.as_u64().and_then(|times| usize::try_from(times).ok()).unwrap_or(0),
        };
        if times == 0 || times > MAX_TIMES {
            return Err(CaseError::Times);
        }
        repeated.extend(std::iter::repeat_n(call, times));
        all_times.push(times);
    }
    Ok((repeated, all_times))
}

fn check_concurrent(calls: usize, pause_ms: u64, expect: &Expect) -> Result<(), CaseError> {
    let rules = [
        (calls < 2, "requires two calls or more"),
        (pause_ms > 0, "and pause_ms exclude each other"),
        (expect.aborted_within_ms.is_some(), "and aborted_within_ms exclude each other"),
    ];
    rules.iter().find(|(violated, _)| *violated).map_or(Ok(()), |(_, rule)| Err(CaseError::Concurrent(rule)))
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
