//! The hook over the HTTP client, and the causes of its errors.

use std::error::Error as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use builderaikits::{Client, ClientOptions, ErrorKind, HttpClientHook};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::common::certificates::Authority;
use crate::common::service::{RUN, Service};
use crate::common::wire::{RawServer, read_body, read_head};
use crate::common::{check, options, run, spawn, within_timeout};

#[tokio::test]
async fn refused_connection_has_an_io_error_as_its_source() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = run(ClientOptions { max_retries: 0, ..options(format!("http://{closed}/v1")) }).await.unwrap_err();
    let target = format!("Could not connect to {closed}: ");
    check(&error, (ErrorKind::Connection, 1, false, true), &[&target, "Connection refused", "Check `base_url`"]);
    let source = error.source().and_then(|source| source.downcast_ref::<std::io::Error>()).unwrap();
    assert_eq!(source.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn hook_is_called_once_and_adjusts_the_client() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let peers = Arc::clone(&seen);
    let server = RawServer::start(move |mut stream, _| {
        peers.lock().unwrap().push(stream.peer_addr().unwrap().ip());
        async move {
            let head = read_head(&mut stream).await?;
            read_body(&mut stream, &head).await?;
            let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{RUN}", RUN.len());
            stream.write_all(response.as_bytes()).await
        }
    })
    .await;
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    // On Linux every address of 127.0.0.0/8 is local.
    let local = if cfg!(target_os = "linux") { Ipv4Addr::new(127, 0, 0, 9) } else { Ipv4Addr::LOCALHOST };
    let hook = HttpClientHook::new(move |builder| {
        count.fetch_add(1, Ordering::SeqCst);
        builder.local_address(IpAddr::V4(local))
    });
    let client = Client::new(ClientOptions { http_client: Some(hook), ..options(server.url("http")) }).unwrap();
    for _ in 0..2 {
        client.kits().run(crate::common::hello()).await.unwrap();
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert!(seen.lock().unwrap().iter().all(|peer| *peer == local));
}

#[tokio::test]
async fn hook_cannot_turn_on_redirects() {
    let mut service = Service::start().await;
    let hook = HttpClientHook::new(|builder| builder.redirect(reqwest::redirect::Policy::limited(5)));
    let client = Client::new(ClientOptions { http_client: Some(hook), ..options(service.url()) }).unwrap();
    let call = spawn(&client);
    let location = format!("location: {}/elsewhere", service.url());
    service.next().await.respond("307 Temporary Redirect", &[&location], "");
    let error = within_timeout("the error", call).await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::BadResponse, Some(307)));
    assert!(service.is_idle());
}

#[tokio::test]
async fn hook_can_bring_a_client_certificate() {
    let authority = Authority::new();
    let acceptor = authority.issue("127.0.0.1", |_| {}).mutual_acceptor(&authority);
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    let server = RawServer::start(move |stream, _| {
        let (acceptor, count) = (acceptor.clone(), Arc::clone(&count));
        async move {
            let mut stream = acceptor.accept(stream).await?;
            let head = read_head(&mut stream).await?;
            count.fetch_add(1, Ordering::SeqCst);
            read_body(&mut stream, &head).await?;
            let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{RUN}", RUN.len());
            stream.write_all(response.as_bytes()).await?;
            stream.read_u8().await.map(drop)
        }
    })
    .await;
    let without = ClientOptions { ca_file: Some(authority.file()), max_retries: 0, ..options(server.url("https")) };
    run(without.clone()).await.unwrap_err();
    assert_eq!(requests.load(Ordering::SeqCst), 0);
    let tls = authority.issue("client", |_| {}).client_config(&authority);
    let hook = HttpClientHook::new(move |builder| builder.tls_backend_preconfigured(tls.clone()));
    run(ClientOptions { http_client: Some(hook), ..without }).await.unwrap();
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}
