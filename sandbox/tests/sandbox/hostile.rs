//! Clients that send slowly, much, or on behalf of others.

use std::time::Duration;

use crate::wire::{Connection, HELLO, request, run};
use builderaikits_sandbox::{Options, Sandbox};

const AUTHORIZATION: &str = "Authorization: Bearer bak_k\r\n";

#[test]
fn half_a_body_gets_408_in_time() {
    let sandbox = Sandbox::start(Options { body_timeout: Duration::from_millis(100), ..Options::default() }).unwrap();
    let whole = request("POST", "/v1/kits/run", AUTHORIZATION, HELLO.as_bytes());
    let mut connection = Connection::to(&sandbox.url());
    connection.send(&whole[..whole.len() - 1]);
    let response = connection.receive().unwrap();
    assert_eq!((response.status, response.error().0.as_str()), (408, "request_timeout"));
    assert!(connection.receive().is_none(), "the rest would be read as a request");
}

/// More half-sent bodies than fit into the limit of all bodies: the others wait, and are served once those are gone.
#[test]
fn bodies_have_a_total_limit() {
    let sandbox = Sandbox::start(Options { body_timeout: Duration::from_millis(500), ..Options::default() }).unwrap();
    let url = sandbox.url();
    let head = format!(
        "POST /v1/kits/run HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n{AUTHORIZATION}\r\n{{",
        32 << 20
    );
    let mut slow: Vec<Connection> = (0..20).map(|_| Connection::to(&url)).collect();
    for connection in &mut slow {
        connection.send(head.as_bytes());
    }
    for connection in &mut slow {
        assert_eq!(connection.receive().unwrap().status, 408);
    }
    assert_eq!(run(&url, "bak_k", HELLO).status, 200);
}

#[test]
fn only_local_names_and_origins_are_served() {
    let table = [
        ("127.0.0.1", "Host: localhost:8787\r\n", 200),
        ("127.0.0.1", "Host: [::1]\r\n", 200),
        ("127.0.0.1", "", 200),
        ("127.0.0.1", "Host: rebound.test\r\n", 403),
        ("127.0.0.1", "Host: localhost\r\nOrigin: http://localhost:3000\r\n", 200),
        ("127.0.0.1", "Host: localhost\r\nOrigin: https://evil.test\r\n", 403),
        ("127.0.0.1", "Host: localhost\r\nOrigin: null\r\n", 403),
        // It was opened to other machines, which call it by other names.
        ("0.0.0.0", "Host: sandbox.internal\r\n", 200),
    ];
    for (host, headers, status) in table {
        let sandbox = Sandbox::start(Options { host: host.parse().unwrap(), ..Options::default() }).unwrap();
        for (method, path, body) in [("POST", "/v1/kits/run", HELLO), ("GET", "/sandbox/stats", "")] {
            let mut connection = Connection::to(&sandbox.url());
            let head = format!("{method} {path} HTTP/1.1\r\nContent-Length: {}\r\n", body.len());
            connection.send(format!("{head}{AUTHORIZATION}{headers}\r\n{body}").as_bytes());
            let response = connection.receive().unwrap();
            assert_eq!(response.status, status, "{host} {headers} {path}");
            assert!(status == 200 || response.error().0 == "forbidden");
        }
    }
}
