//! Proxies: the key goes only inside the tunnel.

use std::io;
use std::sync::{Arc, Mutex};

use builderaikits::{Client, Config, ErrorKind};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::common::certificates::Authority;
use crate::common::service::Service;
use crate::common::wire::{Odd, read_head};
use crate::common::{KEY, PROMPT, check, config, run, soon, spawn};

const OPENED: &str = "HTTP/1.1 200 Connection established\r\n\r\n";
const HOST: &str = "service.test";
const HEADER: &str = "header-of-the-tests-1234";

/// Everything that a proxy saw, on the way there and back.
type Notes = Arc<Mutex<Vec<u8>>>;

/// A proxy that answers every CONNECT with `answer` and, where that opens the tunnel, leads it to `target`.
async fn proxy(answer: &'static str, target: u16, tls: Option<TlsAcceptor>) -> (Odd, Notes) {
    let notes = Notes::default();
    let noting = Arc::clone(&notes);
    let proxy = Odd::start(move |stream, _| {
        let (notes, tls) = (Arc::clone(&noting), tls.clone());
        async move {
            match tls {
                None => tunnel(stream, answer, target, &notes).await,
                Some(tls) => tunnel(tls.accept(stream).await?, answer, target, &notes).await,
            }
        }
    });
    (proxy.await, notes)
}

async fn tunnel(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &str,
    target: u16,
    notes: &Notes,
) -> io::Result<()> {
    let head = read_head(&mut stream).await?;
    notes.lock().unwrap().extend(head.as_bytes());
    stream.write_all(answer.as_bytes()).await?;
    stream.flush().await?;
    if answer != OPENED {
        return stream.shutdown().await;
    }
    let mut service = TcpStream::connect(("127.0.0.1", target)).await?;
    let (mut there, mut back) = ([0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            read = stream.read(&mut there) => {
                let bytes = &there[..read?];
                if bytes.is_empty() { return Ok(()) }
                notes.lock().unwrap().extend(bytes);
                service.write_all(bytes).await?;
            }
            read = service.read(&mut back) => {
                let bytes = &back[..read?];
                if bytes.is_empty() { return stream.shutdown().await }
                notes.lock().unwrap().extend(bytes);
                stream.write_all(bytes).await?;
                stream.flush().await?;
            }
        }
    }
}

/// What the proxy saw as text, without a word of what is the service's alone.
#[track_caller]
fn nothing_secret(notes: &Notes) -> String {
    let text = String::from_utf8_lossy(&notes.lock().unwrap()).into_owned();
    for secret in [KEY, "Bearer", PROMPT, HEADER, "kits/run", "dempotency"] {
        assert!(!text.contains(secret), "the proxy saw `{secret}`: {text}");
    }
    text
}

#[tokio::test]
async fn the_key_goes_only_inside_the_tunnel() {
    let authority = Authority::new();
    let mut service = Service::start_tls(authority.acceptor(HOST)).await;
    let target = service.port();
    let through = |proxy: String| Config {
        ca_file: Some(authority.file()),
        headers: vec![("x-secret".into(), HEADER.into())],
        proxy: Some(proxy),
        max_retries: 1,
        // Only the proxy could resolve this name.
        ..config(format!("https://{HOST}/v1"))
    };

    // Through proxies that speak http and https, with a password and without.
    for (scheme, user) in [("http", ""), ("http", "me:pass%40word@"), ("https", "me:pass%40word@")] {
        let tls = (scheme == "https").then(|| authority.acceptor("127.0.0.1"));
        let (stub, notes) = proxy(OPENED, target, tls).await;
        let url = stub.url(scheme).replace("://", &format!("://{user}"));
        let client = Client::new(through(url)).unwrap();
        for _ in 0..2 {
            let call = spawn(&client);
            let exchange = service.next().await;
            assert!(exchange.has_key());
            assert_eq!(exchange.header("x-secret"), Some(HEADER));
            assert_eq!(exchange.header("proxy-authorization"), None, "the proxy's password is not the service's");
            exchange.succeed();
            soon("the answer", call).await.unwrap().unwrap();
        }
        let seen = nothing_secret(&notes);
        assert!(seen.starts_with("CONNECT service.test:443 HTTP/1.1\r\n"), "{seen}");
        assert_eq!(seen.contains("authorization: Basic bWU6cGFzc0B3b3Jk\r\n"), !user.is_empty(), "{seen}");
        assert!(seen.contains("builderaikits-rust/"), "{seen}");
        assert_eq!(stub.accepted(), 1, "the tunnel is used again");
    }

    // Proxies that open no tunnel. Those that refuse will not the next time either.
    let (again, once) = ((ErrorKind::Connection, 2, false, true), (ErrorKind::Connection, 1, false, false));
    let table = [
        ("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n", once, "407 Proxy Auth"),
        ("HTTP/1.0 407 Who are you\r\n\r\n", once, "give its user and password in its URL"),
        ("HTTP/1.1 401 Unauthorized\r\n\r\n", once, "401 Unauthorized (give its user"),
        ("HTTP/1.1 403 No\r\n\r\n", once, "403 Forbidden"),
        ("HTTP/1.1 408 No\r\n\r\n", again, "408 Request Timeout"),
        ("HTTP/1.1 429 No\r\n\r\n", again, "429 Too Many"),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", again, "502 Bad Gateway"),
        ("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1\r\n\r\n", again, "302 Found"),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", again, "101"),
        ("garbage\r\n\r\n", again, "its answer is not HTTP"),
        ("HTTP/1.1 200 ", again, "unexpected end of file"),
        ("", again, "the proxy opens no tunnel"),
    ];
    for (answer, expected, reason) in table {
        let (stub, notes) = proxy(answer, target, None).await;
        let error = run(through(stub.url("http").replace("://", "://me:pw-of-mine@"))).await.unwrap_err();
        check(&error, expected, &["could not connect", reason]);
        assert!(!format!("{error} {error:?}").contains("pw-of-mine"), "{error}");
        assert_eq!(stub.accepted(), error.attempts() as usize);
        nothing_secret(&notes);
    }
    let error = run(through("http://127.0.0.1:1".into())).await.unwrap_err();
    check(&error, again, &["could not connect"]);

    // A proxy that opens a tunnel to someone else, and one of https whom nobody trusts.
    let refused = (ErrorKind::Tls, 1, false, false);
    let stranger = Service::start_tls(Authority::new().acceptor(HOST)).await;
    for (tls, scheme) in [(None, "http"), (Some(Authority::new().acceptor("127.0.0.1")), "https")] {
        let (stub, notes) = proxy(OPENED, stranger.port(), tls).await;
        let error = run(through(stub.url(scheme))).await.unwrap_err();
        check(&error, refused, &["UnknownIssuer"]);
        nothing_secret(&notes);
    }

    // Plain http never uses one.
    let (stub, notes) = proxy(OPENED, target, None).await;
    let mut plain = Service::start().await;
    let client = Client::new(Config { proxy: Some(stub.url("http")), ..config(plain.url()) }).unwrap();
    let call = spawn(&client);
    plain.next().await.succeed();
    soon("the answer", call).await.unwrap().unwrap();
    assert_eq!((stub.accepted(), nothing_secret(&notes).as_str()), (0, ""));
    assert!(service.is_idle() && stranger.is_idle());
}
