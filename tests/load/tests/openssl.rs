//! A server that speaks only a TLS that is too old, and one that speaks nothing at all.

use std::time::Duration;

use builderaikits::{Client, Config, ErrorKind};
use builderaikits_load::programs::{Home, Program, find};
use builderaikits_load::tls::Certificate;
use builderaikits_load::{call, config, print};

#[tokio::test]
async fn tls_1_1_is_refused_once() {
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
    let client = Client::new(Config { ca_file: Some(certificate.file), ..config(&base_url).unwrap() }).unwrap();
    let error = call(&client).await.unwrap_err();
    print(&format!("TLS 1.1: {error:?}"));
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Tls, 1));
    assert!(!error.may_have_run() && !error.is_retryable());
}

/// It takes connections and never says a word: no TLS, so that nothing was sent.
#[tokio::test]
async fn a_listener_that_never_speaks() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("https://{}/v1", listener.local_addr().unwrap());
    let connect_timeout = Some(Duration::from_millis(300));
    let client = Client::new(Config { connect_timeout, ..config(&base_url).unwrap() }).unwrap();
    let error = call(&client).await.unwrap_err();
    print(&format!("silent listener: {error:?}"));
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 3));
    assert!(!error.may_have_run() && error.is_retryable());
}
