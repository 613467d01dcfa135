//! Peers that never stop sending. Each is called beside a bystander: a call to another server, on the same two threads.
//!
//! All over TLS, as every server but those of this machine. Over plain http a flood of informational responses (1xx) holds a
//! thread longer: the HTTP library then reads up to 400 KiB at once, 128 times before it yields, and has no setting for either.
#![expect(clippy::print_stdout, reason = "cargo test shows the times of a test that fails")]

use std::io;
use std::time::{Duration, Instant};

use builderaikits::{Client, ClientOptions, ErrorKind};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::common::certificates::Authority;
use crate::common::service::RUN;
use crate::common::wire::{self, RawServer, accept_http2_request, read_body, read_head};
use crate::common::{hello, options};

/// How long the flooded call may take. It is over earlier where a limit of the SDK or of the HTTP library ends it.
const TIMEOUT: Duration = Duration::from_millis(600);
/// More flooded calls than threads.
const AT_ONCE: usize = 4;
/// A flood adds up to 60 ms to other calls in an optimized build on two cores (cargo test --release floods -- --nocapture). The
/// limit is for tests that run beside others; a poll that does not yield takes longer.
const MAX_DELAY: Duration = Duration::from_secs(3);

#[test]
fn http1_floods_delay_no_other_call() {
    let floods: [(&str, &str, &str); 8] = [
        ("100 Continue", "", "HTTP/1.1 100 Continue\r\n\r\n"),
        ("103 Early Hints", "", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"),
        ("headers", "HTTP/1.1 200 OK\r\n", "x: y\r\n"),
        ("one header", "HTTP/1.1 200 OK\r\nx: ", "yyyyyyyy"),
        ("body", "HTTP/1.1 200 OK\r\n\r\n", "yyyyyyyy"),
        ("chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\ny\r\n"),
        ("chunk extension", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;", "a=b;"),
        ("trailers", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", "x: y\r\n"),
    ];
    let authority = Authority::new();
    for (what, start, repeated) in floods {
        let repeated = repeated.repeat(8192);
        let acceptor = authority.acceptor("127.0.0.1");
        let server = Elsewhere::start(move |stream| {
            let (acceptor, repeated) = (acceptor.clone(), repeated.clone());
            async move {
                let mut stream = acceptor.accept(stream).await?;
                let head = read_head(&mut stream).await?;
                read_body(&mut stream, &head).await?;
                stream.write_all(start.as_bytes()).await?;
                send_forever(stream, repeated.as_bytes()).await
            }
        });
        check_flood(what, ClientOptions { ca_file: Some(authority.file()), ..options(server.url("https")) });
    }
}

#[test]
fn http2_floods_delay_no_other_call() {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const PRIORITY: u8 = 2;
    const SETTINGS: u8 = 4;
    const PING: u8 = 6;
    const WINDOW_UPDATE: u8 = 8;
    const CONTINUATION: u8 = 9;
    const END_HEADERS: u8 = 4;
    // HPACK: `:status: 100` as a literal that is not indexed, by the name of entry 8.
    let informational = [&[0x08, 3][..], b"100"].concat();
    let floods = [
        ("100", wire::frame(HEADERS, END_HEADERS, 1, &informational)),
        ("PING", wire::frame(PING, 0, 0, &[0; 8])),
        ("SETTINGS", wire::frame(SETTINGS, 0, 0, &[])),
        ("WINDOW_UPDATE", wire::frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1])),
        ("empty DATA", wire::frame(DATA, 0, 1, &[])),
        ("PRIORITY", wire::frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1])),
        ("unknown frames", wire::frame(99, 0, 1, &[])),
        ("CONTINUATION", wire::frame(CONTINUATION, 0, 1, &[])),
    ];
    let authority = Authority::new();
    for (what, frame) in floods {
        let start = match what {
            "empty DATA" => wire::frame(HEADERS, END_HEADERS, 1, &[0x88]),
            "CONTINUATION" => wire::frame(HEADERS, 0, 1, &[0x88]),
            _ => Vec::new(),
        };
        let acceptor = authority.issue("127.0.0.1", |_| {}).acceptor(&["h2"]);
        let repeated = frame.repeat(8192);
        let server = Elsewhere::start(move |stream| {
            let (acceptor, start, repeated) = (acceptor.clone(), start.clone(), repeated.clone());
            async move {
                let mut stream = acceptor.accept(stream).await?;
                accept_http2_request(&mut stream).await?;
                stream.write_all(&start).await?;
                send_forever(stream, &repeated).await
            }
        });
        check_flood(what, ClientOptions { ca_file: Some(authority.file()), ..options(server.url("https")) });
    }
}

/// Calls a flooding server, and meanwhile another one, one call after the other.
#[track_caller]
fn check_flood(what: &str, flooding: ClientOptions) {
    let bystander = Elsewhere::start(|mut stream| async move {
        loop {
            let head = read_head(&mut stream).await?;
            read_body(&mut stream, &head).await?;
            let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{RUN}", RUN.len());
            stream.write_all(response.as_bytes()).await?;
        }
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let flooded = Client::new(ClientOptions { timeout: Some(TIMEOUT), max_retries: 0, ..flooding }).unwrap();
    let other = Client::new(options(bystander.url("http"))).unwrap();
    runtime.block_on(async {
        other.kits().run(hello()).await.unwrap();
        let started = Instant::now();
        let calls = (0..AT_ONCE).map(|_| flooded.kits().run(hello()));
        let calls: Vec<_> =
            calls.map(|call| tokio::spawn(async move { (call.await.unwrap_err(), started.elapsed()) })).collect();
        let mut slowest = Duration::ZERO;
        while calls.iter().any(|call| !call.is_finished()) {
            let started = Instant::now();
            let other = other.clone();
            tokio::spawn(async move { other.kits().run(hello()).await.unwrap() }).await.unwrap();
            slowest = slowest.max(started.elapsed());
        }
        println!("{what}: other call {slowest:?}");
        assert!(slowest < MAX_DELAY, "{what}: another call took {slowest:?}");
        for call in calls {
            let (error, elapsed) = call.await.unwrap();
            println!("{what}: flooded call {elapsed:?}: {error}");
            assert!(
                matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Connection | ErrorKind::BadResponse),
                "{what}: {error}"
            );
            assert!(elapsed.saturating_sub(TIMEOUT) < MAX_DELAY, "{what}: ended after {elapsed:?}");
        }
    });
}

/// A server on a thread of its own, so that it does not take the time of the threads that are tested.
struct Elsewhere {
    server: RawServer,
    _runtime: Runtime,
}

struct Runtime(Option<tokio::runtime::Runtime>);

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Elsewhere {
    fn start<F: Future<Output = io::Result<()>> + Send>(
        act: impl Fn(tokio::net::TcpStream) -> F + Clone + Send + 'static,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(RawServer::start(move |stream, _| act(stream)));
        Self { server, _runtime: Runtime(Some(runtime)) }
    }

    fn url(&self, scheme: &str) -> String {
        self.server.url(scheme)
    }
}

async fn send_forever(mut stream: impl AsyncWrite + Unpin, bytes: &[u8]) -> io::Result<()> {
    loop {
        stream.write_all(bytes).await?;
    }
}
