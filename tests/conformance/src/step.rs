//! What the server does with one request.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::date::DateForm;

/// What the server does with one request: send a response, send raw bytes, or cause a fault.
///
/// Made by `steps_from_json`.
#[derive(Debug, Clone)]
pub struct Step {
    pub(crate) delay: Duration,
    pub(crate) action: Action,
}

impl Step {
    /// The response to a path that no scripted case has.
    pub(crate) fn unknown_case() -> Self {
        Self::respond(404, &[], json!({"error": {"message": "no case is scripted for this path"}}))
    }

    /// A response with a JSON body.
    pub(crate) fn respond(status: u16, headers: &[(&str, &str)], body: Value) -> Self {
        let header = |(name, value): &(&str, &str)| {
            ((*name).to_owned(), Some(HeaderValue::One(HeaderText::Text((*value).to_owned()))))
        };
        let headers = headers.iter().map(header).collect();
        let response = Response { status, headers, body: Some(Body::Json(body)), chunked: false, close: Close::No };
        Self { delay: Duration::ZERO, action: Action::Respond(response) }
    }
}

/// What a step does after its delay.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    Respond(Response),
    Raw(Vec<u8>),
    Reset,
    Close,
    Stall,
    Truncate(Response),
    ChunkCut(Response),
    StallBody(Response),
    DripHead(Response, Duration),
    DripBody(Response, Duration),
    Huge(Response, u64),
    GzipBomb(Response, u64),
}

/// A scripted response.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// `None` leaves out a header that the server would add.
    pub(crate) headers: BTreeMap<String, Option<HeaderValue>>,
    pub(crate) body: Option<Body>,
    pub(crate) chunked: bool,
    pub(crate) close: Close,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    Json(Value),
    Bytes(Vec<u8>),
}

/// Whether the server closes the connection after a response, and whether `connection: close` announces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Close {
    No,
    Announced,
    Unannounced,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum HeaderValue {
    One(HeaderText),
    Many(Vec<HeaderText>),
}

impl HeaderValue {
    pub(crate) fn texts(&self) -> &[HeaderText] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum HeaderText {
    Text(String),
    Date(ScriptedDate),
}

/// A date relative to the time of the response, in seconds; negative: before it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptedDate {
    pub(crate) http_date_in_s: i64,
    #[serde(default)]
    pub(crate) form: DateForm,
}
