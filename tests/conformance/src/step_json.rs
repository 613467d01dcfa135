//! A step as a vector writes it: one flat object, and which of its fields can be combined.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::step::{Action, Body, Close, HeaderText, HeaderValue, Response, Step};

/// Reads steps from JSON: an array of steps, or one step. Unknown fields and faults are errors.
///
/// # Errors
/// Names the invalid step by its index from 0.
pub fn steps_from_json(steps: Value) -> Result<Vec<Step>, StepError> {
    let steps = match steps {
        Value::Array(steps) => steps,
        step => vec![step],
    };
    let read = |(index, step)| step_from_json(step).map_err(|reason| StepError { index, reason });
    steps.into_iter().enumerate().map(read).collect()
}

/// A step that does not follow the format.
#[derive(Debug, thiserror::Error)]
#[error("server[{index}]: {reason}")]
pub struct StepError {
    index: usize,
    #[source]
    reason: StepErrorReason,
}

#[derive(Debug, thiserror::Error)]
enum StepErrorReason {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("{0}")]
    Rule(&'static str),
}

fn step_from_json(step: Value) -> Result<Step, StepErrorReason> {
    serde_json::from_value::<StepJson>(step)?.into_step()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepJson {
    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, Option<HeaderValue>>,
    #[serde(default, deserialize_with = "some_value")]
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

/// Reads `null` as the JSON text `null`, not as a missing body.
fn some_value<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl StepJson {
    fn into_step(self) -> Result<Step, StepErrorReason> {
        self.check().map_err(StepErrorReason::Rule)?;
        let every = Duration::from_millis(self.every_ms.unwrap_or(100));
        let (delay, fault, bytes) = (Duration::from_millis(self.delay_ms), self.fault, self.bytes.unwrap_or(0));
        if let Some(raw) = self.raw {
            return Ok(Step { delay, action: Action::Raw(raw.into_bytes()) });
        }
        let response = self.into_response()?;
        let action = match fault {
            None => Action::Respond(response),
            Some(Fault::Reset) => Action::Reset,
            Some(Fault::Close) => Action::Close,
            Some(Fault::Stall) => Action::Stall,
            Some(Fault::Truncate) => Action::Truncate(response),
            Some(Fault::ChunkCut) => Action::ChunkCut(response),
            Some(Fault::StallBody) => Action::StallBody(response),
            Some(Fault::DripHead) => Action::DripHead(response, every),
            Some(Fault::DripBody) => Action::DripBody(response, every),
            Some(Fault::Huge) => Action::Huge(response, bytes),
            Some(Fault::GzipBomb) => Action::GzipBomb(response, bytes),
        };
        Ok(Step { delay, action })
    }

    /// Rejects combinations of fields that have no meaning.
    fn check(&self) -> Result<(), &'static str> {
        /// About 100 years, so that every date stays within four digits of a year.
        const MAX_DATE_S: u64 = 100 * 366 * 86_400;
        let has_response_fields = self.status.is_some()
            || !self.headers.is_empty()
            || self.body.is_some()
            || self.body_hex.is_some()
            || self.chunked
            || self.close
            || self.close_idle;
        let headless = matches!(self.fault, Some(Fault::Reset | Fault::Close | Fault::Stall));
        let sized = matches!(self.fault, Some(Fault::Huge | Fault::GzipBomb));
        let drips = matches!(self.fault, Some(Fault::DripHead | Fault::DripBody));
        let far = self.dates().any(|seconds| seconds.unsigned_abs() > MAX_DATE_S);
        let rules = [
            (self.status.is_none() && self.raw.is_none() && self.fault.is_none(), "needs one of status, raw, fault"),
            (
                self.raw.is_some() && (has_response_fields || self.fault.is_some()),
                "raw can be combined only with delay_ms",
            ),
            (headless && has_response_fields, "this fault sends no head: it takes no status, headers or body"),
            (self.body.is_some() && self.body_hex.is_some(), "body and body_hex exclude each other"),
            (self.close && self.close_idle, "close and close_idle exclude each other"),
            (sized != self.bytes.is_some(), "bytes is required by huge and gzip_bomb, and only valid with them"),
            (sized && (self.body.is_some() || self.body_hex.is_some()), "this fault makes its own body"),
            (self.every_ms.is_some() && !drips, "every_ms is only valid with drip_head and drip_body"),
            (self.status.is_some_and(|status| !(100..=999).contains(&status)), "status has three digits"),
            (far, "http_date_in_s is limited to 100 years"),
        ];
        rules.iter().find(|(violated, _)| *violated).map_or(Ok(()), |(_, rule)| Err(*rule))
    }

    fn dates(&self) -> impl Iterator<Item = i64> {
        let texts = self.headers.values().flatten().flat_map(HeaderValue::texts);
        texts.filter_map(|text| match text {
            HeaderText::Date(date) => Some(date.http_date_in_s),
            HeaderText::Text(_) => None,
        })
    }

    fn into_response(self) -> Result<Response, StepErrorReason> {
        const NOT_HEX: StepErrorReason = StepErrorReason::Rule("body_hex is not pairs of hexadecimal digits");
        let body = match (self.body, self.body_hex) {
            (Some(Value::String(text)), _) => Some(Body::Bytes(text.into_bytes())),
            (Some(json), _) => Some(Body::Json(json)),
            (None, Some(hex)) => Some(Body::Bytes(decode_hex(&hex).ok_or(NOT_HEX)?)),
            (None, None) => None,
        };
        let close = match (self.close, self.close_idle) {
            (true, _) => Close::Announced,
            (_, true) => Close::Unannounced,
            _ => Close::No,
        };
        let status = self.status.unwrap_or(200);
        Ok(Response { status, headers: self.headers, body, chunked: self.chunked, close })
    }
}

fn decode_hex(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<char> = hex.chars().filter(|digit| !digit.is_whitespace()).collect();
    let byte = |pair: &[char]| match pair {
        [high, low] => u8::try_from(high.to_digit(16)? * 16 + low.to_digit(16)?).ok(),
        _ => None,
    };
    digits.chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn invalid_step_is_rejected() {
        for (step, reason) in [
            (json!({"status": 200, "bodi": {}}), "unknown field `bodi`"),
            (json!({"fault": "restet"}), "unknown variant `restet`"),
            (json!({}), "needs one of"),
            (json!({"delay_ms": 5}), "needs one of"),
            (json!({"raw": "x", "status": 200}), "only with delay_ms"),
            (json!({"fault": "reset", "status": 200}), "sends no head"),
            (json!({"fault": "huge"}), "required by huge"),
            (json!({"fault": "truncate", "bytes": 3}), "required by huge"),
            (json!({"status": 200, "every_ms": 3}), "only valid with drip_head"),
            (json!({"status": 200, "body": "x", "body_hex": "00"}), "exclude"),
            (json!({"status": 200, "body_hex": "0"}), "hexadecimal"),
            (json!({"status": 200, "body_hex": "zz"}), "hexadecimal"),
            (json!({"status": 200, "close": true, "close_idle": true}), "exclude"),
            (json!({"status": 20}), "three digits"),
            (json!({"status": 200, "headers": {"date": {"http_date_in_s": 1, "from": "imf"}}}), "did not match"),
            (json!({"status": 200, "headers": {"date": {"http_date_in_s": 1, "form": "iso"}}}), "did not match"),
            (json!({"status": 200, "headers": {"date": [{"http_date_in_s": i64::MIN}]}}), "100 years"),
        ] {
            let error = steps_from_json(json!([{"status": 200}, step])).unwrap_err().to_string();
            assert!(error.starts_with("server[1]: ") && error.contains(reason), "{step}: {error}");
        }
    }

    #[test]
    fn single_step_needs_no_array() {
        assert_eq!(steps_from_json(json!({"status": 200})).unwrap().len(), 1);
    }
}
