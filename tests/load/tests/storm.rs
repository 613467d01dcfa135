//! A service that is down sees little more than one request a caller, and every caller gets its error.
#![expect(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test program")]

use std::time::{Duration, Instant};

use builderaikits::{Client, Config, ErrorKind};
use builderaikits_load::children::Server;
use builderaikits_load::{call, calls, config, errors, print, process, seconds};
use tokio::sync::Mutex;

const CALLERS: usize = 10_000;
/// Of the open files, these are everything but the connections.
const SPARE: u64 = 2_000;

/// A client whose slots and times let everybody in at once.
fn client(base_url: &str) -> Client {
    Client::new(Config {
        max_concurrency: Some(CALLERS),
        timeout: Some(Duration::from_secs(300)),
        connect_timeout: None,
        ..config(base_url).unwrap()
    })
    .unwrap()
}

/// Two storms together would need more open files than there are.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// All at once, and then, with the budget empty, one after the other.
async fn storm(status: u16, kind: ErrorKind, repeats: u64) {
    let _alone = ONE_AT_A_TIME.lock().await;
    process::need_open_files(CALLERS as u64 + SPARE).unwrap();
    let server = Server::start(env!("CARGO_BIN_EXE_load-server")).unwrap();
    let client = client(&server.url(status, 0));

    let start = Instant::now();
    let ends = calls(&client, CALLERS).await.unwrap();
    let (took, saw) = (start.elapsed(), server.count().unwrap());
    let failed = errors(&ends).filter(|error| error.kind() == kind && error.attempts() >= 1).count();
    let attempts: u64 = errors(&ends).map(|error| u64::from(error.attempts())).sum();
    let took = seconds(took);
    print(&format!("storm of {status}: {CALLERS} callers, {saw} requests, {failed} errors of kind {kind}, {took}"));
    let other = errors(&ends).find(|error| error.kind() != kind);
    assert_eq!((failed, other.map(ToString::to_string)), (CALLERS, None));
    assert!(saw <= CALLERS as u64 + repeats, "{saw} requests");
    assert_eq!(attempts, saw, "what the errors say is what the server saw");

    let steady = 1_000;
    let start = Instant::now();
    for _ in 0..steady {
        assert_eq!(call(&client).await.unwrap_err().kind(), kind);
    }
    let (took, saw) = (seconds(start.elapsed()), server.count().unwrap() - saw);
    print(&format!("steady {status}: {steady} callers one by one on the empty budget, {saw} requests, {took}"));
    // A storm can leave less in the bucket than a repeat costs, but nothing fills it.
    assert_eq!(saw, steady);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_429() {
    storm(429, ErrorKind::RateLimit, 100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_500() {
    storm(500, ErrorKind::Server, 35).await;
}

/// A port that nobody listens on: the waits of the first callers overlap, then the budget is empty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_connections() {
    // Bound and not listening: refused, and nobody else can have it.
    let nobody = tokio::net::TcpSocket::new_v4().unwrap();
    nobody.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let client = client(&format!("http://{}/v1", nobody.local_addr().unwrap()));
    let mut ends = calls(&client, 100).await.unwrap();
    for _ in 0..1_000 {
        ends.push(call(&client).await);
    }
    let attempts: u32 = errors(&ends).map(builderaikits::Error::attempts).sum();
    let unsent = errors(&ends).filter(|error| error.kind() == ErrorKind::Connection && !error.may_have_run()).count();
    print(&format!("steady refused: {} callers, {attempts} attempts, {unsent} errors of kind connection", ends.len()));
    assert_eq!(unsent, ends.len());
    assert!(attempts as usize <= ends.len() + 35);
}
