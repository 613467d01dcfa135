//! A server that floods its clients over plain http delays no call to another server. It is alone in its process, because
//! only the first four servers have a runtime each.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use builderaikits::{ApiKey, ClientOptions, ErrorKind, RequestOptions, RunRequest};
use builderaikits_bridge::{Call, CallResult, Client};
use builderaikits_sandbox::{Options, Sandbox};

/// More than a runtime has threads.
const FLOODED_CALLS: usize = 4;

fn client(url: String, timeout: Duration) -> Client {
    let options = ClientOptions {
        api_key: ApiKey::new("bak_canary").ok(),
        base_url: url.into(),
        timeout: Some(timeout),
        max_retries: 0,
        ..ClientOptions::default()
    };
    Client::new(options, "test").unwrap()
}

fn run(client: &Client) -> CallResult {
    let call = Call::new(RunRequest::new("text-gen", "Hello"));
    client.run_blocking(call, RequestOptions::default(), Duration::from_millis(20), || true).unwrap()
}

#[test]
fn other_servers_are_not_delayed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            std::thread::spawn(move || {
                let mut connection = connection.unwrap();
                assert_ne!(connection.read(&mut [0; 4096]).unwrap(), 0);
                let flood = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(8192);
                while connection.write_all(&flood).is_ok() {}
            });
        }
    });
    let sandbox = Sandbox::start(Options::default()).unwrap();
    let other = client(sandbox.url(), Duration::from_secs(30));
    let flooded = client(url, Duration::from_millis(500));
    run(&other).unwrap();
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..FLOODED_CALLS).map(|_| scope.spawn(|| run(&flooded))).collect();
        let mut slowest = Duration::ZERO;
        while calls.iter().any(|call| !call.is_finished()) {
            let started = Instant::now();
            run(&other).unwrap();
            slowest = slowest.max(started.elapsed());
        }
        // Some milliseconds where nothing else runs. On the same runtime it is 3 s, and 0.4 s with optimization.
        assert!(slowest < Duration::from_secs(2), "{slowest:?}");
        for call in calls {
            assert_eq!(call.join().unwrap().unwrap_err().kind(), ErrorKind::Timeout);
        }
    });
}
