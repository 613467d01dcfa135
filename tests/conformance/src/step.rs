//! One step of a script, as a vector writes it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::date::DateForm;
use crate::written::Written;

/// What the server does with one request: an answer, raw bytes, or a fault. Made by [`steps_from_json`]; a field or
/// a fault that the format does not know is an error.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Written")]
pub struct Step {
    pub(crate) delay: Duration,
    pub(crate) act: Act,
}

/// Reads steps from JSON: an array of steps, or one step.
///
/// # Errors
/// Names the step, by its place from 0, that is not of the format.
pub fn steps_from_json(steps: Value) -> Result<Vec<Step>, StepError> {
    let steps = match steps {
        Value::Array(steps) => steps,
        step => vec![step],
    };
    let read =
        |(place, step)| serde_json::from_value(step).map_err(|error| StepError(format!("server[{place}]: {error}")));
    steps.into_iter().enumerate().map(read).collect()
}

/// A step is not of the format; says which one and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepError(String);

impl fmt::Display for StepError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for StepError {}

impl Step {
    /// The answer to a path of no scripted case.
    pub(crate) fn no_such_case() -> Self {
        let body = Some(Body::Json(json!({"error": {"message": "no case is scripted for this path"}})));
        let answer = Answer { status: 404, headers: BTreeMap::new(), body, chunked: false, close: Close::Not };
        Self { delay: Duration::ZERO, act: Act::Answer(answer) }
    }
}

/// What a step does once its delay is over.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Answer(Answer),
    Raw(Vec<u8>),
    Reset,
    Close,
    Stall,
    Truncate(Answer),
    ChunkCut(Answer),
    StallBody(Answer),
    DripHead(Answer, Duration),
    DripBody(Answer, Duration),
    Huge(Answer, u64),
    GzipBomb(Answer, u64),
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `None`: a header that the server would add is left out.
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Close {
    Not,
    Announced,
    Unannounced,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum HeaderValue {
    One(HeaderText),
    Many(Vec<HeaderText>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum HeaderText {
    Text(String),
    Date(ScriptedDate),
}

/// So many seconds after the moment of the answer; negative: before it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptedDate {
    pub(crate) http_date_in_s: i64,
    #[serde(default)]
    pub(crate) form: DateForm,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_outside_the_format_is_refused() {
        for (step, reason) in [
            (json!({"status": 200, "bodi": {}}), "unknown field `bodi`"),
            (json!({"fault": "restet"}), "unknown variant `restet`"),
            (json!({}), "needs one of"),
            (json!({"delay_ms": 5}), "needs one of"),
            (json!({"raw": "x", "status": 200}), "stands alone"),
            (json!({"fault": "reset", "status": 200}), "sends no head"),
            (json!({"fault": "huge"}), "need it"),
            (json!({"fault": "truncate", "bytes": 3}), "goes with huge"),
            (json!({"status": 200, "every_ms": 3}), "goes with drip_head"),
            (json!({"status": 200, "body": "x", "body_hex": "00"}), "exclude"),
            (json!({"status": 200, "body_hex": "0"}), "hexadecimal"),
            (json!({"status": 200, "body_hex": "zz"}), "hexadecimal"),
            (json!({"status": 200, "close": true, "close_idle": true}), "exclude"),
            (json!({"status": 20}), "three digits"),
            (json!({"status": 200, "headers": {"date": {"http_date_in_s": 1, "from": "imf"}}}), "did not match"),
            (json!({"status": 200, "headers": {"date": {"http_date_in_s": 1, "form": "iso"}}}), "did not match"),
        ] {
            let error = steps_from_json(json!([{"status": 200}, step])).unwrap_err().to_string();
            assert!(error.starts_with("server[1]: ") && error.contains(reason), "{step}: {error}");
        }
    }

    #[test]
    fn one_step_needs_no_array() {
        assert_eq!(steps_from_json(json!({"status": 200})).unwrap().len(), 1);
    }
}
