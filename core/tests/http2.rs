//! HTTP/2, negotiated by ALPN: only a stream that the server reports as unprocessed is sent again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use builderaikits::{Client, ClientOptions, ErrorKind, RequestOptions};
use bytes::Bytes;
use h2::Reason;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Semaphore;

use crate::common::certificates::Authority;
use crate::common::service::RUN;
use crate::common::wire::RawServer;
use crate::common::{KEY, check, hello, options, run};

/// What the server does with the first stream of its first connection. It serves all other streams.
#[derive(Clone, Copy, Debug)]
pub(crate) enum First {
    Serve,
    /// RST_STREAM.
    Reset(Reason),
    /// RST_STREAM for every stream of every connection.
    ResetAll(Reason),
    /// GOAWAY with this last stream id, and then the end of the connection.
    GoAway(u32, Reason),
}

#[tokio::test]
async fn unprocessed_stream_is_retried() {
    // The expected error. `None` is a run after one retry.
    let ambiguous = Some((ErrorKind::Connection, 1, true, false));
    let table = [
        (First::Reset(Reason::REFUSED_STREAM), None),
        (First::GoAway(0, Reason::NO_ERROR), None),
        // The stream was processed, or its state is unknown.
        (First::Reset(Reason::CANCEL), ambiguous),
        (First::Reset(Reason::INTERNAL_ERROR), ambiguous),
        (First::Reset(Reason::NO_ERROR), ambiguous),
        (First::GoAway(1, Reason::NO_ERROR), ambiguous),
        (First::GoAway(1, Reason::INTERNAL_ERROR), ambiguous),
    ];
    for (first, expected) in table {
        let (server, served, ca_file) = start(first).await;
        let result =
            Client::new(ClientOptions { ca_file, ..options(server.url("https")) }).unwrap().kits().run(hello()).await;
        match expected {
            None => {
                let run = result.unwrap_or_else(|error| panic!("{first:?}: {error}"));
                assert_eq!(run.response_metadata.attempts, 2, "{first:?}");
            }
            Some(expected) => check(&result.unwrap_err(), expected, &["was lost before a response arrived"]),
        }
        assert_eq!(served.load(Ordering::SeqCst), usize::from(expected.is_none()), "{first:?}");
    }
}

#[tokio::test]
async fn unprocessed_retries_do_not_count_against_max_retries() {
    for (max_retries, attempts) in [(0, 1), (1, 7), (2, 8)] {
        let (server, rejected, ca_file) = start(First::ResetAll(Reason::REFUSED_STREAM)).await;
        let error = run(ClientOptions { ca_file, max_retries, ..options(server.url("https")) }).await.unwrap_err();
        check(&error, (ErrorKind::Connection, attempts, false, true), &["before processing the request"]);
        assert_eq!(rejected.load(Ordering::SeqCst), attempts as usize);
    }
}

/// A service that rejects every stream receives about one request per call.
#[tokio::test]
async fn unprocessed_retries_are_bounded_by_the_budget() {
    const CALLERS: usize = 1_000;
    let (server, rejected, ca_file) = start(First::ResetAll(Reason::REFUSED_STREAM)).await;
    let timeout = Some(Duration::from_secs(100));
    let client = Client::new(ClientOptions { ca_file, timeout, ..options(server.url("https")) }).unwrap();
    let calls: Vec<_> = (0..CALLERS).map(|_| crate::common::spawn(&client)).collect();
    for call in calls {
        let error = call.await.unwrap().unwrap_err();
        check(&error, (ErrorKind::Connection, error.attempts(), false, true), &["before processing the request"]);
    }
    let seen = rejected.load(Ordering::SeqCst);
    assert!((CALLERS..=CALLERS + 500).contains(&seen), "{seen}");
    // The bucket is empty now.
    for _ in 0..20 {
        assert_eq!(client.kits().run(hello()).await.unwrap_err().attempts(), 1);
    }
    assert_eq!(rejected.load(Ordering::SeqCst), seen + 20);
}

#[tokio::test]
async fn calls_share_one_connection() {
    let (server, served, ca_file) = start(First::Serve).await;
    let client = Client::new(ClientOptions { ca_file, ..options(server.url("https")) }).unwrap();
    client.kits().run(hello()).await.unwrap();
    let calls: Vec<_> = (0..20).map(|_| crate::common::spawn(&client)).collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!((served.load(Ordering::SeqCst), server.accepted()), (21, 1));
}

/// A call that is cancelled while it waits for a stream is reported as not run, so it must not be sent when a stream is free.
#[tokio::test]
async fn cancelled_request_is_not_sent_later() {
    // The first waiting call is queued in another place than the calls after it.
    for cancellations in ["timeout", "drop", "timeout, drop", "drop, timeout"] {
        let (server, bodies, open, ca_file) = one_stream().await;
        let client = Client::new(ClientOptions { ca_file, max_retries: 0, ..options(server.url("https")) }).unwrap();
        // After this call, the client knows that the server allows one stream.
        open.add_permits(1);
        client.kits().run(hello()).await.unwrap();
        let first = crate::common::spawn(&client);
        let started = async {
            while bodies.load(Ordering::SeqCst) < 2 {
                tokio::task::yield_now().await;
            }
        };
        crate::common::within_timeout("the call that takes the stream", started).await;

        for way in cancellations.split(", ") {
            if way == "timeout" {
                let limited =
                    RequestOptions { timeout: Some(Duration::from_millis(100).into()), ..RequestOptions::default() };
                let error = client.kits().run_with(hello(), limited).await.unwrap_err();
                check(&error, (ErrorKind::Timeout, 1, false, true), &["while waiting for a connection"]);
            } else {
                let dropped = crate::common::spawn(&client);
                run_until_idle().await;
                dropped.abort();
            }
        }

        open.add_permits(2);
        first.await.unwrap().unwrap();
        client.kits().run(hello()).await.unwrap();
        assert_eq!((bodies.load(Ordering::SeqCst), server.accepted()), (3, 1), "{cancellations}");
    }
}

/// A server that allows one stream at a time, the number of bodies it has read, and a semaphore: each permit lets it send one
/// response.
async fn one_stream() -> (RawServer, Arc<AtomicUsize>, Arc<Semaphore>, Option<std::path::PathBuf>) {
    let authority = Authority::new();
    let acceptor = authority.issue("127.0.0.1", |_| {}).acceptor(&["h2"]);
    let (bodies, open) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let (count, opens) = (Arc::clone(&bodies), Arc::clone(&open));
    let server = RawServer::start(move |stream, _| {
        let (acceptor, bodies, open) = (acceptor.clone(), Arc::clone(&count), Arc::clone(&opens));
        async move {
            let stream = acceptor.accept(stream).await?;
            let mut builder = h2::server::Builder::new();
            let mut connection = builder.max_concurrent_streams(1).handshake(stream).await.map_err(io::Error::other)?;
            while let Some(request) = connection.accept().await {
                let (request, mut respond) = request.map_err(io::Error::other)?;
                let (bodies, open) = (Arc::clone(&bodies), Arc::clone(&open));
                tokio::spawn(async move {
                    let mut body = request.into_body();
                    while let Some(piece) = body.data().await {
                        let Ok(_) = piece else { return };
                    }
                    bodies.fetch_add(1, Ordering::SeqCst);
                    open.acquire().await.unwrap().forget();
                    let mut response = respond.send_response(http::Response::new(()), false).unwrap();
                    response.send_data(Bytes::from_static(RUN.as_bytes()), true).unwrap();
                });
            }
            Ok(())
        }
    });
    (server.await, bodies, open, Some(authority.file()))
}

/// Waits until every task is idle. A paused clock advances only then.
async fn run_until_idle() {
    tokio::time::pause();
    tokio::time::sleep(Duration::from_millis(1)).await;
    tokio::time::resume();
}

pub(crate) async fn start(first: First) -> (RawServer, Arc<AtomicUsize>, Option<std::path::PathBuf>) {
    let authority = Authority::new();
    let acceptor = authority.issue("127.0.0.1", |_| {}).acceptor(&["h2", "http/1.1"]);
    let served = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&served);
    let server = RawServer::start(move |stream, number| {
        let (acceptor, served) = (acceptor.clone(), Arc::clone(&count));
        async move {
            let stream = acceptor.accept(stream).await?;
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
            match first {
                First::GoAway(last, reason) if number == 0 => go_away(stream, last, reason).await,
                First::ResetAll(_) => serve(stream, Some(first), &served).await.map_err(io::Error::other),
                _ => serve(stream, (number == 0).then_some(first), &served).await.map_err(io::Error::other),
            }
        }
    });
    (server.await, served, Some(authority.file()))
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    mut first: Option<First>,
    served: &AtomicUsize,
) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(request) = connection.accept().await {
        let (request, mut respond) = request?;
        match first {
            Some(First::Reset(reason)) => {
                first = None;
                respond.send_reset(reason);
                continue;
            }
            Some(First::ResetAll(reason)) => {
                served.fetch_add(1, Ordering::SeqCst);
                respond.send_reset(reason);
                continue;
            }
            _ => {}
        }
        assert_eq!(request.headers()["authorization"], format!("Bearer {KEY}"));
        served.fetch_add(1, Ordering::SeqCst);
        respond.send_response(http::Response::new(()), false)?.send_data(Bytes::from_static(RUN.as_bytes()), true)?;
    }
    Ok(())
}

/// Writes raw frames: waits for the whole request, sends GOAWAY with `last` as the last stream id, and closes.
async fn go_away(mut stream: impl AsyncRead + AsyncWrite + Unpin, last: u32, reason: Reason) -> io::Result<()> {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    /// `authorization` as a literal that is never indexed, also not by intermediaries (RFC 7541, 6.2.3).
    const KEY_NEVER_INDEXED: [u8; 2] = [0x1f, 0x08];
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    const SETTINGS_ACK: [u8; 9] = [0, 0, 0, 4, 1, 0, 0, 0, 0];
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await?;
    stream.write_all(&SETTINGS).await?;
    stream.write_all(&SETTINGS_ACK).await?;
    stream.flush().await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).await?;
        assert!(head[3] != HEADERS || payload.windows(2).any(|bytes| bytes == KEY_NEVER_INDEXED));
        let ends_the_stream = head[4] & 1 == 1;
        if head[3] == DATA && ends_the_stream {
            break;
        }
    }
    stream.write_all(&[0, 0, 8, 7, 0, 0, 0, 0, 0]).await?;
    stream.write_all(&last.to_be_bytes()).await?;
    stream.write_all(&u32::from(reason).to_be_bytes()).await?;
    stream.shutdown().await
}
