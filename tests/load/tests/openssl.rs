//! A server that speaks only an old TLS version, and one that never speaks.

use std::time::Duration;

use builderaikits::{Client, ClientOptions, ErrorKind};
use builderaikits_load::programs::{Home, Program, find};
use builderaikits_load::tls::Certificate;
use builderaikits_load::{call, options, print};

#[tokio::test]
async fn tls_1_1_is_rejected_once() {
    let Some(openssl) = find("openssl", "openssl").unwrap() else { return };
    let home = Home::new().unwrap();
    let certificate = Certificate::new(home.path()).unwrap();
    let server = Program::start(&openssl, &home, |address| {
        let options = "-cert certificate.pem -key key.pem -tls1_1 -cipher DEFAULT@SECLEVEL=0 -quiet";
        let arguments = format!("s_server -accept {address} {options}");
        Ok(arguments.split(' ').map(str::to_owned).collect())
    })
    .unwrap();
    let base_url = format!("https://{}/v1", server.address);
    let client = Client::new(ClientOptions { ca_file: Some(certificate.file), ..options(&base_url).unwrap() }).unwrap();
    let error = call(&client).await.unwrap_err();
    print(&format!("TLS 1.1: {error:?}"));
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Tls, 1));
    assert!(!error.may_have_run() && !error.is_retryable());
}

/// The server accepts connections and never speaks TLS, so nothing was sent.
#[tokio::test]
async fn silent_listener_times_out() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("https://{}/v1", listener.local_addr().unwrap());
    let connect_timeout = Some(Duration::from_millis(300));
    let client = Client::new(ClientOptions { connect_timeout, ..options(&base_url).unwrap() }).unwrap();
    let error = call(&client).await.unwrap_err();
    print(&format!("silent listener: {error:?}"));
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 3));
    assert!(!error.may_have_run() && error.is_retryable());
}
