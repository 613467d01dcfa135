//! The layout of what comes out: batches of records.

use std::ptr;

/// A UTF-8 string in a batch, without a terminating NUL. `data` is null if the string is absent.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Str {
    /// The first byte.
    pub data: *const u8,
    /// The length in bytes.
    pub len: usize,
}

/// A response header. A name that was sent twice occurs twice.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Header {
    /// The name in lower case.
    pub name: Str,
    /// The value. Bytes that are not UTF-8 are replaced by U+FFFD.
    pub value: Str,
}

/// A flag of a record: `input_tokens` is present.
pub const BAIK_1_HAS_INPUT_TOKENS: u32 = 1;
/// A flag of a record: `output_tokens` is present.
pub const BAIK_1_HAS_OUTPUT_TOKENS: u32 = 2;
/// A flag of a record: `total_tokens` is present.
pub const BAIK_1_HAS_TOTAL_TOKENS: u32 = 4;
/// A flag of a record: `latency_ms` is present.
pub const BAIK_1_HAS_LATENCY: u32 = 8;
/// A flag of a record: `cost_nano_usd` is present.
pub const BAIK_1_HAS_COST: u32 = 16;

/// A completed call, the result of a query, an error of another function, or a log record. Absent strings are null; absent numbers are 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Record {
    /// The id of a completed call; 0 for all others.
    pub call: u64,
    /// Null for a success. Of an error its kind, such as `rate_limit`; new kinds may be added. Of a log record its level.
    pub kind: Str,
    /// An error in one line: status, message, request id, attempts. Of a log record its text.
    pub display: Str,
    /// All fields of an error except its body, as a JSON object: `kind`, `message`, `display`, `attempts`,
    /// `may_have_run`, `is_retryable`, `elapsed` (seconds), and if present `retry_stopped_by`, `option`, `status`, `code`, `headers` (pairs),
    /// `request_id`, `retry_after` (seconds), `idempotency_key`, `cause` (`message`, `errno`).
    pub error_json: Str,
    /// The response body of an error: bytes as received, not always UTF-8.
    pub body: Str,

    /// Of a success, and so are all fields below: the number of attempts.
    pub attempts: u32,
    /// Which numbers below are present: a sum of `BAIK_1_HAS_…`.
    pub flags: u32,
    /// The time from the start of the call to its end, in nanoseconds.
    pub elapsed_ns: u64,
    /// The request id of the service.
    pub request_id: Str,
    /// The `Idempotency-Key` of the call.
    pub idempotency_key: Str,
    /// The response headers.
    pub headers: *const Header,
    /// The number of headers.
    pub header_count: usize,

    /// The result of a query, or the response of an operation other than `kits.run`, as JSON. Null for a run, whose fields
    /// follow.
    pub payload: Str,
    /// The run id.
    pub id: Str,
    /// The kit that ran.
    pub kit: Str,
    /// The status of the run.
    pub status: Str,
    /// The generated text. Never null for a run.
    pub text: Str,
    /// Tokens of prompt and context.
    pub input_tokens: u64,
    /// Tokens of the output.
    pub output_tokens: u64,
    /// The sum of both.
    pub total_tokens: u64,
    /// The time that the service worked on the run, in milliseconds.
    pub latency_ms: u64,
    /// What the run cost, in billionths of a US dollar: the price of its kit times its total tokens. Absent where either is
    /// not known. It is no field of the response.
    pub cost_nano_usd: u64,
    /// Fields of the run that this version does not know, as a JSON object; null if there are none.
    pub extra: Str,
    /// The same for its output.
    pub output_extra: Str,
    /// The same for its usage.
    pub usage_extra: Str,
}

/// Records, and the memory that they point to.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Batch {
    /// The handle for `baik_1_batch_free`. 0: the batch is empty, and there is nothing to free.
    pub handle: u64,
    /// The first record.
    pub records: *const Record,
    /// The number of records.
    pub count: usize,
    /// Not 0 if more calls have completed; drain again.
    pub more: u32,
}

impl Str {
    pub(crate) const NONE: Self = Self { data: ptr::null(), len: 0 };

    pub(crate) fn of(bytes: &[u8]) -> Self {
        // An empty slice may point to any address, such as 1. Go's cgo pointer checks reject such pointers.
        static EMPTY: u8 = 0;
        Self { data: if bytes.is_empty() { &raw const EMPTY } else { bytes.as_ptr() }, len: bytes.len() }
    }

    pub(crate) fn optional(text: Option<&str>) -> Self {
        text.map_or(Self::NONE, |text| Self::of(text.as_bytes()))
    }
}

impl Record {
    pub(crate) const EMPTY: Self = Self {
        call: 0,
        kind: Str::NONE,
        display: Str::NONE,
        error_json: Str::NONE,
        body: Str::NONE,
        attempts: 0,
        flags: 0,
        elapsed_ns: 0,
        request_id: Str::NONE,
        idempotency_key: Str::NONE,
        headers: ptr::null(),
        header_count: 0,
        payload: Str::NONE,
        id: Str::NONE,
        kit: Str::NONE,
        status: Str::NONE,
        text: Str::NONE,
        input_tokens: 0,
        output_tokens: 0,
        total_tokens: 0,
        latency_ms: 0,
        cost_nano_usd: 0,
        extra: Str::NONE,
        output_extra: Str::NONE,
        usage_extra: Str::NONE,
    };
}

impl Batch {
    pub(crate) const EMPTY: Self = Self { handle: 0, records: ptr::null(), count: 0, more: 0 };
}
