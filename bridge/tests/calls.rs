//! Calls through the bridge, against the sandbox and the scripted server.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::borrow::Cow;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use builderaikits::bindings::Operation;
use builderaikits::{
    ApiKey, ClientOptions, ClientOverrides, ErrorKind, RequestOptions, ResponseMetadata, Result, RunRequest,
};
use builderaikits_bridge::{
    Call, CallId, CallResult, Client, CompletionQueue, HostTimes, Payload, Response, error_record,
};
use builderaikits_sandbox::{Options, Sandbox};
use bytes::Bytes;
use http::Method;

const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A host as the bindings are: a byte on a socket wakes it, and it drains in batches.
struct Host {
    queue: Arc<CompletionQueue>,
    wakes: UnixStream,
}

impl Host {
    fn new() -> Self {
        let (wakes, wake) = UnixStream::pair().unwrap();
        wakes.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        wake.set_nonblocking(true).unwrap();
        Self { queue: Arc::new(CompletionQueue::new(move || drop((&wake).write(&[1])))), wakes }
    }

    fn submit(&self, client: &Client, call: Call) -> Option<CallId> {
        client.submit(&self.queue, call, RequestOptions::default(), HostTimes::default())
    }

    fn wait_for(&mut self, count: usize) -> Vec<(CallId, CallResult)> {
        let mut results = Vec::new();
        while results.len() < count {
            assert_ne!(self.wakes.read(&mut [0; 64]).unwrap(), 0);
            while self.queue.drain(16, &mut results) {}
        }
        results
    }
}

fn client(url: String) -> Client {
    let api_key = ApiKey::new("bak_canary").ok();
    Client::new(ClientOptions { api_key, base_url: url.into(), ..ClientOptions::default() }, "test").unwrap()
}

fn sandbox(latency: Duration) -> Sandbox {
    Sandbox::start(Options { latency, ..Options::default() }).unwrap()
}

fn call() -> Call {
    Call::new(RunRequest::new("text-gen", "Hello"))
}

fn run_blocking(client: &Client, call: Call) -> CallResult {
    client.run_blocking(call, RequestOptions::default(), POLL_INTERVAL, || true).unwrap()
}

fn text(response: &Response) -> &str {
    match &response.payload {
        Payload::Run(run) => &run.output.text,
        Payload::Json(json) => json,
    }
}

#[test]
fn many_calls_complete_once_each() {
    let sandbox = sandbox(Duration::ZERO);
    let (client, mut host) = (client(sandbox.url()), Host::new());
    let mut submitted: Vec<_> = (0..200).map(|_| host.submit(&client, call()).unwrap()).collect();
    let results = host.wait_for(200);
    assert!(results.iter().all(|(_, result)| text(result.as_ref().unwrap()).contains("Hello")));
    let mut completed: Vec<_> = results.iter().map(|(call, _)| *call).collect();
    submitted.sort_unstable();
    completed.sort_unstable();
    assert_eq!(submitted, completed);
    assert_eq!(host.queue.in_flight(), 0);
}

#[test]
fn calls_submitted_before_close_finish_and_later_ones_fail() {
    let sandbox = sandbox(Duration::ZERO);
    let (client, mut host) = (client(sandbox.url()), Host::new());
    let copy = client.with_options(ClientOverrides::default()).unwrap();
    for _ in 0..50 {
        host.submit(&client, call()).unwrap();
    }
    client.close();
    assert!(host.wait_for(50).iter().all(|(_, result)| result.is_ok()));
    for closed in [&client, &copy] {
        host.submit(closed, call()).unwrap();
        assert_eq!(host.wait_for(1)[0].1.as_ref().unwrap_err().kind(), ErrorKind::Closed);
    }
    assert_eq!(sandbox.stats().total.billed_runs, 50);
}

#[test]
fn cancelled_call_is_aborted_and_never_completes() {
    let sandbox = sandbox(Duration::from_secs(30));
    let (client, mut host) = (client(sandbox.url()), Host::new());
    let slow = host.submit(&client, call()).unwrap();
    assert!(host.queue.abort(slow));
    assert!(!host.queue.abort(slow), "a call is cancelled once");
    // A request that is rejected before it is sent completes in the queue like any other.
    let invalid = host.submit(&client, Call::new(RunRequest::new("", "Hello"))).unwrap();
    let results = host.wait_for(1);
    assert_eq!(results[0].0, invalid);
    let record = error_record(results[0].1.as_ref().unwrap_err());
    let json: serde_json::Value = serde_json::from_str(&record.json).unwrap();
    assert_eq!((record.kind, record.display.as_str()), ("invalid_request", json["display"].as_str().unwrap()));
    assert_eq!(
        (&json["kind"], &json["attempts"], &json["may_have_run"]),
        (&"invalid_request".into(), &0.into(), &false.into())
    );
    assert_eq!((&json["option"], json.get("status")), (&"kit".into(), None));
    host.queue.shut_down();
    assert!(host.submit(&client, call()).is_none());
}

#[test]
fn connection_error_record_has_its_cause() {
    let closed_port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = client(format!("http://127.0.0.1:{closed_port}/v1"));
    let options = RequestOptions { max_retries: Some(0), ..RequestOptions::default() };
    let error = client.run_blocking(call(), options, POLL_INTERVAL, || true).unwrap().unwrap_err();
    let json: serde_json::Value = serde_json::from_str(&error_record(&error).json).unwrap();
    let refused = std::io::Error::from_raw_os_error(i32::try_from(json["cause"]["errno"].as_i64().unwrap()).unwrap());
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(json["kind"], "connection");
}

#[test]
fn blocking_calls_return_and_can_be_cancelled() {
    let quick = sandbox(Duration::ZERO);
    assert!(text(&run_blocking(&client(quick.url()), call()).unwrap()).contains("Hello"));

    let slow = sandbox(Duration::from_secs(30));
    let started = Instant::now();
    let mut polls = 0;
    let result = client(slow.url()).run_blocking(call(), RequestOptions::default(), POLL_INTERVAL, || {
        polls += 1;
        polls < 3
    });
    assert!(result.is_none() && polls == 3 && started.elapsed() < Duration::from_secs(10));
}

#[test]
fn copies_share_and_are_closed_with_the_original() {
    let sandbox = sandbox(Duration::ZERO);
    let first = client(sandbox.url());
    let overrides = ClientOverrides {
        max_retries: Some(0),
        api_key: ApiKey::new("bak_revoked").ok(),
        ..ClientOverrides::default()
    };
    let copy = first.with_options(overrides).unwrap();
    assert!(run_blocking(&first, call()).is_ok());
    assert_eq!(run_blocking(&copy, call()).unwrap_err().kind(), ErrorKind::Authentication);
    let invalid = ClientOverrides { app_name: Some("\n".into()), ..ClientOverrides::default() };
    assert_eq!(copy.with_options(invalid).err().unwrap().kind(), ErrorKind::Config);
    copy.close();
    assert_eq!(run_blocking(&copy, call()).unwrap_err().kind(), ErrorKind::Closed);
    assert!(run_blocking(&first, call()).is_ok());
}

/// A second operation. It exists only here, and needs no change in the bridge.
struct Health;

struct Healthy(String, ResponseMetadata);

impl Operation for Health {
    type Response = Healthy;
    const NAME: &'static str = "health.get";
    const METHOD: Method = Method::GET;
    const IDEMPOTENT: bool = true;

    fn path(&self) -> Cow<'static, str> {
        "health".into()
    }

    fn body(self) -> Result<Option<Bytes>> {
        Ok(None)
    }

    fn decode(body: &[u8], metadata: &mut ResponseMetadata) -> std::result::Result<Healthy, String> {
        let json: serde_json::Value = serde_json::from_slice(body).map_err(|_| "is not valid JSON".to_owned())?;
        Ok(Healthy(json.to_string(), std::mem::take(metadata)))
    }
}

impl From<Healthy> for Response {
    fn from(Healthy(json, metadata): Healthy) -> Self {
        Self { payload: Payload::Json(json), metadata }
    }
}

#[test]
fn second_operation_completes_in_the_same_queue() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = client(format!("http://{}/v1", server.local_addr().unwrap()));
    let mut host = Host::new();
    let health = host.submit(&client, Call::new(Health)).unwrap();
    let (mut connection, _) = server.accept().unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        connection.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("GET /v1/health HTTP/1.1\r\n") && !head.contains("content-type"), "{head}");
    connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{\"ok\": true}").unwrap();
    let results = host.wait_for(1);
    let response = results[0].1.as_ref().unwrap();
    assert_eq!((results[0].0, text(response), response.metadata.attempts), (health, r#"{"ok":true}"#, 1));
}

#[test]
fn operations_by_name() {
    let request = r#"{"kit": "text-gen", "input": "Hello"}"#;
    let sandbox = sandbox(Duration::ZERO);
    let call = Call::from_json("kits.run", request).unwrap();
    assert!(text(&run_blocking(&client(sandbox.url()), call).unwrap()).contains("Hello"));
    for (operation, request, message) in
        [("kits.walk", request, "Unknown operation 'kits.walk'"), ("kits.run", "{}", "kit is required")]
    {
        let error = Call::from_json(operation, request).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.message().starts_with(message), "{error}");
    }
}

#[cfg(feature = "inject-panic")]
#[test]
fn panic_is_isolated_to_its_call() {
    let sandbox = sandbox(Duration::ZERO);
    let client = client(sandbox.url());
    let options = RequestOptions { idempotency_key: Some("panic-please".into()), ..RequestOptions::default() };
    let error = client.run_blocking(call(), options, POLL_INTERVAL, || true).unwrap().unwrap_err();
    assert_eq!((error.kind(), error.may_have_run()), (ErrorKind::Internal, true));
    assert!(!error.to_string().contains("injected"));
    assert!(run_blocking(&client, call()).is_ok());
}
