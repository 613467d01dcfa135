//! Texts that a peer chooses: whatever path they take into an error, the key is redacted, control characters are escaped,
//! and the length is bounded.
#![expect(clippy::string_slice, reason = "the key is ASCII")]
#![expect(clippy::arithmetic_side_effects, reason = "lengths of short texts")]

use std::io;
use std::time::Duration;

use builderaikits::{ClientOptions, Error};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::common::certificates::Authority;
use crate::common::wire::{RawServer, accept_http2_request, frame, read_body, read_head};
use crate::common::{KEY, options, run};

/// What every peer here sends. Behind 500 characters, so that a key that is redacted after the cut leaves its start.
fn canary() -> String {
    format!("\u{1b}[31m\u{202e}Bearer {KEY} {}{KEY}", "x".repeat(500 - 24 - KEY.len()))
}

#[track_caller]
fn check_text(path: &str, error: &Error) {
    let mut source = std::error::Error::source(error);
    let mut texts = vec![error.to_string(), format!("{error:?}"), error.message().to_owned()];
    texts.extend(error.code().map(str::to_owned).into_iter().chain(error.request_id().map(str::to_owned)));
    while let Some(cause) = source {
        texts.extend([cause.to_string(), format!("{cause:?}")]);
        source = cause.source();
    }
    for text in texts {
        // The key, or enough of its start to be of use.
        assert!(!text.contains(&KEY[..KEY.len() / 2]), "{path}: {text}");
        assert!(!text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{path}: {text}");
        assert!(text.chars().count() < 1_000, "{path}: {text}");
    }
    let shown =
        [error.body().map(|body| body.to_vec()), error.headers().map(|headers| format!("{headers:?}").into_bytes())];
    for received in shown.into_iter().flatten() {
        let received = String::from_utf8_lossy(&received).into_owned();
        assert!(!received.contains(&KEY[..KEY.len() / 2]), "{path}: {received}");
    }
}

async fn http1(response: Vec<u8>) -> RawServer {
    RawServer::start(move |mut stream, _| {
        let response = response.clone();
        async move {
            let head = read_head(&mut stream).await?;
            read_body(&mut stream, &head).await?;
            stream.write_all(&response).await?;
            stream.shutdown().await
        }
    })
    .await
}

fn response(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[tokio::test]
async fn http1_responses() {
    let text = serde_json::to_string(&canary()).unwrap();
    let escaped: String = KEY.bytes().map(|byte| format!("\\u00{byte:02X}")).collect();
    let printable = format!("Bearer {KEY}");
    // The key ends where the SDK stops reading, or beyond.
    let at_the_limit = |limit: usize, before: usize| format!("{}{KEY}{}", "y".repeat(limit - before), "z".repeat(99));
    let responses = [
        ("message", response("401 No", "", &format!(r#"{{"error":{{"message":{text},"code":{text}}}}}"#))),
        ("escaped message", response("401 No", "", &format!(r#"{{"error":{{"message":"{escaped}"}}}}"#))),
        ("validation error", response("422 No", "", &format!(r#"{{"detail":[{{"loc":[{text}],"msg":{text}}}]}}"#))),
        ("text", response("500 No", "", &canary())),
        ("headers", response("403 No", &format!("x-request-id: {printable}\r\ncontent-type: {printable}\r\n"), "-")),
        ("error in a success", response("200 OK", "", &format!(r#"{{"error":{{"message":{text},"code":{text}}}}}"#))),
        ("not a run", response("200 OK", &format!("content-type: {printable}\r\n"), &canary())),
        ("not HTTP", format!("{}\r\n\r\n", canary()).into_bytes()),
        ("bad header", format!("HTTP/1.1 200 OK\r\n{KEY}\u{1b}: {}\r\n\r\n", canary()).into_bytes()),
        ("bad length", format!("HTTP/1.1 200 OK\r\ncontent-length: {KEY}\r\n\r\n").into_bytes()),
        ("reason", format!("HTTP/1.1 500 {printable}\r\ncontent-length: 0\r\n\r\n").into_bytes()),
        ("redirect", response("302 No", &format!("location: http://{KEY}\r\n"), "")),
        ("bad chunk", format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{KEY}\r\n").into_bytes()),
        ("cut at 64 KiB", response("500 No", "", &at_the_limit(64 << 10, KEY.len() - 1))),
        ("over 64 KiB", response("500 No", "", &at_the_limit(64 << 10, KEY.len() / 2 + 1))),
        ("over max_response_bytes", response("200 OK", "", &at_the_limit(1 << 17, KEY.len() - 1))),
        (
            "cut by the peer",
            format!("HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{KEY}{}", &KEY[..KEY.len() - 1]).into_bytes(),
        ),
    ];
    for (path, response) in responses {
        let server = http1(response).await;
        let client = ClientOptions { max_retries: 0, max_response_bytes: 1 << 17, ..options(server.url("http")) };
        check_text(path, &run(client).await.unwrap_err());
    }
}

#[tokio::test]
async fn http2_frames() {
    const GOAWAY: u8 = 7;
    const RST_STREAM: u8 = 3;
    let mut with_data = [0, 0, 0, 0, 0, 0, 0, 1].to_vec();
    with_data.extend(canary().repeat(20).into_bytes());
    let last_stream_1 = [&[0, 0, 0, 1], &with_data[4..]].concat();
    let frames = [
        ("GOAWAY", frame(GOAWAY, 0, 0, &with_data)),
        ("GOAWAY of the stream", frame(GOAWAY, 0, 0, &last_stream_1)),
        (
            "GOAWAY, odd reason",
            frame(GOAWAY, 0, 0, &[&last_stream_1[..4], b"\xff\xff\xff\xff", canary().as_bytes()].concat()),
        ),
        ("RST_STREAM", frame(RST_STREAM, 0, 1, &[0, 0, 0, 2])),
        ("RST_STREAM, too long", frame(RST_STREAM, 0, 1, canary().as_bytes())),
        ("no frame", canary().repeat(99).into_bytes()),
    ];
    let authority = Authority::new();
    for (path, bytes) in frames {
        let acceptor = authority.issue("127.0.0.1", |_| {}).acceptor(&["h2"]);
        let server = RawServer::start(move |stream, _| {
            let (acceptor, bytes) = (acceptor.clone(), bytes.clone());
            async move { http2_connection(acceptor.accept(stream).await?, &bytes).await }
        })
        .await;
        let client = ClientOptions { max_retries: 0, ca_file: Some(authority.file()), ..options(server.url("https")) };
        check_text(path, &run(client).await.unwrap_err());
    }
}

/// Sends `bytes` once the headers of a request came, and closes.
async fn http2_connection(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> io::Result<()> {
    accept_http2_request(&mut stream).await?;
    stream.write_all(bytes).await?;
    stream.shutdown().await?;
    while stream.read(&mut [0; 4096]).await? > 0 {}
    Ok(())
}

/// rustls lists the names of a certificate that is for another host.
#[tokio::test]
async fn names_in_a_certificate() {
    let authority = Authority::new();
    let names = || (0..40).map(|number| format!("{KEY}.{number}.test"));
    let certificate = authority.issue("other.test", |params| {
        params.subject_alt_names.extend(names().map(|name| rcgen::SanType::DnsName(name.try_into().unwrap())));
    });
    let acceptor = certificate.acceptor(&[]);
    let server = RawServer::start(move |stream, _| {
        let acceptor = acceptor.clone();
        async move { acceptor.accept(stream).await.map(drop) }
    })
    .await;
    let client = ClientOptions { ca_file: Some(authority.file()), ..options(server.url("https")) };
    check_text("certificate", &run(client).await.unwrap_err());
}

#[tokio::test]
async fn proxies() {
    // For a peer whose text is not the whole of a reply.
    let connect_timeout = Some(Duration::from_millis(500));
    let printable = format!("Bearer {KEY}");
    let connect = [
        format!("HTTP/1.1 502 {printable}\r\nx-why: {printable}\r\n\r\n{}", canary()),
        format!("HTTP/1.1 407 {printable}\r\nproxy-authenticate: Basic realm=\"{KEY}\"\r\n\r\n{}", canary()),
        format!("{}\r\n\r\n", canary()),
        // The tunnel opens, and no TLS follows.
        format!("HTTP/1.1 200 OK\r\n\r\n{}", canary()),
    ];
    for response in connect {
        let shown = response.clone();
        let server = RawServer::start(move |mut stream, _| {
            let response = response.clone();
            async move {
                read_head(&mut stream).await?;
                until_closed(stream, response.as_bytes()).await
            }
        })
        .await;
        let proxy = Some(server.url("http").into());
        check_text(
            &shown,
            &run(ClientOptions { proxy, max_retries: 0, connect_timeout, ..options("https://service.test") })
                .await
                .unwrap_err(),
        );
    }
    let socks = RawServer::start(|mut stream, _| async move {
        stream.read_exact(&mut [0; 3]).await?;
        until_closed(stream, canary().as_bytes()).await
    })
    .await;
    let proxy = Some(socks.url("socks5h").into());
    check_text(
        "socks",
        &run(ClientOptions { proxy, max_retries: 0, connect_timeout, ..options("https://service.test") })
            .await
            .unwrap_err(),
    );
}

async fn until_closed(mut stream: TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    while stream.read(&mut [0; 4096]).await? > 0 {}
    Ok(())
}
