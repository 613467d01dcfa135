//! Tolerant reading of a run: what is paid for is not lost to a field that is odd, new, or not there.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::kits::Kit;
use crate::run::{Output, ResponseMetadata, Run, Usage};

/// An unknown value that is nested deeper than this is left out.
const DEEPEST: usize = 100;

/// Reads a run. The error says where it fails and never quotes what stands there.
pub(crate) fn run(body: &[u8]) -> Result<Run, String> {
    let text = std::str::from_utf8(body).map_err(|e| format!("is not UTF-8 from byte {}", e.valid_up_to()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err("is empty".to_owned());
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let run = json.deserialize_map(RunVisitor).and_then(|run| json.end().map(|()| run));
    run.map_err(|e| {
        let fault = if e.is_data() { "has no string output.text, or a known field twice" } else { "is not valid JSON" };
        format!("{fault} (line {}, column {})", e.line(), e.column())
    })
}

struct RunVisitor;

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum RunField {
    Id,
    Kit,
    Status,
    Output,
    Usage,
    LatencyMs,
    Unknown(String),
}

impl<'de> Visitor<'de> for RunVisitor {
    type Value = Run;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a run")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Run, A::Error> {
        let (mut id, mut kit, mut status, mut output, mut usage, mut latency_ms) = (None, None, None, None, None, None);
        let mut extra = Map::new();
        while let Some(field) = map.next_key()? {
            match field {
                RunField::Id => once(&mut id, map.next_value()?)?,
                RunField::Kit => once(&mut kit, map.next_value()?)?,
                RunField::Status => once(&mut status, map.next_value()?)?,
                RunField::Output => once(&mut output, map.next_value_seed(OutputSeed)?)?,
                RunField::Usage => once(&mut usage, map.next_value()?)?,
                RunField::LatencyMs => once(&mut latency_ms, map.next_value()?)?,
                RunField::Unknown(key) => keep(key, map.next_value()?, &mut extra),
            }
        }
        Ok(Run {
            id: read(id, "id", &mut extra, string),
            kit: read(kit, "kit", &mut extra, string).map(Kit::from),
            status: read(status, "status", &mut extra, string),
            output: output.ok_or_else(|| A::Error::missing_field("output"))?,
            usage: read(usage, "usage", &mut extra, counts).unwrap_or_default(),
            latency_ms: read(latency_ms, "latency_ms", &mut extra, count),
            extra,
            response_metadata: ResponseMetadata::default(),
        })
    }
}

struct OutputSeed;

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum OutputField {
    Text,
    Unknown(String),
}

impl<'de> DeserializeSeed<'de> for OutputSeed {
    type Value = Output;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Output, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OutputSeed {
    type Value = Output;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an output")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Output, A::Error> {
        let mut text = None;
        let mut extra = Map::new();
        while let Some(field) = map.next_key()? {
            match field {
                OutputField::Text => once(&mut text, map.next_value()?)?,
                OutputField::Unknown(key) => keep(key, map.next_value()?, &mut extra),
            }
        }
        Ok(Output { text: text.ok_or_else(|| A::Error::missing_field("text"))?, extra })
    }
}

struct UsageVisitor;

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum UsageField {
    InputTokens,
    OutputTokens,
    TotalTokens,
    Unknown(String),
}

impl<'de> Visitor<'de> for UsageVisitor {
    type Value = Usage;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a usage")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Usage, A::Error> {
        let (mut input_tokens, mut output_tokens, mut total_tokens) = (None, None, None);
        let mut extra = Map::new();
        while let Some(field) = map.next_key()? {
            match field {
                UsageField::InputTokens => once(&mut input_tokens, map.next_value()?)?,
                UsageField::OutputTokens => once(&mut output_tokens, map.next_value()?)?,
                UsageField::TotalTokens => once(&mut total_tokens, map.next_value()?)?,
                UsageField::Unknown(key) => keep(key, map.next_value()?, &mut extra),
            }
        }
        Ok(Usage {
            input_tokens: read(input_tokens, "input_tokens", &mut extra, count),
            output_tokens: read(output_tokens, "output_tokens", &mut extra, count),
            total_tokens: read(total_tokens, "total_tokens", &mut extra, count),
            extra,
        })
    }
}

/// Fills a known field. One that is there twice leaves open which of them was meant.
fn once<T, E: serde::de::Error>(field: &mut Option<T>, value: T) -> Result<(), E> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::custom("a known field is there twice")),
    }
}

/// Reads an optional field; one that is odd is absent, and kept as an unknown one.
fn read<T>(
    raw: Option<&RawValue>,
    key: &str,
    extra: &mut Map<String, Value>,
    parse: fn(&RawValue) -> Option<T>,
) -> Option<T> {
    let raw = raw.filter(|raw| raw.get() != "null")?;
    let value = parse(raw);
    if value.is_none() {
        keep(key.to_owned(), raw, extra);
    }
    value
}

/// Keeps an unknown value, unless it is nested too deep or no JSON library could hold it (such as 1e400).
fn keep(key: String, raw: &RawValue, extra: &mut Map<String, Value>) {
    if depth(raw.get()) <= DEEPEST
        && let Ok(value) = serde_json::from_str(raw.get())
    {
        extra.insert(key, value);
    }
}

fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// A whole number from 0 up, also where it is written as 12.0 or 1e3.
fn count(raw: &RawValue) -> Option<u64> {
    let exact = || {
        let number: f64 = serde_json::from_str(raw.get()).ok()?;
        // Up to here every whole number has a double of its own.
        let whole = number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&number);
        whole.then(|| format!("{number:.0}").parse().ok())?
    };
    serde_json::from_str(raw.get()).ok().or_else(exact)
}

fn counts(raw: &RawValue) -> Option<Usage> {
    serde_json::Deserializer::from_str(raw.get()).deserialize_map(UsageVisitor).ok()
}

/// How deep the arrays and objects of a valid JSON text are nested. Without recursion, whatever the text.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth = depth.saturating_add(1);
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
