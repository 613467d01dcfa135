//! The entry points of `make fuzz`, and what must hold for every input. It is only built there.
#![expect(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "a panic reports a finding")]

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::config::api_key::ApiKey;
use crate::config::base_url::BaseUrl;
use crate::config::headers::parse_headers;
use crate::error::ErrorKind;
use crate::models::decode;
use crate::models::decode_lenient::decode_lenient;
use crate::models::run::Run;
use crate::pipeline::attempt_error::success_or_error;
use crate::pipeline::response::RawResponse;
use crate::pipeline::retry::{FailedAttempt, FailureClass, RetryDecision, RetryPolicy};
use crate::pipeline::retry_after::parse_retry_after;

const KEY: &str = "bak_k";

/// The body of a 200. Both decoders agree, and a run survives being serialized and read again.
pub fn run(body: &[u8]) {
    if let Ok(text) = std::str::from_utf8(body)
        && !text.trim_start_matches('\u{feff}').trim().is_empty()
    {
        assert_eq!(decode::run(body), decode_lenient(text.strip_prefix('\u{feff}').unwrap_or(text)));
    }
    match decode::run(body) {
        Ok(mut run) => {
            // A usage that is not an object is kept, and not serialized beside the one that is always an object.
            run.extra.remove("usage");
            let json = serde_json::to_string(&run).expect("a run can be serialized");
            let again = Run::from_json(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
            assert_eq!(run, again, "{json}");
        }
        Err(why) => assert!(why.is_ascii() && why.len() < 128, "{why}"),
    }
}

/// A response that is not a success: the status in two bytes, the length of its headers in one, headers as lines, body.
pub fn error_response(data: &[u8]) {
    let [a, b, length, rest @ ..] = data else { return };
    let status = 100_u16.saturating_add(u16::from_be_bytes([*a, *b]) % 900);
    let (lines, body) = rest.split_at_checked(usize::from(*length)).unwrap_or((rest, &[]));
    let response = RawResponse { status, headers: headers_of(lines), body: Bytes::copy_from_slice(body) };
    let Err(failure) = success_or_error(response, None, &ApiKey::new(KEY).expect("a valid key")) else { return };
    let failed = failure.failed_attempt();
    let error = failure.into_parts();
    let is_dirty = |text: &str| text.contains(KEY) || text.chars().any(char::is_control);
    assert!(!error.message.is_empty() && !is_dirty(&error.message), "{}", error.message);
    // Type and body have at most 512 characters each, and each can become the ten of `\u{10ffff}`.
    assert!(error.message.chars().count() < 2 * 512 * 10 + 128, "{}", error.message);
    assert!(!error.code.as_deref().is_some_and(is_dirty) && !error.request_id.as_deref().is_some_and(is_dirty));
    let echoes = |bytes: &[u8]| bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes());
    assert!(!error.body.as_deref().is_some_and(|body| echoes(body)));
    assert!(!error.headers.iter().flat_map(|headers| headers.values()).any(|value| echoes(value.as_bytes())));
    assert_eq!(failed.status, Some(status));
    assert!(status < 400 || error.kind == ErrorKind::from_status(status));
    assert_delay_in_bounds(&failed, status);
}

/// `retry-after-ms`, a line break, `retry-after`.
pub fn retry_after(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (ms, value) = text.split_once('\n').map_or((None, &*text), |(ms, value)| (Some(ms), value));
    let now = httpdate::parse_http_date("Fri, 29 Sep 2023 16:26:37 GMT").expect("a date");
    let retry_after = parse_retry_after(ms, Some(value), now);
    assert_ne!(retry_after, Some(Duration::ZERO));
    for status in [429, 500, 503] {
        let class = FailureClass::from_status(status);
        let failed = FailedAttempt { class, status: Some(status), retry_after, should_retry: None };
        assert_delay_in_bounds(&failed, status);
    }
}

/// A base URL is rejected, or leads to a path below it over https or to this machine.
pub fn base_url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match BaseUrl::new(text, false) {
        Ok(base) => {
            let url = base.join("kits/run".into());
            assert!(url.path().ends_with("/kits/run") && url.query().is_none() && url.fragment().is_none(), "{url}");
            assert!(url.username().is_empty() && url.password().is_none(), "{url}");
            let host = url.host_str().unwrap_or_default();
            let local = host == "localhost" || host == "[::1]" || host.starts_with("127.");
            assert!(base.is_https() || local, "{url}");
            // The text has a host where a reader expects it.
            let written = text
                .split_once(':')
                .and_then(|(_, rest)| rest.strip_prefix("//")?.split(['/', '?', '#']).next())
                .unwrap_or_default();
            assert!(!written.is_empty() && !written.contains(['@', '\\']), "{text}");
        }
        Err(error) => assert_eq!(error.kind(), ErrorKind::Config),
    }
}

/// Headers as records `name: value`: rejected, or none of the SDK's own, each as it was given.
pub fn headers(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let given: Vec<_> = text
        .split('\u{1e}')
        .filter_map(|record| record.split_once(':').map(|(name, value)| (name.to_owned(), value.into())))
        .collect();
    match parse_headers(&given, ErrorKind::Config) {
        Ok(map) => {
            assert_eq!(map.len(), given.len());
            for (name, value) in &map {
                assert!(value.is_sensitive() && !value.as_bytes().iter().any(|b| matches!(b, b'\r' | b'\n' | 0)));
                assert!(!matches!(name.as_str(), "authorization" | "host" | "content-length" | "idempotency-key"));
            }
        }
        Err(error) => {
            let message = error.message();
            assert!(message.starts_with("`headers`: ") && !message.contains(['\r', '\n', '\0']), "{message}");
        }
    }
}

fn assert_delay_in_bounds(failed: &FailedAttempt, status: u16) {
    let policy = RetryPolicy { max_retries: u32::MAX, retry_ambiguous: true };
    for (retries, jitter) in [(0, 0.0), (1, 0.5), (u32::MAX - 1, 1.0)] {
        if let RetryDecision::RetryAfter(delay) = policy.decide(failed, retries, jitter, None) {
            let floor = Duration::from_millis(if status == 429 { 100 } else { 50 });
            assert!(delay >= floor && delay <= Duration::from_secs(121), "{failed:?}: {delay:?}");
        }
    }
}

fn headers_of(lines: &[u8]) -> HeaderMap {
    let pairs = lines.split(|b| *b == b'\n').filter_map(|line| {
        let at = line.iter().position(|b| *b == b':')?;
        let (name, value) = line.split_at_checked(at)?;
        Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value.get(1..)?).ok()?))
    });
    let mut map = HeaderMap::new();
    pairs.for_each(|(name, value)| {
        map.append(name, value);
    });
    map
}
