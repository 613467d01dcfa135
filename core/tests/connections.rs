//! Connections that fail or break: an unsent request is retried, and a request that may have run is not.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use builderaikits::{Client, ClientOptions, ErrorKind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};

use crate::common::service::RUN;
use crate::common::wire::{self, RawServer, header, read_body, read_head};
use crate::common::{PROMPT, check, child, hello, options, run, within_timeout};

/// An idle connection is reused for 16 s and then closed, so that it does not keep a file descriptor open.
#[tokio::test]
async fn idle_connections_are_closed_within_33_s() {
    let (sender, mut closed) = tokio::sync::mpsc::unbounded_channel();
    let server = RawServer::start(move |mut stream, _| {
        let closed = sender.clone();
        async move {
            while let Ok(head) = read_head(&mut stream).await {
                read_body(&mut stream, &head).await?;
                let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{RUN}", RUN.len());
                stream.write_all(response.as_bytes()).await?;
            }
            closed.send(tokio::time::Instant::now()).map_err(std::io::Error::other)
        }
    })
    .await;
    let client = Client::new(options(server.url("http"))).unwrap();
    let call_after = async |idle_s| {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(idle_s)).await;
        tokio::time::resume();
        let used = tokio::time::Instant::now();
        client.kits().run(hello()).await.unwrap();
        (server.accepted(), used)
    };
    // The pool sweeps once per idle timeout. The cases differ in the time from the last use to the sweep.
    for (number, phase_s) in [(1, 0), (2, 1), (3, 2), (4, 15)] {
        let (first, (second, used)) = (call_after(0).await.0, call_after(phase_s).await);
        assert_eq!((first, second), (number, number));
        // A paused clock jumps to the next timer, here the sweep.
        tokio::time::pause();
        let kept = closed.recv().await.unwrap() - used;
        tokio::time::resume();
        assert!((16..=33).contains(&kept.as_secs()), "{phase_s}: {kept:?}");
    }
    assert_eq!((call_after(0).await.0, call_after(15).await.0, call_after(17).await.0), (5, 5, 6));
}

#[tokio::test]
async fn unresolvable_name_is_retried() {
    // A label over 63 characters fails in the resolver itself. The other name needs a name server, which may not respond in
    // time.
    let too_long = format!("http://{}.invalid/v1", "a".repeat(64));
    let local = || ClientOptions { allow_http: true, ..options(&*too_long) };
    let error = run(local()).await.unwrap_err();
    check(&error, (ErrorKind::Connection, 3, false, true), &["Could not connect to aaaa", "dns error"]);
    let error = run(ClientOptions { max_retries: 0, ..local() }).await.unwrap_err();
    check(&error, (ErrorKind::Connection, 1, false, true), &["dns error"]);

    let limit = Some(Duration::from_secs(1));
    let remote = ClientOptions { connect_timeout: limit, max_retries: 1, ..options("https://nowhere.invalid/v1") };
    let error = run(remote).await.unwrap_err();
    match error.kind() {
        ErrorKind::Timeout => check(
            &error,
            (ErrorKind::Timeout, 2, false, true),
            &["`connect_timeout` (1s) elapsed while connecting to nowhere.invalid:443"],
        ),
        _ => check(&error, (ErrorKind::Connection, 2, false, true), &["dns error"]),
    }
}

#[tokio::test]
async fn unroutable_address_times_out_at_connect_timeout() {
    const LIMIT: Duration = Duration::from_millis(150);
    async fn check_url(url: &str) {
        let started = Instant::now();
        let limited = ClientOptions { connect_timeout: Some(LIMIT), max_retries: 1, allow_http: true, ..options(url) };
        let error = run(limited).await.unwrap_err();
        check(&error, (ErrorKind::Timeout, 2, false, true), &["`connect_timeout` (150ms) elapsed while connecting to"]);
        assert!(started.elapsed() >= LIMIT * 2, "{url}");

        let unlimited = ClientOptions { connect_timeout: None, timeout: Some(LIMIT), ..options(url) };
        let error = run(ClientOptions { allow_http: true, ..unlimited }).await.unwrap_err();
        check(
            &error,
            (ErrorKind::Timeout, 1, false, true),
            &["`timeout` (150ms) elapsed while waiting for a connection"],
        );
    }

    if child::role().is_some() {
        // A name server that receives queries and never responds.
        let _silent = std::net::UdpSocket::bind("127.0.0.1:53").unwrap();
        return check_url("http://somewhere.test").await;
    }
    // A TLS server that never responds.
    let silent = RawServer::start(|stream, _| async move {
        let (_stream, never) = (stream, std::future::pending());
        never.await
    });
    check_url(&silent.await.url("https")).await;

    // A full accept queue: Linux drops further SYNs.
    if cfg!(target_os = "linux") {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let full = socket.listen(0).unwrap();
        let address = full.local_addr().unwrap();
        let fill = || std::net::TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok();
        let _queued: Vec<_> = std::iter::from_fn(fill).take(64).collect();
        check_url(&format!("http://{address}")).await;
    }

    // A name server that never responds.
    let files = [("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"), ("/etc/hosts", "")];
    if let Some(mut child) =
        in_a_namespace("connections::unroutable_address_times_out_at_connect_timeout", "dns", &files)
    {
        child::finish(&mut child);
    }
}

#[tokio::test]
async fn second_address_is_tried() {
    const TEST: &str = "connections::second_address_is_tried";
    if let Some(name) = child::role() {
        // In one of the rounds, the first address of the name refuses connections.
        for alive in ["127.0.0.1:0", "[::1]:0"] {
            // Without IPv6, only the first round can run.
            let Ok(listener) = TcpListener::bind(alive).await else { continue };
            let port = listener.local_addr().unwrap().port();
            let server = tokio::spawn(async move {
                let mut stream = listener.accept().await.unwrap().0;
                let head = read_head(&mut stream).await.unwrap();
                read_body(&mut stream, &head).await.unwrap();
                let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{RUN}", RUN.len());
                stream.write_all(response.as_bytes()).await.unwrap();
            });
            let named = ClientOptions { allow_http: true, ..options(format!("http://{name}:{port}")) };
            let run = run(named).await.unwrap();
            assert_eq!(run.response_metadata.attempts, 1, "{alive}");
            server.await.unwrap();
        }
        return;
    }
    // A name with two addresses: from an own `/etc/hosts` where the system permits that, else `localhost` if it has both.
    let hosts = [("/etc/hosts", "::1 two.test\n127.0.0.1 two.test\n")];
    if let Some(mut child) = in_a_namespace(TEST, "two.test", &hosts) {
        child::finish(&mut child);
        return;
    }
    let localhost: Vec<IpAddr> = ("localhost", 0).to_socket_addrs().unwrap().map(|address| address.ip()).collect();
    if localhost.iter().any(IpAddr::is_ipv4) && localhost.iter().any(IpAddr::is_ipv6) {
        child::finish(&mut child::of(TEST, "localhost"));
    }
}

/// A child in its own network and mount namespaces. `None` unless the system permits that: Linux with user namespaces.
fn in_a_namespace(test: &str, role: &str, files: &[(&str, &str)]) -> Option<std::process::Command> {
    let mut setup = String::from("ip link set lo up");
    for (number, (path, text)) in files.iter().enumerate() {
        let own = format!("{}/{role}-{}-{number}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
        std::fs::write(&own, text).unwrap();
        setup += &format!(" && mount --bind '{own}' {path}");
    }
    let arguments = |script: &str| ["-r", "-m", "-n", "sh", "-c", script, "sh"].map(|word| word.to_owned());
    let tried = std::process::Command::new("unshare").args(arguments(&setup)).output().ok()?;
    if !tried.status.success() {
        return None;
    }
    let this = std::env::current_exe().unwrap();
    let mut arguments: Vec<_> = arguments(&format!("{setup} && exec \"$@\"")).map(std::ffi::OsString::from).into();
    arguments.push(this.into());
    let arguments: Vec<&OsStr> = arguments.iter().map(|word| word.as_os_str()).collect();
    Some(child::of_program(OsStr::new("unshare"), &arguments, test, role))
}

#[tokio::test]
async fn reset_on_accept() {
    let server = RawServer::start(|stream, _| async move { wire::reset(stream) }).await;
    for round in 0..5 {
        let before = server.accepted();
        let error = run(ClientOptions { max_retries: 1, ..options(server.url("http")) }).await.unwrap_err();
        // Whether the request was sent before the reset arrived is a race. The rest of the error follows from it.
        let attempts = if error.may_have_run() { error.attempts() } else { 2 };
        let sent = error.may_have_run();
        check(&error, (ErrorKind::Connection, attempts, sent, !sent), &[]);
        assert_eq!(server.accepted() - before, error.attempts() as usize, "round {round}: {error}");
    }
}

#[tokio::test]
async fn reset_in_the_body() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\nx-request-id: r1\r\ncontent-length: 15000000\r\n\r\n";
    let server = RawServer::start(|mut stream, _| async move {
        let head = read_head(&mut stream).await?;
        // Every attempt sends the whole body.
        assert!(String::from_utf8_lossy(&read_body(&mut stream, &head).await?).contains(PROMPT));
        stream.write_all(HEAD.as_bytes()).await?;
        // More than all socket buffers hold, so the client has started to read when this is written.
        stream.write_all(&vec![b' '; 14_000_000]).await?;
        wire::reset(stream)
    })
    .await;
    let error = run(options(server.url("http"))).await.unwrap_err();
    check(
        &error,
        (ErrorKind::Connection, 1, true, false),
        &["The connection closed before the whole response arrived"],
    );
    assert_eq!((error.status(), error.request_id()), (Some(200), Some("r1")));
    assert!(error.body().is_some_and(|body| !body.is_empty()), "the received part is kept");
    assert_eq!(server.accepted(), 1);

    let retrying = ClientOptions { retry_ambiguous: true, max_retries: 1, ..options(server.url("http")) };
    let error = run(retrying).await.unwrap_err();
    check(&error, (ErrorKind::Connection, 2, true, true), &["The connection closed before the whole response arrived"]);
    assert_eq!(server.accepted(), 3);
}

/// The service closes each connection after its first response, while the next request may already be in flight.
#[tokio::test]
async fn stale_pooled_connection_is_replaced() {
    const CALLS: usize = 300;
    let (ran, mut runs) = tokio::sync::mpsc::unbounded_channel();
    let server = RawServer::start(move |stream, number| {
        let ran = ran.clone();
        async move {
            let (mut reader, mut writer) = stream.into_split();
            let key = read_key(&mut reader).await?;
            let _ = ran.send(key);
            let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{RUN}", RUN.len());
            writer.write_all(response.as_bytes()).await?;
            // The close happens at different times during the next call.
            for _ in 0..number % 8 {
                tokio::task::yield_now().await;
            }
            drop(writer);
            // A service may read a request that arrives after its FIN, and run it.
            while let Ok(key) = read_key(&mut reader).await {
                let _ = ran.send(key);
            }
            Ok(())
        }
    })
    .await;
    let client = Client::new(options(server.url("http"))).unwrap();
    let mut results = HashMap::new();
    for _ in 0..CALLS {
        match client.kits().run(hello()).await {
            Ok(run) => results.insert(run.response_metadata.idempotency_key, true),
            Err(error) => {
                check(&error, (ErrorKind::Connection, 1, true, false), &["was lost before a response arrived"]);
                results.insert(error.idempotency_key().unwrap().to_owned(), false)
            }
        };
    }
    drop(client);
    assert_eq!(results.len(), CALLS);
    assert!(results.values().any(|succeeded| *succeeded));
    let mut seen = HashMap::new();
    while let Ok(key) = runs.try_recv() {
        *seen.entry(key).or_insert(0) += 1;
    }
    for (key, count) in &seen {
        assert_eq!(*count, 1, "{key}: the call ran twice, success: {:?}", results.get(key));
    }
    assert!(results.iter().all(|(key, succeeded)| !succeeded || seen.contains_key(key)));
}

#[tokio::test]
async fn close_after_the_request_is_not_retried() {
    let server = RawServer::start(|mut stream, number| async move {
        if number == 0 {
            read_key(&mut stream).await?;
            let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{RUN}", RUN.len());
            stream.write_all(response.as_bytes()).await?;
            stream.read_u8().await?;
        }
        Ok(())
    })
    .await;
    let client = Client::new(options(server.url("http"))).unwrap();
    client.kits().run(hello()).await.unwrap();
    let error = within_timeout("the error", client.kits().run(hello())).await.unwrap_err();
    check(&error, (ErrorKind::Connection, 1, true, false), &["was lost before a response arrived"]);
    assert_eq!(server.accepted(), 1);
}

/// Reads a whole request and returns its idempotency key.
async fn read_key(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> std::io::Result<String> {
    let head = read_head(stream).await?;
    read_body(stream, &head).await?;
    Ok(header(&head, "idempotency-key").unwrap_or_default().to_owned())
}
