//! The verdict on one case: compares the replies and the requests with what the vector expects. Pure.

use serde_json::{Map, Value};

use crate::case::Case;
use crate::exchange::Exchange;
use crate::expect::ExpectCall;
use crate::matching::{differences, show};
use crate::reply::{self, Reply};
use crate::request::RecordedRequest;
use crate::request_checks::{check_abort, check_requests};
use crate::secrets::{contains_text, keys, redact};
use crate::unsupported::may_be_unsupported;

/// The result of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The result is as expected.
    Passed,
    /// The driver's language cannot express the case, and the fixed table agrees.
    Unsupported(String),
    /// Every difference, one per line, without keys and prompts.
    Failed(Vec<String>),
}

/// Judges a case by its exchanges, in the order of its calls, and the requests that the server received. The name of the
/// driver selects the error classes.
#[must_use]
pub fn judge(case: &Case, exchanges: &[Exchange], requests: &[RecordedRequest], driver: &str) -> Verdict {
    let mut wrong = Vec::new();
    for (index, (call, expect)) in case.calls.iter().zip(&case.expect.calls).enumerate() {
        let path = if case.calls.len() == 1 { String::new() } else { format!("calls[{index}].") };
        let found = match exchanges.get(index) {
            None => vec!["no reply".to_owned()],
            Some(exchange) => match judge_call(case, call, expect, exchange, driver) {
                Ok(Some(unsupported)) => return Verdict::Unsupported(unsupported),
                Ok(None) => Vec::new(),
                Err(found) => found,
            },
        };
        wrong.extend(found.into_iter().map(|line| format!("{path}{line}")));
    }
    wrong.extend(check_total(case, exchanges));
    wrong.extend(check_requests(case, requests));
    wrong.extend(check_abort(case, exchanges, requests));
    if wrong.is_empty() { Verdict::Passed } else { Verdict::Failed(redact(wrong, case)) }
}

/// Checks `total_ms`.
fn check_total(case: &Case, exchanges: &[Exchange]) -> Option<String> {
    let [min, max] = case.expect.total_ms?;
    let begun = exchanges.iter().map(|exchange| exchange.begun).min()?;
    let read = exchanges.iter().map(|exchange| exchange.read).max()?;
    let total = read.duration_since(begun).as_millis();
    let matches = (u128::from(min)..=u128::from(max)).contains(&total);
    (!matches).then(|| format!("total_ms: expected {min} to {max}, got {total}"))
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
        if contains_text(&exchange.line, &reply, key) {
            wrong.push("the API key is in the reply".to_owned());
        }
    }
    let absent = case.expect.absent.iter().filter(|text| contains_text(&exchange.line, &reply, text));
    wrong.extend(absent.map(|text| format!("absent: {} is in the reply", show(Some(&text.as_str().into())))));
    match (reply::parse(&reply, driver), &expect.ok, &expect.error) {
        (Err(violations), _, _) => wrong.extend(violations),
        (Ok(Reply::Unsupported(name)), _, _) => {
            let line = serde_json::json!({"client": case.client, "call": call});
            if may_be_unsupported(driver, name, &line) && wrong.is_empty() {
                return Ok(Some(name.to_owned()));
            }
            wrong.push(format!("{driver} must support {name} for this call"));
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
    if let Some([min, max]) = expect.elapsed_ms {
        let elapsed = exchange.read.duration_since(exchange.written).as_millis();
        if !(u128::from(min)..=u128::from(max)).contains(&elapsed) {
            wrong.push(format!("elapsed_ms: expected {min} to {max}, got {elapsed}"));
        }
    }
    if wrong.is_empty() { Ok(None) } else { Err(wrong) }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use bytes::Bytes;
    use serde_json::json;

    use super::*;
    use crate::case::CANARY_KEY;
    use crate::vector::parse;

    fn case(fields: &Value) -> Case {
        let mut written = json!({"name": "n", "call": {"kit": "k", "input": {"prompt": "the secret of the prompt"}}});
        for (name, value) in fields.as_object().unwrap() {
            written[name] = value.clone();
        }
        if fields.get("calls").is_some() {
            written.as_object_mut().unwrap().remove("call");
        }
        parse("t", &json!([written]).to_string()).unwrap().remove(0).case("http://127.0.0.1:7/c/v1", 7).unwrap()
    }

    fn ok() -> Value {
        json!({"id": "c.0", "ok": {"id": "run_1", "output": {"text": "hi"}}, "response_metadata":
            {"attempts": 2, "request_id": null, "idempotency_key": "one", "elapsed_ms": 9, "headers": {},
                "cost_nano_usd": 800}})
    }

    fn error(message: &str) -> Value {
        json!({"id": "c.0", "error": {"kind": "rate_limit", "class": "RateLimit", "status": 429, "code": null,
            "message": message, "body": null, "headers": null, "request_id": null, "attempts": 1,
            "retry_after_ms": null, "may_have_run": false, "is_retryable": true, "retry_stopped_by": null, "idempotency_key": "one"}})
    }

    /// A reply 50 ms after its call, and two requests 20 ms apart. The first one was rejected. The connection of the last one
    /// is closed 40 ms after the call.
    fn exchanges_and_requests(reply: &Value) -> (Vec<Exchange>, Vec<RecordedRequest>) {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let request = |ms, key: &str, body: &'static str, closed_at| RecordedRequest {
            at: at(ms),
            method: "POST".to_owned(),
            path: "/c/v1/kits/run?q".to_owned(),
            headers: [("Idempotency-Key", key), ("X-Two", "a"), ("x-two", "b")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
            body: Bytes::from_static(body.as_bytes()),
            connection: 1,
            closed_at,
            rejected: closed_at.is_none(),
        };
        let exchange = Exchange { begun: start, written: start, read: at(50), line: reply.to_string() };
        (
            vec![exchange],
            vec![request(5, "one", r#"{"kit":"k"}"#, None), request(25, "one", r#"{"kit":"k"}"#, Some(at(40)))],
        )
    }

    fn verdict(fields: &Value, reply: &Value) -> Verdict {
        let (exchanges, requests) = exchanges_and_requests(reply);
        judge(&case(fields), &exchanges, &requests, "rust")
    }

    #[test]
    fn matching_case_passes() {
        let cancelled = json!({"call": {"options": {"cancel_after_ms": 30}}});
        for (expect, call, reply) in [
            (json!({"ok": {"id": "run_1"}, "response_metadata": {"attempts": 2}}), json!({}), ok()),
            (json!({"error": {"status": {"$gte": 400}}}), json!({}), error("no")),
            (json!({"ok": {}, "server_saw": 2, "elapsed_ms": [50, 50], "gap_ms": [[20, 20]]}), json!({}), ok()),
            (json!({"ok": {}, "server_saw": [1, 2], "same_idempotency_key": true}), json!({}), ok()),
            (json!({"ok": {}, "total_ms": [50, 50]}), json!({}), ok()),
            (json!({"ok": {}, "absent": ["bye"]}), json!({}), ok()),
            (json!({"ok": {}, "aborted_within_ms": 10}), cancelled, ok()),
            (
                json!({"ok": {}, "requests": [{"method": "POST", "path": "/v1/kits/run?q", "body": {"kit": "k"},
                "headers": {"idempotency-key": "one", "X-TWO": ["a", "b"]}, "no_headers": ["accept-encoding"]},
                {"body": {"$contains": "\"kit\""}}]}),
                json!({}),
                ok(),
            ),
            (json!({"ok": {}, "requests": [{"body": "{\"kit\":\"k\"}"}]}), json!({}), ok()),
        ] {
            let mut fields = call;
            fields["expect"] = expect;
            assert_eq!(verdict(&fields, &reply), Verdict::Passed, "{fields}");
        }
    }

    #[test]
    fn difference_fails_the_case_and_is_located() {
        let cancel = |ms: u64| json!({"options": {"cancel_after_ms": ms}});
        for (expect, call, reply, why) in [
            (json!({"ok": {"id": "run_2"}}), json!({}), ok(), "ok.id: expected \"run_2\", got \"run_1\""),
            (json!({"ok": {}, "response_metadata": {"attempts": 1}}), json!({}), ok(), "response_metadata.attempts"),
            (json!({"ok": {}}), json!({}), error("no"), "expected ok, got error kind \"rate_limit\", status 429"),
            (json!({"error": {}}), json!({}), ok(), "expected an error, got ok"),
            (json!({"error": {"code": "x"}}), json!({}), error("no"), "error.code"),
            (json!({"ok": {}, "server_saw": 1}), json!({}), ok(), "server_saw: expected 1, got 2"),
            (json!({"ok": {}, "server_saw": [3, 4]}), json!({}), ok(), "server_saw: expected 3 to 4, got 2"),
            (json!({"ok": {}, "elapsed_ms": [0, 49]}), json!({}), ok(), "elapsed_ms: expected 0 to 49, got 50"),
            (json!({"ok": {}, "total_ms": [51, 99]}), json!({}), ok(), "total_ms: expected 51 to 99, got 50"),
            (json!({"ok": {}, "gap_ms": [[21, 30]]}), json!({}), ok(), "gap_ms"),
            (json!({"ok": {}, "gap_ms": []}), json!({}), ok(), "gap_ms"),
            (json!({"ok": {}, "requests": [{"method": "GET"}]}), json!({}), ok(), "requests[0].method"),
            (json!({"ok": {}, "requests": [{}, {"path": "/v1"}]}), json!({}), ok(), "requests[1].path"),
            (json!({"ok": {}, "requests": [{}, {}, {}]}), json!({}), ok(), "requests[2]: the server received only 2"),
            (
                json!({"ok": {}, "requests": [{"headers": {"x-two": "a"}}]}),
                json!({}),
                ok(),
                "requests[0].headers.x-two",
            ),
            (json!({"ok": {}, "requests": [{"no_headers": ["x-two"]}]}), json!({}), ok(), "x-two was sent"),
            (json!({"ok": {}, "requests": [{"body": {"kit": "j"}}]}), json!({}), ok(), "requests[0].body.kit"),
            (json!({"ok": {}, "same_idempotency_key": false}), json!({}), ok(), "two requests have the same key"),
            (json!({"ok": {}, "absent": ["hi"]}), json!({}), ok(), "absent: \"hi\" is in the reply"),
            (json!({"ok": {}, "aborted_within_ms": 9}), cancel(30), ok(), "expected at most 9, got 10"),
            (json!({"ok": {}, "aborted_within_ms": 9}), cancel(60), ok(), "before the call was cancelled"),
            (json!({"error": {}}), json!({}), error(CANARY_KEY), "the API key is in the reply"),
            (
                json!({"error": {}}),
                json!({}),
                json!({"id": "c.0", "unsupported": "max_retries"}),
                "must support max_retries",
            ),
            (json!({"error": {}}), json!({}), json!({"id": "c.0", "error": {}}), "error.kind: missing"),
        ] {
            let mut fields = json!({"expect": expect});
            if !call.as_object().unwrap().is_empty() {
                fields["call"] = call;
            }
            let Verdict::Failed(wrong) = verdict(&fields, &reply) else { panic!("{fields} did not fail") };
            assert!(wrong.iter().any(|line| line.contains(why)), "{fields}: {wrong:?}");
        }
    }

    #[test]
    fn total_and_rejected_requests_of_concurrent_calls_are_judged() {
        let mut fields = json!({"concurrent": true, "calls": [{"kit": "k", "times": 2}],
            "limit": {"window": "fixed", "requests": 1, "per_ms": 1},
            "expect": {"ok": {}, "rejected": 1, "total_ms": [80, 80]}});
        let (mut exchanges, requests) = exchanges_and_requests(&ok());
        exchanges.extend(exchanges.clone());
        exchanges[1].begun = exchanges[0].begun - Duration::from_millis(30);
        assert_eq!(judge(&case(&fields), &exchanges, &requests, "rust"), Verdict::Passed);
        fields["expect"] = json!({"ok": {}, "rejected": [2, 3], "total_ms": [0, 79]});
        let Verdict::Failed(wrong) = judge(&case(&fields), &exchanges, &requests, "rust") else { panic!("passed") };
        assert_eq!(wrong, ["total_ms: expected 0 to 79, got 80", "rejected: expected 2 to 3, got 1"]);
    }

    #[test]
    fn retry_with_another_key_or_body_fails() {
        let case = case(&json!({"expect": {"ok": {}, "same_idempotency_key": true}}));
        let (exchanges, requests) = exchanges_and_requests(&ok());
        for (change, why) in [
            ((|request| request.headers[0].1 = "two".to_owned()) as fn(&mut RecordedRequest), "different keys"),
            (|request| request.body = Bytes::from_static(b"{}"), "different bodies"),
            (|request| request.headers.clear(), "has no key"),
        ] {
            let mut requests = requests.clone();
            change(&mut requests[1]);
            let Verdict::Failed(wrong) = judge(&case, &exchanges, &requests, "rust") else { panic!("{why} passed") };
            assert!(wrong[0].contains(why), "{wrong:?}");
        }
    }

    #[test]
    fn each_call_is_judged() {
        let fields = json!({"calls": [{"kit": "k"}, {"kit": "k"}], "expect": {"calls": [{"ok": {}}, {"ok": {}}]}});
        let (mut exchanges, requests) = exchanges_and_requests(&ok());
        let (others, _) = exchanges_and_requests(&error("no"));
        exchanges.extend(others);
        let Verdict::Failed(wrong) = judge(&case(&fields), &exchanges, &requests, "rust") else { panic!("passed") };
        assert!(wrong.len() == 1 && wrong[0].starts_with("calls[1].expected ok, got error"), "{wrong:?}");
        let Verdict::Failed(wrong) = judge(&case(&fields), &exchanges[..1], &requests, "rust") else {
            panic!("passed")
        };
        assert_eq!(wrong, ["calls[1].no reply"]);
    }

    #[test]
    fn unsupported_is_accepted_from_the_table() {
        let fields = json!({"client": {"max_retries": -1}, "expect": {"error": {}}});
        let reply = json!({"id": "c.0", "unsupported": "max_retries"});
        assert_eq!(verdict(&fields, &reply), Verdict::Unsupported("max_retries".to_owned()));
    }

    #[test]
    fn differences_are_redacted() {
        let fields = json!({"client": {"api_key": "bak_given_by_the_case"}, "expect": {"ok": {}}});
        let message = format!("{CANARY_KEY} bak_given_by_the_case the secret of the prompt the secret");
        let Verdict::Failed(wrong) = verdict(&fields, &error(&message)) else { panic!("passed") };
        let all = wrong.join("\n");
        assert!(!all.contains("bak_") && !all.contains("the secret of"), "{all}");
        assert!(all.contains("[redacted] [redacted] [redacted] [redacted]"), "{all}");
        let escaped = error("a\u{1}b").to_string().replace('b', "\\u0062");
        assert!(contains_text(&escaped, &serde_json::from_str(&escaped).unwrap(), "b"));
    }
}
