//! From a reply to a run or an error: what the service said, in our words where it gave none.

use std::borrow::Cow;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;

use crate::auth::{ApiKey, REDACTED};
use crate::connect::Cause;
use crate::decode;
use crate::error::{ErrorKind, ErrorParts};
use crate::retry::{Ended, Outcome, parse_retry_after};
use crate::run::Run;
use crate::transport::{Cut, Failure, Reply};

/// The longest text of the service's that a message repeats, in characters.
const LONGEST_MESSAGE: usize = 512;
/// A body below this is copied, for the reason of [`clean_headers`]; in bytes, of the buffer that a connection reads into.
const SHORT: usize = 8 << 10;

/// An attempt that gave no run: what it means for repeating, and the error that the call would end in.
pub(crate) struct Failed {
    pub(crate) ended: Ended,
    pub(crate) error: ErrorParts,
}

impl Failed {
    /// A call whose time ran out before its first attempt.
    pub(crate) fn never_sent(message: String) -> Box<Self> {
        Box::new(unanswered(Failure { cause: Cause::Timeout, message, sent: false }))
    }
}

/// Reads what an attempt ended in. The headers of a run are in its metadata.
pub(crate) fn read(attempt: Result<Reply, Failure>, key: &ApiKey) -> Result<Run, Box<Failed>> {
    let mut reply = attempt.map_err(|failure| Box::new(unanswered(failure)))?;
    clean_headers(&mut reply.headers, key);
    if !(200..300).contains(&reply.status) {
        return Err(Box::new(refused(reply, key)));
    }
    if reply.cut.is_none() {
        match decode::run(&reply.body) {
            Ok(mut run) => {
                run.response_metadata.request_id = request_id(&reply.headers);
                run.response_metadata.headers = reply.headers;
                return Ok(run);
            }
            Err(why) => {
                let kind = header(&reply.headers, "content-type").unwrap_or(Cow::Borrowed("no content-type"));
                let kind = quoted(&kind);
                let message = format!("the answer ({kind}) {why}; it may be paid for: its bytes are in body");
                return Err(Box::new(unusable(reply, key, ErrorKind::BadResponse, message)));
            }
        }
    }
    let (kind, message) = match reply.cut.take() {
        Some(Cut::Broken(message)) => (ErrorKind::Connection, message),
        Some(Cut::TimedOut(message)) => (ErrorKind::Timeout, message),
        Some(Cut::TooLarge) | None => {
            (ErrorKind::BadResponse, format!("the answer is larger than max_response_bytes ({})", reply.body.len()))
        }
    };
    Err(Box::new(unusable(reply, key, kind, message)))
}

/// No answer at all.
fn unanswered(failure: Failure) -> Failed {
    let outcome = match (failure.cause, failure.sent) {
        (Cause::Proxy | Cause::Tls, _) => Outcome::Final { may_have_run: false },
        (Cause::Refused, _) => Outcome::Refused,
        (_, false) => Outcome::NotSent,
        (_, true) => Outcome::Ambiguous,
    };
    let kind = match failure.cause {
        Cause::Connection | Cause::Refused | Cause::Proxy => ErrorKind::Connection,
        Cause::Tls => ErrorKind::Tls,
        Cause::Timeout => ErrorKind::Timeout,
    };
    let ended = Ended { outcome, status: None, retry_after: None, should_retry: None };
    Failed { ended, error: ErrorParts { kind, message: failure.message, ..ErrorParts::default() } }
}

/// A 2xx that is no run: it was paid for, so that all of it is kept.
fn unusable(reply: Reply, key: &ApiKey, kind: ErrorKind, message: String) -> Failed {
    let outcome = match kind {
        ErrorKind::BadResponse => Outcome::Final { may_have_run: true },
        _ => Outcome::Ambiguous,
    };
    let ended = Ended { outcome, status: Some(reply.status), retry_after: None, should_retry: None };
    Failed { ended, error: parts(reply, key, kind, message) }
}

/// Any other status: it decides, whatever came of its body.
fn refused(reply: Reply, key: &ApiKey) -> Failed {
    let headers = &reply.headers;
    let (retry_after, should_retry) =
        if reply.status >= 400 { (retry_after(headers), should_retry(headers)) } else { (None, None) };
    let ended =
        Ended { outcome: Outcome::of_status(reply.status), status: Some(reply.status), retry_after, should_retry };
    let kind = ErrorKind::from_status(reply.status);
    let mut error = parts(reply, key, kind, String::new());
    let (message, code) = explanation(&error, ended.status.unwrap_or_default());
    error.message = redact_text(message, key);
    error.code = code.map(|code| redact_text(code, key));
    error.retry_after = retry_after;
    Failed { ended, error }
}

fn parts(reply: Reply, key: &ApiKey, kind: ErrorKind, message: String) -> ErrorParts {
    let body = match key.redact(&reply.body) {
        Some(clean) => Bytes::from(clean),
        None if reply.body.len() < SHORT => Bytes::copy_from_slice(&reply.body),
        None => reply.body,
    };
    ErrorParts {
        kind,
        message,
        status: Some(reply.status),
        body: Some(body),
        request_id: request_id(&reply.headers),
        headers: Some(reply.headers),
        ..ErrorParts::default()
    }
}

/// The service's message and code. The shape of its error bodies is not published, so that we look where they
/// usually stand, and keep anything else as text.
fn explanation(error: &ErrorParts, status: u16) -> (String, Option<String>) {
    let body = error.body.as_deref().unwrap_or_default();
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = ["/error/message", "/error", "/message", "/detail"]
        .iter()
        .filter_map(|place| json.pointer(place)?.as_str())
        .find(|text| !text.trim().is_empty());
    let code = ["/error/code", "/error/type", "/code"].iter().find_map(|place| match json.pointer(place)? {
        Value::String(code) if !code.is_empty() => Some(quoted(code)),
        Value::Number(code) => Some(code.to_string()),
        _ => None,
    });
    let text = String::from_utf8_lossy(body);
    let message = match (message, text.trim()) {
        (Some(message), _) => quoted(message),
        (None, "") => match StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()) {
            Some(reason) => format!("{reason} (the service gave no message)"),
            None => "the service gave no message".to_owned(),
        },
        (None, text) => match error.headers.as_ref().and_then(|headers| header(headers, "content-type")) {
            Some(kind) => format!("{}: {}", quoted(&kind), quoted(text)),
            None => quoted(text),
        },
    };
    (message, code)
}

/// A text of the service's for a message: control characters escaped, and cut where it is long.
fn quoted(text: &str) -> String {
    if text.len() <= LONGEST_MESSAGE && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return text.to_owned();
    }
    let mut quoted = String::new();
    for (at, c) in text.chars().enumerate() {
        if at == LONGEST_MESSAGE {
            quoted.push('…');
            break;
        }
        match c {
            // Escapes of terminals, line breaks, and the marks that turn the direction of text.
            _ if c.is_control() => quoted.extend(c.escape_default()),
            '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                quoted.extend(c.escape_unicode());
            }
            c => quoted.push(c),
        }
    }
    quoted
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    ["x-request-id", "request-id"].iter().find_map(|name| header(headers, name)).map(|id| quoted(&id))
}

fn retry_after(headers: &HeaderMap) -> Option<std::time::Duration> {
    let clock = single(headers, "date").and_then(|date| httpdate::parse_http_date(&date).ok());
    let ms = single(headers, "retry-after-ms");
    let value = single(headers, "retry-after");
    parse_retry_after(ms.as_deref(), value.as_deref(), clock.unwrap_or_else(SystemTime::now))
}

fn should_retry(headers: &HeaderMap) -> Option<bool> {
    match single(headers, "x-should-retry")?.trim() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// A header that is there once: two that differ say nothing.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, str>> {
    if headers.get_all(name).iter().nth(1).is_some() { None } else { header(headers, name) }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, str>> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()))
}

/// Headers without the key, in memory of their own: else whoever keeps them keeps the 8 KiB that they were read into.
fn clean_headers(headers: &mut HeaderMap, key: &ApiKey) {
    let mut own = BytesMut::with_capacity(headers.values().map(HeaderValue::len).sum());
    for value in headers.values_mut() {
        match key.redact(value.as_bytes()) {
            Some(clean) => own.extend_from_slice(&clean),
            None => own.extend_from_slice(value.as_bytes()),
        }
        let clean = HeaderValue::from_maybe_shared(own.split().freeze());
        *value = clean.unwrap_or(HeaderValue::from_static(REDACTED));
    }
}

/// Once more after JSON's escapes are undone.
fn redact_text(text: String, key: &ApiKey) -> String {
    key.redact(text.as_bytes()).map_or(text, |clean| String::from_utf8_lossy(&clean).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const RUN: &str = r#"{"output":{"text":"t"}}"#;

    fn reply(status: u16, headers: &[(&'static str, &str)], body: &str) -> Reply {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Reply { status, headers: map, body: Bytes::copy_from_slice(body.as_bytes()), cut: None }
    }

    fn failed(attempt: Result<Reply, Failure>) -> Box<Failed> {
        read(attempt, &ApiKey::new("bak_k").unwrap()).map(|run| panic!("{run:?}")).unwrap_err()
    }

    #[test]
    fn a_run_knows_its_answer() {
        let headers = [("x-request-id", "req_1"), ("x-echo", "Bearer bak_k")];
        let run = read(Ok(reply(201, &headers, RUN)), &ApiKey::new("bak_k").unwrap()).map_err(|f| f.error.message);
        let metadata = run.unwrap().response_metadata;
        assert_eq!(metadata.request_id.as_deref(), Some("req_1"));
        assert_eq!(metadata.headers["x-echo"], "Bearer [redacted]");
    }

    #[test]
    fn what_is_kept_is_not_the_buffer_it_was_read_into() {
        for status in [200, 429] {
            let read_into = Bytes::from(format!("req_1 bak_k {RUN}"));
            let mut reply = reply(status, &[], "");
            for (name, part) in [("x-request-id", 0..5), ("x-echo", 6..11)] {
                reply.headers.insert(name, HeaderValue::from_maybe_shared(read_into.slice(part)).unwrap());
            }
            reply.body = read_into.slice(12..);
            let ended = read(Ok(reply), &ApiKey::new("bak_k").unwrap());
            let headers = match &ended {
                Ok(run) => &run.response_metadata.headers,
                Err(failed) => failed.error.headers.as_ref().unwrap(),
            };
            assert_eq!([&headers["x-request-id"], &headers["x-echo"]], ["req_1", "[redacted]"]);
            assert!(read_into.is_unique(), "{status}");
        }
    }

    #[test]
    fn a_long_body_is_not_copied() {
        for (length, copied) in [(SHORT - 1, true), (SHORT, false)] {
            let body = Bytes::from(vec![b'x'; length]);
            let kept = failed(Ok(Reply { body: body.clone(), ..reply(429, &[], "") })).error.body.unwrap();
            assert_eq!((&kept, kept.as_ptr() != body.as_ptr()), (&body, copied), "{length}");
        }
    }

    #[test]
    fn message_table() {
        const HTML: &[(&str, &str)] = &[("content-type", "text/html")];
        let long = "x".repeat(600);
        let cut = format!("{}…", "x".repeat(512));
        let table: &[(&[_], &str, &str, Option<&str>)] = &[
            (&[], r#"{"error":{"message":"slow down","code":"rate"}}"#, "slow down", Some("rate")),
            (&[], r#"{"error":{"message":" ","type":"kind"},"message":"here"}"#, "here", Some("kind")),
            (&[], r#"{"error":"in words","code":7}"#, "in words", Some("7")),
            (&[], r#"{"detail":"more","error":{"code":""},"code":true}"#, "more", None),
            (&[], "", "Too Many Requests (the service gave no message)", None),
            (&[], " plain ", "plain", None),
            (HTML, "<p>", "text/html: <p>", None),
            (&[], "a\u{1b}[2J\nb", "a\\u{1b}[2J\\nb", None),
            (&[], "a\u{202e}b\u{2028}é", "a\\u{202e}b\\u{2028}é", None),
            (&[], &long, &cut, None),
            (&[], r#"{"message":"b\u0061k_k","code":"bak_k"}"#, "[redacted]", Some("[redacted]")),
        ];
        for (headers, body, message, code) in table {
            let error = failed(Ok(reply(429, headers, body))).error;
            assert_eq!((error.message.as_str(), error.code.as_deref()), (*message, *code), "{body}");
            assert_eq!((error.kind, error.status), (ErrorKind::RateLimit, Some(429)));
        }
        assert_eq!(failed(Ok(reply(799, &[], ""))).error.message, "the service gave no message");
    }

    #[test]
    fn everything_that_was_said_is_kept() {
        let headers = [("request-id", "r\t1"), ("x-echo", "bak_k"), ("retry-after", "7")];
        let error = failed(Ok(reply(503, &headers, "echo bak_k"))).error;
        assert_eq!(error.request_id.as_deref(), Some("r\\t1"));
        assert_eq!(error.headers.unwrap()["x-echo"], "[redacted]");
        assert_eq!(error.body.unwrap(), "echo [redacted]");
        assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
    }

    #[test]
    fn what_the_service_asks_for() {
        const DATE: (&str, &str) = ("date", "Fri, 29 Sep 2023 16:26:37 GMT");
        let after = |seconds| Some(Duration::from_secs(seconds));
        let table: &[(u16, &[_], Option<Duration>, Option<bool>)] = &[
            (429, &[("retry-after", "7"), ("x-should-retry", "true")], after(7), Some(true)),
            (400, &[("retry-after-ms", "2000"), ("x-should-retry", " false ")], after(2), Some(false)),
            (503, &[DATE, ("retry-after", "Fri, 29 Sep 2023 16:26:57 GMT")], after(20), None),
            (503, &[("retry-after", "Fri, 29 Sep 2023 16:26:57 GMT")], None, None),
            (429, &[("retry-after", "7"), ("retry-after", "8")], None, None),
            (429, &[("x-should-retry", "maybe")], None, None),
            (399, &[("retry-after", "7"), ("x-should-retry", "true")], None, None),
        ];
        for (status, headers, retry_after, should_retry) in table {
            let ended = failed(Ok(reply(*status, headers, ""))).ended;
            assert_eq!((ended.retry_after, ended.should_retry), (*retry_after, *should_retry), "{status} {headers:?}");
            assert_eq!(ended.status, Some(*status));
        }
    }

    #[test]
    fn outcome_table() {
        use ErrorKind::{BadResponse, Connection, Timeout, Tls};
        let cut = |cut| Ok(Reply { cut: Some(cut), ..reply(200, &[], RUN) });
        let none = |cause, sent| Err(Failure { cause, message: "why".into(), sent });
        let ran = Outcome::Final { may_have_run: true };
        let not = Outcome::Final { may_have_run: false };
        let table = [
            (Ok(reply(200, &[("content-type", "a/b")], "{")), BadResponse, ran, "the answer (a/b) is not valid JSON"),
            (Ok(reply(200, &[], "")), BadResponse, ran, "the answer (no content-type) is empty; it may be paid for"),
            (Ok(reply(302, &[], RUN)), BadResponse, not, RUN),
            (Ok(reply(199, &[], RUN)), BadResponse, not, RUN),
            (cut(Cut::TooLarge), BadResponse, ran, "the answer is larger than max_response_bytes (23)"),
            (cut(Cut::Broken("why".into())), Connection, Outcome::Ambiguous, "why"),
            (cut(Cut::TimedOut("why".into())), Timeout, Outcome::Ambiguous, "why"),
            (none(Cause::Connection, false), Connection, Outcome::NotSent, "why"),
            (none(Cause::Connection, true), Connection, Outcome::Ambiguous, "why"),
            (none(Cause::Timeout, false), Timeout, Outcome::NotSent, "why"),
            (none(Cause::Timeout, true), Timeout, Outcome::Ambiguous, "why"),
            (none(Cause::Refused, false), Connection, Outcome::Refused, "why"),
            (none(Cause::Proxy, false), Connection, not, "why"),
            (none(Cause::Tls, false), Tls, not, "why"),
        ];
        for (attempt, kind, outcome, message) in table {
            let body = attempt.as_ref().ok().map(|reply| reply.body.clone());
            let failed = failed(attempt);
            assert_eq!((failed.error.kind, failed.ended.outcome), (kind, outcome), "{message}");
            assert!(failed.error.message.starts_with(message), "{}: {message}", failed.error.message);
            assert_eq!(failed.error.body, body, "what was paid for is kept: {message}");
        }
    }
}
