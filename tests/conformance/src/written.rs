//! A step as a vector writes it: one flat object, and which of its fields go together.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::step::{Act, Answer, Body, Close, HeaderValue, Step};

/// A step as it stands in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
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
        let (delay, fault, bytes) =
            (Duration::from_millis(written.delay_ms), written.fault, written.bytes.unwrap_or(0));
        if let Some(raw) = written.raw {
            return Ok(Self { delay, act: Act::Raw(raw.into_bytes()) });
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
            (self.status.is_none() && self.raw.is_none() && self.fault.is_none(), "needs one of status, raw, fault"),
            (self.raw.is_some() && (answers || self.fault.is_some()), "raw stands alone, but for delay_ms"),
            (headless && answers, "this fault sends no head: it takes no status, headers or body"),
            (self.body.is_some() && self.body_hex.is_some(), "body and body_hex exclude each other"),
            (self.close && self.close_idle, "close and close_idle exclude each other"),
            (sized != self.bytes.is_some(), "bytes goes with huge and gzip_bomb, and they need it"),
            (sized && (self.body.is_some() || self.body_hex.is_some()), "this fault makes its own body"),
            (self.every_ms.is_some() && !drips, "every_ms goes with drip_head and drip_body"),
            (self.status.is_some_and(|status| !(100..=999).contains(&status)), "status has three digits"),
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
            (None, Some(hex)) => Some(Body::Bytes(unhex(&hex).ok_or("body_hex is not pairs of hexadecimal digits")?)),
            (None, None) => None,
        };
        let close = match (self.close, self.close_idle) {
            (true, _) => Close::Announced,
            (_, true) => Close::Unannounced,
            _ => Close::Not,
        };
        let status = self.status.unwrap_or(200);
        Ok(Answer { status, headers: self.headers, body, chunked: self.chunked, close })
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
