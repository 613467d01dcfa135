//! Conformance driver for the Rust SDK: reads one case per line from standard input, writes one reply per line to standard
//! output.
#![expect(clippy::indexing_slicing, reason = "a JSON value returns null for an absent key")]

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::time::Duration;

use builderaikits::{
    ApiKey, Client, ClientOptions, Cost, Error, ErrorKind, HeaderMap, Kit, Redacted, RequestOptions, Result, Run,
    RunRequest, Timeout,
};
use serde_json::{Value, json};
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
    let mut shared: HashMap<String, Result<Client>> = HashMap::new();
    let mut calls = JoinSet::new();
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let case: Value = serde_json::from_str(&line)?;
        let client = match case["client_id"].as_str() {
            None => client(&case["client"]),
            Some(id) => match shared.get(id) {
                Some(client) => Ok(client.clone()),
                None => client(&case["client"]).inspect(|client| drop(shared.insert(id.to_owned(), client.clone()))),
            },
        };
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

/// Copies options by name. The error is the name of an option whose value Rust's type cannot hold.
macro_rules! copy {
    ($from:expr => $to:expr, $($name:ident)*) => {
        $(if let Some(value) = $from.get(stringify!($name)) {
            $to.$name = serde_json::from_value(value.clone()).map_err(|_| stringify!($name))?;
        })*
    };
}

fn client(given: &Value) -> Result<Result<Client>, &'static str> {
    let mut options = ClientOptions::default();
    copy!(given => options, base_url max_retries retry_ambiguous retry_budget max_concurrency max_response_bytes proxy
        ca_file allow_http app_name);
    options.timeout = timeout(given, "timeout_ms")?.map_or(options.timeout, Into::into);
    options.attempt_timeout = timeout(given, "attempt_timeout_ms")?.map_or(options.attempt_timeout, Into::into);
    options.connect_timeout = timeout(given, "connect_timeout_ms")?.map_or(options.connect_timeout, Into::into);
    options.headers = headers(given);
    let create = || {
        options.api_key = given["api_key"].as_str().map(ApiKey::new).transpose()?;
        if let Some(limit) = given["rate_limit"].as_str() {
            options.rate_limit = limit.parse()?;
        }
        options.prices = prices(given)?;
        Client::new(options)
    };
    Ok(create())
}

async fn call(client: Result<Client>, mut call: Value) -> Value {
    let given = call.as_object_mut().and_then(|call| call.remove("options")).unwrap_or_default();
    let options = match request_options(&given) {
        Ok(options) => options,
        Err(unsupported) => return json!({ "unsupported": unsupported }),
    };
    let call = async { client?.kits().run_with(request(call)?, options).await };
    let result = match given["cancel_after_ms"].as_u64().map(Duration::from_millis) {
        None => call.await,
        // Dropping the future cancels the call.
        Some(limit) => {
            let cancelled = |_| Err(Error::new(ErrorKind::Cancelled, "cancelled by the driver"));
            tokio::time::timeout(limit, call).await.unwrap_or_else(cancelled)
        }
    };
    result.map_or_else(|error| error_reply(&error), |run| run_reply(&run))
}

fn request_options(given: &Value) -> Result<RequestOptions, &'static str> {
    let timeout = timeout(given, "timeout_ms")?;
    let mut options = RequestOptions { timeout, headers: headers(given), ..RequestOptions::default() };
    copy!(given => options, max_retries retry_ambiguous idempotency_key);
    Ok(options)
}

fn request(mut call: Value) -> Result<RunRequest> {
    // JSON has no such numbers, so the runner writes them as strings.
    let temperature = match call["config"]["temperature"].as_str() {
        Some("NaN") => f64::NAN,
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        _ => return RunRequest::from_json(&call.to_string()),
    };
    call["config"]["temperature"] = Value::Null;
    Ok(RunRequest::from_json(&call.to_string())?.temperature(temperature))
}

fn timeout(given: &Value, name: &'static str) -> Result<Option<Timeout>, &'static str> {
    match given.get(name) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(Timeout::Never)),
        Some(ms) => {
            let ms = ms.as_f64().and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok());
            Ok(Some(Timeout::After(ms.ok_or(name)?)))
        }
    }
}

fn headers(given: &Value) -> Vec<(String, Redacted<String>)> {
    let pairs = given["headers"].as_object().into_iter().flatten();
    pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().into())).collect()
}

fn prices(given: &Value) -> Result<Vec<(Kit, Cost)>> {
    let prices = given["prices"].as_object().into_iter().flatten();
    let price = |(kit, price): (&String, &Value)| {
        // A number is written without an exponent.
        let text = price.as_f64().map(|number| number.to_string());
        let text = text.as_deref().or(price.as_str()).unwrap_or_default();
        // Rust users give a `Cost`; texts are read as for the other languages.
        Ok((kit.as_str().into(), builderaikits::bindings::price(kit, text)?))
    };
    prices.map(price).collect()
}

fn run_reply(run: &Run) -> Value {
    let metadata = &run.response_metadata;
    json!({ "ok": run, "response_metadata": {
        "attempts": metadata.attempts,
        "request_id": metadata.request_id,
        "idempotency_key": metadata.idempotency_key,
        "elapsed_ms": metadata.elapsed.as_millis(),
        "headers": header_map(&metadata.headers),
        "cost_nano_usd": run.cost.map(Cost::nano_usd),
    }})
}

fn error_reply(error: &Error) -> Value {
    json!({ "error": {
        "kind": error.kind(),
        "class": format!("{:?}", error.kind()),
        "status": error.status(),
        "code": error.code(),
        "message": error.message(),
        "body": error.body().map(|body| String::from_utf8_lossy(body)),
        "headers": error.headers().map(header_map),
        "request_id": error.request_id(),
        "attempts": error.attempts(),
        "retry_after_ms": error.retry_after().map(|delay| delay.saturating_add(Duration::from_micros(500)).as_millis()),
        "may_have_run": error.may_have_run(),
        "is_retryable": error.is_retryable(),
        "retry_stopped_by": error.retry_stopped_by(),
        "idempotency_key": error.idempotency_key(),
    }})
}

fn header_map(headers: &HeaderMap) -> Value {
    let value = |name| {
        let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        values.collect::<Vec<_>>().join(", ")
    };
    json!(headers.keys().map(|name| (name.as_str(), value(name))).collect::<BTreeMap<_, _>>())
}
