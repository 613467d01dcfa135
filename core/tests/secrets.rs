//! Keys and prompts are not printed or logged: the tests cause every outcome and search everything printed and logged.
//!
//! Each test runs in its own process, because loggers are global.

use std::fmt::Debug;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use builderaikits::{ApiKey, Client, ClientOptions, Kit, RequestOptions, RunRequest};
use builderaikits_conformance::{ScriptedServer, steps_from_json};
use serde_json::json;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::common::certificates::Authority;
use crate::common::service::Service;
use crate::common::wire::RawServer;
use crate::common::{KEY, PROMPT, child, options};
use crate::http2::{self, First};

const CONTEXT: &str = "test-context-2342";
const HEADER: &str = "test-header-1234";
const PASSWORD: &str = "test-password-5678";
const OUTPUT: &str = "test-output-9012";

#[tokio::test]
async fn key_and_prompt_are_never_printed() {
    if child::role().is_none() {
        child::finish(&mut child::of("secrets::key_and_prompt_are_never_printed", "child"));
        return;
    }
    let logged = Logged::install();
    let printed = every_outcome().await;
    for text in &printed {
        assert_eq!(found_in(text), None, "{text}");
    }
    let all = printed.join("\n");
    for kind in ["rate_limit", "server", "connection", "timeout", "tls", "bad_response", "config", "invalid_request"] {
        assert!(all.contains(&format!("Error({kind}: ")), "no {kind} was caused");
    }

    let text = logged.text();
    assert_eq!(found_in(&text), None);
    for word in [
        "builderaikits.call",
        "operation=\"kits.run\"",
        "idempotency_key=",
        "retrying",
        "attempt failed",
        "attempt succeeded",
        "not retried",
    ] {
        assert!(text.contains(word), "`{word}` was not logged");
    }
    // The search finds a planted secret.
    tracing::trace!(planted = KEY);
    assert_eq!(found_in(&logged.text()), Some(KEY));
    for secret in [KEY, PROMPT, CONTEXT, HEADER, PASSWORD, OUTPUT] {
        assert_eq!(found_in(&format!("{:?}", secret.as_bytes())), Some(secret));
    }
}

#[tokio::test]
async fn library_traces_do_not_leak_secrets() {
    if child::role().is_none() {
        child::finish(&mut child::of("secrets::library_traces_do_not_leak_secrets", "child"));
        return;
    }
    let logged = Logged::install();
    every_outcome().await;
    let text = logged.text();
    for library in ["hyper_util", "h2", "rustls"] {
        assert!(text.contains(&format!("{library}::")), "{library} logged nothing");
    }
    assert_eq!(found_in(&text), None);
    log::trace!("planted: {PROMPT}");
    assert_eq!(found_in(&logged.text()), Some(PROMPT));
}

/// The first secret that the text contains, as it is or as a list of its bytes.
fn found_in(text: &str) -> Option<&'static str> {
    let contained = |secret: &&str| {
        let bytes = format!("{:?}", secret.as_bytes());
        text.contains(*secret) || text.contains(bytes.trim_matches(['[', ']']))
    };
    [KEY, PROMPT, CONTEXT, HEADER, PASSWORD, OUTPUT].into_iter().find(contained)
}

/// Causes every kind of outcome. Returns everything that can be printed of it, except the output of a run.
async fn every_outcome() -> Vec<String> {
    let mut printed = outcomes_of_responses().await;
    printed.extend(outcomes_of_connections().await);
    printed.extend(rejected_before_sending().await);
    printed
}

async fn outcomes_of_responses() -> Vec<String> {
    let message = json!({"error": {"message": format!("no such key: Bearer {KEY}"), "code": KEY}, "prompt": PROMPT});
    let echo = json!({"x-request-id": KEY, "x-echo": format!("Bearer {KEY}"), "retry-after-ms": "1"});
    let escaped = format!(r#"{{"error": {{"message": "{0}", "code": "{0}"}}}}"#, KEY.replace('-', "\\u002d"));
    let run = json!({"status": 200, "body": {"output": {"text": OUTPUT}}});
    let scripts = [
        ("run", json!([run])),
        ("echo", json!([{"status": 401, "headers": echo, "body": message}])),
        ("escaped", json!([{"status": 403, "body": escaped}])),
        ("page", json!([{"status": 200, "headers": echo, "body": format!("<p>{KEY}</p><p>{OUTPUT}{PROMPT}</p>")}])),
        ("redirect", json!([{"status": 302, "headers": {"location": format!("http://127.0.0.1:1/?key={KEY}")}}])),
        ("busy", json!([{"status": 429, "headers": echo, "body": message}, run])),
        ("down", json!([{"status": 503, "headers": {"retry-after-ms": "1"}, "body": message}])),
        ("long-wait", json!([{"status": 429, "headers": {"retry-after": "999"}, "body": message}])),
        ("reset", json!([{"fault": "reset"}])),
        ("cut", json!([{"fault": "truncate", "status": 200, "body": {"output": {"text": OUTPUT}}}])),
        ("silent", json!([{"fault": "stall"}])),
        ("garbage", json!([{"raw": format!("{KEY} {OUTPUT}\r\n\r\n")}])),
    ];
    let server = ScriptedServer::start().await.unwrap();
    let mut printed = Vec::new();
    for (case, steps) in scripts {
        server.script(case, steps_from_json(steps).unwrap());
        let timeout = Some(Duration::from_millis(if case == "silent" { 200 } else { 30_000 }));
        printed.extend(call(ClientOptions { timeout, ..options(server.base_url(case)) }).await);
        let seen = server.requests(case);
        assert!(seen.iter().any(|seen| seen.header("authorization").is_some_and(|value| value.ends_with(KEY))));
        assert!(seen.iter().any(|seen| String::from_utf8_lossy(&seen.body).contains(PROMPT)));
    }
    printed
}

async fn outcomes_of_connections() -> Vec<String> {
    let authority = Authority::new();
    let ca_file = Some(authority.file());
    let (h2, _, h2_ca) = http2::start(First::Reset(h2::Reason::REFUSED_STREAM)).await;
    let mut h1 = Service::start_tls(authority.acceptor("127.0.0.1")).await;
    let h1_url = h1.url();
    tokio::spawn(async move {
        loop {
            h1.next().await.succeed();
        }
    });
    let proxy = RawServer::start(|mut stream, _| async move {
        crate::common::wire::read_head(&mut stream).await?;
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 407 No\r\n\r\n").await
    })
    .await;
    let proxy_url = proxy.url("http").replace("://", &format!("://me:{PASSWORD}@"));
    let mut printed = Vec::new();
    for client in [
        ClientOptions { ca_file: h2_ca, ..options(h2.url("https")) },
        ClientOptions { ca_file: ca_file.clone(), ..options(&*h1_url) },
        options(h1_url),
        options("https://127.0.0.1:1"),
        ClientOptions { allow_http: true, ..options(format!("http://{}.invalid", "a".repeat(64))) },
        ClientOptions { proxy: Some(proxy_url.into()), ca_file, ..options("https://far.invalid") },
    ] {
        printed.extend(call(ClientOptions { max_retries: 1, ..client }).await);
    }
    printed
}

async fn rejected_before_sending() -> Vec<String> {
    let mut printed = Vec::new();
    let good = || options("http://127.0.0.1:1");
    let headers = |name: &str, value: String| vec![(name.to_owned(), value.into())];
    for invalid in [
        ClientOptions { base_url: format!("https://me:{PASSWORD}@127.0.0.1").into(), ..good() },
        ClientOptions { base_url: format!("https://127.0.0.1/?key={KEY}").into(), ..good() },
        ClientOptions { base_url: format!("{KEY}\n").into(), ..good() },
        ClientOptions { proxy: Some(format!("http://me:{PASSWORD}@bad host").into()), ..good() },
        ClientOptions { proxy: Some(format!("socks4://me:{PASSWORD}@host").into()), ..good() },
        ClientOptions { headers: headers("authorization", HEADER.into()), ..good() },
        ClientOptions { headers: headers("x-team", format!("{HEADER}\n")), ..good() },
    ] {
        printed.extend([show(&invalid), show_error(&Client::new(invalid).unwrap_err())]);
    }
    for key in [format!("{KEY} {KEY}"), format!("{KEY}\u{fc}")] {
        printed.push(show_error(&ApiKey::new(&key).unwrap_err()));
    }
    let key = ApiKey::new(KEY).unwrap();
    printed.extend([show(&key), key.to_string(), show(&Client::new(good()).unwrap()), show(&good())]);

    let client = Client::new(good()).unwrap();
    let requests = [
        RunRequest::new("", PROMPT),
        RunRequest::new(Kit::TextGen, PROMPT).context(CONTEXT).temperature(f64::NAN),
        RunRequest::new(Kit::TextGen, PROMPT).max_tokens(0),
    ];
    for request in requests {
        printed.extend([show(&request), show_error(&client.kits().run(request).await.unwrap_err())]);
    }
    for json in [json!({"kit": "text-gen", "input": [PROMPT]}), json!({"kit": [PROMPT], "input": PROMPT})] {
        printed.push(show_error(&RunRequest::from_json(&json.to_string()).unwrap_err()));
    }
    let invalid = [
        RequestOptions { headers: headers("authorization", HEADER.into()), ..RequestOptions::default() },
        RequestOptions { headers: headers("x-team", format!("{HEADER}\n")), ..RequestOptions::default() },
    ];
    for options in invalid {
        printed.push(show(&options));
        let request = RunRequest::new(Kit::TextGen, PROMPT);
        printed.push(show_error(&client.kits().run_with(request, options).await.unwrap_err()));
    }
    printed
}

/// Makes one call with a secret in every option that can hold one.
async fn call(client: ClientOptions) -> Vec<String> {
    let request = RunRequest::new(Kit::TextGen, PROMPT).context(CONTEXT).max_tokens(5);
    let client = ClientOptions { headers: vec![("x-secret".into(), HEADER.into())], ..client };
    let options = RequestOptions { headers: vec![("x-secret-too".into(), HEADER.into())], ..RequestOptions::default() };
    let client = Client::new(client).unwrap();
    let mut printed = vec![show(&request), show(&options), show(&client), show(&client.kits())];
    match client.kits().run_with(request, options).await {
        Ok(run) => printed.push(show(&run.response_metadata)),
        Err(error) => {
            let headers = error.headers().map(|headers| format!("{headers:?}"));
            let body = error.body().map(|body| String::from_utf8_lossy(body).into_owned());
            let received = format!("{headers:?} {body:?}");
            assert!(!received.contains(KEY), "{received}");
            printed.push(show_error(&error));
        }
    }
    printed
}

fn show_error(error: &builderaikits::Error) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    format!("{error} {error:?} {error:#?} {source:?} {:?}", error.clone().into_parts())
}

fn show(value: &impl Debug) -> String {
    format!("{value:?} {value:#?}")
}

/// Everything that this process logs, at every level, through `tracing` and through `log`.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Logged {
    fn install() -> Self {
        let logged = Self::default();
        log::set_boxed_logger(Box::new(logged.clone())).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
        let writer = logged.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        logged
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl log::Log for Logged {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {}: {}\n", record.level(), record.target(), record.args());
        self.0.lock().unwrap().extend(line.into_bytes());
    }

    fn flush(&self) {}
}
