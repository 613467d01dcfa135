//! The sandbox over a real socket.

use std::net::TcpListener;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::wire::{Connection, HELLO, request, run, run_once, send};
use builderaikits_sandbox::{Options, Plan, Sandbox, Window};

fn sandbox(options: Options) -> (Sandbox, String) {
    let sandbox = Sandbox::start(options).unwrap();
    let url = sandbox.url();
    (sandbox, url)
}

fn plain() -> (Sandbox, String) {
    sandbox(Options::default())
}

/// The bytes that curl 7.88.1 sends for the sample of the spec, with only the host changed.
const SAMPLE: &str = "POST /v1/kits/run HTTP/1.1\r\nHost: 127.0.0.1:8787\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\
    Content-Type: application/json\r\nAuthorization: Bearer bak_your_key\r\nContent-Length: 69\r\n\r\n\
    {\n    \"kit\": \"text-gen\",\n    \"input\": {\"prompt\": \"Hello, world!\"}\n  }";

#[test]
fn curl_sample_of_the_spec_works() {
    let (_sandbox, url) = plain();
    let mut connection = Connection::to(&url);
    connection.send(SAMPLE.as_bytes());
    let response = connection.receive().unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert!(response.header("x-request-id").unwrap().starts_with("req_"));

    assert!(response.body.starts_with(b"{\"id\":\"run_")); // in the order of the spec

    let run = response.json();
    let fields: Vec<&str> = run.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["id", "kit", "latency_ms", "output", "status", "usage"]);
    let id = run["id"].as_str().unwrap();
    assert!(id.starts_with("run_") && id.len() == 10, "{id}");
    assert_eq!((run["kit"].as_str(), run["status"].as_str()), (Some("text-gen"), Some("completed")));
    let text = run["output"]["text"].as_str().unwrap();
    assert!(text.starts_with("[sandbox] ") && text.contains("Hello, world!"), "{text}");
    let output_tokens = text.chars().count().div_ceil(4);
    let usage = serde_json::json!({
        "input_tokens": 4, "output_tokens": output_tokens, "total_tokens": 4 + output_tokens
    });
    assert_eq!(run["usage"], usage);
    assert_eq!(run["output"].as_object().unwrap().len(), 1);
    assert!(run["latency_ms"].is_u64());
}

#[test]
fn example_request_of_the_spec_works() {
    let (_sandbox, url) = plain();
    let body = r#"{"kit": "text-gen", "input": {"prompt": "Summarize this article in 3 bullet points.", "context": "..."},
        "config": {"max_tokens": 500, "temperature": 0.6}}"#;
    assert_eq!(run(&url, "bak_k", body).status, 200);
}

#[test]
fn same_request_has_the_same_text_and_usage() {
    let (_sandbox, url) = plain();
    for kit in ["text-gen", "code-assist", "summarizer", "classifier"] {
        let body = format!(
            r#"{{"kit":"{kit}","input":{{"prompt":"Good 😀 text. It is. Really."}},"config":{{"max_tokens":5}}}}"#
        );
        let (a, b) = (run(&url, "bak_k", &body).json(), run(&url, "bak_k", &body).json());
        assert_eq!((&a["output"], &a["usage"]), (&b["output"], &b["usage"]));
        assert_ne!(a["id"], b["id"]);
        assert_eq!(a["usage"]["output_tokens"], 5);
    }
}

#[test]
fn unknown_paths_and_methods_get_404_and_405() {
    let (_sandbox, url) = plain();
    let table = [
        ("GET", "/v1/kits/run", 405, "method_not_allowed", Some("POST")),
        ("PUT", "/v1/kits/run", 405, "method_not_allowed", Some("POST")),
        ("POST", "/sandbox/stats", 405, "method_not_allowed", Some("GET,HEAD")),
        ("POST", "/v1/kits/run/", 404, "not_found", None),
        ("POST", "/v1/v1/kits/run", 404, "not_found", None),
        ("GET", "/", 404, "not_found", None),
        ("POST", "/kits/run", 404, "not_found", None),
    ];
    for (method, path, status, code, allow) in table {
        let response = send(&url, method, path, "", HELLO);
        assert_eq!(
            (response.status, response.error().0.as_str(), response.header("allow")),
            (status, code, allow),
            "{path}"
        );
        assert!(response.header("x-request-id").is_some());
        assert!(response.body.starts_with(br#"{"error":{"message":"#)); // in the order of the README
    }
    assert_eq!(send(&url, "GET", "/sandbox/stats", "", "").status, 200);
    let key = "Authorization: Bearer bak_k\r\n";
    assert_eq!(send(&url, "POST", "/v1/kits/run?trace=1", key, HELLO).status, 200);
}

#[test]
fn only_accepted_keys_get_200() {
    let (_sandbox, url) = plain();
    let table = [
        ("Authorization: Bearer bak_k\r\n", 200),
        ("authorization: bearer bak_k\r\n", 200),
        ("Authorization: Bearer bak_maker_k\r\n", 200),
        ("", 401),
        ("Authorization: Bearer\r\n", 401),
        ("Authorization: bak_k\r\n", 401),
        ("Authorization: Basic bak_k\r\n", 401),
        ("Authorization: Bearer sk-secret\r\n", 401),
        ("Authorization: Bearer bak_revoked_k\r\n", 401),
        ("Authorization: Bearer bak_a\r\nAuthorization: Bearer bak_b\r\n", 401),
    ];
    for (headers, status) in table {
        let response = send(&url, "POST", "/v1/kits/run", headers, HELLO);
        assert_eq!(response.status, status, "{headers}");
        if status == 401 {
            let (code, message) = response.error();
            assert_eq!(code, "invalid_api_key");
            assert!(!message.contains("sk-secret") && !message.contains("revoked_k"), "{message}");
        }
    }
}

/// Malformed input gets a 400. The tables of every field are in `request.rs`.
#[test]
fn malformed_input_gets_400() {
    let (sandbox, url) = plain();
    let table = [
        ("", "invalid_json", "the body"),
        ("{\"kit\":", "invalid_json", "the body"),
        (r#"{"input":{"prompt":"p"}}"#, "invalid_request", "kit"),
        (r#"{"kit":"nope","input":{"prompt":"p"}}"#, "unknown_kit", "kit"),
        (r#"{"kit":"text-gen","input":{}}"#, "invalid_request", "input.prompt"),
        (
            r#"{"kit":"text-gen","input":{"prompt":"p"},"config":{"max_tokens":5000}}"#,
            "invalid_request",
            "config.max_tokens",
        ),
        (
            r#"{"kit":"text-gen","input":{"prompt":"p"},"config":{"temperature":3}}"#,
            "invalid_request",
            "config.temperature",
        ),
    ];
    for (body, code, field) in table {
        let response = run(&url, "bak_k", body);
        let (got, message) = response.error();
        assert_eq!((response.status, got.as_str()), (400, code), "{body}");
        assert!(message.starts_with(field), "{message}");
    }
    let response = run_once(&url, "bak_k", &"k".repeat(256), HELLO);
    assert_eq!(response.status, 400);
    assert!(response.error().1.contains("Idempotency-Key"));
    assert_eq!(sandbox.stats().total.billed_runs, 0);
}

#[test]
fn body_over_32_mib_gets_400() {
    let (_sandbox, url) = plain();
    let of_size = |size: usize| {
        let frame = r#"{"kit":"text-gen","input":{"prompt":""}}"#;
        frame.replace("\"\"", &format!("\"{}\"", "a".repeat(size - frame.len())))
    };
    assert_eq!(run(&url, "bak_k", &of_size(32 << 20)).status, 200);
    let response = run(&url, "bak_k", &of_size((32 << 20) + 1));
    assert_eq!((response.status, response.error().0.as_str()), (400, "request_too_large"));
    assert!(response.error().1.contains("33554432 bytes"));

    // Also without a declared length, and for a large body of a rejected request.
    let mut connection = Connection::to(&url);
    let head = "POST /v1/kits/run HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer bak_k\r\nTransfer-Encoding: chunked\r\n\r\n";
    connection.send(head.as_bytes());
    let chunk = [b"100000\r\n".as_slice(), &vec![b' '; 1 << 20], b"\r\n"].concat();
    for _ in 0..33 {
        connection.send(&chunk);
    }
    connection.send(b"0\r\n\r\n");
    assert_eq!(connection.receive().unwrap().status, 400);
    assert_eq!(run(&url, "sk-other", &of_size(20 << 20)).status, 401);

    // A client that waits for `100 Continue` gets the response at once, and sends no body.
    let mut connection = Connection::to(&url);
    let head = "POST /v1/kits/run HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer bak_k\r\nExpect: 100-continue\r\n\
        Content-Length: 99999999\r\n\r\n";
    connection.send(head.as_bytes());
    assert_eq!(connection.receive().unwrap().status, 400);
}

#[test]
fn one_connection_serves_many_requests() {
    let (_sandbox, url) = plain();
    let mut connection = Connection::to(&url);
    let mut ids = std::collections::HashSet::new();
    for (key, status) in [("bak_k", 200), ("sk-other", 401), ("bak_k", 200), ("bak_k", 200)] {
        connection.send(&request(
            "POST",
            "/v1/kits/run",
            &format!("Authorization: Bearer {key}\r\n"),
            HELLO.as_bytes(),
        ));
        let response = connection.receive().unwrap();
        assert_eq!(response.status, status);
        ids.insert(response.header("x-request-id").unwrap().to_owned());
    }
    assert_eq!(ids.len(), 4);
}

#[test]
fn plans_limit_requests() {
    let (_sandbox, url) = plain();
    let (_maker_for_all, maker_url) = sandbox(Options { plan: Some(Plan::Maker), ..Options::default() });
    let table = [
        (&url, "bak_maker_a", 30, true),
        (&url, "bak_maker_b", 30, true), // limits are per key
        (&url, "bak_builder_a", 120, true),
        (&url, "bak_a", 130, false),
        (&maker_url, "bak_builder_a", 30, true),
    ];
    for (url, key, admitted, then_limited) in table {
        for _ in 0..admitted {
            assert_eq!(run(url, key, HELLO).status, 200, "{key}");
        }
        if then_limited {
            let response = run(url, key, HELLO);
            assert_eq!((response.status, response.error().0.as_str()), (429, "rate_limited"), "{key}");
            let seconds: u64 = response.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&seconds), "{seconds}");
            let plan = if admitted == 30 { "maker" } else { "builder" };
            let message = format!("over the {admitted} requests per 60 s of plan {plan}; retry after {seconds} s");
            assert_eq!(response.error().1, message);
        }
    }
}

#[test]
fn plans_limit_tokens() {
    let (sandbox, url) = plain();
    let body = format!(r#"{{"kit":"classifier","input":{{"prompt":"{}"}}}}"#, "x".repeat(40_000));
    let statuses: Vec<u16> = (0..3).map(|_| run(&url, "bak_maker_k", &body).status).collect();
    assert_eq!(statuses, [200, 429, 429]);
    assert_eq!(run(&url, "bak_maker_k", HELLO).status, 200);
    let stats = sandbox.stats();
    assert_eq!((stats.total.requests, stats.total.billed_runs, stats.total.rate_limited), (4, 2, 2));
    assert_eq!(stats.keys.values().map(|key| key.rate_limited).collect::<Vec<_>>(), [2]);
}

#[test]
fn every_window_limits_requests() {
    for window in [Window::Fixed, Window::Sliding, Window::Bucket] {
        let window_length = Duration::from_secs(36_000);
        let (_sandbox, url) = sandbox(Options { window, window_length, ..Options::default() });
        let statuses: Vec<u16> = (0..31).map(|_| run(&url, "bak_maker_k", HELLO).status).collect();
        assert!(statuses[..30].iter().all(|&status| status == 200) && statuses[30] == 429, "{window:?} {statuses:?}");
    }
    let window_length = Duration::from_micros(1);
    let (_sandbox, url) = sandbox(Options { window_length, ..Options::default() });
    assert!((0..40).all(|_| run(&url, "bak_maker_k", HELLO).status == 200));
}

#[test]
fn same_idempotency_key_is_billed_once() {
    let (sandbox, url) = plain();
    let first = run_once(&url, "bak_maker_k", "once", HELLO);
    assert_eq!((first.status, first.header("idempotent-replayed")), (200, None));
    for _ in 0..40 {
        // More calls than the plan allows: replays do not count.
        let again = run_once(&url, "bak_maker_k", "once", HELLO);
        assert_eq!((again.status, &again.body), (200, &first.body));
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
    }
    let other = run_once(&url, "bak_maker_k", "once", &HELLO.replace("world", "World"));
    assert_eq!((other.status, other.error().0.as_str()), (422, "idempotency_key_reused"));
    assert_ne!(run_once(&url, "bak_maker_other", "once", HELLO).body, first.body);

    let total = sandbox.stats().total;
    assert_eq!((total.requests, total.billed_runs, total.replays), (43, 2, 40));
}

#[test]
fn idempotency_can_be_turned_off() {
    let (sandbox, url) = sandbox(Options { idempotency: false, ..Options::default() });
    let ids: Vec<_> = (0..2).map(|_| run_once(&url, "bak_k", "once", HELLO).json()["id"].clone()).collect();
    assert_ne!(ids[0], ids[1]);
    assert_eq!(sandbox.stats().total.billed_runs, 2);
}

#[test]
fn concurrent_calls_with_one_key_are_billed_once() {
    let (sandbox, url) = sandbox(Options { latency: Duration::from_millis(20), ..Options::default() });
    let start = Barrier::new(32);
    let bodies: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let call = || {
            let mut connection = Connection::to(&url);
            let headers = "Authorization: Bearer bak_k\r\nIdempotency-Key: once\r\n";
            start.wait();
            connection.send(&request("POST", "/v1/kits/run", headers, HELLO.as_bytes()));
            connection.receive().unwrap().body
        };
        let calls: Vec<_> = (0..32).map(|_| scope.spawn(call)).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    let total = sandbox.stats().total;
    assert_eq!((total.billed_runs, total.replays), (1, 31));
}

#[test]
fn disconnected_client_is_billed_and_can_replay() {
    let (sandbox, url) = sandbox(Options { latency: Duration::from_millis(300), ..Options::default() });
    let headers = "Authorization: Bearer bak_k\r\nIdempotency-Key: once\r\n";
    let mut connection = Connection::to(&url);
    connection.send(&request("POST", "/v1/kits/run", headers, HELLO.as_bytes()));
    while sandbox.stats().total.billed_runs == 0 {
        std::thread::yield_now();
    }
    drop(connection);
    let response = run_once(&url, "bak_k", "once", HELLO);
    assert_eq!((response.status, response.header("idempotent-replayed")), (200, Some("true")));
    assert!(response.json()["latency_ms"].as_u64().unwrap() >= 300);
    assert_eq!(sandbox.stats().total.billed_runs, 1);
}

#[test]
fn latency_delays_runs_and_simulated_failures() {
    let latency = Duration::from_millis(50);
    for (fail_rate, status) in [(0.0, 200), (1.0, 500)] {
        let (_sandbox, url) = sandbox(Options { latency, fail_rate, ..Options::default() });
        for _ in 0..2 {
            let start = Instant::now();
            assert_eq!(run_once(&url, "bak_k", "once", HELLO).status, status);
            assert!(start.elapsed() >= latency);
        }
    }
}

#[test]
fn latency_does_not_delay_rejected_requests() {
    // A delayed response would time out.
    let (_sandbox, url) = sandbox(Options { latency: Duration::from_secs(3_600), ..Options::default() });
    assert_eq!(run(&url, "sk-other", HELLO).status, 401);
    assert_eq!(run(&url, "bak_k", "{}").status, 400);
    assert_eq!(send(&url, "POST", "/", "", HELLO).status, 404);
    assert_eq!(send(&url, "GET", "/sandbox/stats", "", "").status, 200);
}

#[test]
fn fail_rate_fails_its_share_of_calls() {
    let statuses = |seed| {
        let (sandbox, url) = sandbox(Options { fail_rate: 0.3, seed, ..Options::default() });
        let statuses: Vec<u16> = (0..40).map(|_| run(&url, "bak_k", HELLO).status).collect();
        let billed = statuses.iter().filter(|&&status| status == 200).count();
        assert_eq!(sandbox.stats().total.billed_runs, u64::try_from(billed).unwrap());
        assert!(statuses.iter().all(|status| [200, 500].contains(status)));
        statuses
    };
    assert_eq!(statuses(7), statuses(7));
    assert_ne!(statuses(7), statuses(8));

    let (sandbox, url) = sandbox(Options { fail_rate: 1.0, ..Options::default() });
    let response = run_once(&url, "bak_maker_k", "once", HELLO);
    assert_eq!((response.status, response.error().0.as_str()), (500, "internal_error"));
    assert_eq!(run_once(&url, "bak_maker_k", "once", HELLO).status, 500); // only a 200 is stored
    assert_eq!(sandbox.stats().total.cost_nano_usd, 0);
    assert!(Sandbox::start(Options { fail_rate: f64::NAN, ..Options::default() }).is_err());
    assert!(Sandbox::start(Options { window_length: Duration::ZERO, ..Options::default() }).is_err());
}

#[test]
fn stats_count_per_key() {
    let (sandbox, url) = plain();
    let body = r#"{"kit":"code-assist","input":{"prompt":"abcd","context":"efghi"},"config":{"max_tokens":7}}"#;
    run(&url, "bak_maker_secret", body);
    run_once(&url, "bak_secret", "once", body);
    run_once(&url, "bak_secret", "once", body);
    run(&url, "bak_secret", "{}");
    run(&url, "sk-secret", body);
    let response = send(&url, "GET", "/sandbox/stats", "", "");
    let totals = |requests: u64, billed_runs: u64, replays: u64| {
        serde_json::json!({
            "requests": requests, "billed_runs": billed_runs, "replays": replays, "rate_limited": 0,
            "input_tokens": 3 * billed_runs, "output_tokens": 7 * billed_runs, "cost_nano_usd": 6_000 * billed_runs
        })
    };
    let mut want = totals(5, 2, 1);
    want["keys"] = serde_json::json!({ "bak_maker_…f7c4fde3": totals(1, 1, 0), "bak_…d2dde615": totals(3, 1, 1) });
    assert_eq!(response.json(), want);
    assert_eq!(serde_json::to_value(sandbox.stats()).unwrap(), want);
    assert!(!String::from_utf8(response.body).unwrap().contains("secret"));
}

#[test]
fn drop_stops_the_server() {
    // An address that no other test uses, where the system has more than one, so that no other test can take the port.
    let host = if cfg!(target_os = "linux") { [127, 0, 0, 77] } else { [127, 0, 0, 1] }.into();
    let (sandbox, url) = sandbox(Options { host, latency: Duration::from_secs(3_600), ..Options::default() });
    let (mut idle, mut busy) = (Connection::to(&url), Connection::to(&url));
    busy.send(&request("POST", "/v1/kits/run", "Authorization: Bearer bak_k\r\n", HELLO.as_bytes()));
    while sandbox.stats().total.billed_runs == 0 {
        std::thread::yield_now();
    }
    drop(sandbox);
    assert!(idle.receive().is_none() && busy.receive().is_none());
    let address = url.trim_start_matches("http://").trim_end_matches("/v1");
    drop(TcpListener::bind(address).unwrap());
}

#[test]
fn stop_lets_calls_in_flight_finish() {
    let (sandbox, url) = sandbox(Options { latency: Duration::from_millis(100), ..Options::default() });
    let mut busy = Connection::to(&url);
    busy.send(&request("POST", "/v1/kits/run", "Authorization: Bearer bak_k\r\n", HELLO.as_bytes()));
    while sandbox.stats().total.billed_runs == 0 {
        std::thread::yield_now();
    }
    sandbox.stop(Duration::from_secs(60));
    assert_eq!(busy.receive().unwrap().status, 200);
}

#[test]
fn busy_port_is_an_error() {
    let (sandbox, url) = plain();
    let port = url.trim_end_matches("/v1").rsplit(':').next().unwrap().parse().unwrap();
    let error = Sandbox::start(Options { port, ..Options::default() }).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    drop(sandbox);
}

#[test]
fn starts_and_stops_inside_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (sandbox, url) = plain();
        assert_eq!(run(&url, "bak_k", HELLO).status, 200);
        drop(sandbox);
        let invalid = Options { host: "203.0.113.1".parse().unwrap(), ..Options::default() };
        assert!(Sandbox::start(invalid).is_err());
    });
}

#[test]
fn hundreds_of_connections_are_served() {
    let (sandbox, url) = plain();
    let message = request("POST", "/v1/kits/run", "Authorization: Bearer bak_k\r\n", HELLO.as_bytes());
    let mut connections: Vec<_> = (0..400).map(|_| Connection::to(&url)).collect();
    for _ in 0..2 {
        connections.iter_mut().for_each(|connection| connection.send(&message));
        assert!(connections.iter_mut().all(|connection| connection.receive().unwrap().status == 200));
    }
    assert_eq!(sandbox.stats().total.billed_runs, 800);
}
