//! The program, as a user starts it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::wire::{Connection, HELLO, request, run, send};

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_builderaikits-sandbox"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Starts the program and reads the URL from its first line.
fn start(arguments: &[&str]) -> (Running, String) {
    let mut child = program(arguments).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let url = line.strip_prefix("listening on ").and_then(|line| line.strip_suffix('\n')).unwrap().to_owned();
    assert!(url.starts_with("http://127.0.0.1:") && url.ends_with("/v1"), "{url}");
    (Running(child), url)
}

/// Kills the program if a test fails before it stops it.
struct Running(Child);

impl Running {
    /// Sends a signal and waits. Returns exit code and standard error.
    fn stop(mut self, signal: &str) -> (Option<i32>, String) {
        let sent = Command::new("kill").args([signal, &self.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let mut stderr = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (self.0.wait().unwrap().code(), stderr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails if it has exited, as it should have.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn finish(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = program(arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn signals_stop_the_program() {
    for signal in ["-TERM", "-INT"] {
        let (program, url) = start(&["--port", "0"]);
        assert_eq!(run(&url, "bak_k", HELLO).status, 200);
        let mut idle = Connection::to(&url);
        idle.send(&request("GET", "/sandbox/stats", "", b""));
        assert_eq!(idle.receive().unwrap().status, 200);
        // An idle connection does not delay the exit, and without --log nothing is printed.
        assert_eq!(program.stop(signal), (Some(0), String::new()));
        assert!(idle.receive().is_none());
    }
}

#[test]
fn call_in_flight_completes_before_the_exit() {
    let (program, url) = start(&["--port", "0", "--latency-ms", "200"]);
    let mut busy = Connection::to(&url);
    busy.send(&request("POST", "/v1/kits/run", "Authorization: Bearer bak_k\r\n", HELLO.as_bytes()));
    while send(&url, "GET", "/sandbox/stats", "", "").json()["billed_runs"] == 0 {}
    assert_eq!(program.stop("-TERM").0, Some(0));
    assert_eq!(busy.receive().unwrap().status, 200);
}

#[test]
fn log_shows_neither_key_nor_prompt() {
    let (program, url) = start(&["--port", "0", "--log"]);
    run(&url, "bak_secret", HELLO);
    run(&url, "sk-secret", HELLO);
    run(&url, "bak_secret", r#"{"kit":"Hello","input":"Hello"}"#);
    send(&url, "POST", "/v1/bak_secret?bak_secret", "", HELLO);
    send(&url, "GET", "/sandbox/stats", "", "");
    // Characters that a terminal interprets.
    send(&url, "GET", "/a\u{202e}b\u{9b}31m", "", "");
    let (_, log) = program.stop("-TERM");
    let lines: Vec<&str> = log.lines().collect();
    let starts = [
        ("POST /v1/kits/run 200 ", " text-gen "),
        ("POST /v1/kits/run 401 ", " invalid_api_key "),
        ("POST /v1/kits/run 400 ", " unknown_kit "),
        ("POST … 404 ", " not_found "),
        ("GET /sandbox/stats 200 ", " - "),
        ("GET /a\\u{202e}b\\u{9b}31m 404 ", " not_found "),
    ];
    assert_eq!(lines.len(), starts.len(), "{log}");
    for (line, (start, part)) in lines.iter().zip(starts) {
        assert!(line.starts_with(start) && line.contains(part) && line.contains(" req_"), "{line}");
    }
    assert!(!log.contains("secret") && !log.contains("Hello"), "{log}");
}

#[test]
fn flags_reach_the_server() {
    let (_program, url) = start(&["--port", "0", "--fail-rate", "1", "--seed", "3", "--plan", "maker"]);
    let statuses: Vec<u16> = (0..31).map(|_| run(&url, "bak_k", HELLO).status).collect();
    assert_eq!((statuses[0], statuses[29], statuses[30]), (500, 500, 429));
    let (_program, url) = start(&["--port", "0", "--idempotency", "off"]);
    assert_eq!(crate::wire::run_once(&url, "bak_k", "once", HELLO).header("idempotent-replayed"), None);
    assert_eq!(crate::wire::run_once(&url, "bak_k", "once", HELLO).header("idempotent-replayed"), None);
}

/// A fixed window and a bucket admit more at the end of their first second. The times are measured around each call, so the
/// check holds however slow the machine is.
#[test]
fn sliding_window_of_a_second_is_kept() {
    let (_program, url) = start(&["--port", "0", "--plan", "maker", "--window", "sliding", "--window-seconds", "1"]);
    let body = format!(r#"{{"kit":"classifier","input":{{"prompt":"{}"}}}}"#, "x".repeat(19_800));
    let mut admitted = Vec::new();
    let mut rejected = 0;
    while admitted.len() < 6 {
        let sent = Instant::now();
        let response = run(&url, "bak_k", &body);
        match response.status {
            200 => admitted.push((sent, Instant::now())),
            429 => {
                rejected += 1;
                assert_eq!(response.header("retry-after"), Some("1"));
                let message = "over the 15000 tokens per 1 s of plan maker; retry after 1 s";
                assert_eq!(response.error(), ("rate_limited".to_owned(), message.to_owned()));
            }
            status => panic!("{status}"),
        }
        // Only so that another window would fail, and to send fewer calls.
        thread::sleep(Duration::from_millis(if admitted.len() == 1 { 700 } else { 10 }));
    }
    // Three of these calls fit into the quota of tokens.
    for calls in admitted.windows(4) {
        assert!(calls[3].1 - calls[0].0 >= Duration::from_secs(1), "{admitted:?}");
    }
    let stats = send(&url, "GET", "/sandbox/stats", "", "").json();
    assert_eq!((&stats["billed_runs"], &stats["rate_limited"]), (&6.into(), &rejected.into()));
}

#[test]
fn tokens_count_when_the_response_is_sent() {
    let flags =
        ["--port", "0", "--plan", "maker", "--window-seconds", "3600", "--tokens-at", "completion", "--latency-ms"];
    let body = format!(r#"{{"kit":"classifier","input":{{"prompt":"{}"}}}}"#, "x".repeat(60_000));
    let message = request("POST", "/v1/kits/run", "Authorization: Bearer bak_k\r\n", body.as_bytes());

    // While calls run, their tokens do not limit others.
    let (_program, url) = start(&[&flags[..], &["3600000"]].concat());
    let mut running: Vec<_> = (0..3).map(|_| Connection::to(&url)).collect();
    running.iter_mut().for_each(|connection| connection.send(&message));
    let stats = || send(&url, "GET", "/sandbox/stats", "", "").json();
    while stats()["billed_runs"] != 3 {
        assert_eq!(stats()["rate_limited"], 0);
    }

    // After its response, the tokens of a call limit the next one.
    let (_program, url) = start(&[&flags[..], &["50"]].concat());
    assert_eq!(run(&url, "bak_k", &body).status, 200);
    let rejected = run(&url, "bak_k", HELLO);
    assert_eq!(rejected.status, 429);
    assert!(rejected.error().1.starts_with("over the 15000 tokens per 3600 s of plan maker; retry after "));
}

#[test]
fn busy_port_exits_with_1_and_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, stdout, stderr) = finish(&["--port", &port]);
    assert_eq!((code, stdout.as_str(), stderr.lines().count()), (Some(1), "", 1), "{stderr}");
    assert!(
        stderr.starts_with(&format!("builderaikits-sandbox: cannot listen on 127.0.0.1 port {port}: ")),
        "{stderr}"
    );
}

#[test]
fn wrong_flags_exit_with_2() {
    for arguments in [
        ["--port", "65536"],
        ["--plan", "gold"],
        ["--fail-rate", "1.1"],
        ["--fail-rate", "NaN"],
        ["--latency-ms", "soon"],
        ["--idempotency", "maybe"],
        ["--window", "rolling"],
        ["--window-seconds", "0"],
        ["--window-seconds", "3601"],
        ["--window-seconds", "0.5"],
        ["--tokens-at", "start"],
    ] {
        let (code, _, stderr) = finish(&arguments);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains(arguments[0]), "{stderr}");
    }
}

#[test]
fn help_lists_every_flag_with_its_default() {
    let (code, help, _) = finish(&["--help"]);
    assert_eq!(code, Some(0));
    for part in [
        "--port",
        "[default: 8787]",
        "--host",
        "[default: 127.0.0.1]",
        "--plan",
        "--window <WINDOW>",
        "[default: fixed]",
        "--window-seconds",
        "[default: 60]",
        "--tokens-at",
        "[default: admission]",
        "--latency-ms",
        "--fail-rate",
        "--seed",
        "--idempotency",
        "[default: on]",
        "--log",
        "--version",
    ] {
        assert!(help.contains(part), "{part}\n{help}");
    }
}
