//! A driver without an SDK, for the tests of the runner and of the table.
//!
//! `fake-driver always-ok | always-error | one-request`: the first two reply without a request. The last sends one plain
//! request per call, and misbehaves if the prompt says so.

use std::io::{self, BufRead as _, Read as _, Write as _};
use std::net::TcpStream;
use std::process::exit;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

fn main() -> io::Result<()> {
    let mode = std::env::args().nth(1).unwrap_or_default();
    let mut running = Vec::new();
    for line in io::stdin().lock().lines() {
        let line: Value = serde_json::from_str(&line?)?;
        match mode.as_str() {
            "always-ok" => reply(&line, ok())?,
            "always-error" => reply(&line, error("rate_limit", "RateLimit", Some(429), "slow down"))?,
            _ => running.push(thread::spawn(move || one_request(&line))),
        }
    }
    running.into_iter().try_for_each(|call| call.join().unwrap_or_else(|_| Err(io::Error::other("a call panicked"))))
}

fn one_request(line: &Value) -> io::Result<()> {
    let prompt = line.pointer("/call/input/prompt").and_then(Value::as_str).unwrap_or_default();
    let key = line.pointer("/client/api_key").and_then(Value::as_str).unwrap_or_default();
    match prompt {
        hang if hang.starts_with("hang") => return Ok(()),
        "die" => {
            writeln!(io::stderr().lock(), "this is the end of standard error, with {key} in it")?;
            exit(3);
        }
        "garbage" => writeln!(io::stdout().lock(), "debugging {key}")?,
        "twice" => reply(line, ok())?,
        "stderr" => writeln!(io::stderr().lock(), "sending a prompt")?,
        "leak" => {
            return reply(line, error("server", "Server", Some(500), &format!("rejected {key}")));
        }
        "environment" if std::env::vars().any(|(name, _)| is_cleared(&name)) => exit(4),
        "unsupported" => return reply(line, json!({"unsupported": "max_retries"})),
        _ => {}
    }
    let cancel = line.pointer("/call/options/cancel_after_ms").and_then(Value::as_u64).map(Duration::from_millis);
    reply(line, send(line, key, cancel)?)
}

fn is_cleared(name: &str) -> bool {
    name.starts_with("BUILDERAIKITS_") || name.to_lowercase().ends_with("_proxy")
}

fn send(line: &Value, key: &str, cancel: Option<Duration>) -> io::Result<Value> {
    let base = line.pointer("/client/base_url").and_then(Value::as_str).unwrap_or_default();
    let (host, path) = base.trim_start_matches("http://").split_once('/').unwrap_or_default();
    let body = json!({"kit": line.pointer("/call/kit"), "input": line.pointer("/call/input")}).to_string();
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(cancel)?;
    write!(
        stream,
        "POST /{path}/kits/run HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\nidempotency-key: one\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut response = String::new();
    match stream.read_to_string(&mut response) {
        Ok(_) => {}
        Err(_) if cancel.is_some() => {
            return Ok(error("cancelled", "Cancelled", None, "cancelled"));
        }
        Err(_) => return Ok(error("connection", "Connection", None, "reset")),
    }
    Ok(match response.split(' ').nth(1) {
        Some("200") => ok(),
        Some("429") => error("rate_limit", "RateLimit", Some(429), "slow down"),
        _ => error("connection", "Connection", None, "no response"),
    })
}

fn ok() -> Value {
    json!({
        "ok": {"id": "run_1", "kit": "text-gen", "status": "completed", "output": {"text": "hi"},
            "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}, "latency_ms": 3},
        "response_metadata": {"attempts": 1, "request_id": null, "idempotency_key": "one", "elapsed_ms": 1, "headers": {},
            "cost_nano_usd": null}
    })
}

fn error(kind: &str, class: &str, status: Option<u16>, message: &str) -> Value {
    json!({"error": {"kind": kind, "class": class, "status": status, "code": null, "message": message, "body": null,
        "headers": null, "request_id": null, "attempts": 1, "retry_after_ms": null, "may_have_run": false,
        "is_retryable": true, "retry_stopped_by": null, "idempotency_key": "one"}})
}

fn reply(line: &Value, mut reply: Value) -> io::Result<()> {
    if let Some(fields) = reply.as_object_mut() {
        fields.insert("id".to_owned(), line.get("id").cloned().unwrap_or_default());
    }
    writeln!(io::stdout().lock(), "{reply}")
}
