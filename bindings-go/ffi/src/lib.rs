//! The C ABI of the SDK, in a dozen functions. The header that is made of this is what hosts read:
//! `bindings-go/internal/native/builderaikits.h`.
//!
//! A host makes a client and a queue, submits calls, which gives ids, and drains the queue in batches whenever its
//! descriptor says so. Nothing of policy is here: options and requests cross as JSON and are checked by the core.
#![expect(unsafe_code, reason = "C knows no other way to hand over memory")]

mod batch;
mod handles;
mod wake;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use builderaikits::{CallOptions, Config, Error, ErrorKind, ErrorParts, RunRequest};
use builderaikits_bridge::logs::{self, Verbosity};
use builderaikits_bridge::{Calls, Client, options};
use serde_json::{Map, Value};

pub use batch::*;
use handles::Handles;
use wake::Wake;

/// What every function but those that give a number returns.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(non_camel_case_types, reason = "the names of C")]
pub enum Code {
    /// Done.
    BAIK_1_OK = 0,
    /// The core refused, and the batch given for it says why: one record, to be freed.
    BAIK_1_FAILED = 1,
    /// A pointer that must point somewhere is null.
    BAIK_1_NULL = 2,
    /// A handle stands for nothing: freed before, of another kind, or made up.
    BAIK_1_NO_SUCH_HANDLE = 3,
    /// A length is longer than any memory.
    BAIK_1_BAD_LENGTH = 4,
    /// A text is not UTF-8.
    BAIK_1_NOT_UTF8 = 5,
    /// There is nothing to be done: the call had ended before.
    BAIK_1_TOO_LATE = 6,
    /// The system has no descriptor left, or no room for a handle.
    BAIK_1_NO_RESOURCES = 7,
    /// A defect of the library, caught. Please report it.
    BAIK_1_DEFECT = 8,
}
use Code::*;

#[derive(Clone)]
struct Queue {
    calls: Arc<Calls>,
    wake: Arc<Wake>,
}

static CLIENTS: Handles<Client> = Handles::new(1);
static QUEUES: Handles<Queue> = Handles::new(2);
static BATCHES: Handles<Arc<Kept>> = Handles::new(3);

/// The version of the ABI that the names carry.
#[unsafe(no_mangle)]
pub extern "C" fn baik_1_abi_version() -> u32 {
    1
}

/// Makes a client. `base` 0: with the options of the environment, and those in `options` over them. `base` a client: a
/// copy of it with these options, which shares its connections, retry budget and slots, and closes with it.
///
/// `options` is a JSON object (or nothing), under the names of the SDK's documentation, times in milliseconds as
/// `timeout_ms`, `attempt_timeout_ms`, `connect_timeout_ms`; beside them `language`, the host's, of up to 16 small
/// letters, for the `User-Agent`.
///
/// `*client` belongs to the caller: `baik_1_client_free`. On `BAIK_1_FAILED` `*failure` does: `baik_1_batch_free`.
///
/// # Safety
///
/// `options` points to `options_len` bytes. `client` and `failure` can be written; `failure` may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn baik_1_client_new(
    base: u64,
    options: *const u8,
    options_len: usize,
    client: *mut u64,
    failure: *mut Batch,
) -> Code {
    guarded(|| {
        // SAFETY: the caller's promise, which the header states.
        let (text, mut out, mut failure) =
            unsafe { (text(options, options_len)?, Out::new(client)?, Out::maybe(failure)) };
        out.set(0);
        failure.set(Batch::EMPTY);
        let base = if base == 0 { None } else { Some(CLIENTS.get(base).ok_or(BAIK_1_NO_SUCH_HANDLE)?) };
        match make_client(base, text) {
            Ok(made) => {
                out.set(CLIENTS.put(made).ok_or(BAIK_1_NO_RESOURCES)?);
                Ok(())
            }
            Err(error) => Err(failed(error, failure)),
        }
    })
}

/// Closes a client and all copies of it: new calls are refused, those in flight finish. Its handle stays.
#[unsafe(no_mangle)]
pub extern "C" fn baik_1_client_close(client: u64) -> Code {
    guarded(|| {
        CLIENTS.get(client).ok_or(BAIK_1_NO_SUCH_HANDLE)?.close();
        Ok(())
    })
}

/// Gives a client's handle back. Its calls in flight finish; copies of it stay as they are.
#[unsafe(no_mangle)]
pub extern "C" fn baik_1_client_free(client: u64) -> Code {
    guarded(|| CLIENTS.take(client).map(drop).ok_or(BAIK_1_NO_SUCH_HANDLE))
}

/// Makes a queue that calls end in. One is enough for a process.
///
/// `*descriptor` becomes readable when the queue goes from empty to not empty: an eventfd on Linux, a pipe elsewhere,
/// not blocking, closed on exec; -1 on Windows, where hosts block in `baik_1_drain`. It belongs to the queue: do not
/// close it. A host that polls it reads 8 bytes, then drains until `more` is 0; one that is told of each change
/// (EPOLLET) need not read an eventfd at all.
///
/// `*queue` belongs to the caller: `baik_1_queue_free`.
///
/// # Safety
///
/// `queue` and `descriptor` can be written; `descriptor` may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn baik_1_queue_new(queue: *mut u64, descriptor: *mut i32) -> Code {
    guarded(|| {
        // SAFETY: the caller's promise, which the header states.
        let (mut queue, mut descriptor) = unsafe { (Out::new(queue)?, Out::maybe(descriptor)) };
        queue.set(0);
        descriptor.set(-1);
        let wake = Arc::new(Wake::new().map_err(|_| BAIK_1_NO_RESOURCES)?);
        let woken = Arc::clone(&wake);
        let calls = Arc::new(Calls::new(move || woken.wake()));
        let number = wake.descriptor();
        queue.set(QUEUES.put(Queue { calls, wake }).ok_or(BAIK_1_NO_RESOURCES)?);
        descriptor.set(number);
        Ok(())
    })
}

/// Gives a queue back: all its calls are given up, whoever blocks in `baik_1_drain` comes back, and its descriptor is
/// closed once no other thread uses the queue.
#[unsafe(no_mangle)]
pub extern "C" fn baik_1_queue_free(queue: u64) -> Code {
    guarded(|| {
        let queue = QUEUES.take(queue).ok_or(BAIK_1_NO_SUCH_HANDLE)?;
        queue.calls.shut();
        queue.wake.wake();
        Ok(())
    })
}

/// Begins a call that ends in `queue` once, under `*call` (which may be 0), unless it is cancelled. Returns at
/// once.
///
/// `request` is the request as JSON on the wire: kit, input, config. `options` is a JSON object (or nothing) of
/// `timeout_ms`, `max_retries`, `retry_ambiguous`, `idempotency_key`, `headers`; `deadline_ms`, which is a limit of
/// time as well: the shorter of the two counts; and `waited_ms`, how long the call waited in the host already: that
/// is part of its time.
///
/// On `BAIK_1_FAILED` nothing was begun, and `*failure` belongs to the caller: `baik_1_batch_free`.
///
/// # Safety
///
/// `request` and `options` point to so many bytes. `call` and `failure` can be written; `failure` may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn baik_1_submit(
    client: u64,
    queue: u64,
    request: *const u8,
    request_len: usize,
    options: *const u8,
    options_len: usize,
    call: *mut u64,
    failure: *mut Batch,
) -> Code {
    guarded(|| {
        // SAFETY: the caller's promise, which the header states.
        let (request, options, mut call, mut failure) =
            unsafe { (text(request, request_len)?, text(options, options_len)?, Out::new(call)?, Out::maybe(failure)) };
        call.set(0);
        failure.set(Batch::EMPTY);
        let client = CLIENTS.get(client).ok_or(BAIK_1_NO_SUCH_HANDLE)?;
        let queue = QUEUES.get(queue).ok_or(BAIK_1_NO_SUCH_HANDLE)?;
        match read_call(&client, request, options) {
            Ok((request, options)) => {
                // None: freed by another thread since.
                call.set(client.submit(&queue.calls, request, options).ok_or(BAIK_1_NO_SUCH_HANDLE)?);
                Ok(())
            }
            Err(error) => Err(failed(error, failure)),
        }
    })
}

/// Gives a call up: its request is aborted, and it never ends in the queue. `BAIK_1_TOO_LATE`: it has ended, and is
/// there to be drained, or was.
#[unsafe(no_mangle)]
pub extern "C" fn baik_1_cancel(queue: u64, call: u64) -> Code {
    guarded(|| {
        let queue = QUEUES.get(queue).ok_or(BAIK_1_NO_SUCH_HANDLE)?;
        if queue.calls.abort(call) { Ok(()) } else { Err(BAIK_1_TOO_LATE) }
    })
}

/// Takes up to `most` calls that have ended, oldest first, after blocking for up to `wait_ms` while there are none (0:
/// not at all). None there: `batch->handle` is 0, and there is nothing to free.
///
/// Else `*batch` belongs to the caller: `baik_1_batch_free`.
///
/// # Safety
///
/// `batch` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn baik_1_drain(queue: u64, most: usize, wait_ms: u32, batch: *mut Batch) -> Code {
    guarded(|| {
        // SAFETY: the caller's promise, which the header states.
        let mut batch = unsafe { Out::new(batch)? };
        batch.set(Batch::EMPTY);
        let queue = QUEUES.get(queue).ok_or(BAIK_1_NO_SUCH_HANDLE)?;
        let mut ended = Vec::new();
        let mut more = queue.calls.drain(most, &mut ended);
        if ended.is_empty() && wait_ms > 0 && most > 0 {
            queue.wake.wait(Duration::from_millis(wait_ms.into()), || {
                more = queue.calls.drain(most, &mut ended);
                !ended.is_empty() || queue.calls.is_closed()
            });
        }
        if !ended.is_empty() {
            batch.set(Batch { more: more.into(), ..given(Kept::ended(ended))? });
        }
        Ok(())
    })
}

/// Frees a batch, and all memory that its records point into.
#[unsafe(no_mangle)]
pub extern "C" fn baik_1_batch_free(batch: u64) -> Code {
    guarded(|| BATCHES.take(batch).map(drop).ok_or(BAIK_1_NO_SUCH_HANDLE))
}

/// Sets how much is logged from now on, by all clients: 0 nothing, 1 waits before a repeat, 2 attempts too, and -1
/// what `BUILDERAIKITS_LOG` asks for. Gives what then holds.
#[unsafe(no_mangle)]
pub extern "C" fn baik_1_log_level(level: i32) -> i32 {
    let level = match level {
        ..0 => logs::from_env(),
        0 => Verbosity::Off,
        1 => Verbosity::Info,
        2.. => Verbosity::Debug,
    };
    // Nothing of it is left half-done: levels are numbers.
    let _ = catch_unwind(|| logs::record(level));
    level as i32
}

/// Takes what was logged since the last time, oldest first: records with `kind` and `message`. The oldest of more than
/// some thousands are gone. Nothing there: `batch->handle` is 0.
///
/// Else `*batch` belongs to the caller: `baik_1_batch_free`.
///
/// # Safety
///
/// `batch` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn baik_1_logs(batch: *mut Batch) -> Code {
    guarded(|| {
        // SAFETY: the caller's promise, which the header states.
        let mut batch = unsafe { Out::new(batch)? };
        batch.set(Batch::EMPTY);
        let lines = logs::take();
        if !lines.is_empty() {
            batch.set(given(Kept::logs(lines))?);
        }
        Ok(())
    })
}

fn make_client(base: Option<Client>, text: &str) -> builderaikits::Result<Client> {
    let mut values = object(text, "options", ErrorKind::Config)?;
    let language = values.remove("language");
    let mut config = base.as_ref().map_or_else(Config::from_env, |base| Ok(base.config().clone()))?;
    options::configure(&mut config, values)?;
    match base {
        Some(base) => base.with_options(config),
        None => Client::new(config, language_name(language)?),
    }
}

fn read_call(client: &Client, request: &str, options: &str) -> builderaikits::Result<(RunRequest, CallOptions)> {
    let refused = |what| move |error: serde_json::Error| not_json(what, &error, ErrorKind::InvalidRequest);
    let request = serde_json::from_str(request).map_err(refused("the request"))?;
    let options = match options {
        "" => CallOptions::default(),
        options => {
            let mut values = object(options, "options", ErrorKind::InvalidRequest)?;
            let (deadline, waited) = (values.remove("deadline_ms"), values.remove("waited_ms"));
            let mut options = options::call_options(values)?;
            if let Some(deadline) = deadline {
                let limits = [time("deadline", &deadline)?, options.timeout.unwrap_or(client.config().timeout)];
                options.timeout = Some(limits.into_iter().flatten().min());
            }
            if let Some(waited) = waited {
                options.waited = time("waited", &waited)?.unwrap_or_default();
            }
            options
        }
    };
    Ok((RunRequest::from_json(request)?, options))
}

fn time(name: &str, value: &Value) -> builderaikits::Result<Option<Duration>> {
    let refused =
        |message| Error::from(ErrorParts { kind: ErrorKind::InvalidRequest, message, ..ErrorParts::default() });
    options::milliseconds(name, value).map_err(refused)
}

fn object(text: &str, what: &str, kind: ErrorKind) -> builderaikits::Result<Map<String, Value>> {
    if text.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(text).map_err(|error| not_json(what, &error, kind))
}

/// Where it is wrong, and never what stands there.
fn not_json(what: &str, error: &serde_json::Error, kind: ErrorKind) -> Error {
    let fault = if error.is_data() { "is not a JSON object" } else { "is not valid JSON" };
    let message = format!("{what}: {fault} (line {}, column {})", error.line(), error.column());
    Error::from(ErrorParts { kind, message, ..ErrorParts::default() })
}

/// The few languages that a process is written in are kept for good; few, so that nobody fills memory with names.
fn language_name(name: Option<Value>) -> builderaikits::Result<&'static str> {
    static NAMES: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let Some(name) = name else { return Ok("c") };
    let fits = |name: &&str| (1..=16).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_lowercase());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    match name.as_str().filter(fits) {
        Some(name) if names.contains(&name) => Ok(names.iter().find(|known| **known == name).copied().unwrap_or("c")),
        Some(name) if names.len() < 16 => {
            let kept: &'static str = name.to_owned().leak();
            names.push(kept);
            Ok(kept)
        }
        _ => {
            let message = "language: must be one of a few names, each of up to 16 small letters".to_owned();
            Err(Error::from(ErrorParts { kind: ErrorKind::Config, message, ..ErrorParts::default() }))
        }
    }
}

fn failed(error: Error, mut failure: Out<Batch>) -> Code {
    // Nobody would give it back.
    if failure.0.is_null() {
        return BAIK_1_FAILED;
    }
    match given(Kept::failed(error)) {
        Ok(batch) => {
            failure.set(batch);
            BAIK_1_FAILED
        }
        Err(code) => code,
    }
}

/// Puts a batch into the caller's hands.
fn given(kept: Kept) -> Result<Batch, Code> {
    let kept = Arc::new(kept);
    let (records, count) = (kept.records().as_ptr(), kept.records().len());
    let handle = BATCHES.put(kept).ok_or(BAIK_1_NO_RESOURCES)?;
    Ok(Batch { handle, records, count, more: 0 })
}

/// A panic of ours ends here: in C there is nobody to catch it.
fn guarded(work: impl FnOnce() -> Result<(), Code>) -> Code {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => BAIK_1_OK,
        Ok(Err(code)) => code,
        Err(_) => BAIK_1_DEFECT,
    }
}

/// A text of the caller, for as long as the function runs.
///
/// # Safety
///
/// `data` is null, or points to `len` bytes that nobody changes meanwhile.
unsafe fn text<'a>(data: *const u8, len: usize) -> Result<&'a str, Code> {
    if len == 0 {
        return Ok("");
    }
    if data.is_null() {
        return Err(BAIK_1_NULL);
    }
    if isize::try_from(len).is_err() {
        return Err(BAIK_1_BAD_LENGTH);
    }
    // SAFETY: not null, not too long, and the rest is the caller's promise.
    str::from_utf8(unsafe { slice::from_raw_parts(data, len) }).map_err(|_| BAIK_1_NOT_UTF8)
}

/// Where the caller wants something written.
struct Out<T>(*mut T);

impl<T> Out<T> {
    /// # Safety
    ///
    /// `place` is null, or may be written until this is dropped.
    unsafe fn new(place: *mut T) -> Result<Self, Code> {
        if place.is_null() { Err(BAIK_1_NULL) } else { Ok(Self(place)) }
    }

    /// One that may be null; then nothing is written.
    ///
    /// # Safety
    ///
    /// As of [`new`](Self::new).
    unsafe fn maybe(place: *mut T) -> Self {
        Self(place)
    }

    fn set(&mut self, value: T) {
        if !self.0.is_null() {
            // SAFETY: not null; that it may be written is the promise of whoever made it. What stands there is plain
            // data or nothing yet: it is not dropped.
            unsafe { self.0.write(value) };
        }
    }
}

#[cfg(test)]
mod tests;
