//! Proxies: the key is sent only inside the tunnel.

use std::io;
use std::sync::{Arc, Mutex};

use builderaikits::{Client, ClientOptions, ErrorKind};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::common::certificates::Authority;
use crate::common::service::Service;
use crate::common::wire::{RawServer, read_head};
use crate::common::{KEY, PROMPT, check, options, run, spawn, within_timeout};

const OPENED: &str = "HTTP/1.1 200 Connection established\r\n\r\n";
const HOST: &str = "service.test";
const HEADER: &str = "test-header-1234";

/// All bytes that passed a proxy, in both directions.
type Recorded = Arc<Mutex<Vec<u8>>>;

/// A proxy that sends `response` to every CONNECT, and connects the tunnel to the port `target` if `response` is [`OPENED`].
async fn proxy(response: &'static str, target: u16, tls: Option<TlsAcceptor>) -> (RawServer, Recorded) {
    let notes = Recorded::default();
    let shared = Arc::clone(&notes);
    let proxy = RawServer::start(move |stream, _| {
        let (notes, tls) = (Arc::clone(&shared), tls.clone());
        async move {
            match tls {
                None => tunnel(stream, response, target, &notes).await,
                Some(tls) => tunnel(tls.accept(stream).await?, response, target, &notes).await,
            }
        }
    });
    (proxy.await, notes)
}

async fn tunnel(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    response: &str,
    target: u16,
    notes: &Recorded,
) -> io::Result<()> {
    let head = read_head(&mut stream).await?;
    notes.lock().unwrap().extend(head.as_bytes());
    stream.write_all(response.as_bytes()).await?;
    stream.flush().await?;
    if response != OPENED {
        return stream.shutdown().await;
    }
    relay(stream, target, notes).await
}

/// Connects a tunnel to the port `target` and records what passes.
async fn relay(mut stream: impl AsyncRead + AsyncWrite + Unpin, target: u16, notes: &Recorded) -> io::Result<()> {
    let mut service = TcpStream::connect(("127.0.0.1", target)).await?;
    let (mut upstream, mut downstream) = ([0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            read = stream.read(&mut upstream) => {
                let bytes = &upstream[..read?];
                if bytes.is_empty() { return Ok(()) }
                notes.lock().unwrap().extend(bytes);
                service.write_all(bytes).await?;
            }
            read = service.read(&mut downstream) => {
                let bytes = &downstream[..read?];
                if bytes.is_empty() { return stream.shutdown().await }
                notes.lock().unwrap().extend(bytes);
                stream.write_all(bytes).await?;
                stream.flush().await?;
            }
        }
    }
}

/// What the proxy saw, as text. Panics if it contains anything that only the service may see.
#[track_caller]
fn without_secrets(notes: &Recorded) -> String {
    let text = String::from_utf8_lossy(&notes.lock().unwrap()).into_owned();
    for secret in [KEY, "Bearer", PROMPT, HEADER, "kits/run", "dempotency"] {
        assert!(!text.contains(secret), "the proxy saw `{secret}`: {text}");
    }
    text
}

#[tokio::test]
async fn key_goes_only_inside_the_tunnel() {
    let authority = Authority::new();
    let mut service = Service::start_tls(authority.acceptor(HOST)).await;
    let target = service.port();
    let through = |proxy: String| ClientOptions {
        ca_file: Some(authority.file()),
        headers: vec![("x-secret".into(), HEADER.into())],
        proxy: Some(proxy.into()),
        max_retries: 1,
        // Only the proxy can resolve this name.
        ..options(format!("https://{HOST}/v1"))
    };

    // Proxies that speak http and https, with and without a password.
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
            assert_eq!(exchange.header("proxy-authorization"), None, "the proxy's password is not sent to the service");
            exchange.succeed();
            within_timeout("the response", call).await.unwrap().unwrap();
        }
        let seen = without_secrets(&notes);
        assert!(seen.starts_with("CONNECT service.test:443 HTTP/1.1\r\n"), "{seen}");
        assert_eq!(
            seen.to_lowercase().contains("authorization: basic bwu6cgfzc0b3b3jk\r\n"),
            !user.is_empty(),
            "{seen}"
        );
        assert!(seen.contains("builderaikits-rust/"), "{seen}");
        assert_eq!(stub.accepted(), 1, "the tunnel is reused");
    }

    // Proxies that open no tunnel. Only a 407 is permanent, because the HTTP library does not report other statuses.
    let (retried, permanent) = ((ErrorKind::Connection, 2, false, true), (ErrorKind::Connection, 1, false, false));
    let table = [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
            permanent,
            "rejected the connection: 407",
        ),
        ("HTTP/1.0 407 Who are you\r\n\r\n", permanent, "Put the credentials in the proxy URL: http://user:password@"),
        ("HTTP/1.1 403 No\r\n\r\n", retried, "unsuccessful"),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", retried, "unsuccessful"),
        ("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1\r\n\r\n", retried, "unsuccessful"),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", retried, "unsuccessful"),
        ("garbage\r\n\r\n", retried, "unsuccessful"),
        ("HTTP/1.1 200 ", retried, "unexpected end of file"),
        ("", retried, "unexpected end of file"),
    ];
    for (response, expected, reason) in table {
        let (stub, notes) = proxy(response, target, None).await;
        let error = run(through(stub.url("http").replace("://", "://me:pw-1234@"))).await.unwrap_err();
        let address = stub.url("http").trim_start_matches("http://").to_owned();
        check(&error, expected, &[&format!("proxy at {address}"), reason]);
        assert!(!format!("{error} {error:?}").contains("pw-1234"), "{error}");
        assert_eq!(stub.accepted(), error.attempts() as usize);
        without_secrets(&notes);
    }
    let error = run(through("http://127.0.0.1:1".into())).await.unwrap_err();
    check(&error, retried, &["Could not connect to service.test:443 through the proxy at 127.0.0.1:1", "refused"]);

    // A proxy that opens a tunnel to another server, and an https proxy with an untrusted certificate.
    let untrusted = (ErrorKind::Tls, 1, false, false);
    let other = Service::start_tls(Authority::new().acceptor(HOST)).await;
    for (tls, scheme) in [(None, "http"), (Some(Authority::new().acceptor("127.0.0.1")), "https")] {
        let (stub, notes) = proxy(OPENED, other.port(), tls).await;
        let error = run(through(stub.url(scheme))).await.unwrap_err();
        check(&error, untrusted, &["UnknownIssuer"]);
        without_secrets(&notes);
    }

    // Plain http never uses a proxy.
    let (stub, notes) = proxy(OPENED, target, None).await;
    let mut plain = Service::start().await;
    let client = Client::new(ClientOptions { proxy: Some(stub.url("http").into()), ..options(plain.url()) }).unwrap();
    let call = spawn(&client);
    plain.next().await.succeed();
    within_timeout("the response", call).await.unwrap().unwrap();
    assert_eq!((stub.accepted(), without_secrets(&notes).as_str()), (0, ""));
    assert!(service.is_idle() && other.is_idle());
}

/// A SOCKS5 server (RFC 1928, 1929) that connects every request to `target`. It notes the address type and the name or
/// address of each request, and records the tunnels.
async fn socks(
    target: u16,
    credentials: Option<(&'static str, &'static str)>,
) -> (RawServer, Arc<Mutex<Vec<(u8, String)>>>, Recorded) {
    let (seen, tunnels) = (Arc::new(Mutex::new(Vec::new())), Recorded::default());
    let (addresses, recorded) = (Arc::clone(&seen), Arc::clone(&tunnels));
    let server = RawServer::start(move |mut stream, _| {
        let (addresses, recorded) = (Arc::clone(&addresses), Arc::clone(&recorded));
        async move {
            assert_eq!(stream.read_u8().await?, 5);
            let mut methods = vec![0; stream.read_u8().await?.into()];
            stream.read_exact(&mut methods).await?;
            let method = if credentials.is_some() { 2 } else { 0 };
            assert!(methods.contains(&method), "{methods:?}");
            stream.write_all(&[5, method]).await?;
            if let Some((user, password)) = credentials {
                assert_eq!(stream.read_u8().await?, 1);
                let mut texts = Vec::new();
                for _ in 0..2 {
                    let mut text = vec![0; stream.read_u8().await?.into()];
                    stream.read_exact(&mut text).await?;
                    texts.push(String::from_utf8(text).unwrap());
                }
                let accepted = texts == [user, password];
                stream.write_all(&[1, u8::from(!accepted)]).await?;
                if !accepted {
                    return Ok(());
                }
            }
            let mut request = [0; 4];
            stream.read_exact(&mut request).await?;
            assert_eq!(&request[..3], [5, 1, 0]);
            let length = match request[3] {
                1 => 4,
                3 => stream.read_u8().await?.into(),
                4 => 16,
                other => panic!("address type {other}"),
            };
            let mut address = vec![0; length];
            stream.read_exact(&mut address).await?;
            stream.read_u16().await?;
            addresses.lock().unwrap().push((request[3], String::from_utf8_lossy(&address).into_owned()));
            stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
            relay(stream, target, &recorded).await
        }
    });
    (server.await, seen, tunnels)
}

#[tokio::test]
async fn socks_proxies_carry_tls() {
    const CREDENTIALS: Option<(&str, &str)> = Some(("me", "pass@word"));
    const NAME: u8 = 3;
    let authority = Authority::new();
    let table = [
        // (scheme, user in the URL, what the proxy wants, host of the service, address type that the proxy sees)
        ("socks5h", "", None, HOST, NAME),
        ("socks5h", "me:pass%40word@", CREDENTIALS, HOST, NAME),
        // socks5 resolves the name on this side.
        ("socks5", "", None, "localhost", 1),
        ("socks5", "me:pass%40word@", CREDENTIALS, "127.0.0.1", 1),
    ];
    for (scheme, user, credentials, host, address_type) in table {
        let mut service = Service::start_tls(authority.acceptor(host)).await;
        let (stub, seen, tunnels) = socks(service.port(), credentials).await;
        let proxy = stub.url(scheme).replace("://", &format!("://{user}"));
        let client = Client::new(ClientOptions {
            ca_file: Some(authority.file()),
            proxy: Some(proxy.into()),
            ..options(format!("https://{host}/v1"))
        });
        let call = spawn(&client.unwrap());
        let exchange = service.next().await;
        assert!(exchange.has_key());
        exchange.succeed();
        within_timeout("the response", call).await.unwrap().unwrap();
        assert!(!without_secrets(&tunnels).is_empty());
        let seen = seen.lock().unwrap();
        let (family, address) = &seen[0];
        assert!(*family == address_type || (host == "localhost" && *family == 4), "{scheme} {host}: {seen:?}");
        assert!(address_type != NAME || address == HOST, "{seen:?}");
    }

    // Wrong credentials: nothing reaches the service, and the password is not printed.
    let service = Service::start_tls(authority.acceptor(HOST)).await;
    let (stub, _, _) = socks(service.port(), CREDENTIALS).await;
    let client = ClientOptions {
        proxy: Some(stub.url("socks5h").replace("://", "://me:pw-1234@").into()),
        max_retries: 0,
        ..options(format!("https://{HOST}/v1"))
    };
    let error = run(client).await.unwrap_err();
    check(
        &error,
        (ErrorKind::Connection, 1, false, true),
        &["Could not connect to service.test:443 through the proxy at"],
    );
    assert!(!format!("{error} {error:?}").contains("pw-1234") && service.is_idle());
}
