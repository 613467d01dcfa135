//! Reads a run from JSON: strictly if possible, because that is faster, else leniently.

use serde::Deserialize;
use serde_json::Map;

use crate::error::{Error, ErrorKind};
use crate::models::decode_lenient::decode_lenient;
use crate::models::json_object::JsonObject;
use crate::models::kit::Kit;
use crate::models::run::{Output, Run, Usage};

/// Reads a run. The error is the end of a sentence; it gives a position and never quotes the text.
pub(crate) fn run(body: &[u8]) -> Result<Run, String> {
    let text = std::str::from_utf8(body).map_err(|e| format!("is not valid UTF-8 (byte {})", e.valid_up_to()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err("is empty".to_owned());
    }
    if let Ok(strict) = serde_json::from_str::<JsonObject<StrictRun>>(text) {
        return Ok(strict.0.into());
    }
    decode_lenient(text)
}

impl Run {
    /// Reads a run from JSON, as leniently as a call does.
    ///
    /// # Errors
    ///
    /// [`BadResponse`](crate::ErrorKind::BadResponse) if the text is not JSON or has no `output.text`.
    pub fn from_json(text: &str) -> crate::error::Result<Self> {
        run(text.as_bytes()).map_err(|why| Error::new(ErrorKind::BadResponse, format!("The run {why}.")))
    }
}

/// A run exactly as the API describes it. Most responses are, and this reads them at half the cost of
/// [`decode_lenient`](crate::models::decode_lenient): without it a call takes 13 % more instructions (bench/README.md).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictRun {
    id: Option<String>,
    kit: Option<Kit>,
    status: Option<String>,
    output: JsonObject<StrictOutput>,
    usage: Option<JsonObject<StrictUsage>>,
    latency_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictOutput {
    text: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct StrictUsage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    total_tokens: Option<u64>,
}

impl From<StrictRun> for Run {
    fn from(strict: StrictRun) -> Self {
        let StrictUsage { input_tokens, output_tokens, total_tokens } =
            strict.usage.map_or_else(StrictUsage::default, |usage| usage.0);
        Self {
            id: strict.id,
            kit: strict.kit,
            status: strict.status,
            output: Output { text: strict.output.0.text, extra: Map::new() },
            usage: Usage { input_tokens, output_tokens, total_tokens, extra: Map::new() },
            latency_ms: strict.latency_ms,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;
    use serde_json::value::RawValue;

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
            // Unknown fields and values survive in their place.
            (
                r#"{"new":{"a":[1,{"b":null}]},"output":{"text":"t","tone":"warm"},"usage":{"cached":7},"kit":"poem","status":"?"}"#
                    .to_owned(),
                json!({"new": {"a": [1, {"b": null}]}, "output": {"text": "t", "tone": "warm"}, "usage": {"cached": 7},
                    "kit": "poem", "status": "?"}),
            ),
            // Malformed values read as absent and are kept.
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
            // Many values beside each other, and brackets inside a string, are not deep.
            (with(&format!(r#","x":[{}0]"#, "[],".repeat(101))), {
                let mut kept = plain.clone();
                kept["x"] = [vec![json!([]); 101], vec![json!(0)]].concat().into();
                kept
            }),
            (with(&format!(r#","x":"\"{}""#, "[".repeat(101))), {
                let mut kept = plain.clone();
                kept["x"] = format!("\"{}", "[".repeat(101)).into();
                kept
            }),
            (with(r#","id":"\u00e9\"","x":1"#), {
                let mut kept = plain.clone();
                (kept["id"], kept["x"]) = ("é\"".into(), 1.into());
                kept
            }),
            (with(&format!(r#","id":{}"#, nested(200_000))), plain.clone()),
            (with(&format!(r#","x":"{}\"[","y":1"#, "[".repeat(200))), {
                json!({"output": {"text": "t"}, "usage": {}, "x": format!("{}\"[", "[".repeat(200)), "y": 1})
            }),
            (with(r#","x":1,"x":2"#), json!({"output": {"text": "t"}, "usage": {}, "x": 2})),
            (r#"{"output":{"text":"caf\u00e9 \ud83d\ude80\n\u0000"}}"#.to_owned(), json!({"output": {"text": "café 🚀\n\0"}, "usage": {}})),
        ];
        for (body, wire) in good {
            let run = run(body.as_bytes()).unwrap_or_else(|why| panic!("{why}: {body:.200}"));
            assert_eq!(
                decode_lenient(body.trim_start_matches('\u{feff}')).as_ref(),
                Ok(&run),
                "strict and lenient agree: {body:.200}"
            );
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
            (b"null", "output.text"),
            (b"42", "output.text"),
            (b"\"secret\"", "output.text"),
            (b"[]", "output.text"),
            (b"{}", "output.text"),
            (br#"{"output":{}}"#, "output.text"),
            (br#"{"output":null}"#, "output.text"),
            (br#"{"output":"secret"}"#, "output.text"),
            (br#"{"output":["secret"]}"#, "output.text"),
            (br#"{"output":{"text":null}}"#, "output.text"),
            (br#"{"output":{"text":42}}"#, "output.text"),
            (br#"{"output":{"text":{"secret":1}}}"#, "output.text"),
            (br#"{"output":{"text":"a"},"output":{"text":"b"}}"#, "twice"),
            (br#"{"output":{"text":"a","text":"b"}}"#, "twice"),
            (br#"{"id":"a","id":"b","output":{"text":"a"}}"#, "twice"),
            (br#"{"output":{"text":"half of it"#, "is not valid JSON"),
            (br#"{"output":{"text":"a"}} trailing"#, "is not valid JSON"),
            (b"{\"output\":{\"text\":\"a\xff\xfe\"}}", "is not valid UTF-8 (byte 20)"),
            (b"{\"output\":{\"text\":\"a\0b\"}}", "is not valid JSON"),
            (br#"{"output":{"text":"\ud800"}}"#, "is not valid JSON"),
            (b"\x1f\x8b\x08\x00", "is not valid UTF-8 (byte 1)"),
        ];
        for (body, why) in bad {
            let error = run(body).unwrap_err();
            assert!(error.contains(why), "{error}: {}", String::from_utf8_lossy(body));
            assert!(!error.contains("secret"), "{error}");
        }
        let deep = format!(r#"{{"output":{{"text":{}}}}}"#, nested(100_000));
        assert!(run(deep.as_bytes()).unwrap_err().contains("output.text"));
    }

    proptest! {
        #[test]
        fn decoding_never_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = run(&body);
        }

        #[test]
        fn malformed_optional_fields_do_not_lose_the_text(
            field in "id|kit|status|usage|latency_ms|new",
            value in r#"-?[0-9]{1,30}(\.[0-9]{1,5})?(e[0-9]{1,4})?|"[a-z]{0,5}"|true|null|\{\}|\[\[1\],\{"a":2\}\]"#,
        ) {
            let body = format!(r#"{{"{field}":{value},"output":{{"text":"t"}}}}"#);
            if serde_json::from_str::<Box<RawValue>>(&body).is_ok() {
                let run = run(body.as_bytes()).unwrap();
                prop_assert_eq!(&run.output.text, "t");
                prop_assert_eq!(decode_lenient(&body), Ok(run.clone()));
                let written = serde_json::to_string(&run).unwrap();
                let mut kept = run;
                kept.extra.remove("usage");
                prop_assert_eq!(Run::from_json(&written).unwrap(), kept);
            }
        }
    }
}
