//! What comes out: calls that ended, as records of fixed layout over memory that the batch owns.

use std::borrow::Cow;
use std::ptr;
use std::time::Duration;

use builderaikits::{Error, HeaderMap, Kit, Run};
use builderaikits_bridge::logs::{self, Verbosity};
use builderaikits_bridge::{CallId, Failure, Outcome};
use serde_json::{Map, Value};

/// UTF-8 that lies in a batch; not closed by a NUL. `data` is null where there is none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    /// Its first byte.
    pub data: *const u8,
    /// Its length in bytes.
    pub len: usize,
}

/// One header of an answer. A name that was sent twice stands twice.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Header {
    /// In lower case.
    pub name: Text,
    /// Its value; bytes that are not UTF-8 are replaced by U+FFFD.
    pub value: Text,
}

/// `present` of a record: which numbers the service gave, and what is true.
pub const BAIK_1_HAS_INPUT_TOKENS: u32 = 1;
/// See `present`.
pub const BAIK_1_HAS_OUTPUT_TOKENS: u32 = 2;
/// See `present`.
pub const BAIK_1_HAS_TOTAL_TOKENS: u32 = 4;
/// See `present`.
pub const BAIK_1_HAS_LATENCY: u32 = 8;
/// See `present`.
pub const BAIK_1_HAS_RETRY_AFTER: u32 = 16;
/// See `present`: the call may have run, and may be billed.
pub const BAIK_1_MAY_HAVE_RUN: u32 = 32;
/// See `present`: the call's options would repeat this outcome.
pub const BAIK_1_IS_RETRYABLE: u32 = 64;

/// A run or an error, as the core normalised it. What is absent is a null text or 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Record {
    /// The call that ended; 0 for a failure of another function, and for a line of the log.
    pub call: u64,
    /// Null: a run. Else the kind of the error, such as `rate_limit`: an open set. Of a line of the log its level,
    /// `info` or `debug`.
    pub kind: Text,
    /// Which of the numbers below the service gave, and what is true: the sum of `BAIK_1_HAS_…` and the like.
    pub present: u32,
    /// Attempts begun.
    pub attempts: u32,
    /// From the start of the call to its end, in nanoseconds.
    pub elapsed_ns: u64,
    /// The service's name for the request.
    pub request_id: Text,
    /// The `Idempotency-Key` of the call.
    pub idempotency_key: Text,
    /// The headers of the answer; null where there was no answer.
    pub headers: *const Header,
    /// How many headers there are.
    pub header_count: usize,

    /// A run's own name.
    pub id: Text,
    /// The kit that ran.
    pub kit: Text,
    /// How the run ended.
    pub status: Text,
    /// What the kit answered. Never null in a run.
    pub text: Text,
    /// Tokens of prompt and context.
    pub input_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
    /// Both together.
    pub total_tokens: u64,
    /// How long the service worked, in milliseconds.
    pub latency_ms: u64,
    /// Fields of the run that this version does not know, as a JSON object; null where there are none.
    pub extra: Text,
    /// The same, of its output.
    pub output_extra: Text,
    /// The same, of its usage.
    pub usage_extra: Text,

    /// An error's message alone; of a line of the log the line.
    pub message: Text,
    /// One line for a person: status, message, request id, attempts.
    pub line: Text,
    /// The HTTP status of the answer.
    pub http_status: u32,
    /// The service's own code.
    pub code: Text,
    /// What the service sent, as received: bytes, not always UTF-8.
    pub body: Text,
    /// How long the service asked to wait, in nanoseconds.
    pub retry_after_ns: u64,
}

/// Records, and the memory that they point into.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Batch {
    /// Names the batch for `baik_1_batch_free`; 0: there is nothing in it and nothing to free.
    pub handle: u64,
    /// The first record.
    pub records: *const Record,
    /// How many records there are.
    pub count: usize,
    /// Not 0: more calls have ended; drain again.
    pub more: u32,
}

/// What a batch owns. Nothing in it changes once it is built, so that its records stay true.
pub(crate) struct Kept {
    /// Never read again: the records point into them.
    _ends: Vec<Result<Run, Failure>>,
    _made: Vec<String>,
    _headers: Vec<Vec<Header>>,
    records: Vec<Record>,
}

#[expect(unsafe_code, reason = "records hold pointers")]
// SAFETY: the pointers of records and headers point into the heap memory of the other fields, which move with them and
// which nothing changes; through `&Kept` they are only read.
unsafe impl Send for Kept {}
#[expect(unsafe_code, reason = "records hold pointers")]
// SAFETY: as above.
unsafe impl Sync for Kept {}

impl Text {
    pub(crate) const NONE: Self = Self { data: ptr::null(), len: 0 };

    fn of(bytes: &[u8]) -> Self {
        // An empty slice may point anywhere, such as to 1. Hosts that look at pointers, as Go does, take offence.
        static EMPTY: u8 = 0;
        Self { data: if bytes.is_empty() { &raw const EMPTY } else { bytes.as_ptr() }, len: bytes.len() }
    }

    fn maybe(text: Option<&str>) -> Self {
        text.map_or(Self::NONE, |text| Self::of(text.as_bytes()))
    }
}

impl Batch {
    pub(crate) const EMPTY: Self = Self { handle: 0, records: ptr::null(), count: 0, more: 0 };
}

impl Kept {
    pub(crate) fn ended(ends: Vec<(CallId, Outcome)>) -> Self {
        let mut kept = Self::with_room_for(ends.len());
        // Texts are pointed at before they move into the batch: their bytes stay where they are.
        for (call, end) in ends {
            match end {
                Ok(run) => kept.keep_run(call, run),
                Err(error) => kept.keep_failure(call, Failure::from(error)),
            }
        }
        kept
    }

    pub(crate) fn failed(error: Error) -> Self {
        let mut kept = Self::with_room_for(1);
        kept.keep_failure(0, Failure::from(error));
        kept
    }

    pub(crate) fn logs(lines: Vec<logs::Record>) -> Self {
        let mut kept = Self::with_room_for(lines.len());
        for line in lines {
            let level = if line.verbosity == Verbosity::Info { "info" } else { "debug" };
            let message = kept.made(line.text);
            kept.records.push(Record { kind: Text::of(level.as_bytes()), message, ..NOTHING });
        }
        kept
    }

    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }

    fn with_room_for(count: usize) -> Self {
        Self {
            _ends: Vec::with_capacity(count),
            _made: Vec::new(),
            _headers: Vec::with_capacity(count),
            records: Vec::with_capacity(count),
        }
    }

    fn keep_run(&mut self, call: u64, run: Run) {
        let (headers, header_count) = self.headers(&run.response_metadata.headers);
        let metadata = &run.response_metadata;
        let mut present = 0;
        let mut number = |number: Option<u64>, bit| {
            present |= if number.is_some() { bit } else { 0 };
            number.unwrap_or_default()
        };
        let record = Record {
            call,
            attempts: metadata.attempts,
            elapsed_ns: nanoseconds(metadata.elapsed),
            request_id: Text::maybe(metadata.request_id.as_deref()),
            idempotency_key: Text::of(metadata.idempotency_key.as_bytes()),
            headers,
            header_count,
            id: Text::maybe(run.id.as_deref()),
            kit: Text::maybe(run.kit.as_ref().map(Kit::as_str)),
            status: Text::maybe(run.status.as_deref()),
            text: Text::of(run.output.text.as_bytes()),
            input_tokens: number(run.usage.input_tokens, BAIK_1_HAS_INPUT_TOKENS),
            output_tokens: number(run.usage.output_tokens, BAIK_1_HAS_OUTPUT_TOKENS),
            total_tokens: number(run.usage.total_tokens, BAIK_1_HAS_TOTAL_TOKENS),
            latency_ms: number(run.latency_ms, BAIK_1_HAS_LATENCY),
            extra: self.extra(&run.extra),
            output_extra: self.extra(&run.output.extra),
            usage_extra: self.extra(&run.usage.extra),
            ..NOTHING
        };
        self.records.push(Record { present, ..record });
        self._ends.push(Ok(run));
    }

    fn keep_failure(&mut self, call: u64, failure: Failure) {
        let headers = failure.headers.as_ref().map(|pairs| {
            let mut headers = Self::room_for_headers(pairs.len());
            let texts = pairs.iter().map(|(name, value)| (Text::of(name.as_bytes()), Text::of(value.as_bytes())));
            headers.extend(texts.map(|(name, value)| Header { name, value }));
            headers
        });
        let flags = [
            (failure.retry_after.is_some(), BAIK_1_HAS_RETRY_AFTER),
            (failure.may_have_run, BAIK_1_MAY_HAVE_RUN),
            (failure.is_retryable, BAIK_1_IS_RETRYABLE),
        ];
        let present = flags.iter().fold(0, |present, (is, bit)| present | if *is { *bit } else { 0 });
        let seconds = |seconds| nanoseconds(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
        self.records.push(Record {
            call,
            kind: Text::of(failure.kind.as_bytes()),
            present,
            attempts: failure.attempts,
            elapsed_ns: seconds(failure.elapsed),
            request_id: Text::maybe(failure.request_id.as_deref()),
            idempotency_key: Text::maybe(failure.idempotency_key.as_deref()),
            headers: headers.as_ref().map_or(ptr::null(), |headers| headers.as_ptr()),
            header_count: headers.as_ref().map_or(0, Vec::len),
            message: Text::of(failure.message.as_bytes()),
            line: Text::of(failure.text.as_bytes()),
            http_status: failure.status.map_or(0, u32::from),
            code: Text::maybe(failure.code.as_deref()),
            body: failure.body.as_ref().map_or(Text::NONE, |body| Text::of(body)),
            retry_after_ns: failure.retry_after.map_or(0, seconds),
            ..NOTHING
        });
        self._headers.extend(headers);
        self._ends.push(Err(failure));
    }

    fn headers(&mut self, map: &HeaderMap) -> (*const Header, usize) {
        let mut headers = Self::room_for_headers(map.len());
        for (name, value) in map {
            let value = match String::from_utf8_lossy(value.as_bytes()) {
                Cow::Borrowed(value) => Text::of(value.as_bytes()),
                Cow::Owned(value) => self.made(value),
            };
            headers.push(Header { name: Text::of(name.as_str().as_bytes()), value });
        }
        let found = (headers.as_ptr(), headers.len());
        self._headers.push(headers);
        found
    }

    /// Never without room, so that an empty list is somewhere, too.
    fn room_for_headers(count: usize) -> Vec<Header> {
        Vec::with_capacity(count.max(1))
    }

    fn extra(&mut self, extra: &Map<String, Value>) -> Text {
        if extra.is_empty() {
            return Text::NONE;
        }
        // What came from JSON goes back into it.
        serde_json::to_string(extra).map_or(Text::NONE, |text| self.made(text))
    }

    /// Keeps a text of our own. Its bytes stay where they are when the list of texts grows.
    fn made(&mut self, text: String) -> Text {
        let found = Text::of(text.as_bytes());
        self._made.push(text);
        found
    }
}

const NOTHING: Record = Record {
    call: 0,
    kind: Text::NONE,
    present: 0,
    attempts: 0,
    elapsed_ns: 0,
    request_id: Text::NONE,
    idempotency_key: Text::NONE,
    headers: ptr::null(),
    header_count: 0,
    id: Text::NONE,
    kit: Text::NONE,
    status: Text::NONE,
    text: Text::NONE,
    input_tokens: 0,
    output_tokens: 0,
    total_tokens: 0,
    latency_ms: 0,
    extra: Text::NONE,
    output_extra: Text::NONE,
    usage_extra: Text::NONE,
    message: Text::NONE,
    line: Text::NONE,
    http_status: 0,
    code: Text::NONE,
    body: Text::NONE,
    retry_after_ns: 0,
};

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
