use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{ptr, slice};

use builderaikits_sandbox::{Options, Sandbox};
use proptest::prelude::*;
use serde_json::Value;

use super::Code::*;
use super::*;

const WAIT_MS: u32 = 20_000;

/// `make c-header` writes both copies. The Go package has its own, because cgo needs the header inside the module.
#[test]
fn header_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let sources = ["lib", "client", "call", "log", "query"].map(|name| root.join(format!("src/{name}.rs")));
    let functions = sources.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect::<String>();
    config.after_includes = Some(names_for_musl(&functions));
    // The modules of lib.rs are part of it.
    let builder = cbindgen::Builder::new().with_config(config).with_src(root.join("src/lib.rs"));
    let mut header = Vec::new();
    builder.generate().unwrap().write(&mut header);
    for copy in ["include/builderaikits.h", "../bindings-go/internal/native/builderaikits.h"] {
        let file = root.join(copy);
        if std::env::var_os("UPDATE_HEADER").is_some() {
            std::fs::write(&file, &header).unwrap();
        }
        assert!(std::fs::read(&file).unwrap_or_default() == header, "{} is out of date: make c-header", file.display());
    }
}

/// The names that `archive.sh` gives to the functions of a library for musl.
fn names_for_musl(source: &str) -> String {
    let functions = source.split("extern \"C\" fn baik_1_").skip(1).map(|rest| rest.split('(').next().unwrap());
    let names: String = functions.map(|name| format!("#define baik_1_{name} baik_1_musl_{name}\n")).collect();
    format!(
        "\n/* In a library for musl the functions have other names, so that one archive can hold both versions and the C\n \
         * library of the program selects one. */\n#if defined(__linux__) && !defined(__GLIBC__)\n{names}#endif"
    )
}

struct Host {
    client: u64,
    queue: u64,
}

impl Host {
    fn new(url: &str) -> Self {
        let (mut queue, mut descriptor) = (0, -1);
        // SAFETY: both are local variables.
        assert_eq!(unsafe { baik_1_queue_new(&raw mut queue, &raw mut descriptor) }, BAIK_1_OK);
        assert_eq!(descriptor >= 0, cfg!(unix));
        let options = format!(r#"{{"api_key": "bak_test", "base_url": "{url}", "max_retries": 0}}"#);
        let (code, client, error) = client_new(0, options.as_bytes());
        assert_eq!((code, error), (BAIK_1_OK, None));
        Self { client, queue }
    }

    fn submit(&self, request: &str, options: &str) -> (Code, u64, Option<Seen>) {
        submit(self.client, self.queue, request.as_bytes(), options.as_bytes())
    }

    fn drain(&self, max: usize, timeout_ms: u32) -> (Vec<Seen>, bool) {
        let mut batch = Batch::EMPTY;
        // SAFETY: a local variable.
        assert_eq!(unsafe { baik_1_drain(self.queue, max, timeout_ms, &raw mut batch) }, BAIK_1_OK);
        (read_and_free(batch), batch.more != 0)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        baik_1_client_free(self.client);
        baik_1_queue_free(self.queue);
    }
}

/// What a host reads from a record.
#[derive(Debug, PartialEq)]
struct Seen {
    call: u64,
    kind: Option<String>,
    display: Option<String>,
    error: Value,
    body: Option<String>,
    text: Option<String>,
    total_tokens: Option<u64>,
    cost_nano_usd: Option<u64>,
    payload: Value,
    headers: Vec<(String, String)>,
}

fn client_new(base: u64, options: &[u8]) -> (Code, u64, Option<Seen>) {
    let (mut client, mut error) = (7, Batch::EMPTY);
    // SAFETY: a slice and local variables.
    let code = unsafe { baik_1_client_new(base, options.as_ptr(), options.len(), &raw mut client, &raw mut error) };
    (code, client, read_and_free(error).pop())
}

fn submit(client: u64, queue: u64, request: &[u8], options: &[u8]) -> (Code, u64, Option<Seen>) {
    submit_operation(client, queue, b"kits.run", request, options)
}

fn submit_operation(
    client: u64,
    queue: u64,
    operation: &[u8],
    request: &[u8],
    options: &[u8],
) -> (Code, u64, Option<Seen>) {
    let (mut call, mut error) = (7, Batch::EMPTY);
    // SAFETY: slices and local variables.
    let code = unsafe {
        baik_1_submit(
            client,
            queue,
            operation.as_ptr(),
            operation.len(),
            request.as_ptr(),
            request.len(),
            options.as_ptr(),
            options.len(),
            &raw mut call,
            &raw mut error,
        )
    };
    (code, call, read_and_free(error).pop())
}

fn query(client: u64, name: &[u8], request: &[u8]) -> (Code, Option<Seen>) {
    let mut batch = Batch::EMPTY;
    // SAFETY: slices and a local variable.
    let code =
        unsafe { baik_1_query(client, name.as_ptr(), name.len(), request.as_ptr(), request.len(), &raw mut batch) };
    (code, read_and_free(batch).pop())
}

/// Reads a batch and frees it, which works once.
fn read_and_free(batch: Batch) -> Vec<Seen> {
    if batch.handle == 0 {
        assert_eq!((batch.count, batch.records.is_null()), (0, true));
        return Vec::new();
    }
    // SAFETY: a batch has as many records as it says, until it is freed.
    let records = unsafe { slice::from_raw_parts(batch.records, batch.count) };
    let seen = records.iter().map(|record| {
        let headers = match record.header_count {
            0 => &[],
            // SAFETY: as above, for its headers.
            count => unsafe { slice::from_raw_parts(record.headers, count) },
        };
        Seen {
            call: record.call,
            kind: owned(record.kind),
            display: owned(record.display),
            error: json(record.error_json),
            body: owned(record.body),
            text: owned(record.text),
            total_tokens: (record.flags & BAIK_1_HAS_TOTAL_TOKENS != 0).then_some(record.total_tokens),
            cost_nano_usd: (record.flags & BAIK_1_HAS_COST != 0).then_some(record.cost_nano_usd),
            payload: json(record.payload),
            headers: headers.iter().map(|header| (owned(header.name).unwrap(), owned(header.value).unwrap())).collect(),
        }
    });
    let seen = seen.collect();
    assert_eq!(baik_1_batch_free(batch.handle), BAIK_1_OK);
    assert_eq!(baik_1_batch_free(batch.handle), BAIK_1_INVALID_HANDLE);
    seen
}

fn owned(text: Str) -> Option<String> {
    // SAFETY: a string of a batch that is not freed yet.
    (!text.data.is_null())
        .then(|| unsafe { String::from_utf8(slice::from_raw_parts(text.data, text.len).to_vec()).unwrap() })
}

fn json(text: Str) -> Value {
    owned(text).map_or(Value::Null, |json| serde_json::from_str(&json).unwrap())
}

const REQUEST: &str = r#"{"kit": "text-gen", "input": {"prompt": "Hello"}}"#;

#[test]
fn calls_complete_in_the_queue() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    let host = Host::new(&sandbox.url());
    assert_eq!(host.drain(9, 0), (vec![], false));
    let (code, call, error) = host.submit(REQUEST, r#"{"timeout_ms": 20000}"#);
    assert_eq!((code, error), (BAIK_1_OK, None));
    let (mut completed, more) = host.drain(9, WAIT_MS);
    let run = completed.pop().unwrap();
    assert_eq!((run.call, &run.kind, more, completed.len()), (call, &None, false, 0));
    assert!(run.text.is_some_and(|text| !text.is_empty()) && run.total_tokens > Some(0));
    assert!(run.headers.iter().any(|(name, _)| name == "content-type"), "{:?}", run.headers);
    assert_eq!((run.error, run.display, run.body), (Value::Null, None, None));
    assert_eq!(baik_1_cancel(host.queue, call), BAIK_1_ALREADY_COMPLETED);

    let (_, call, _) = host.submit(&REQUEST.replace("text-gen", "no-such-kit"), "");
    let error = host.drain(9, WAIT_MS).0.remove(0);
    assert_eq!((error.call, error.kind.as_deref(), &error.text), (call, Some("bad_request"), &None));
    assert_eq!((&error.error["kind"], &error.error["status"]), (&"bad_request".into(), &400.into()));
    assert_eq!(error.error["display"].as_str(), error.display.as_deref());
    assert!(error.body.is_some_and(|body| body.contains("no-such-kit")));

    // Closing a copy closes the copy alone; closing the original closes its copies.
    let (code, copy, _) = client_new(host.client, br#"{"api_key": "bak_other"}"#);
    assert_eq!((code, baik_1_client_close(copy)), (BAIK_1_OK, BAIK_1_OK));
    let (code, other, _) = client_new(host.client, b"");
    let kind_of_call = |client| {
        submit(client, host.queue, REQUEST.as_bytes(), b"");
        host.drain(9, WAIT_MS).0[0].kind.clone()
    };
    assert_eq!((code, kind_of_call(copy).as_deref(), kind_of_call(host.client)), (BAIK_1_OK, Some("closed"), None));
    assert_eq!(baik_1_client_close(host.client), BAIK_1_OK);
    assert_eq!(kind_of_call(other).as_deref(), Some("closed"));
    assert_eq!((baik_1_client_free(copy), baik_1_client_free(copy)), (BAIK_1_OK, BAIK_1_INVALID_HANDLE));
}

#[test]
fn cancelled_call_never_completes() {
    let sandbox = Sandbox::start(Options { latency: Duration::from_secs(60), ..Options::default() }).unwrap();
    let host = Host::new(&sandbox.url());
    let (_, call, _) = host.submit(REQUEST, "");
    assert_eq!(baik_1_cancel(host.queue, call), BAIK_1_OK);
    assert_eq!(baik_1_cancel(host.queue, call), BAIK_1_ALREADY_COMPLETED);
    assert_eq!(host.drain(9, 10), (vec![], false));
    // A queue that is freed while a thread blocks in it and calls are in flight.
    host.submit(REQUEST, "");
    std::thread::scope(|scope| {
        let blocked = scope.spawn(|| {
            let (started, mut batch) = (Instant::now(), Batch::EMPTY);
            // SAFETY: a local variable.
            let code = unsafe { baik_1_drain(host.queue, 9, WAIT_MS, &raw mut batch) };
            (code, batch.handle, started.elapsed())
        });
        let queue = QUEUES.get(host.queue).unwrap();
        // Held by this function, the map and the queue itself; then also by the blocked thread.
        while Arc::strong_count(&queue.wake) < 4 {
            std::thread::yield_now();
        }
        assert_eq!(baik_1_queue_free(host.queue), BAIK_1_OK);
        let (code, batch, time) = blocked.join().unwrap();
        assert!(code == BAIK_1_OK && batch == 0 && time < Duration::from_millis(WAIT_MS.into()), "{time:?}");
    });
    assert_eq!(host.submit(REQUEST, "").0, BAIK_1_INVALID_HANDLE);
}

#[test]
fn shortest_time_limit_applies() {
    let sandbox = Sandbox::start(Options { latency: Duration::from_secs(60), ..Options::default() }).unwrap();
    let host = Host::new(&sandbox.url());
    let (_, copy, _) = client_new(host.client, br#"{"timeout_ms": 10}"#);
    let (_, copy_of_copy, _) = client_new(copy, b"");
    for (client, options) in [
        (host.client, r#"{"timeout_ms": 10}"#),
        (host.client, r#"{"timeout_ms": null, "deadline_ms": 10}"#),
        (host.client, r#"{"timeout_ms": 10, "deadline_ms": 60000}"#),
        (host.client, r#"{"timeout_ms": 60000, "queued_for_ms": 60000}"#),
        (host.client, r#"{"timeout_ms": null, "deadline_ms": 60000, "queued_for_ms": 59990}"#),
        (copy, r#"{"deadline_ms": 60000}"#),
        (copy_of_copy, r#"{"deadline_ms": 60000}"#),
    ] {
        let (_, call, _) = submit(client, host.queue, REQUEST.as_bytes(), options.as_bytes());
        let (completed, _) = host.drain(9, WAIT_MS);
        assert_eq!((completed[0].call, completed[0].kind.as_deref()), (call, Some("timeout")), "{options}");
    }
    assert_eq!((baik_1_client_free(copy), baik_1_client_free(copy_of_copy)), (BAIK_1_OK, BAIK_1_OK));
}

#[test]
fn rejected_input_returns_an_error_record() {
    let host = Host::new("http://127.0.0.1:1/v1");
    let clients: [(u64, &[u8], &str, &str); 10] = [
        (0, br#"{"api_key": ""}"#, "`api_key` is empty", "api_key"),
        (0, br#"{"api_key": "bak_1", "nonsense": 1}"#, "Unknown client option `nonsense`", "nonsense"),
        (0, br#"{"api_key": "bak_secret"#, "The options object is not valid JSON", ""),
        (0, b"[]", "The options object must be a JSON object", ""),
        (0, br#"{"api_key": "bak_1", "language": "Go"}"#, "language must be", ""),
        (0, br#"{"api_key": "bak_1", "timeout_ms": -1}"#, "`timeout` must be more than 0", "timeout"),
        (0, br#"{"api_key": "bak_1", "rate_limit": "fast"}"#, "`rate_limit` is not known", "rate_limit"),
        (
            0,
            br#"{"api_key": "bak_1", "prices": {"text-gen": -1}}"#,
            "`prices`: the price of 'text-gen' must be",
            "prices",
        ),
        (host.client, br#"{"base_url": "http://127.0.0.1:2"}"#, "`base_url` cannot be changed", "base_url"),
        (host.client, br#"{"rate_limit": "off"}"#, "`rate_limit` cannot be changed", "rate_limit"),
    ];
    for (base, options, message, option) in clients {
        let (code, client, error) = client_new(base, options);
        assert_rejected(code, error, "config", message, option);
        assert_eq!(client, 0);
    }
    let calls = [
        ("{", "", "The request is not valid JSON", ""),
        ("", "", "The request is not valid JSON", ""),
        ("[]", "", "The request must be an object", ""),
        (r#"{"kit": "k"}"#, "", "input is required", "input"),
        (REQUEST, "secret", "The options object is not valid JSON", ""),
        (REQUEST, r#"{"max_retries": -1}"#, "`max_retries` must be", "max_retries"),
        (REQUEST, r#"{"deadline_ms": 0}"#, "`deadline` must be more than 0", "deadline"),
        (REQUEST, r#"{"queued_for_ms": "1"}"#, "`queued_for` must be a number", "queued_for"),
    ];
    for (request, options, message, option) in calls {
        let (code, call, error) = host.submit(request, options);
        assert_rejected(code, error, "invalid_request", message, option);
        assert_eq!(call, 0);
    }
    let (code, _, error) = submit_operation(host.client, host.queue, b"kits.fly", REQUEST.as_bytes(), b"");
    assert_rejected(code, error, "invalid_request", "Unknown operation 'kits.fly'", "");
    let queries: [(&[u8], &[u8], &str, &str); 4] = [
        (b"kits.fly", b"", "Unknown query 'kits.fly'", ""),
        (b"", b"", "Unknown query ''", ""),
        (b"kits.estimate", b"", "The request is not valid JSON", ""),
        (
            b"kits.estimate",
            br#"{"kit": "k", "input": {"prompt": 1, "secret": 1}}"#,
            "input.prompt must be",
            "input.prompt",
        ),
    ];
    for (name, request, message, option) in queries {
        let (code, error) = query(host.client, name, request);
        assert_rejected(code, error, "invalid_request", message, option);
    }
}

fn assert_rejected(code: Code, error: Option<Seen>, kind: &str, message: &str, option: &str) {
    let error = error.unwrap();
    assert_eq!((code, error.kind.as_deref(), error.call), (BAIK_1_ERROR, Some(kind), 0));
    let (display, json) = (error.display.unwrap(), error.error);
    assert!(display.starts_with(message) && !display.contains("secret"), "{display}");
    assert_eq!((&json["message"], json["kind"].as_str()), (&display.into(), Some(kind)));
    assert_eq!(json["option"].as_str().unwrap_or_default(), option, "{json}");
}

#[test]
fn queries_return_json() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    let host = Host::new(&sandbox.url());
    host.submit(REQUEST, "");
    let run = host.drain(9, WAIT_MS).0.remove(0);
    // 0.0004 dollars per 1,000 tokens.
    assert_eq!(run.cost_nano_usd, run.total_tokens.map(|tokens| tokens * 400));
    assert_eq!(run.payload, Value::Null);
    let payload = |client, name: &str, request: &str| {
        let (code, record) = query(client, name.as_bytes(), request.as_bytes());
        let record = record.unwrap();
        assert_eq!((code, record.kind, record.call), (BAIK_1_OK, None, 0));
        record.payload
    };
    let usage = payload(host.client, "usage", "");
    assert_eq!((&usage["calls"], &usage["runs"], &usage["pacing"]["waiting"]), (&1.into(), &1.into(), &0.into()));
    assert_eq!(usage["cost"]["nano_usd"].as_u64(), run.cost_nano_usd);
    let (_, copy, _) = client_new(host.client, br#"{"max_retries": 1}"#);
    baik_1_client_close(host.client);
    assert_eq!((payload(copy, "usage", ""), payload(host.client, "usage", "")), (usage.clone(), usage), "shared");
    baik_1_client_free(copy);

    let estimate = payload(host.client, "kits.estimate", REQUEST);
    assert_eq!((&estimate["input_tokens"], &estimate["max_output_tokens"]), (&2.into(), &4096.into()));
    assert_eq!(estimate["max_cost"]["usd"], "0.0016392");

    let catalog = payload(0, "catalog", "");
    assert_eq!((&catalog["kits"][0]["id"], &catalog["plans"][0]["id"]), (&"text-gen".into(), &"maker".into()));
    assert_eq!(catalog, payload(host.client, "catalog", ""));
}

#[test]
fn options_of_rate_limit_and_prices_apply() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    let options = |options: &str| {
        format!(r#"{{"api_key": "bak_test", "base_url": "{}", "retry_budget": false, {options}}}"#, sandbox.url())
    };
    let limits = [
        (r#""3/60s""#, [Value::from(3), Value::Null, 60.0.into()]),
        (r#"{"requests": 3, "tokens": 1000, "per_ms": 1500}"#, [3.into(), 1000.into(), 1.5.into()]),
    ];
    for (limit, expected) in limits {
        let options = options(&format!(r#""rate_limit": {limit}, "prices": {{"text-gen": 1.5, "new-kit": "0.1"}}"#));
        let (code, client, error) = client_new(0, options.as_bytes());
        assert_eq!((code, error), (BAIK_1_OK, None));
        let pacing = query(client, b"usage", b"").1.unwrap().payload["pacing"].take();
        assert_eq!(pacing["limit_origin"], "configured");
        assert_eq!(["limit_requests", "limit_tokens", "limit_per"].map(|name| pacing[name].clone()), expected);
        let estimate = query(client, b"kits.estimate", REQUEST.as_bytes()).1.unwrap().payload;
        assert_eq!(estimate["max_cost"]["usd"], "6.147");
        baik_1_client_free(client);
    }
}

/// A call that the rate limit holds back beyond its deadline was not sent, so its error has no status.
#[test]
fn rate_limit_error_without_status() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    let host = Host::new(&sandbox.url());
    let options = format!(r#"{{"api_key": "bak_test", "base_url": "{}", "rate_limit": "1/60s"}}"#, sandbox.url());
    let (_, client, _) = client_new(0, options.as_bytes());
    submit(client, host.queue, REQUEST.as_bytes(), b"");
    assert_eq!(host.drain(9, WAIT_MS).0[0].kind, None);
    submit(client, host.queue, REQUEST.as_bytes(), br#"{"timeout_ms": 5000}"#);
    let error = host.drain(9, WAIT_MS).0.remove(0);
    assert_eq!((error.kind.as_deref(), &error.error["status"]), (Some("rate_limit"), &Value::Null));
    assert_eq!((&error.error["attempts"], &error.error["retry_stopped_by"]), (&0.into(), &"rate_limit".into()));
    assert!(error.error["retry_after"].as_f64() > Some(5.0), "{}", error.error);
    baik_1_client_free(client);
}

#[test]
fn cause_of_a_failed_connection_is_recorded() {
    let host = Host::new("http://127.0.0.1:1/v1");
    host.submit(REQUEST, "");
    let error = host.drain(9, WAIT_MS).0.remove(0);
    assert_eq!(error.kind.as_deref(), Some("connection"));
    assert!(error.error["cause"]["errno"].as_i64() > Some(0), "{}", error.error);
}

#[test]
fn misuse_returns_a_code() {
    let host = Host::new("http://127.0.0.1:1/v1");
    let (client, queue) = (host.client, host.queue);
    for (code, name) in [
        (baik_1_client_close(queue), "a queue for a client"),
        (baik_1_client_free(queue), "a queue for a client"),
        (baik_1_queue_free(client), "a client for a queue"),
        (baik_1_cancel(client, 0), "a client for a queue"),
        (baik_1_batch_free(client), "a client for a batch"),
        (baik_1_batch_free(0), "no handle"),
        (baik_1_client_free(0), "no handle"),
        (baik_1_queue_free(u64::MAX), "never issued"),
        (client_new(queue, b"{}").0, "a queue for a base"),
        (submit(queue, queue, b"{}", b"").0, "a queue for a client"),
        (submit(client, client, REQUEST.as_bytes(), b"").0, "a client for a queue"),
        (query(0, b"usage", b"").0, "no handle"),
        (query(queue, b"usage", b"").0, "a queue for a client"),
        (query(queue, b"catalog", b"").0, "a queue for a client"),
    ] {
        assert_eq!(code, BAIK_1_INVALID_HANDLE, "{name}");
    }
    assert_eq!(baik_1_cancel(queue, 1 << 40), BAIK_1_ALREADY_COMPLETED);
    assert_eq!(client_new(0, b"\xff").0, BAIK_1_INVALID_UTF8);
    assert_eq!(submit(client, queue, b"\"\xc0\x80\"", b"").0, BAIK_1_INVALID_UTF8);
    assert_eq!(submit(client, queue, REQUEST.as_bytes(), b"\xff").0, BAIK_1_INVALID_UTF8);
    assert_eq!(submit_operation(client, queue, b"\xff", REQUEST.as_bytes(), b"").0, BAIK_1_INVALID_UTF8);
    assert_eq!(query(client, b"\xff", b"").0, BAIK_1_INVALID_UTF8);
    assert_eq!(query(client, b"kits.estimate", b"\xff").0, BAIK_1_INVALID_UTF8);
    let (text, none, mut number, mut batch) = (REQUEST.as_ptr(), ptr::null(), 0_u64, Batch::EMPTY);
    let mut submit = |operation: (*const u8, usize), request: (*const u8, usize), options: (*const u8, usize)| {
        // SAFETY: rejected pointers are not read; the rest are local variables.
        unsafe {
            baik_1_submit(
                client,
                queue,
                operation.0,
                operation.1,
                request.0,
                request.1,
                options.0,
                options.1,
                &raw mut number,
                ptr::null_mut(),
            )
        }
    };
    let submits = [
        (submit((none, 1), (text, 1), (none, 0)), BAIK_1_NULL_POINTER),
        (submit((text, 1), (none, 1), (none, 0)), BAIK_1_NULL_POINTER),
        (submit((text, 1), (text, 1), (none, 1)), BAIK_1_NULL_POINTER),
        (submit((text, 1), (text, usize::MAX), (text, 0)), BAIK_1_INVALID_LENGTH),
        // Without a place for the error.
        (submit((text, 1), (text, 1), (none, 0)), BAIK_1_ERROR),
    ];
    // SAFETY: as above.
    let others = unsafe {
        [
            (baik_1_client_new(0, none, 1, &raw mut number, ptr::null_mut()), BAIK_1_NULL_POINTER),
            (baik_1_client_new(0, text, usize::MAX, &raw mut number, ptr::null_mut()), BAIK_1_INVALID_LENGTH),
            (baik_1_client_new(0, text, 1, ptr::null_mut(), &raw mut batch), BAIK_1_NULL_POINTER),
            (baik_1_client_new(0, text, 1, &raw mut number, ptr::null_mut()), BAIK_1_ERROR),
            (baik_1_queue_new(ptr::null_mut(), ptr::null_mut()), BAIK_1_NULL_POINTER),
            (
                baik_1_submit(client, queue, text, 1, text, 1, none, 0, ptr::null_mut(), &raw mut batch),
                BAIK_1_NULL_POINTER,
            ),
            (baik_1_drain(queue, 1, 0, ptr::null_mut()), BAIK_1_NULL_POINTER),
            (baik_1_drain(client, 1, 0, &raw mut batch), BAIK_1_INVALID_HANDLE),
            (baik_1_drain(queue, 0, WAIT_MS, &raw mut batch), BAIK_1_OK),
            (baik_1_logs(ptr::null_mut()), BAIK_1_NULL_POINTER),
            (baik_1_query(client, none, 1, none, 0, &raw mut batch), BAIK_1_NULL_POINTER),
            (baik_1_query(client, text, 1, none, 1, &raw mut batch), BAIK_1_NULL_POINTER),
            (baik_1_query(client, text, 1, text, usize::MAX, &raw mut batch), BAIK_1_INVALID_LENGTH),
            (baik_1_query(client, text, 1, none, 0, ptr::null_mut()), BAIK_1_NULL_POINTER),
        ]
    };
    for (row, (code, expected)) in submits.into_iter().chain(others).enumerate() {
        assert_eq!(code, expected, "row {row}");
    }
}

#[test]
fn two_threads_can_block_in_one_queue() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    let host = Host::new(&sandbox.url());
    std::thread::scope(|scope| {
        let drains: Vec<_> = (0..2).map(|_| scope.spawn(|| host.drain(1, WAIT_MS).0)).collect();
        let mut calls: Vec<_> = (0..2).map(|_| host.submit(REQUEST, "").1).collect();
        let mut completed: Vec<_> =
            drains.into_iter().flat_map(|drain| drain.join().unwrap()).map(|run| run.call).collect();
        calls.sort_unstable();
        completed.sort_unstable();
        assert_eq!(completed, calls);
    });
}

#[cfg(feature = "inject-panic")]
#[test]
fn panic_fails_only_its_call() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    let host = Host::new(&sandbox.url());
    host.submit(REQUEST, r#"{"idempotency_key": "panic-please"}"#);
    assert_eq!(host.drain(9, WAIT_MS).0[0].kind.as_deref(), Some("internal"));
    host.submit(REQUEST, "");
    assert_eq!(host.drain(9, WAIT_MS).0[0].kind, None);
    assert_eq!(args::catch_panics(|| panic!("injected")), BAIK_1_INTERNAL);
}

/// JSON similar to valid input, parts of it, and random bytes.
fn inputs() -> impl Strategy<Value = Vec<u8>> {
    const NAMES: [&str; 15] = [
        "kit",
        "input",
        "config",
        "prompt",
        "timeout_ms",
        "headers",
        "max_retries",
        "api_key",
        "language",
        "x",
        "rate_limit",
        "requests",
        "per_ms",
        "prices",
        "retry_budget",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let json = leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(&NAMES[..]), inner), 0..6)
                .prop_map(|pairs| pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    });
    let cut = (json, any::<prop::sample::Index>(), any::<bool>()).prop_map(|(json, at, whole)| {
        let text = json.to_string().into_bytes();
        let end = if whole { text.len() } else { at.index(text.len()) };
        text[..end].to_vec()
    });
    prop_oneof![4 => cut, 1 => prop::collection::vec(any::<u8>(), 0..64)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any input returns a code, and each handle can be freed once.
    #[test]
    fn any_input_returns_a_code(
        options in inputs(), request in inputs(), handles in prop::collection::vec(any::<u64>(), 3), bit in 24_u32..60, max in 0_usize..4,
    ) {
        let host = Host::new("http://127.0.0.1:1/v1");
        let (code, client, error) = client_new(0, &options);
        prop_assert!(code != BAIK_1_INTERNAL);
        prop_assert_eq!(code == BAIK_1_ERROR, error.is_some());
        prop_assert_eq!(code == BAIK_1_OK, baik_1_client_free(client) == BAIK_1_OK);
        let (code, call, error) = submit(host.client, host.queue, &request, &options);
        prop_assert!(code != BAIK_1_INTERNAL);
        prop_assert_eq!(code == BAIK_1_ERROR, error.is_some());
        prop_assert!(code != BAIK_1_INVALID_UTF8 || call == 7, "nothing is written before the input is read");
        for name in [&b"usage"[..], b"kits.estimate", b"catalog", &options] {
            let (code, record) = query(host.client, name, &request);
            prop_assert!(code != BAIK_1_INTERNAL);
            prop_assert_eq!(code == BAIK_1_OK || code == BAIK_1_ERROR, record.is_some());
        }
        let call = if code == BAIK_1_OK { call } else { u64::MAX };
        // Random handles, and valid handles with another generation. Another index or kind could be a handle of a test that
        // runs at the same time.
        for handle in handles.into_iter().chain([host.client ^ (1 << bit), host.queue ^ (1 << bit)]) {
            prop_assert_eq!(baik_1_client_close(handle), BAIK_1_INVALID_HANDLE);
            prop_assert_eq!(baik_1_client_free(handle), BAIK_1_INVALID_HANDLE);
            prop_assert_eq!(baik_1_queue_free(handle), BAIK_1_INVALID_HANDLE);
            prop_assert_eq!(baik_1_batch_free(handle), BAIK_1_INVALID_HANDLE);
            prop_assert_eq!(submit(handle, host.queue, &request, b"").0 == BAIK_1_OK, false);
            let code = baik_1_cancel(host.queue, handle);
            prop_assert!(code == BAIK_1_ALREADY_COMPLETED || (handle == call && code == BAIK_1_OK));
        }
        host.drain(max, 0);
    }
}
