//! The verdict on one case: what the driver said and what the server saw, against what the vector expects. Pure.

use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::matching::{differences, is_operation, show};
use crate::reply::{self, Reply};
use crate::request::Seen;
use crate::tables::may_be_unsupported;
use crate::vector::{CANARY_KEY, Case, Count, ExpectCall, ExpectRequest, cancel_after};

/// What came of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As expected.
    Passed,
    /// The driver's language cannot say it, and the fixed list agrees.
    Unsupported(String),
    /// Every difference, one a line; no key and no prompt stands in them.
    Failed(Vec<String>),
}

/// One call and the driver's reply to it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// When the whole line to the driver had been written.
    pub written: Instant,
    /// When the reply's line had been read.
    pub read: Instant,
    /// The reply's line.
    pub line: String,
}

/// Judges a case by its exchanges, in the order of its calls, and the requests that the server saw meanwhile.
/// `driver` is the driver's name; it decides the table of classes.
#[must_use]
pub fn judge(case: &Case, exchanges: &[Exchange], seen: &[Seen], driver: &str) -> Verdict {
    let mut wrong = Vec::new();
    for (place, (call, expect)) in case.calls.iter().zip(&case.expect.calls).enumerate() {
        let path = if case.calls.len() == 1 { String::new() } else { format!("calls[{place}].") };
        let found = match exchanges.get(place) {
            None => vec!["no reply".to_owned()],
            Some(exchange) => match judge_call(case, call, expect, exchange, driver) {
                Ok(Some(unsupported)) => return Verdict::Unsupported(unsupported),
                Ok(None) => Vec::new(),
                Err(found) => found,
            },
        };
        wrong.extend(found.into_iter().map(|line| format!("{path}{line}")));
    }
    wrong.extend(judge_requests(case, seen));
    wrong.extend(judge_abort(case, exchanges, seen));
    if wrong.is_empty() { Verdict::Passed } else { Verdict::Failed(hide(wrong, case)) }
}

fn judge_call(
    case: &Case,
    call: &Map<String, Value>,
    expect: &ExpectCall,
    exchange: &Exchange,
    driver: &str,
) -> Result<Option<String>, Vec<String>> {
    let reply: Value =
        serde_json::from_str(&exchange.line).map_err(|error| vec![format!("the reply is not JSON: {error}")])?;
    let mut wrong = Vec::new();
    for key in keys(case) {
        if says(&exchange.line, &reply, key) {
            wrong.push("the API key stands in the reply".to_owned());
        }
    }
    let absent = case.expect.absent.iter().filter(|text| says(&exchange.line, &reply, text));
    wrong.extend(absent.map(|text| format!("absent: {} stands in the reply", show(Some(&text.as_str().into())))));
    match (reply::read(&reply, driver), &expect.ok, &expect.error) {
        (Err(unsound), _, _) => wrong.extend(unsound),
        (Ok(Reply::Unsupported(what)), _, _) => {
            let line = serde_json::json!({"client": case.client, "call": call});
            if may_be_unsupported(driver, what, &line) && wrong.is_empty() {
                return Ok(Some(what.to_owned()));
            }
            wrong.push(format!("the fixed list of {driver} has no unsupported {what} for this call"));
        }
        (Ok(Reply::Ok { run, metadata }), Some(expected), _) => {
            wrong.extend(differences(expected, Some(run), "ok"));
            if let Some(expected) = &expect.response_metadata {
                wrong.extend(differences(expected, Some(metadata), "response_metadata"));
            }
        }
        (Ok(Reply::Error(error)), _, Some(expected)) => wrong.extend(differences(expected, Some(error), "error")),
        (Ok(Reply::Ok { .. }), None, _) => wrong.push("expected an error, got ok".to_owned()),
        (Ok(Reply::Error(error)), _, None) => wrong.push(format!(
            "expected ok, got error kind {}, status {}, message {}",
            show(error.get("kind")),
            show(error.get("status")),
            show(error.get("message"))
        )),
    }
    if let Some([least, most]) = expect.elapsed_ms {
        let elapsed = exchange.read.duration_since(exchange.written).as_millis();
        if !(u128::from(least)..=u128::from(most)).contains(&elapsed) {
            wrong.push(format!("elapsed_ms: expected {least} to {most}, got {elapsed}"));
        }
    }
    if wrong.is_empty() { Ok(None) } else { Err(wrong) }
}

fn judge_requests(case: &Case, seen: &[Seen]) -> Vec<String> {
    let expect = &case.expect;
    let mut wrong = Vec::new();
    let fits = match expect.server_saw {
        None => true,
        Some(Count::Exactly(count)) => seen.len() == count,
        Some(Count::Between([least, most])) => (least..=most).contains(&seen.len()),
    };
    if let (false, Some(count)) = (fits, expect.server_saw) {
        wrong.push(format!("server_saw: expected {count}, got {}", seen.len()));
    }
    if let Some(gaps) = &expect.gap_ms {
        let found: Vec<u128> = seen.windows(2).filter_map(gap).collect();
        let fits = found.len() == gaps.len()
            && found.iter().zip(gaps).all(|(gap, [least, most])| (u128::from(*least)..=u128::from(*most)).contains(gap));
        if !fits {
            wrong.push(format!("gap_ms: expected {gaps:?}, got {found:?}"));
        }
    }
    for (place, request) in expect.requests.iter().enumerate() {
        let path = format!("requests[{place}]");
        match seen.get(place) {
            Some(seen) => wrong.extend(judge_request(request, seen, &path)),
            None => wrong.push(format!("{path}: the server saw {} only", seen.len())),
        }
    }
    if let Some(same) = expect.same_idempotency_key {
        wrong.extend(judge_keys(same, seen));
    }
    wrong
}

fn judge_request(expect: &ExpectRequest, seen: &Seen, path: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut compare = |expected: &Option<Value>, name: &str, actual: Option<Value>| {
        if let Some(expected) = expected {
            wrong.extend(differences(expected, actual.as_ref(), &format!("{path}.{name}")));
        }
    };
    compare(&expect.method, "method", Some(seen.method.as_str().into()));
    let own = seen.path.trim_start_matches('/').find('/').and_then(|end| seen.path.get(end + 1..));
    compare(&expect.path, "path", Some(own.unwrap_or_default().into()));
    let as_json = match &expect.body {
        Some(Value::Object(fields)) => !is_operation(fields),
        Some(Value::Array(_)) => true,
        _ => false,
    };
    compare(&expect.body, "body", if as_json { seen.json() } else { Some(String::from_utf8_lossy(&seen.body).into()) });
    for (name, expected) in &expect.headers {
        let values: Vec<Value> = seen.header_values(name).map(Value::from).collect();
        let actual = if values.len() > 1 { Some(Value::Array(values)) } else { values.into_iter().next() };
        wrong.extend(differences(expected, actual.as_ref(), &format!("{path}.headers.{name}")));
    }
    let unwanted = expect.no_headers.iter().filter(|name| seen.header(name).is_some());
    wrong.extend(unwanted.map(|name| format!("{path}.no_headers: {name} was sent")));
    wrong
}

fn judge_keys(same: bool, seen: &[Seen]) -> Option<String> {
    let keys: Vec<Option<&str>> = seen.iter().map(|seen| seen.header("idempotency-key").filter(|key| !key.is_empty())).collect();
    if keys.iter().any(Option::is_none) || keys.is_empty() {
        return Some("same_idempotency_key: a request without a key".to_owned());
    }
    let pairs = || seen.iter().zip(&keys).enumerate().flat_map(|(place, one)| {
        seen.iter().zip(&keys).skip(place + 1).map(move |other| (one, other))
    });
    if same && pairs().any(|(one, other)| one.1 != other.1) {
        return Some("same_idempotency_key: two requests with different keys".to_owned());
    }
    if same && pairs().any(|(one, other)| one.0.body != other.0.body) {
        return Some("same_idempotency_key: two requests with different bodies".to_owned());
    }
    (!same && pairs().any(|(one, other)| one.1 == other.1)).then(|| "same_idempotency_key: two requests with one key".to_owned())
}

fn judge_abort(case: &Case, exchanges: &[Exchange], seen: &[Seen]) -> Option<String> {
    /// A timer of the driver's language may fire so much early.
    const EARLY: Duration = Duration::from_millis(5);
    let within = case.expect.aborted_within_ms?;
    let (exchange, after) = exchanges.iter().zip(&case.calls).rev().find_map(|(one, call)| Some((one, cancel_after(call)?)))?;
    let cancelled = exchange.written + Duration::from_millis(after);
    match seen.last() {
        None => Some("aborted_within_ms: the server saw no request".to_owned()),
        Some(Seen { closed_at: None, .. }) => Some("aborted_within_ms: the connection stayed open".to_owned()),
        Some(Seen { closed_at: Some(closed), .. }) if *closed + EARLY < cancelled => {
            Some("aborted_within_ms: the connection was closed before the call was cancelled".to_owned())
        }
        Some(Seen { closed_at: Some(closed), .. }) => {
            let took = closed.saturating_duration_since(cancelled).as_millis();
            (took > u128::from(within)).then(|| format!("aborted_within_ms: expected {within} at most, got {took}"))
        }
    }
}

fn gap(pair: &[Seen]) -> Option<u128> {
    let [one, other] = pair else { return None };
    Some(other.at.duration_since(one.at).as_millis())
}

/// The canary, and a key that the case gives, if it is long enough to be told from other text.
fn keys(case: &Case) -> impl Iterator<Item = &str> {
    let own = case.client.get("api_key").and_then(Value::as_str).map(str::trim).filter(|key| key.len() >= 8);
    [CANARY_KEY].into_iter().chain(own.filter(|own| *own != CANARY_KEY))
}

/// Whether a text stands in a reply's line as it is, or in one of its texts once unescaped.
fn says(line: &str, reply: &Value, text: &str) -> bool {
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
fn hide(wrong: Vec<String>, case: &Case) -> Vec<String> {
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

impl std::fmt::Display for Count {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exactly(count) => write!(formatter, "{count}"),
            Self::Between([least, most]) => write!(formatter, "{least} to {most}"),
        }
    }
}
