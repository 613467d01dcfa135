//! What a vector expects, and what such an expectation may not say.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::matching;

/// What must come of a case. A field left out is not judged.
#[derive(Debug, Clone, Default)]
pub struct Expect {
    /// What must come of each call, in their order.
    pub calls: Vec<ExpectCall>,
    /// Requests that the server saw.
    pub server_saw: Option<Count>,
    /// Milliseconds from one request to the next.
    pub gap_ms: Option<Vec<[u64; 2]>>,
    /// Subsets of the first requests, in order.
    pub requests: Vec<ExpectRequest>,
    /// True: one key and one body in all requests. False: no two requests share a key.
    pub same_idempotency_key: Option<bool>,
    /// Milliseconds from the end of `cancel_after_ms` until the last request's connection is closed, at most.
    pub aborted_within_ms: Option<u64>,
    /// Texts that stand neither in the replies nor anywhere on standard error.
    pub absent: Vec<String>,
}

/// What must come of one call: exactly one of `ok` and `error`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectCall {
    /// A subset of the run.
    pub ok: Option<Value>,
    /// A subset of the error.
    pub error: Option<Value>,
    /// A subset of the metadata beside a run.
    pub response_metadata: Option<Value>,
    /// Milliseconds from line written to line read.
    pub elapsed_ms: Option<[u64; 2]>,
}

/// A number of requests.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
pub enum Count {
    /// Exactly so many.
    Exactly(usize),
    /// From the first to the second, both included.
    Between([usize; 2]),
}

/// A subset of one request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectRequest {
    /// `POST`.
    pub method: Option<Value>,
    /// The path after the case's own segment: `/v1/kits/run`.
    pub path: Option<Value>,
    /// By name in any case; a header sent more than once is an array.
    pub headers: Map<String, Value>,
    /// Against the body as JSON where this is an object or an array, else against its text.
    pub body: Option<Value>,
    /// Names that were not sent.
    pub no_headers: Vec<String>,
}

/// `calls`, or else one reply for all calls.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WrittenExpect {
    calls: Option<Vec<ExpectCall>>,
    ok: Option<Value>,
    error: Option<Value>,
    response_metadata: Option<Value>,
    elapsed_ms: Option<[u64; 2]>,
    server_saw: Option<Count>,
    gap_ms: Option<Vec<[u64; 2]>>,
    requests: Vec<ExpectRequest>,
    same_idempotency_key: Option<bool>,
    aborted_within_ms: Option<u64>,
    absent: Vec<String>,
}

impl WrittenExpect {
    pub(crate) fn complete(self, calls: usize) -> Result<Expect, String> {
        let Self { ok, error, response_metadata, elapsed_ms, .. } = self;
        let all = ExpectCall { ok, error, response_metadata, elapsed_ms };
        let each = match self.calls {
            Some(each) if each.len() != calls => {
                return Err("expect.calls has one entry for each of calls".to_owned());
            }
            Some(_) if !all.is_empty() => {
                return Err("expect.calls and a reply for all exclude each other".to_owned());
            }
            Some(each) => each,
            None => vec![all; calls],
        };
        Ok(Expect {
            calls: each,
            server_saw: self.server_saw,
            gap_ms: self.gap_ms,
            requests: self.requests,
            same_idempotency_key: self.same_idempotency_key,
            aborted_within_ms: self.aborted_within_ms,
            absent: self.absent,
        })
    }
}

pub(crate) fn check(expect: &Expect, calls: &[Map<String, Value>]) -> Result<(), String> {
    if expect.calls.iter().any(|call| call.ok.is_some() == call.error.is_some()) {
        return Err("expect: each call has either ok or error".to_owned());
    }
    if expect.calls.iter().any(|call| call.error.is_some() && call.response_metadata.is_some()) {
        return Err("expect: response_metadata goes with ok".to_owned());
    }
    if expect.aborted_within_ms.is_some() && !calls.iter().any(|call| cancel_after(call).is_some()) {
        return Err("expect: aborted_within_ms goes with cancel_after_ms".to_owned());
    }
    let replies = expect.calls.iter().flat_map(|call| [&call.ok, &call.error, &call.response_metadata]).flatten();
    let requests = expect.requests.iter();
    let sent = requests
        .flat_map(|request| request.headers.values().chain(&request.method).chain(&request.path).chain(&request.body));
    replies.chain(sent).try_for_each(matching::check)
}

/// Milliseconds after which a call is cancelled, if it is.
pub(crate) fn cancel_after(call: &Map<String, Value>) -> Option<u64> {
    call.get("options")?.get("cancel_after_ms")?.as_u64()
}

impl ExpectCall {
    fn is_empty(&self) -> bool {
        self.ok.is_none() && self.error.is_none() && self.response_metadata.is_none() && self.elapsed_ms.is_none()
    }
}

impl fmt::Display for Count {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(count) => write!(formatter, "{count}"),
            Self::Between([least, most]) => write!(formatter, "{least} to {most}"),
        }
    }
}
