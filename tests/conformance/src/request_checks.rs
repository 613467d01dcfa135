//! Compares the requests of a case with what its vector expects. Pure.

use std::time::Duration;

use serde_json::Value;

use crate::case::Case;
use crate::exchange::Exchange;
use crate::expect::{ExpectRequest, cancel_after};
use crate::matching::{differences, is_operation};
use crate::request::RecordedRequest;

/// Every difference between the requests that the server received and the expected ones.
pub(crate) fn check_requests(case: &Case, requests: &[RecordedRequest]) -> Vec<String> {
    let expect = &case.expect;
    let mut wrong = Vec::new();
    let rejected = requests.iter().filter(|request| request.rejected).count();
    for (name, expected, found) in
        [("server_saw", expect.server_saw, requests.len()), ("rejected", expect.rejected, rejected)]
    {
        if let Some(expected) = expected.filter(|expected| !expected.includes(found)) {
            wrong.push(format!("{name}: expected {expected}, got {found}"));
        }
    }
    if let Some(gaps) = &expect.gap_ms {
        let found: Vec<u128> = requests.windows(2).filter_map(gap).collect();
        let matches = found.len() == gaps.len()
            && found.iter().zip(gaps).all(|(gap, [min, max])| (u128::from(*min)..=u128::from(*max)).contains(gap));
        if !matches {
            wrong.push(format!("gap_ms: expected {gaps:?}, got {found:?}"));
        }
    }
    for (index, expected) in expect.requests.iter().enumerate() {
        let path = format!("requests[{index}]");
        match requests.get(index) {
            Some(request) => wrong.extend(check_request(expected, request, &path)),
            None => wrong.push(format!("{path}: the server received only {}", requests.len())),
        }
    }
    if let Some(same) = expect.same_idempotency_key {
        wrong.extend(check_keys(same, requests));
    }
    wrong
}

fn check_request(expect: &ExpectRequest, request: &RecordedRequest, path: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut compare = |expected: &Option<Value>, name: &str, actual: Option<Value>| {
        if let Some(expected) = expected {
            wrong.extend(differences(expected, actual.as_ref(), &format!("{path}.{name}")));
        }
    };
    compare(&expect.method, "method", Some(request.method.as_str().into()));
    let own = request.path.trim_start_matches('/').find('/').and_then(|end| request.path.get(end + 1..));
    compare(&expect.path, "path", Some(own.unwrap_or_default().into()));
    let as_json = match &expect.body {
        Some(Value::Object(fields)) => !is_operation(fields),
        Some(Value::Array(_)) => true,
        _ => false,
    };
    let body = if as_json { request.json() } else { Some(String::from_utf8_lossy(&request.body).into()) };
    compare(&expect.body, "body", body);
    for (name, expected) in &expect.headers {
        let values: Vec<Value> = request.header_values(name).map(Value::from).collect();
        let actual = if values.len() > 1 { Some(Value::Array(values)) } else { values.into_iter().next() };
        wrong.extend(differences(expected, actual.as_ref(), &format!("{path}.headers.{name}")));
    }
    let unwanted = expect.no_headers.iter().filter(|name| request.header(name).is_some());
    wrong.extend(unwanted.map(|name| format!("{path}.no_headers: {name} was sent")));
    wrong
}

fn check_keys(same: bool, requests: &[RecordedRequest]) -> Option<String> {
    let keys: Vec<Option<&str>> =
        requests.iter().map(|request| request.header("idempotency-key").filter(|key| !key.is_empty())).collect();
    if keys.iter().any(Option::is_none) || keys.is_empty() {
        return Some("same_idempotency_key: a request has no key".to_owned());
    }
    let pairs = || {
        requests
            .iter()
            .zip(&keys)
            .enumerate()
            .flat_map(|(index, one)| requests.iter().zip(&keys).skip(index + 1).map(move |other| (one, other)))
    };
    if same && pairs().any(|(one, other)| one.1 != other.1) {
        return Some("same_idempotency_key: two requests have different keys".to_owned());
    }
    if same && pairs().any(|(one, other)| one.0.body != other.0.body) {
        return Some("same_idempotency_key: two requests have different bodies".to_owned());
    }
    (!same && pairs().any(|(one, other)| one.1 == other.1))
        .then(|| "same_idempotency_key: two requests have the same key".to_owned())
}

/// Checks `aborted_within_ms`.
pub(crate) fn check_abort(case: &Case, exchanges: &[Exchange], requests: &[RecordedRequest]) -> Option<String> {
    /// A timer of the driver's language may fire early by this much.
    const TIMER_TOLERANCE: Duration = Duration::from_millis(5);
    let within = case.expect.aborted_within_ms?;
    let (exchange, after) =
        exchanges.iter().zip(&case.calls).rev().find_map(|(one, call)| Some((one, cancel_after(call)?)))?;
    let cancelled = exchange.written + Duration::from_millis(after);
    match requests.last() {
        None => Some("aborted_within_ms: the server received no request".to_owned()),
        Some(RecordedRequest { closed_at: None, .. }) => {
            Some("aborted_within_ms: the connection stayed open".to_owned())
        }
        Some(RecordedRequest { closed_at: Some(closed), .. }) if *closed + TIMER_TOLERANCE < cancelled => {
            Some("aborted_within_ms: the connection was closed before the call was cancelled".to_owned())
        }
        Some(RecordedRequest { closed_at: Some(closed), .. }) => {
            let took = closed.saturating_duration_since(cancelled).as_millis();
            (took > u128::from(within)).then(|| format!("aborted_within_ms: expected at most {within}, got {took}"))
        }
    }
}

/// The milliseconds between two requests.
fn gap(pair: &[RecordedRequest]) -> Option<u128> {
    let [one, other] = pair else { return None };
    Some(other.at.duration_since(one.at).as_millis())
}
