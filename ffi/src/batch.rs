//! [`BatchStorage`]: the memory of a batch, and records that point to it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use builderaikits::{Cost, Error, HeaderMap, Kit, ResponseMetadata, Run};
use builderaikits_bridge::logs::{self, LogLevel};
use builderaikits_bridge::{CallId, CallResult, ErrorRecord, Payload, Response, error_record};
use serde_json::{Map, Value};

use crate::Code::{self, *};
use crate::args::Out;
use crate::{
    BAIK_1_HAS_COST, BAIK_1_HAS_INPUT_TOKENS, BAIK_1_HAS_LATENCY, BAIK_1_HAS_OUTPUT_TOKENS, BAIK_1_HAS_TOTAL_TOKENS,
    BATCHES, Batch, Header, Record, Str,
};

/// What a batch owns. It does not change once it is built, so that its records stay valid.
pub(crate) struct BatchStorage {
    /// These three are never read: the records point to them.
    _responses: Vec<Response>,
    _errors: Vec<ErrorRecord>,
    _texts: Vec<String>,
    _headers: Vec<Vec<Header>>,
    records: Vec<Record>,
}

#[expect(unsafe_code, reason = "records hold pointers")]
// SAFETY: the pointers of records and headers point to heap memory of the other fields, which moves with them and which
// nothing changes. Through `&BatchStorage` they are only read.
unsafe impl Send for BatchStorage {}
#[expect(unsafe_code, reason = "records hold pointers")]
// SAFETY: as above.
unsafe impl Sync for BatchStorage {}

/// Registers a batch, which the caller then owns.
pub(crate) fn register_batch(storage: BatchStorage) -> Result<Batch, Code> {
    let storage = Arc::new(storage);
    let (records, count) = (storage.records.as_ptr(), storage.records.len());
    let handle = BATCHES.insert(storage).ok_or(BAIK_1_NO_RESOURCES)?;
    Ok(Batch { handle, records, count, more: 0 })
}

/// Writes a batch of one error, unless the caller does not want it.
pub(crate) fn write_error(why: &Error, mut error: Out<Batch>) -> Code {
    if error.is_null() {
        return BAIK_1_ERROR;
    }
    match register_batch(BatchStorage::of_error(why)) {
        Ok(batch) => {
            error.set(batch);
            BAIK_1_ERROR
        }
        Err(code) => code,
    }
}

impl BatchStorage {
    pub(crate) fn of_results(results: Vec<(CallId, CallResult)>) -> Self {
        let mut batch = Self::with_capacity(results.len());
        for (call, result) in results {
            match result {
                Ok(response) => batch.push_response(call, response),
                Err(error) => batch.push_error(call, error_record(&error)),
            }
        }
        batch
    }

    pub(crate) fn of_logs(records: Vec<logs::Record>) -> Self {
        let mut batch = Self::with_capacity(records.len());
        for record in records {
            let level = if record.level == LogLevel::Info { "info" } else { "debug" };
            let display = batch.push_text(record.text);
            batch.records.push(Record { kind: Str::of(level.as_bytes()), display, ..Record::EMPTY });
        }
        batch
    }

    pub(crate) fn of_payload(json: String) -> Self {
        let mut batch = Self::with_capacity(1);
        let payload = batch.push_text(json);
        batch.records.push(Record { payload, ..Record::EMPTY });
        batch
    }

    fn of_error(error: &Error) -> Self {
        let mut batch = Self::with_capacity(1);
        batch.push_error(0, error_record(error));
        batch
    }

    fn with_capacity(count: usize) -> Self {
        Self {
            _responses: Vec::with_capacity(count),
            _errors: Vec::new(),
            _texts: Vec::new(),
            _headers: Vec::with_capacity(count),
            records: Vec::with_capacity(count),
        }
    }

    /// Records point to texts before these move into the batch: their bytes stay where they are.
    fn push_response(&mut self, call: u64, response: Response) {
        let metadata = self.metadata(call, &response.metadata);
        let record = match &response.payload {
            Payload::Run(run) => self.run(metadata, run),
            Payload::Json(json) => Record { payload: Str::of(json.as_bytes()), ..metadata },
        };
        self.records.push(record);
        self._responses.push(response);
    }

    fn push_error(&mut self, call: u64, error: ErrorRecord) {
        self.records.push(Record {
            call,
            kind: Str::of(error.kind.as_bytes()),
            display: Str::of(error.display.as_bytes()),
            error_json: Str::of(error.json.as_bytes()),
            body: error.body.as_ref().map_or(Str::NONE, |body| Str::of(body)),
            ..Record::EMPTY
        });
        self._errors.push(error);
    }

    fn metadata(&mut self, call: u64, metadata: &ResponseMetadata) -> Record {
        let (headers, header_count) = self.push_headers(&metadata.headers);
        Record {
            call,
            attempts: metadata.attempts,
            elapsed_ns: nanoseconds(metadata.elapsed),
            request_id: Str::optional(metadata.request_id.as_deref()),
            idempotency_key: Str::of(metadata.idempotency_key.as_bytes()),
            headers,
            header_count,
            ..Record::EMPTY
        }
    }

    fn run(&mut self, metadata: Record, run: &Run) -> Record {
        let mut flags = 0;
        let mut number = |number: Option<u64>, flag| {
            flags |= if number.is_some() { flag } else { 0 };
            number.unwrap_or_default()
        };
        let record = Record {
            id: Str::optional(run.id.as_deref()),
            kit: Str::optional(run.kit.as_ref().map(Kit::as_str)),
            status: Str::optional(run.status.as_deref()),
            text: Str::of(run.output.text.as_bytes()),
            input_tokens: number(run.usage.input_tokens, BAIK_1_HAS_INPUT_TOKENS),
            output_tokens: number(run.usage.output_tokens, BAIK_1_HAS_OUTPUT_TOKENS),
            total_tokens: number(run.usage.total_tokens, BAIK_1_HAS_TOTAL_TOKENS),
            latency_ms: number(run.latency_ms, BAIK_1_HAS_LATENCY),
            cost_nano_usd: number(run.cost.map(Cost::nano_usd), BAIK_1_HAS_COST),
            extra: self.push_extra(&run.extra),
            output_extra: self.push_extra(&run.output.extra),
            usage_extra: self.push_extra(&run.usage.extra),
            ..metadata
        };
        Record { flags, ..record }
    }

    fn push_headers(&mut self, map: &HeaderMap) -> (*const Header, usize) {
        // At least one, so that the pointer of an empty list is valid, too.
        let mut headers = Vec::with_capacity(map.len().max(1));
        for (name, value) in map {
            let value = match String::from_utf8_lossy(value.as_bytes()) {
                Cow::Borrowed(value) => Str::of(value.as_bytes()),
                Cow::Owned(value) => self.push_text(value),
            };
            headers.push(Header { name: Str::of(name.as_str().as_bytes()), value });
        }
        let found = (headers.as_ptr(), headers.len());
        self._headers.push(headers);
        found
    }

    fn push_extra(&mut self, extra: &Map<String, Value>) -> Str {
        if extra.is_empty() {
            return Str::NONE;
        }
        // A value that was read from JSON can be written as JSON.
        serde_json::to_string(extra).map_or(Str::NONE, |text| self.push_text(text))
    }

    /// Stores a text. Its bytes stay where they are when the list of texts grows.
    fn push_text(&mut self, text: String) -> Str {
        let found = Str::of(text.as_bytes());
        self._texts.push(text);
        found
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
