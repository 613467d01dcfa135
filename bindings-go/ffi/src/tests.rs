use std::path::Path;
use std::ptr;
use std::sync::Arc;
use std::time::Instant;

use builderaikits_sandbox::{Options, Sandbox};
use proptest::prelude::*;

use super::*;

const WAIT_MS: u32 = 20_000;

/// `UPDATE_HEADER=1 cargo test -p builderaikits-ffi` writes it anew.
#[test]
fn the_header_is_of_these_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    config.after_includes = Some(names_for_musl(&std::fs::read_to_string(root.join("src/lib.rs")).unwrap()));
    let made = cbindgen::Builder::new()
        .with_config(config)
        .with_src(root.join("src/batch.rs"))
        .with_src(root.join("src/lib.rs"))
        .generate()
        .unwrap();
    let mut text = Vec::new();
    made.write(&mut text);
    let file = root.join("../internal/native/builderaikits.h");
    if std::env::var_os("UPDATE_HEADER").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let stands = std::fs::read(&file).unwrap_or_default();
    assert!(stands == text, "{} is not of these sources: make c-header", file.display());
}

/// What `archive.sh` makes of each function's name in a library for musl.
fn names_for_musl(source: &str) -> String {
    let functions = source.split("extern \"C\" fn baik_1_").skip(1).map(|rest| rest.split('(').next().unwrap());
    let names: String = functions.map(|name| format!("#define baik_1_{name} baik_1_musl_{name}\n")).collect();
    format!(
        "\n/* In a library for musl the functions have names of their own, so that one archive holds both and the C library\n \
         * of the program chooses. */\n#if defined(__linux__) && !defined(__GLIBC__)\n{names}#endif"
    )
}

struct Host {
    client: u64,
    queue: u64,
}

impl Host {
    fn new(url: &str) -> Self {
        let (mut queue, mut descriptor) = (0, -1);
        // SAFETY: both are places of our own.
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

    fn drain(&self, most: usize, wait_ms: u32) -> (Vec<Seen>, bool) {
        let mut batch = Batch::EMPTY;
        // SAFETY: a place of our own.
        assert_eq!(unsafe { baik_1_drain(self.queue, most, wait_ms, &raw mut batch) }, BAIK_1_OK);
        (taken(batch), batch.more != 0)
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
    text: Option<String>,
    message: Option<String>,
    total_tokens: Option<u64>,
    headers: Vec<(String, String)>,
}

fn client_new(base: u64, options: &[u8]) -> (Code, u64, Option<Seen>) {
    let (mut client, mut failure) = (7, Batch::EMPTY);
    // SAFETY: a slice, and places of our own.
    let code = unsafe { baik_1_client_new(base, options.as_ptr(), options.len(), &raw mut client, &raw mut failure) };
    (code, client, taken(failure).pop())
}

fn submit(client: u64, queue: u64, request: &[u8], options: &[u8]) -> (Code, u64, Option<Seen>) {
    let (mut call, mut failure) = (7, Batch::EMPTY);
    // SAFETY: slices, and places of our own.
    let code = unsafe {
        baik_1_submit(
            client,
            queue,
            request.as_ptr(),
            request.len(),
            options.as_ptr(),
            options.len(),
            &raw mut call,
            &raw mut failure,
        )
    };
    (code, call, taken(failure).pop())
}

/// Reads a batch and frees it, which works once.
fn taken(batch: Batch) -> Vec<Seen> {
    if batch.handle == 0 {
        assert_eq!((batch.count, batch.records.is_null()), (0, true));
        return Vec::new();
    }
    // SAFETY: a batch of the library has so many records until it is freed.
    let records = unsafe { slice::from_raw_parts(batch.records, batch.count) };
    let seen = records.iter().map(|record| {
        let headers = match record.header_count {
            0 => &[],
            // SAFETY: as above, of its headers.
            count => unsafe { slice::from_raw_parts(record.headers, count) },
        };
        Seen {
            call: record.call,
            kind: owned(record.kind),
            text: owned(record.text),
            message: owned(record.message),
            total_tokens: (record.present & BAIK_1_HAS_TOTAL_TOKENS != 0).then_some(record.total_tokens),
            headers: headers.iter().map(|one| (owned(one.name).unwrap(), owned(one.value).unwrap())).collect(),
        }
    });
    let seen = seen.collect();
    assert_eq!(baik_1_batch_free(batch.handle), BAIK_1_OK);
    assert_eq!(baik_1_batch_free(batch.handle), BAIK_1_NO_SUCH_HANDLE);
    seen
}

fn owned(text: Text) -> Option<String> {
    // SAFETY: a text of a batch that is not yet freed.
    (!text.data.is_null())
        .then(|| unsafe { String::from_utf8(slice::from_raw_parts(text.data, text.len).to_vec()).unwrap() })
}

const REQUEST: &str = r#"{"kit": "text-gen", "input": {"prompt": "Hello"}}"#;

#[test]
fn calls_end_in_the_queue() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    let host = Host::new(&sandbox.url());
    assert_eq!(host.drain(9, 0), (vec![], false));
    let (code, call, error) = host.submit(REQUEST, r#"{"timeout_ms": 20000}"#);
    assert_eq!((code, error), (BAIK_1_OK, None));
    let (mut ended, more) = host.drain(9, WAIT_MS);
    let run = ended.pop().unwrap();
    assert_eq!((run.call, &run.kind, more, ended.len()), (call, &None, false, 0));
    assert!(run.text.is_some_and(|text| !text.is_empty()) && run.total_tokens > Some(0));
    assert!(run.headers.iter().any(|(name, _)| name == "content-type"), "{:?}", run.headers);
    assert_eq!(baik_1_cancel(host.queue, call), BAIK_1_TOO_LATE);

    let (_, call, _) = host.submit(&REQUEST.replace("text-gen", "no-such-kit"), "");
    let (ended, _) = host.drain(9, WAIT_MS);
    assert_eq!((ended[0].call, ended[0].kind.as_deref(), &ended[0].text), (call, Some("bad_request"), &None));

    // A copy closes with the others.
    let (code, copy, _) = client_new(host.client, br#"{"api_key": "bak_other"}"#);
    assert_eq!((code, baik_1_client_close(copy)), (BAIK_1_OK, BAIK_1_OK));
    host.submit(REQUEST, "");
    assert_eq!(host.drain(9, WAIT_MS).0[0].kind.as_deref(), Some("closed"));
    assert_eq!((baik_1_client_free(copy), baik_1_client_free(copy)), (BAIK_1_OK, BAIK_1_NO_SUCH_HANDLE));
}

#[test]
fn a_cancelled_call_never_ends() {
    let sandbox = Sandbox::start(Options { latency: Duration::from_secs(60), ..Options::default() }).unwrap();
    let host = Host::new(&sandbox.url());
    let (_, call, _) = host.submit(REQUEST, "");
    assert_eq!(baik_1_cancel(host.queue, call), BAIK_1_OK);
    assert_eq!(baik_1_cancel(host.queue, call), BAIK_1_TOO_LATE);
    assert_eq!(host.drain(9, 10), (vec![], false));
    for limits in [
        r#"{"timeout_ms": 10}"#,
        r#"{"timeout_ms": null, "deadline_ms": 10}"#,
        r#"{"timeout_ms": 10, "deadline_ms": 60000}"#,
        r#"{"timeout_ms": 60000, "waited_ms": 60000}"#,
        r#"{"timeout_ms": null, "deadline_ms": 60000, "waited_ms": 59990}"#,
    ] {
        let (_, call, _) = host.submit(REQUEST, limits);
        let (ended, _) = host.drain(9, WAIT_MS);
        assert_eq!((ended[0].call, ended[0].kind.as_deref()), (call, Some("timeout")));
    }
    // A queue that goes away while somebody blocks in it, and with calls in flight.
    host.submit(REQUEST, "");
    std::thread::scope(|scope| {
        let blocked = scope.spawn(|| {
            let (begun, mut batch) = (Instant::now(), Batch::EMPTY);
            // SAFETY: a place of our own.
            let code = unsafe { baik_1_drain(host.queue, 9, WAIT_MS, &raw mut batch) };
            (code, batch.handle, begun.elapsed())
        });
        let queue = QUEUES.get(host.queue).unwrap();
        // Ours, that of the table, and the queue's own; then that of whoever blocks.
        while Arc::strong_count(&queue.wake) < 4 {
            std::thread::yield_now();
        }
        assert_eq!(baik_1_queue_free(host.queue), BAIK_1_OK);
        let (code, batch, time) = blocked.join().unwrap();
        assert!(code == BAIK_1_OK && batch == 0 && time < Duration::from_millis(WAIT_MS.into()), "{time:?}");
    });
    assert_eq!(host.submit(REQUEST, "").0, BAIK_1_NO_SUCH_HANDLE);
}

#[test]
fn what_is_refused_says_why() {
    let host = Host::new("http://127.0.0.1:1/v1");
    let clients: [(&[u8], &str, &str); 6] = [
        (br#"{"api_key": ""}"#, "config", "api_key: is empty"),
        (br#"{"api_key": "bak_1", "nonsense": 1}"#, "config", "nonsense: is not an option"),
        (br#"{"api_key": "bak_secret"#, "config", "options: is not valid JSON"),
        (b"[]", "config", "options: is not a JSON object"),
        (br#"{"api_key": "bak_1", "language": "Go"}"#, "config", "language: must be"),
        (br#"{"api_key": "bak_1", "timeout_ms": -1}"#, "config", "timeout: must be more than 0"),
    ];
    for (options, kind, message) in clients {
        let (code, client, error) = client_new(0, options);
        refused(code, error, kind, message);
        assert_eq!(client, 0);
    }
    let calls = [
        ("{", "", "the request: is not valid JSON"),
        ("", "", "the request: is not valid JSON"),
        ("[]", "", "the request must be an object"),
        (r#"{"kit": "k"}"#, "", "input: is missing"),
        (REQUEST, "secret", "options: is not valid JSON"),
        (REQUEST, r#"{"max_retries": -1}"#, "max_retries: must be"),
        (REQUEST, r#"{"deadline_ms": 0}"#, "deadline: must be more than 0"),
        (REQUEST, r#"{"waited_ms": "1"}"#, "waited: must be a number"),
    ];
    for (request, options, message) in calls {
        let (code, call, error) = host.submit(request, options);
        refused(code, error, "invalid_request", message);
        assert_eq!(call, 0);
    }
}

fn refused(code: Code, error: Option<Seen>, kind: &str, message: &str) {
    let error = error.unwrap();
    assert_eq!((code, error.kind.as_deref(), error.call), (BAIK_1_FAILED, Some(kind), 0));
    let said = error.message.unwrap();
    assert!(said.starts_with(message) && !said.contains("secret"), "{said}");
}

#[test]
fn misuse_gives_a_code() {
    let host = Host::new("http://127.0.0.1:1/v1");
    let (client, queue) = (host.client, host.queue);
    for (code, name) in [
        (baik_1_client_close(queue), "a queue for a client"),
        (baik_1_client_free(queue), "a queue for a client"),
        (baik_1_queue_free(client), "a client for a queue"),
        (baik_1_cancel(client, 0), "a client for a queue"),
        (baik_1_batch_free(client), "a client for a batch"),
        (baik_1_batch_free(0), "nothing"),
        (baik_1_client_free(0), "nothing"),
        (baik_1_queue_free(u64::MAX), "made up"),
        (client_new(queue, b"{}").0, "a queue for a base"),
        (submit(queue, queue, b"{}", b"").0, "a queue for a client"),
        (submit(client, client, REQUEST.as_bytes(), b"").0, "a client for a queue"),
    ] {
        assert_eq!(code, BAIK_1_NO_SUCH_HANDLE, "{name}");
    }
    assert_eq!(baik_1_cancel(queue, 1 << 40), BAIK_1_TOO_LATE);
    assert_eq!(client_new(0, b"\xff").0, BAIK_1_NOT_UTF8);
    assert_eq!(submit(client, queue, b"\"\xc0\x80\"", b"").0, BAIK_1_NOT_UTF8);
    assert_eq!(submit(client, queue, REQUEST.as_bytes(), b"\xff").0, BAIK_1_NOT_UTF8);
    let (text, mut number, mut batch) = (REQUEST.as_ptr(), 0_u64, Batch::EMPTY);
    // SAFETY: what is refused is not read; the rest are places of our own.
    let table = unsafe {
        [
            (baik_1_client_new(0, ptr::null(), 1, &raw mut number, ptr::null_mut()), BAIK_1_NULL),
            (baik_1_client_new(0, text, usize::MAX, &raw mut number, ptr::null_mut()), BAIK_1_BAD_LENGTH),
            (baik_1_client_new(0, text, 1, ptr::null_mut(), &raw mut batch), BAIK_1_NULL),
            // Who wants no failure gets none.
            (baik_1_client_new(0, text, 1, &raw mut number, ptr::null_mut()), BAIK_1_FAILED),
            (baik_1_queue_new(ptr::null_mut(), ptr::null_mut()), BAIK_1_NULL),
            (
                baik_1_submit(client, queue, ptr::null(), 1, ptr::null(), 0, &raw mut number, &raw mut batch),
                BAIK_1_NULL,
            ),
            (baik_1_submit(client, queue, text, 1, ptr::null(), 1, &raw mut number, &raw mut batch), BAIK_1_NULL),
            (baik_1_submit(client, queue, text, 1, ptr::null(), 0, ptr::null_mut(), &raw mut batch), BAIK_1_NULL),
            (
                baik_1_submit(client, queue, text, usize::MAX, text, 0, &raw mut number, &raw mut batch),
                BAIK_1_BAD_LENGTH,
            ),
            (baik_1_drain(queue, 1, 0, ptr::null_mut()), BAIK_1_NULL),
            (baik_1_drain(client, 1, 0, &raw mut batch), BAIK_1_NO_SUCH_HANDLE),
            (baik_1_drain(queue, 0, WAIT_MS, &raw mut batch), BAIK_1_OK),
            (baik_1_logs(ptr::null_mut()), BAIK_1_NULL),
        ]
    };
    for (row, (code, expected)) in table.into_iter().enumerate() {
        assert_eq!(code, expected, "row {row}");
    }
}

#[test]
fn two_threads_block_in_one_queue() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    let host = Host::new(&sandbox.url());
    std::thread::scope(|scope| {
        let drains: Vec<_> = (0..2).map(|_| scope.spawn(|| host.drain(1, WAIT_MS).0)).collect();
        let mut calls: Vec<_> = (0..2).map(|_| host.submit(REQUEST, "").1).collect();
        let mut ended: Vec<_> =
            drains.into_iter().flat_map(|drain| drain.join().unwrap()).map(|run| run.call).collect();
        calls.sort_unstable();
        ended.sort_unstable();
        assert_eq!(ended, calls);
    });
}

#[cfg(feature = "inject-panic")]
#[test]
fn a_panic_fails_its_call_alone() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    let host = Host::new(&sandbox.url());
    host.submit(&REQUEST.replace("text-gen", "panic-please"), "");
    assert_eq!(host.drain(9, WAIT_MS).0[0].kind.as_deref(), Some("internal"));
    host.submit(REQUEST, "");
    assert_eq!(host.drain(9, WAIT_MS).0[0].kind, None);
    assert_eq!(guarded(|| panic!("of ours")), BAIK_1_DEFECT);
}

/// JSON that looks like what is expected, and bytes that look like nothing.
fn inputs() -> impl Strategy<Value = Vec<u8>> {
    const NAMES: [&str; 10] =
        ["kit", "input", "config", "prompt", "timeout_ms", "headers", "max_retries", "api_key", "language", "x"];
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

    /// Whatever comes in, a code comes out, and what was given out can be given back once.
    #[test]
    fn any_input_gives_a_code(
        options in inputs(), request in inputs(), handles in prop::collection::vec(any::<u64>(), 3), near in 0_u32..64, most in 0_usize..4,
    ) {
        let host = Host::new("http://127.0.0.1:1/v1");
        let (code, client, error) = client_new(0, &options);
        prop_assert!(code != BAIK_1_DEFECT);
        prop_assert_eq!(code == BAIK_1_FAILED, error.is_some());
        prop_assert_eq!(code == BAIK_1_OK, baik_1_client_free(client) == BAIK_1_OK);
        let (code, call, error) = submit(host.client, host.queue, &request, &options);
        prop_assert!(code != BAIK_1_DEFECT);
        prop_assert_eq!(code == BAIK_1_FAILED, error.is_some());
        prop_assert!(code != BAIK_1_NOT_UTF8 || call == 7, "nothing is written before it is read");
        let call = if code == BAIK_1_OK { call } else { u64::MAX };
        // Handles at random, and those that differ from true ones in a bit.
        for handle in handles.into_iter().chain([host.client ^ (1 << near), host.queue ^ (1 << near)]) {
            prop_assert_eq!(baik_1_client_close(handle), BAIK_1_NO_SUCH_HANDLE);
            prop_assert_eq!(baik_1_client_free(handle), BAIK_1_NO_SUCH_HANDLE);
            prop_assert_eq!(baik_1_queue_free(handle), BAIK_1_NO_SUCH_HANDLE);
            prop_assert_eq!(baik_1_batch_free(handle), BAIK_1_NO_SUCH_HANDLE);
            prop_assert_eq!(submit(handle, host.queue, &request, b"").0 == BAIK_1_OK, false);
            let late = baik_1_cancel(host.queue, handle);
            prop_assert!(late == BAIK_1_TOO_LATE || (handle == call && late == BAIK_1_OK));
        }
        host.drain(most, 0);
    }
}
