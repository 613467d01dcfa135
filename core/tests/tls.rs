//! TLS: which servers are trusted, which versions are accepted, and which failed handshakes are retried.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use builderaikits::{ClientOptions, ErrorKind};
use rcgen::date_time_ymd;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::common::certificates::{Authority, Certificate};
use crate::common::service::Service;
use crate::common::wire::{self, RawServer, read_tls_record};
use crate::common::{KEY, PROMPT, check, child, options, run};

/// The server is not trusted: one attempt, and no request is sent.
const UNTRUSTED: (ErrorKind, u32, bool, bool) = (ErrorKind::Tls, 1, false, false);

#[tokio::test]
async fn untrusted_certificate_is_permanent() {
    let (known, unknown) = (Authority::new(), Authority::new());
    let table = [
        (unknown.issue("127.0.0.1", |_| {}), "UnknownIssuer"),
        (known.issue("127.0.0.1", |params| params.not_after = date_time_ymd(2020, 1, 1)), "expired"),
        (known.issue("127.0.0.1", |params| params.not_before = date_time_ymd(3020, 1, 1)), "not valid yet"),
        (known.issue("127.0.0.2", |_| {}), "not valid for name"),
        (known.issue("localhost", |_| {}), "not valid for name"),
        (known.issue("127.0.0.1", |params| params.is_ca = ca()), "CaUsedAsEndEntity"),
    ];
    for (certificate, reason) in table {
        let (server, received) = listen(&certificate).await;
        let trusting = ClientOptions { ca_file: Some(known.file()), ..options(server.url("https")) };
        let error = run(trusting).await.unwrap_err();
        check(&error, UNTRUSTED, &["The certificate of 127.0.0.1:", reason]);
        assert_eq!(server.accepted(), 1, "{reason}");
        assert_eq!(received.lock().unwrap().len(), 0, "{reason}: the server received something");
    }

    // With `ca_file`, the same server is trusted and receives the request.
    let good = known.issue("127.0.0.1", |_| {});
    for (ca_file, trusted) in [(None, false), (Some(known.file()), true)] {
        let (server, received) = listen(&good).await;
        let error = run(ClientOptions { ca_file, max_retries: 0, ..options(server.url("https")) }).await.unwrap_err();
        let received = String::from_utf8_lossy(&received.lock().unwrap()).into_owned();
        assert_eq!(received.contains(KEY) && received.contains(PROMPT), trusted, "{error}");
        let connected = (ErrorKind::Connection, 1, true, false);
        check(&error, if trusted { connected } else { UNTRUSTED }, &[]);
    }
}

fn ca() -> rcgen::IsCa {
    rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained)
}

/// A TLS server that records what it receives, up to a whole request, and then closes.
async fn listen(certificate: &Certificate) -> (RawServer, Arc<Mutex<Vec<u8>>>) {
    let (acceptor, received) = (certificate.acceptor(&[]), Arc::new(Mutex::new(Vec::new())));
    let notes = Arc::clone(&received);
    let server = RawServer::start(move |stream, _| {
        let (acceptor, notes) = (acceptor.clone(), Arc::clone(&notes));
        async move {
            let mut stream = acceptor.accept(stream).await?;
            loop {
                let byte = stream.read_u8().await?;
                let mut notes = notes.lock().unwrap();
                notes.push(byte);
                if notes.ends_with(format!("\"prompt\":\"{PROMPT}\"}}}}").as_bytes()) {
                    return Ok(());
                }
            }
        }
    });
    (server.await, received)
}

#[tokio::test]
async fn old_tls_versions_are_rejected() {
    let hello = |minor: u8| {
        let mut hello = vec![22, 3, minor, 0, 42, 2, 0, 0, 38, 3, minor];
        // The server's random, no session id, a cipher suite of that version, no compression.
        hello.extend([7; 32]);
        hello.extend([0, 0xc0, 0x14, 0]);
        hello
    };
    let alert = |description| vec![21, 3, 2, 0, 2, 2, description];
    let table = [
        ("TLS 1.1", hello(2), ""),
        ("TLS 1.0", hello(1), ""),
        ("SSL 3.0", hello(0), ""),
        ("no common version", alert(70), "ProtocolVersion"),
        ("no common cipher", alert(40), "HandshakeFailure"),
        ("plain HTTP", b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".to_vec(), ""),
    ];
    for (what, reply, reason) in table {
        let server = RawServer::start(move |mut stream, _| {
            let reply = reply.clone();
            async move {
                read_tls_record(&mut stream).await?;
                stream.write_all(&reply).await?;
                until_the_end(stream).await
            }
        })
        .await;
        let error = run(options(server.url("https"))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls, "{what}: {error}");
        check(&error, UNTRUSTED, &["The TLS handshake with 127.0.0.1:", reason]);
        assert_eq!(server.accepted(), 1, "{what}");
    }
}

#[tokio::test]
async fn broken_handshake_is_retried() {
    #[derive(Clone, Copy, Debug)]
    enum Break {
        Close,
        Reset,
        HalfAHello,
    }
    for how in [Break::Close, Break::Reset, Break::HalfAHello] {
        let server = RawServer::start(move |mut stream, _| async move {
            read_tls_record(&mut stream).await?;
            match how {
                Break::Close => Ok(()),
                Break::Reset => wire::reset(stream),
                Break::HalfAHello => stream.write_all(&[22, 3, 3, 0, 42, 2]).await,
            }
        })
        .await;
        let error = run(ClientOptions { max_retries: 1, ..options(server.url("https")) }).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connection, "{how:?}: {error}");
        check(&error, (ErrorKind::Connection, 2, false, true), &["Could not connect to 127.0.0.1:"]);
        assert_eq!(server.accepted(), 2, "{how:?}");
    }

    // A handshake that stalls half way.
    let server = RawServer::start(|mut stream, _| async move {
        read_tls_record(&mut stream).await?;
        stream.write_all(&[22, 3, 3, 0, 42, 2]).await?;
        until_the_end(stream).await
    })
    .await;
    let limit = Some(Duration::from_millis(200));
    let error = run(ClientOptions { connect_timeout: limit, max_retries: 1, ..options(server.url("https")) })
        .await
        .unwrap_err();
    check(&error, (ErrorKind::Timeout, 2, false, true), &["`connect_timeout` (200ms) elapsed"]);
    assert_eq!(server.accepted(), 2);
}

async fn until_the_end(mut stream: TcpStream) -> io::Result<()> {
    while stream.read(&mut [0; 64]).await? > 0 {}
    Ok(())
}

#[tokio::test]
async fn bundled_roots_work_without_a_system_store() {
    const TEST: &str = "tls::bundled_roots_work_without_a_system_store";
    if child::role().is_none() {
        let garbage = format!("{}/garbage-{}.pem", env!("CARGO_TARGET_TMPDIR"), std::process::id());
        std::fs::write(&garbage, "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n").unwrap();
        for file in ["/nonexistent", &garbage] {
            let mut child = child::of(TEST, "child");
            child::finish(child.env("SSL_CERT_FILE", file).env("SSL_CERT_DIR", "/nonexistent"));
        }
        return;
    }
    let authority = Authority::new();
    let mut service = Service::start_tls(authority.acceptor("127.0.0.1")).await;
    let error = run(options(service.url())).await.unwrap_err();
    check(&error, UNTRUSTED, &["UnknownIssuer"]);

    let trusting = ClientOptions { ca_file: Some(authority.file()), ..options(service.url()) };
    let client = builderaikits::Client::new(trusting).unwrap();
    let call = crate::common::spawn(&client);
    service.next().await.succeed();
    call.await.unwrap().unwrap();
}
