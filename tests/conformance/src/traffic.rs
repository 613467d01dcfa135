//! What the server saw of a case, against what its vector expects. Pure.

use std::time::Duration;

use serde_json::Value;

use crate::expect::{Count, ExpectRequest, cancel_after};
use crate::judge::Exchange;
use crate::matching::{differences, is_operation};
use crate::request::Seen;
use crate::vector::Case;

pub(crate) fn judge_requests(case: &Case, seen: &[Seen]) -> Vec<String> {
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
            && found
                .iter()
                .zip(gaps)
                .all(|(gap, [least, most])| (u128::from(*least)..=u128::from(*most)).contains(gap));
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
    let keys: Vec<Option<&str>> =
        seen.iter().map(|seen| seen.header("idempotency-key").filter(|key| !key.is_empty())).collect();
    if keys.iter().any(Option::is_none) || keys.is_empty() {
        return Some("same_idempotency_key: a request without a key".to_owned());
    }
    let pairs = || {
        seen.iter()
            .zip(&keys)
            .enumerate()
            .flat_map(|(place, one)| seen.iter().zip(&keys).skip(place + 1).map(move |other| (one, other)))
    };
    if same && pairs().any(|(one, other)| one.1 != other.1) {
        return Some("same_idempotency_key: two requests with different keys".to_owned());
    }
    if same && pairs().any(|(one, other)| one.0.body != other.0.body) {
        return Some("same_idempotency_key: two requests with different bodies".to_owned());
    }
    (!same && pairs().any(|(one, other)| one.1 == other.1))
        .then(|| "same_idempotency_key: two requests with one key".to_owned())
}

pub(crate) fn judge_abort(case: &Case, exchanges: &[Exchange], seen: &[Seen]) -> Option<String> {
    /// A timer of the driver's language may fire so much early.
    const EARLY: Duration = Duration::from_millis(5);
    let within = case.expect.aborted_within_ms?;
    let (exchange, after) =
        exchanges.iter().zip(&case.calls).rev().find_map(|(one, call)| Some((one, cancel_after(call)?)))?;
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
