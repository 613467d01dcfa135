//! What `make fuzz` feeds with bytes, and what must hold of whatever comes out: only there in its builds.
#![expect(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "a panic is how a finding is told")]

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::auth::ApiKey;
use crate::config::parse_headers;
use crate::decode;
use crate::endpoint::Endpoint;
use crate::error::ErrorKind;
use crate::response;
use crate::retry::{Policy, Verdict, parse_retry_after};
use crate::run::Run;
use crate::transport::Reply;

const KEY: &str = "bak_k";

/// The body of a 200. Both ways of reading it agree, and a run is the same once it is written and read again.
pub fn run(body: &[u8]) {
    if let Ok(text) = std::str::from_utf8(body)
        && !text.trim_start_matches('\u{feff}').trim().is_empty()
    {
        assert_eq!(decode::run(body), decode::tolerant(text.strip_prefix('\u{feff}').unwrap_or(text)));
    }
    match decode::run(body) {
        Ok(mut run) => {
            // A usage that is no object is kept, and not written beside the one that is always an object.
            run.extra.remove("usage");
            let wire = serde_json::to_string(&run).expect("a run can be written");
            let again = Run::from_json(&wire).unwrap_or_else(|error| panic!("{error}: {wire}"));
            assert_eq!(run, again, "{wire}");
        }
        Err(why) => assert!(why.is_ascii() && why.len() < 128, "{why}"),
    }
}

/// An answer that is no run: the status in two bytes, the number of bytes of headers in one, headers as lines, body.
pub fn refusal(data: &[u8]) {
    let [a, b, length, rest @ ..] = data else { return };
    let status = 100_u16.saturating_add(u16::from_be_bytes([*a, *b]) % 900);
    let (lines, body) = rest.split_at_checked(usize::from(*length)).unwrap_or((rest, &[]));
    let reply = Reply { status, headers: headers_of(lines), body: Bytes::copy_from_slice(body), cut: None };
    let key = ApiKey::new(KEY).expect("a good key");
    let Err(failed) = response::read(Ok(reply), &key) else { return };
    let error = failed.error;
    let says = |text: &str| text.contains(KEY) || text.chars().any(char::is_control);
    assert!(!error.message.is_empty() && !says(&error.message), "{}", error.message);
    // Each of at most 512 characters is at most the ten of `\u{10ffff}`; type and body stand there with our own words.
    assert!(error.message.chars().count() < 2 * 512 * 10 + 128, "{}", error.message);
    assert!(!error.code.as_deref().is_some_and(says) && !error.request_id.as_deref().is_some_and(says));
    let echoes = |bytes: &[u8]| bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes());
    assert!(!error.body.as_deref().is_some_and(echoes));
    assert!(!error.headers.iter().flat_map(HeaderMap::values).any(|value| echoes(value.as_bytes())));
    assert!(status < 300 || failed.ended.status == Some(status));
    assert!(status < 400 || error.kind == ErrorKind::from_status(status));
    bounded(&failed.ended, status);
}

/// `retry-after-ms`, a line break, `retry-after`.
pub fn retry_after(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (ms, value) = text.split_once('\n').map_or((None, &*text), |(ms, value)| (Some(ms), value));
    let now = httpdate::parse_http_date("Fri, 29 Sep 2023 16:26:37 GMT").expect("a date");
    let retry_after = parse_retry_after(ms, Some(value), now);
    assert_ne!(retry_after, Some(Duration::ZERO));
    for status in [429, 500, 503] {
        let outcome = crate::retry::Outcome::of_status(status);
        bounded(&crate::retry::Ended { outcome, status: Some(status), retry_after, should_retry: None }, status);
    }
}

/// A base URL is refused, or leads to a path of ours over https or to this machine.
pub fn base_url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Endpoint::new(text, false) {
        Ok(endpoint) => {
            let uri = endpoint.run_uri();
            assert!(
                uri.path().ends_with("/kits/run") && uri.query().is_none() && !uri.to_string().contains('#'),
                "{uri}"
            );
            assert!(uri.authority().is_some_and(|authority| !authority.as_str().contains('@')), "{uri}");
            let local =
                matches!(uri.host(), Some(host) if host == "localhost" || host == "[::1]" || host.starts_with("127."));
            assert!(endpoint.is_https() || local, "{uri}");
            // The host is the one that stands in the text, as far as a reader can tell.
            let host = text
                .split_once(':')
                .and_then(|(_, rest)| rest.strip_prefix("//")?.split(['/', '?', '#']).next())
                .unwrap_or_default();
            assert!(!host.is_empty() && !host.contains(['@', '\\']), "{text}");
        }
        Err(error) => assert_eq!(error.kind(), ErrorKind::Config),
    }
}

/// Headers as lines `name: value`: refused, or none of ours, each as it was given.
pub fn headers(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let given: Vec<_> = text
        .split('\u{1e}')
        .filter_map(|line| line.split_once(':').map(|(name, value)| (name.to_owned(), value.to_owned())))
        .collect();
    match parse_headers(&given) {
        Ok(map) => {
            assert_eq!(map.len(), given.len());
            for (name, value) in &map {
                assert!(value.is_sensitive() && !value.as_bytes().iter().any(|b| matches!(b, b'\r' | b'\n' | 0)));
                assert!(!matches!(name.as_str(), "authorization" | "host" | "content-length" | "idempotency-key"));
            }
        }
        Err(why) => assert!(why.starts_with("headers: ") && !why.contains(['\r', '\n', '\0']), "{why}"),
    }
}

/// Every wait is within its bounds, whatever the service asks for.
fn bounded(ended: &crate::retry::Ended, status: u16) {
    let policy = Policy { max_retries: u32::MAX, retry_ambiguous: true };
    for (repeats, jitter) in [(0, 0.0), (1, 0.5), (u32::MAX - 1, 1.0)] {
        if let Verdict::Wait(wait) = policy.decide(ended, repeats, jitter, None) {
            let floor = Duration::from_millis(if status == 429 { 100 } else { 50 });
            assert!(wait >= floor && wait <= Duration::from_secs(121), "{ended:?}: {wait:?}");
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
