//! What a vector expects, and the check of such an expectation.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::matching::{self, OperatorError};

/// The expected result of a case. An absent field is not judged.
#[derive(Debug, Clone, Default)]
pub struct Expect {
    /// The expected result of each call, in their order.
    pub calls: Vec<ExpectCall>,
    /// The number of requests that the server received.
    pub server_saw: Option<Count>,
    /// The number of requests that a service with a rate limit rejected.
    pub rejected: Option<Count>,
    /// The milliseconds from one request to the next.
    pub gap_ms: Option<Vec<[u64; 2]>>,
    /// The milliseconds from the first call to the last reply: minimum and maximum.
    pub total_ms: Option<[u64; 2]>,
    /// Subsets of the first requests, in order.
    pub requests: Vec<ExpectRequest>,
    /// True: all requests have the same key and body. False: no two requests have the same key.
    pub same_idempotency_key: Option<bool>,
    /// The maximum of milliseconds from the end of `cancel_after_ms` until the connection of the last request is closed.
    pub aborted_within_ms: Option<u64>,
    /// Texts that must not appear in the replies or on standard error.
    pub absent: Vec<String>,
}

/// The expected result of one call: exactly one of `ok` and `error`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectCall {
    /// A subset of the run.
    pub ok: Option<Value>,
    /// A subset of the error.
    pub error: Option<Value>,
    /// A subset of the metadata of a run.
    pub response_metadata: Option<Value>,
    /// The milliseconds from line written to line read: minimum and maximum.
    pub elapsed_ms: Option<[u64; 2]>,
}

/// A number of requests.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
pub enum Count {
    /// Exactly this number.
    Exactly(usize),
    /// From the first to the second, both inclusive.
    Between([usize; 2]),
}

/// A subset of one request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectRequest {
    /// `POST`.
    pub method: Option<Value>,
    /// The path after the segment of the case: `/v1/kits/run`.
    pub path: Option<Value>,
    /// By name, in any case. A header that is sent more than once is an array.
    pub headers: Map<String, Value>,
    /// Compared with the body as JSON if this is an object or an array, else with its text.
    pub body: Option<Value>,
    /// Names of headers that must not be sent.
    pub no_headers: Vec<String>,
}

/// An expectation that does not follow the format.
#[derive(Debug, thiserror::Error)]
pub enum ExpectError {
    /// `expect.calls` has another length than `calls`.
    #[error("calls needs one entry per call")]
    CallsLength,
    /// `expect` has `calls` and also a result for all calls.
    #[error("calls and a result for all calls exclude each other")]
    CallsAndResult,
    /// A call expects both `ok` and `error`, or neither.
    #[error("each call needs either ok or error")]
    OkOrError,
    /// `response_metadata` is expected of an error.
    #[error("response_metadata requires ok")]
    MetadataWithoutOk,
    /// `aborted_within_ms` is expected, but no call is cancelled.
    #[error("aborted_within_ms requires cancel_after_ms")]
    AbortWithoutCancel,
    /// `rejected` is expected of a service without a rate limit.
    #[error("rejected requires limit")]
    RejectedWithoutLimit,
    /// An operator is invalid.
    #[error(transparent)]
    Operator(#[from] OperatorError),
}

/// An expectation as written in JSON: `calls`, or one result for all calls.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ExpectJson {
    calls: Option<Vec<ExpectCall>>,
    ok: Option<Value>,
    error: Option<Value>,
    response_metadata: Option<Value>,
    elapsed_ms: Option<[u64; 2]>,
    server_saw: Option<Count>,
    rejected: Option<Count>,
    gap_ms: Option<Vec<[u64; 2]>>,
    total_ms: Option<[u64; 2]>,
    requests: Vec<ExpectRequest>,
    same_idempotency_key: Option<bool>,
    aborted_within_ms: Option<u64>,
    absent: Vec<String>,
}

impl ExpectJson {
    /// The expectation of a case whose calls are made so many times each.
    pub(crate) fn for_calls(self, times: &[usize]) -> Result<Expect, ExpectError> {
        let Self { ok, error, response_metadata, elapsed_ms, .. } = self;
        let all = ExpectCall { ok, error, response_metadata, elapsed_ms };
        let each = match self.calls {
            Some(each) if each.len() != times.len() => {
                return Err(ExpectError::CallsLength);
            }
            Some(_) if !all.is_empty() => {
                return Err(ExpectError::CallsAndResult);
            }
            Some(each) => each,
            None => vec![all; times.len()],
        };
        let repeat = |(call, times): (ExpectCall, &usize)| std::iter::repeat_n(call, *times);
        Ok(Expect {
            calls: each.into_iter().zip(times).flat_map(repeat).collect(),
            server_saw: self.server_saw,
            rejected: self.rejected,
            gap_ms: self.gap_ms,
            total_ms: self.total_ms,
            requests: self.requests,
            same_idempotency_key: self.same_idempotency_key,
            aborted_within_ms: self.aborted_within_ms,
            absent: self.absent,
        })
    }
}

/// Checks the rules that the types do not express.
pub(crate) fn check(expect: &Expect, calls: &[Map<String, Value>]) -> Result<(), ExpectError> {
    if expect.calls.iter().any(|call| call.ok.is_some() == call.error.is_some()) {
        return Err(ExpectError::OkOrError);
    }
    if expect.calls.iter().any(|call| call.error.is_some() && call.response_metadata.is_some()) {
        return Err(ExpectError::MetadataWithoutOk);
    }
    if expect.aborted_within_ms.is_some() && !calls.iter().any(|call| cancel_after(call).is_some()) {
        return Err(ExpectError::AbortWithoutCancel);
    }
    let replies = expect.calls.iter().flat_map(|call| [&call.ok, &call.error, &call.response_metadata]).flatten();
    let requests = expect.requests.iter();
    let sent = requests
        .flat_map(|request| request.headers.values().chain(&request.method).chain(&request.path).chain(&request.body));
    replies.chain(sent).try_for_each(matching::check)?;
    Ok(())
}

/// The milliseconds after which a call is cancelled, if it is.
pub(crate) fn cancel_after(call: &Map<String, Value>) -> Option<u64> {
    call.get("options")?.get("cancel_after_ms")?.as_u64()
}

impl ExpectCall {
    fn is_empty(&self) -> bool {
        self.ok.is_none() && self.error.is_none() && self.response_metadata.is_none() && self.elapsed_ms.is_none()
    }
}

impl Count {
    /// Whether this is the number, or it is between these numbers.
    pub(crate) fn includes(self, number: usize) -> bool {
        match self {
            Self::Exactly(count) => number == count,
            Self::Between([min, max]) => (min..=max).contains(&number),
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(count) => write!(formatter, "{count}"),
            Self::Between([min, max]) => write!(formatter, "{min} to {max}"),
        }
    }
}
