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
    // It is valid JSON, so that what parses has no sign and no zeros before it.
    raw.get().parse().ok().or_else(|| {
        let number: f64 = serde_json::from_str(raw.get()).ok()?;
        // Up to here every whole number has a double of its own.
        let whole = number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&number);
        whole.then(|| format!("{number:.0}").parse().ok())?
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn decode_table() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let with = |fields: &str| format!(r#"{{"output":{{"text":"t"}}{fields}}}"#);
        let plain = json!({"output": {"text": "t"}, "usage": {}});
        let good = [
            (with(""), plain.clone()),
            (format!("\u{feff}\r\n {} \n", with("")), plain.clone()),
            (with(r#","id":null,"kit":null,"status":null,"usage":null,"latency_ms":null"#), plain.clone()),
            (
                r#"{"id":"run_8f3k2m","kit":"text-gen","status":"completed","output":{"text":""},
                    "usage":{"input_tokens":245,"output_tokens":87,"total_tokens":332},"latency_ms":142}"#
                    .to_owned(),
                json!({"id": "run_8f3k2m", "kit": "text-gen", "status": "completed", "output": {"text": ""},
                    "usage": {"input_tokens": 245, "output_tokens": 87, "total_tokens": 332}, "latency_ms": 142}),
            ),
            // Unknown fields and values survive, where they stand.
            (
                r#"{"new":{"a":[1,{"b":null}]},"output":{"text":"t","tone":"warm"},"usage":{"cached":7},"kit":"poem","status":"?"}"#
                    .to_owned(),
                json!({"new": {"a": [1, {"b": null}]}, "output": {"text": "t", "tone": "warm"}, "usage": {"cached": 7},
                    "kit": "poem", "status": "?"}),
            ),
            // Odd values read as absent and are kept.
            (
                with(r#","id":7,"kit":["x"],"status":{"a":1},"latency_ms":-1"#),
                json!({"id": 7, "kit": ["x"], "status": {"a": 1}, "latency_ms": -1, "usage": {}, "output": {"text": "t"}}),
            ),
            (
                with(r#","usage":{"input_tokens":"12","output_tokens":1.5,"total_tokens":-2}"#),
                json!({"output": {"text": "t"}, "usage": {"input_tokens": "12", "output_tokens": 1.5, "total_tokens": -2}}),
            ),
            (
                with(r#","usage":{"input_tokens":12.0,"output_tokens":1e3,"total_tokens":18446744073709551615}"#),
                json!({"output": {"text": "t"}, "usage": {"input_tokens": 12, "output_tokens": 1000, "total_tokens": u64::MAX}}),
            ),
            (
                with(r#","usage":{"input_tokens":true,"output_tokens":null,"total_tokens":1e400},"latency_ms":1e400"#),
                json!({"output": {"text": "t"}, "usage": {"input_tokens": true}}),
            ),
            // 100 levels are kept; deeper ones are left out, however deep.
            (with(&format!(r#","x":{}"#, nested(100))), {
                let mut kept = plain.clone();
                kept["x"] = serde_json::from_str(&nested(100)).unwrap();
                kept
            }),
            (with(&format!(r#","x":{}"#, nested(101))), plain.clone()),
            (with(&format!(r#","id":{}"#, nested(200_000))), plain.clone()),
            (with(&format!(r#","x":"{}\"[","y":1"#, "[".repeat(200))), {
                json!({"output": {"text": "t"}, "usage": {}, "x": format!("{}\"[", "[".repeat(200)), "y": 1})
            }),
            (with(r#","x":1,"x":2"#), json!({"output": {"text": "t"}, "usage": {}, "x": 2})),
            (r#"{"output":{"text":"caf\u00e9 \ud83d\ude80\n\u0000"}}"#.to_owned(), json!({"output": {"text": "café 🚀\n\0"}, "usage": {}})),
        ];
        for (body, wire) in good {
            let run = run(body.as_bytes()).unwrap_or_else(|why| panic!("{why}: {body:.200}"));
            assert_eq!(serde_json::to_value(&run).unwrap(), wire, "{body:.200}");
            assert_eq!(Run::from_json(&wire.to_string()).unwrap(), run, "{body:.200}");
        }
        let odd = run(with(r#","usage":[1]"#).as_bytes()).unwrap();
        assert_eq!((&odd.usage, &odd.extra["usage"]), (&Usage::default(), &json!([1])));
        assert_eq!(serde_json::to_string(&odd).unwrap(), r#"{"output":{"text":"t"},"usage":{}}"#);

        let bad: [(&[u8], &str); 26] = [
            (b"", "is empty"),
            (b" \n", "is empty"),
            (b"\xef\xbb\xbf", "is empty"),
            (b"\xef\xbb\xbf\xef\xbb\xbf{}", "is not valid JSON"),
            (b"<html>secret</html>", "is not valid JSON"),
            (b"null", "has no string output.text"),
            (b"42", "has no string output.text"),
            (b"\"secret\"", "has no string output.text"),
            (b"[]", "has no string output.text"),
            (b"{}", "has no string output.text"),
            (br#"{"output":{}}"#, "has no string output.text"),
            (br#"{"output":null}"#, "has no string output.text"),
            (br#"{"output":"secret"}"#, "has no string output.text"),
            (br#"{"output":["secret"]}"#, "has no string output.text"),
            (br#"{"output":{"text":null}}"#, "has no string output.text"),
            (br#"{"output":{"text":42}}"#, "has no string output.text"),
            (br#"{"output":{"text":{"secret":1}}}"#, "has no string output.text"),
            (br#"{"output":{"text":"a"},"output":{"text":"b"}}"#, "a known field twice"),
            (br#"{"output":{"text":"a","text":"b"}}"#, "a known field twice"),
            (br#"{"id":"a","id":"b","output":{"text":"a"}}"#, "a known field twice"),
            (br#"{"output":{"text":"half of it"#, "is not valid JSON"),
            (br#"{"output":{"text":"a"}} trailing"#, "is not valid JSON"),
            (b"{\"output\":{\"text\":\"a\xff\xfe\"}}", "is not UTF-8 from byte 20"),
            (b"{\"output\":{\"text\":\"a\0b\"}}", "is not valid JSON"),
            (br#"{"output":{"text":"\ud800"}}"#, "is not valid JSON"),
            (b"\x1f\x8b\x08\x00", "is not UTF-8 from byte 1"),
        ];
        for (body, why) in bad {
            let error = run(body).unwrap_err();
            assert!(error.contains(why), "{error}: {}", String::from_utf8_lossy(body));
            assert!(!error.contains("secret"), "{error}");
        }
        let deep = format!(r#"{{"output":{{"text":{}}}}}"#, nested(100_000));
        assert!(run(deep.as_bytes()).unwrap_err().contains("has no string output.text"));
    }

    proptest! {
        /// Any bytes are a run or a reason, and what is a run survives being written and read.
        #[test]
        fn any_bytes_are_a_run_or_a_reason(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = run(&body);
        }

        #[test]
        fn any_value_in_any_field_leaves_the_text(
            field in "id|kit|status|usage|latency_ms|new",
            value in r#"-?[0-9]{1,30}(\.[0-9]{1,5})?(e[0-9]{1,4})?|"[a-z]{0,5}"|true|null|\{\}|\[\[1\],\{"a":2\}\]"#,
        ) {
            let body = format!(r#"{{"{field}":{value},"output":{{"text":"t"}}}}"#);
            if serde_json::from_str::<Box<RawValue>>(&body).is_ok() {
                let run = run(body.as_bytes()).unwrap();
                prop_assert_eq!(&run.output.text, "t");
                let written = serde_json::to_string(&run).unwrap();
                let mut kept = run;
                kept.extra.remove("usage");
                prop_assert_eq!(Run::from_json(&written).unwrap(), kept);
            }
        }
    }
}
