//! Calls through the bridge, against the sandbox and the scripted server.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use builderaikits::{ApiKey, CallOptions, Config, ErrorKind, RunRequest};
use builderaikits_bridge::{CallId, Calls, Client, Failure, Outcome};
use builderaikits_sandbox::{Options, Sandbox};

const TICK: Duration = Duration::from_millis(20);

/// A host as the languages are: a byte on a socket wakes it, and it drains in batches.
struct Host {
    calls: Arc<Calls>,
    wakes: UnixStream,
}

impl Host {
    fn new() -> Self {
        let (wakes, wake) = UnixStream::pair().unwrap();
        wakes.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        wake.set_nonblocking(true).unwrap();
        Self { calls: Arc::new(Calls::new(move || drop((&wake).write(&[1])))), wakes }
    }

    fn ends(&mut self, count: usize) -> Vec<(CallId, Outcome)> {
        let mut ends = Vec::new();
        while ends.len() < count {
            assert_ne!(self.wakes.read(&mut [0; 64]).unwrap(), 0);
            while self.calls.drain(16, &mut ends) {}
        }
        ends
    }
}

fn client(url: String) -> Client {
    let api_key = ApiKey::new("bak_canary").ok();
    Client::new(Config { api_key, base_url: url, ..Config::default() }, "test").unwrap()
}

fn sandbox(latency: Duration) -> Sandbox {
    Sandbox::start(Options { latency, ..Options::default() }).unwrap()
}

fn request() -> RunRequest {
    RunRequest::new("text-gen", "Hello")
}

#[test]
fn many_calls_end_once_each() {
    let sandbox = sandbox(Duration::ZERO);
    let (client, mut host) = (client(sandbox.url()), Host::new());
    let mut begun: Vec<_> =
        (0..200).map(|_| client.submit(&host.calls, request(), CallOptions::default()).unwrap()).collect();
    let ends = host.ends(200);
    assert!(ends.iter().all(|(_, end)| end.as_ref().unwrap().output.text.contains("Hello")));
    let mut ended: Vec<_> = ends.iter().map(|(call, _)| *call).collect();
    begun.sort_unstable();
    ended.sort_unstable();
    assert_eq!(begun, ended);
    assert_eq!(host.calls.in_flight(), 0);
}

#[test]
fn calls_begun_before_close_finish_and_others_are_refused() {
    let sandbox = sandbox(Duration::ZERO);
    let (client, mut host) = (client(sandbox.url()), Host::new());
    let copy = client.with_options(client.config().clone()).unwrap();
    for _ in 0..50 {
        client.submit(&host.calls, request(), CallOptions::default()).unwrap();
    }
    copy.close();
    assert!(host.ends(50).iter().all(|(_, end)| end.is_ok()));
    for closed in [&client, &copy] {
        closed.submit(&host.calls, request(), CallOptions::default()).unwrap();
        assert_eq!(host.ends(1)[0].1.as_ref().unwrap_err().kind(), ErrorKind::Closed);
    }
    assert_eq!(sandbox.stats().total.billed_runs, 50);
}

#[test]
fn a_call_given_up_is_aborted_and_never_ends() {
    let sandbox = sandbox(Duration::from_secs(30));
    let (client, mut host) = (client(sandbox.url()), Host::new());
    let slow = client.submit(&host.calls, request(), CallOptions::default()).unwrap();
    assert!(host.calls.abort(slow));
    assert!(!host.calls.abort(slow), "once");
    // What is refused before it is sent ends in the queue like any other.
    let refused = client.submit(&host.calls, RunRequest::new("", "Hello"), CallOptions::default()).unwrap();
    let ends = host.ends(1);
    assert_eq!(ends[0].0, refused);
    let failure = Failure::from(ends.into_iter().next().unwrap().1.unwrap_err());
    assert_eq!((failure.kind, failure.attempts, failure.may_have_run), ("invalid_request", 0, false));
    host.calls.shut();
    assert!(client.submit(&host.calls, request(), CallOptions::default()).is_none());
}

#[test]
fn blocking_calls_return_and_can_be_given_up() {
    let quick = sandbox(Duration::ZERO);
    let end = client(quick.url()).run_blocking(request(), CallOptions::default(), TICK, || true);
    assert!(end.unwrap().unwrap().usage.total_tokens.is_some());

    let slow = sandbox(Duration::from_secs(30));
    let begun = Instant::now();
    let mut ticks = 0;
    let end = client(slow.url()).run_blocking(request(), CallOptions::default(), TICK, || {
        ticks += 1;
        ticks < 3
    });
    assert!(end.is_none() && ticks == 3 && begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn copies_share_and_close_together() {
    let sandbox = sandbox(Duration::ZERO);
    let first = client(sandbox.url());
    let mut config = first.config().clone();
    config.max_retries = 0;
    config.api_key = ApiKey::new("bak_revoked").ok();
    let copy = first.with_options(config.clone()).unwrap();
    let run = |client: &Client| client.run_blocking(request(), CallOptions::default(), TICK, || true).unwrap();
    assert!(run(&first).is_ok());
    assert_eq!(run(&copy).unwrap_err().kind(), ErrorKind::Authentication);
    config.base_url = "http://localhost:1/v1".to_owned();
    assert_eq!(first.with_options(config).err().unwrap().kind(), ErrorKind::Config);
    copy.close();
    assert_eq!(run(&first).unwrap_err().kind(), ErrorKind::Closed);
}

#[cfg(feature = "inject-panic")]
#[test]
fn a_panic_ends_its_own_call_only() {
    let sandbox = sandbox(Duration::ZERO);
    let client = client(sandbox.url());
    let run = |kit: &str| {
        let request = RunRequest::new(kit, "prompt canary");
        client.run_blocking(request, CallOptions::default(), TICK, || true).unwrap()
    };
    let error = run("panic-please").unwrap_err();
    assert_eq!((error.kind(), error.may_have_run()), (ErrorKind::Internal, true));
    assert!(!error.to_string().contains("canary") && !error.to_string().contains("panic-please"));
    assert!(run("text-gen").is_ok());
}
