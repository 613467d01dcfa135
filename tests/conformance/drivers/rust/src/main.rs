//! Conformance driver of the Rust SDK: a case a line on standard input, what came of it a line on standard output.
#![expect(clippy::indexing_slicing, reason = "a JSON value gives null for what is not there")]

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use builderaikits::{
    ApiKey, CallOptions, Client, Config, Error, ErrorKind, ErrorParts, HeaderMap, Result, Run, RunRequest,
};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, stdin, stdout};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> io::Result<()> {
    let (replies, mut to_print) = mpsc::unbounded_channel::<Value>();
    let printer = tokio::spawn(async move {
        while let Some(reply) = to_print.recv().await {
            stdout().write_all(format!("{reply}\n").as_bytes()).await?;
        }
        stdout().flush().await
    });
    let mut clients: HashMap<String, Result<Client>> = HashMap::new();
    let mut calls = JoinSet::new();
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let case: Value = serde_json::from_str(&line)?;
        let make = || config(&case["client"]).map(|config| config.and_then(Client::new));
        let shared = case["client_id"].as_str();
        let client = match shared.and_then(|id| clients.get(id)) {
            Some(client) => Ok(client.clone()),
            None => make(),
        };
        if let (Some(id), Ok(client)) = (shared, &client) {
            clients.insert(id.to_owned(), client.clone());
        }
        let replies = replies.clone();
        calls.spawn(async move {
            let mut reply = match client {
                Ok(client) => call(client, case["call"].clone()).await,
                Err(unsupported) => json!({ "unsupported": unsupported }),
            };
            reply["id"] = case["id"].clone();
            replies.send(reply)
        });
    }
    while calls.join_next().await.is_some() {}
    drop(replies);
    printer.await?
}

async fn call(client: Result<Client>, mut call: Value) -> Value {
    let options = call.as_object_mut().and_then(|call| call.remove("options")).unwrap_or_default();
    let cancel_after = options["cancel_after_ms"].as_u64().map(Duration::from_millis);
    let options = match call_options(&options) {
        Ok(options) => options,
        Err(unsupported) => return json!({ "unsupported": unsupported }),
    };
    let made = async { client?.kits().run_with(request(call)?, options).await };
    let ended = match cancel_after {
        None => made.await,
        Some(after) => match tokio::time::timeout(after, made).await {
            Ok(ended) => ended,
            Err(_) => Err(Error::from(ErrorParts { kind: ErrorKind::Cancelled, ..ErrorParts::default() })),
        },
    };
    ended.map_or_else(error, run)
}

fn request(mut call: Value) -> Result<RunRequest> {
    // JSON has no such numbers; the runner writes them as strings.
    let odd = match call["config"]["temperature"].as_str() {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        _ => None,
    };
    match odd {
        None => RunRequest::from_json(call),
        Some(temperature) => {
            call["config"]["temperature"] = Value::Null;
            Ok(RunRequest::from_json(call)?.temperature(temperature))
        }
    }
}

/// Fills options from those of the same name; the error is the one whose value Rust's type cannot hold.
macro_rules! fill {
    ($options:ident => $into:expr, $($name:ident)*) => {
        $(if let Some(value) = $options.get(stringify!($name)) {
            $into.$name = serde_json::from_value(value.clone()).map_err(|_| stringify!($name))?;
        })*
    };
}

fn config(options: &Value) -> Result<Result<Config>, &'static str> {
    let mut config = Config::default();
    fill!(options => config, base_url max_retries retry_ambiguous max_concurrency max_response_bytes proxy ca_file
        allow_http app_name);
    config.timeout = time(options, "timeout_ms")?.unwrap_or(config.timeout);
    config.attempt_timeout = time(options, "attempt_timeout_ms")?.unwrap_or(config.attempt_timeout);
    config.connect_timeout = time(options, "connect_timeout_ms")?.unwrap_or(config.connect_timeout);
    config.headers = headers(options);
    let api_key = options["api_key"].as_str().map(ApiKey::new).transpose();
    Ok(api_key.map(|api_key| Config { api_key, ..config }))
}

fn call_options(options: &Value) -> Result<CallOptions, &'static str> {
    let timeout = time(options, "timeout_ms")?;
    let mut call = CallOptions { timeout, headers: headers(options), ..CallOptions::default() };
    fill!(options => call, max_retries retry_ambiguous idempotency_key);
    Ok(call)
}

fn time(options: &Value, name: &'static str) -> Result<Option<Option<Duration>>, &'static str> {
    match options.get(name) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(ms) => {
            let ms = ms.as_f64().and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok());
            Ok(Some(Some(ms.ok_or(name)?)))
        }
    }
}

fn headers(options: &Value) -> Vec<(String, String)> {
    let pairs = options["headers"].as_object().into_iter().flatten();
    pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

fn run(run: Run) -> Value {
    let metadata = &run.response_metadata;
    json!({ "ok": run, "response_metadata": {
        "attempts": metadata.attempts,
        "request_id": metadata.request_id,
        "idempotency_key": metadata.idempotency_key,
        "elapsed_ms": metadata.elapsed.as_millis(),
        "headers": header_map(&metadata.headers),
    }})
}

fn error(error: Error) -> Value {
    json!({ "error": {
        "kind": error.kind().as_str(),
        "class": format!("{:?}", error.kind()),
        "status": error.status(),
        "code": error.code(),
        "message": error.message(),
        "body": error.body().map(|body| String::from_utf8_lossy(body)),
        "headers": error.headers().map(header_map),
        "request_id": error.request_id(),
        "attempts": error.attempts(),
        "retry_after_ms": error.retry_after().map(|wait| wait.saturating_add(Duration::from_micros(500)).as_millis()),
        "may_have_run": error.may_have_run(),
        "is_retryable": error.is_retryable(),
        "idempotency_key": error.idempotency_key(),
    }})
}

fn header_map(headers: &HeaderMap) -> Map<String, Value> {
    let text = |name| headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    headers.keys().map(|name| (name.to_string(), text(name).collect::<Vec<_>>().join(", ").into())).collect()
}
