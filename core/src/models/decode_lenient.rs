//! Reads a run leniently: unknown and malformed fields do not lose a response that was billed.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::models::kit::Kit;
use crate::models::response_metadata::ResponseMetadata;
use crate::models::run::{Output, Run, Usage};

/// An unknown value that is nested deeper than this is left out.
pub const MAX_EXTRA_DEPTH: usize = 100;

const FIELD_TWICE: &str = "a known field occurs twice";

/// Reads a run that need not be exactly as the API describes it.
pub(crate) fn decode_lenient(text: &str) -> Result<Run, String> {
    let mut json = serde_json::Deserializer::from_str(text);
    let run = json.deserialize_map(RunVisitor).and_then(|run| json.end().map(|()| run));
    run.map_err(|e| {
        let fault = if !e.is_data() {
            "is not valid JSON"
        } else if e.to_string().starts_with(FIELD_TWICE) {
            "has a known field twice"
        } else {
            "has no string `output.text`"
        };
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
                RunField::Id => set_once(&mut id, map.next_value()?)?,
                RunField::Kit => set_once(&mut kit, map.next_value()?)?,
                RunField::Status => set_once(&mut status, map.next_value()?)?,
                RunField::Output => set_once(&mut output, map.next_value_seed(OutputSeed)?)?,
                RunField::Usage => set_once(&mut usage, map.next_value()?)?,
                RunField::LatencyMs => set_once(&mut latency_ms, map.next_value()?)?,
                RunField::Unknown(key) => keep_extra(key, map.next_value()?, &mut extra),
            }
        }
        Ok(Run {
            id: optional_field(id, "id", &mut extra, string),
            kit: optional_field(kit, "kit", &mut extra, string).map(Kit::from),
            status: optional_field(status, "status", &mut extra, string),
            output: output.ok_or_else(|| A::Error::missing_field("output"))?,
            usage: optional_field(usage, "usage", &mut extra, usage_object).unwrap_or_default(),
            latency_ms: optional_field(latency_ms, "latency_ms", &mut extra, count),
            extra,
            cost: None,
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
                OutputField::Text => set_once(&mut text, map.next_value()?)?,
                OutputField::Unknown(key) => keep_extra(key, map.next_value()?, &mut extra),
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
                UsageField::InputTokens => set_once(&mut input_tokens, map.next_value()?)?,
                UsageField::OutputTokens => set_once(&mut output_tokens, map.next_value()?)?,
                UsageField::TotalTokens => set_once(&mut total_tokens, map.next_value()?)?,
                UsageField::Unknown(key) => keep_extra(key, map.next_value()?, &mut extra),
            }
        }
        Ok(Usage {
            input_tokens: optional_field(input_tokens, "input_tokens", &mut extra, count),
            output_tokens: optional_field(output_tokens, "output_tokens", &mut extra, count),
            total_tokens: optional_field(total_tokens, "total_tokens", &mut extra, count),
            extra,
        })
    }
}

/// Fills a known field. A field that occurs twice is an error: it is unclear which value was meant.
fn set_once<T, E: serde::de::Error>(field: &mut Option<T>, value: T) -> Result<(), E> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::custom(FIELD_TWICE)),
    }
}

/// Reads an optional field. A malformed value reads as absent and is kept as an unknown one.
fn optional_field<T>(
    raw: Option<&RawValue>,
    key: &str,
    extra: &mut Map<String, Value>,
    parse: fn(&RawValue) -> Option<T>,
) -> Option<T> {
    let raw = raw.filter(|raw| raw.get() != "null")?;
    let value = parse(raw);
    if value.is_none() {
        keep_extra(key.to_owned(), raw, extra);
    }
    value
}

/// Keeps an unknown value, unless it is nested too deep or too large for a JSON library, such as 1e400.
fn keep_extra(key: String, raw: &RawValue, extra: &mut Map<String, Value>) {
    if depth(raw.get()) <= MAX_EXTRA_DEPTH
        && let Ok(value) = serde_json::from_str(raw.get())
    {
        extra.insert(key, value);
    }
}

fn string(raw: &RawValue) -> Option<String> {
    // The text is valid JSON, so a string without an escape is the text between its quotes.
    let plain = raw.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).filter(|text| !text.contains('\\'));
    plain.map(str::to_owned).or_else(|| serde_json::from_str(raw.get()).ok())
}

/// Reads an integer of 0 or more, also if it is written as 12.0 or 1e3.
fn count(raw: &RawValue) -> Option<u64> {
    // The text is valid JSON, so an integer that parses has no sign and no leading zeros.
    raw.get().parse().ok().or_else(|| {
        let number: f64 = serde_json::from_str(raw.get()).ok()?;
        // Up to 2^53 every integer is exact as a double.
        let whole = number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&number);
        whole.then(|| format!("{number:.0}").parse().ok())?
    })
}

fn usage_object(raw: &RawValue) -> Option<Usage> {
    serde_json::Deserializer::from_str(raw.get()).deserialize_map(UsageVisitor).ok()
}

/// How deep the arrays and objects of a valid JSON text are nested. It does not recurse, so no text overflows the stack.
fn depth(json: &str) -> usize {
    let (mut depth, mut max) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth = depth.saturating_add(1);
                max = max.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    max
}
