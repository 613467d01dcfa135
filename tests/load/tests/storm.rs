//! A service that is down sees little more than one request per caller, and every caller gets its error.
#![expect(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test program")]

use std::time::{Duration, Instant};

use builderaikits::{Client, ClientOptions, ErrorKind};
use builderaikits_load::children::Server;
use builderaikits_load::{call, calls, errors, options, print, process, seconds};
use tokio::sync::Mutex;

const CALLERS: usize = 10_000;
/// Open files that are not connections.
const SPARE: u64 = 2_000;

/// A client whose limits allow all callers at once.
fn client(base_url: &str) -> Client {
    Client::new(ClientOptions {
        max_concurrency: Some(CALLERS),
        timeout: Some(Duration::from_secs(300)),
        connect_timeout: None,
        ..options(base_url).unwrap()
    })
    .unwrap()
}

/// Two storms together would need more open files than the limit.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// All callers at once, then one after the other with an empty retry budget.
async fn storm(status: u16, kind: ErrorKind, retries: u64) {
    let _alone = ONE_AT_A_TIME.lock().await;
    process::need_open_files(CALLERS as u64 + SPARE).unwrap();
    let server = Server::start(env!("CARGO_BIN_EXE_load-server")).unwrap();
    let client = client(&server.url(status, 0));

    let start = Instant::now();
    let results = calls(&client, CALLERS).await.unwrap();
    let (took, saw) = (start.elapsed(), server.count().unwrap());
    let failed = errors(&results).filter(|error| error.kind() == kind && error.attempts() >= 1).count();
    let attempts: u64 = errors(&results).map(|error| u64::from(error.attempts())).sum();
    let took = seconds(took);
    print(&format!("storm of {status}: {CALLERS} callers, {saw} requests, {failed} errors of kind {kind}, {took}"));
    let other = errors(&results).find(|error| error.kind() != kind);
    assert_eq!((failed, other.map(ToString::to_string)), (CALLERS, None));
    assert!(saw <= CALLERS as u64 + retries, "{saw} requests");
    assert_eq!(attempts, saw, "the errors count the requests that the server saw");

    let steady = 1_000;
    let start = Instant::now();
    for _ in 0..steady {
        assert_eq!(call(&client).await.unwrap_err().kind(), kind);
    }
    let (took, saw) = (seconds(start.elapsed()), server.count().unwrap() - saw);
    print(&format!("steady {status}: {steady} callers one by one on the empty budget, {saw} requests, {took}"));
    // A storm can leave less in the bucket than a retry costs, but nothing fills it.
    assert_eq!(saw, steady);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storm_of_429_is_bounded() {
    storm(429, ErrorKind::RateLimit, 100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storm_of_500_is_bounded() {
    storm(500, ErrorKind::Server, 35).await;
}

/// A service that says when to come back, and rejects again: all callers wait, and few ask for all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storm_of_429_with_retry_after_is_bounded() {
    let _alone = ONE_AT_A_TIME.lock().await;
    process::need_open_files(CALLERS as u64 + SPARE).unwrap();
    let server = Server::start(env!("CARGO_BIN_EXE_load-server")).unwrap();
    let client = Client::new(ClientOptions {
        max_concurrency: Some(1_000),
        timeout: Some(Duration::from_secs(10)),
        connect_timeout: None,
        ..options(&server.url("429r", 0)).unwrap()
    })
    .unwrap();
    let start = Instant::now();
    let results = calls(&client, CALLERS).await.unwrap();
    let (took, saw) = (seconds(start.elapsed()), server.count().unwrap());
    // On a busy machine, the deadline of a call can pass while it is sent.
    let expected = [ErrorKind::RateLimit, ErrorKind::Timeout];
    let other = errors(&results).find(|error| !expected.contains(&error.kind()));
    print(&format!("storm of 429 with Retry-After: {CALLERS} callers, {saw} requests, {took}"));
    assert_eq!((errors(&results).count(), other.map(ToString::to_string)), (CALLERS, None));
    // The calls in flight at the first 429, and then few.
    assert!(saw <= 1_000 + 50, "{saw} requests");
}

/// A closed port: the waits of the first callers overlap, then the budget is empty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_connections_are_bounded() {
    // Bound and not listening: connections are refused, and no other program can take the port.
    let closed_port = tokio::net::TcpSocket::new_v4().unwrap();
    closed_port.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let client = client(&format!("http://{}/v1", closed_port.local_addr().unwrap()));
    let mut results = calls(&client, 100).await.unwrap();
    for _ in 0..1_000 {
        results.push(call(&client).await);
    }
    let attempts: u32 = errors(&results).map(builderaikits::Error::attempts).sum();
    let unsent =
        errors(&results).filter(|error| error.kind() == ErrorKind::Connection && !error.may_have_run()).count();
    print(&format!("closed port: {} callers, {attempts} attempts, {unsent} errors of kind connection", results.len()));
    assert_eq!(unsent, results.len());
    assert!(attempts as usize <= results.len() + 35);
}
