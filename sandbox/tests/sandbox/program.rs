//! The program as its users start it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Output, Stdio};

use crate::wire::{Connection, HELLO, ask, request, run};

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_builderaikits-sandbox"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Starts it; its first line gives the URL.
fn start(arguments: &[&str]) -> (Running, String) {
    let mut child = program(arguments).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let url = line.strip_prefix("listening on ").and_then(|line| line.strip_suffix('\n')).unwrap().to_owned();
    assert!(url.starts_with("http://127.0.0.1:") && url.ends_with("/v1"), "{url}");
    (Running(child), url)
}

/// Killed when a test fails before it stops it.
struct Running(Child);

impl Running {
    /// Sends a signal and waits: exit code and stderr.
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
        // Fails if it has ended, as it should have.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn finish(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = program(arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn first_line_and_signals() {
    for signal in ["-TERM", "-INT"] {
        let (program, url) = start(&["--port", "0"]);
        assert_eq!(run(&url, "bak_k", HELLO).status, 200);
        let mut idle = Connection::to(&url);
        idle.send(&request("GET", "/sandbox/stats", "", b""));
        assert_eq!(idle.receive().unwrap().status, 200);
        // An idle connection does not hold it up, and without --log it says nothing.
        assert_eq!(program.stop(signal), (Some(0), String::new()));
        assert!(idle.receive().is_none());
    }
}

#[test]
fn a_call_in_flight_is_answered_before_it_ends() {
    let (program, url) = start(&["--port", "0", "--latency-ms", "200"]);
    let mut busy = Connection::to(&url);
    busy.send(&request("POST", "/v1/kits/run", "Authorization: Bearer bak_k\r\n", HELLO.as_bytes()));
    while ask(&url, "GET", "/sandbox/stats", "", "").json()["billed_runs"] == 0 {}
    assert_eq!(program.stop("-TERM").0, Some(0));
    assert_eq!(busy.receive().unwrap().status, 200);
}

#[test]
fn log_shows_neither_key_nor_prompt() {
    let (program, url) = start(&["--port", "0", "--log"]);
    run(&url, "bak_secret", HELLO);
    run(&url, "sk-secret", HELLO);
    run(&url, "bak_secret", r#"{"kit":"Hello","input":"Hello"}"#);
    ask(&url, "POST", "/v1/bak_secret?bak_secret", "", HELLO);
    ask(&url, "GET", "/sandbox/stats", "", "");
    let (_, log) = program.stop("-TERM");
    let lines: Vec<&str> = log.lines().collect();
    let starts = [
        ("POST /v1/kits/run 200 ", " text-gen "),
        ("POST /v1/kits/run 401 ", " invalid_api_key "),
        ("POST /v1/kits/run 400 ", " unknown_kit "),
        ("POST … 404 ", " not_found "),
        ("GET /sandbox/stats 200 ", " - "),
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

#[test]
fn a_busy_port_is_one_line_and_exit_code_1() {
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
fn wrong_flags_are_exit_code_2() {
    for arguments in [
        ["--port", "65536"],
        ["--plan", "gold"],
        ["--fail-rate", "1.1"],
        ["--fail-rate", "NaN"],
        ["--latency-ms", "soon"],
        ["--idempotency", "maybe"],
    ] {
        let (code, _, stderr) = finish(&arguments);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains(arguments[0]), "{stderr}");
    }
}

#[test]
fn help_names_every_flag_with_its_default() {
    let (code, help, _) = finish(&["--help"]);
    assert_eq!(code, Some(0));
    for part in [
        "--port",
        "[default: 8787]",
        "--host",
        "[default: 127.0.0.1]",
        "--plan",
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
