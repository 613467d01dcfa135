//! One step of a script, as a vector writes it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::date::DateForm;

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
    let read = |(place, step)| {
        serde_json::from_value(step).map_err(|error| StepError(format!("server[{place}]: {error}")))
    };
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
        let body = Some(Body::Json(
            json!({"error": {"message": "no case is scripted for this path"}}),
        ));
        let answer = Answer {
            status: 404,
            headers: BTreeMap::new(),
            body,
            chunked: false,
            close: Close::Not,
        };
        Self {
            delay: Duration::ZERO,
            act: Act::Answer(answer),
        }
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

/// A step as it stands in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, Option<HeaderValue>>,
    #[serde(default, deserialize_with = "present")]
    body: Option<Value>,
    body_hex: Option<String>,
    #[serde(default)]
    chunked: bool,
    #[serde(default)]
    delay_ms: u64,
    #[serde(default)]
    close: bool,
    #[serde(default)]
    close_idle: bool,
    raw: Option<String>,
    fault: Option<Fault>,
    every_ms: Option<u64>,
    bytes: Option<u64>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Fault {
    Reset,
    Close,
    Truncate,
    ChunkCut,
    Stall,
    StallBody,
    DripHead,
    DripBody,
    Huge,
    GzipBomb,
}

/// `null` stands for the JSON text `null`, not for a body left out.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl TryFrom<Written> for Step {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        written.check()?;
        let every = Duration::from_millis(written.every_ms.unwrap_or(100));
        let (delay, fault, bytes) = (
            Duration::from_millis(written.delay_ms),
            written.fault,
            written.bytes.unwrap_or(0),
        );
        if let Some(raw) = written.raw {
            return Ok(Self {
                delay,
                act: Act::Raw(raw.into_bytes()),
            });
        }
        let answer = written.answer()?;
        let act = match fault {
            None => Act::Answer(answer),
            Some(Fault::Reset) => Act::Reset,
            Some(Fault::Close) => Act::Close,
            Some(Fault::Stall) => Act::Stall,
            Some(Fault::Truncate) => Act::Truncate(answer),
            Some(Fault::ChunkCut) => Act::ChunkCut(answer),
            Some(Fault::StallBody) => Act::StallBody(answer),
            Some(Fault::DripHead) => Act::DripHead(answer, every),
            Some(Fault::DripBody) => Act::DripBody(answer, every),
            Some(Fault::Huge) => Act::Huge(answer, bytes),
            Some(Fault::GzipBomb) => Act::GzipBomb(answer, bytes),
        };
        Ok(Self { delay, act })
    }
}

impl Written {
    /// What a step may not say together.
    fn check(&self) -> Result<(), String> {
        let answers = self.status.is_some()
            || !self.headers.is_empty()
            || self.body.is_some()
            || self.body_hex.is_some()
            || self.chunked
            || self.close
            || self.close_idle;
        let headless = matches!(self.fault, Some(Fault::Reset | Fault::Close | Fault::Stall));
        let sized = matches!(self.fault, Some(Fault::Huge | Fault::GzipBomb));
        let drips = matches!(self.fault, Some(Fault::DripHead | Fault::DripBody));
        let rules = [
            (
                self.status.is_none() && self.raw.is_none() && self.fault.is_none(),
                "needs one of status, raw, fault",
            ),
            (
                self.raw.is_some() && (answers || self.fault.is_some()),
                "raw stands alone, but for delay_ms",
            ),
            (
                headless && answers,
                "this fault sends no head: it takes no status, headers or body",
            ),
            (
                self.body.is_some() && self.body_hex.is_some(),
                "body and body_hex exclude each other",
            ),
            (
                self.close && self.close_idle,
                "close and close_idle exclude each other",
            ),
            (
                sized != self.bytes.is_some(),
                "bytes goes with huge and gzip_bomb, and they need it",
            ),
            (
                sized && (self.body.is_some() || self.body_hex.is_some()),
                "this fault makes its own body",
            ),
            (
                self.every_ms.is_some() && !drips,
                "every_ms goes with drip_head and drip_body",
            ),
            (
                self.status
                    .is_some_and(|status| !(100..=999).contains(&status)),
                "status has three digits",
            ),
        ];
        match rules.iter().find(|(broken, _)| *broken) {
            Some((_, rule)) => Err((*rule).to_owned()),
            None => Ok(()),
        }
    }

    fn answer(self) -> Result<Answer, String> {
        let body = match (self.body, self.body_hex) {
            (Some(Value::String(text)), _) => Some(Body::Bytes(text.into_bytes())),
            (Some(json), _) => Some(Body::Json(json)),
            (None, Some(hex)) => Some(Body::Bytes(
                unhex(&hex).ok_or("body_hex is not pairs of hexadecimal digits")?,
            )),
            (None, None) => None,
        };
        let close = match (self.close, self.close_idle) {
            (true, _) => Close::Announced,
            (_, true) => Close::Unannounced,
            _ => Close::Not,
        };
        let status = self.status.unwrap_or(200);
        Ok(Answer {
            status,
            headers: self.headers,
            body,
            chunked: self.chunked,
            close,
        })
    }
}

fn unhex(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<char> = hex.chars().filter(|digit| !digit.is_whitespace()).collect();
    let byte = |pair: &[char]| match pair {
        [high, low] => u8::try_from(high.to_digit(16)? * 16 + low.to_digit(16)?).ok(),
        _ => None,
    };
    digits.chunks(2).map(byte).collect()
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
            (
                json!({"status": 200, "body": "x", "body_hex": "00"}),
                "exclude",
            ),
            (json!({"status": 200, "body_hex": "0"}), "hexadecimal"),
            (json!({"status": 200, "body_hex": "zz"}), "hexadecimal"),
            (
                json!({"status": 200, "close": true, "close_idle": true}),
                "exclude",
            ),
            (json!({"status": 20}), "three digits"),
            (
                json!({"status": 200, "headers": {"date": {"http_date_in_s": 1, "from": "imf"}}}),
                "did not match",
            ),
            (
                json!({"status": 200, "headers": {"date": {"http_date_in_s": 1, "form": "iso"}}}),
                "did not match",
            ),
        ] {
            let error = steps_from_json(json!([{"status": 200}, step]))
                .unwrap_err()
                .to_string();
            assert!(
                error.starts_with("server[1]: ") && error.contains(reason),
                "{step}: {error}"
            );
        }
    }

    #[test]
    fn one_step_needs_no_array() {
        assert_eq!(steps_from_json(json!({"status": 200})).unwrap().len(), 1);
    }
}
