//! The body of a run, validated field by field. Every error names the field by its path.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::kits::{KITS, Kit};
use crate::response::ApiError;

/// A valid run.
pub(crate) struct RunRequest<'a> {
    pub(crate) kit: &'static Kit,
    pub(crate) prompt: Cow<'a, str>,
    /// Empty if absent.
    pub(crate) context: Cow<'a, str>,
    /// From 1 to the kit's limit, which is also the default.
    pub(crate) max_tokens: u64,
}

impl<'a> RunRequest<'a> {
    /// Reads a body. Unknown fields are ignored, and `null` counts as absent; the spec defines neither.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, ApiError> {
        let text = std::str::from_utf8(body).map_err(|_| ApiError::invalid_json("the body must be JSON in UTF-8"))?;
        let body: Body<'a> = object("the body", text)?;

        let id = string("kit", required("kit", body.kit)?)?;
        let kit = Kit::named(&id).ok_or_else(|| unknown_kit(&id))?;

        let input: Input<'a> = object("input", required("input", body.input)?)?;
        let prompt = string("input.prompt", required("input.prompt", input.prompt)?)?;
        let context = input.context.map_or(Ok(Cow::Borrowed("")), |raw| string("input.context", raw.get()))?;

        let config: Config<'a> = body.config.map_or(Ok(Config::default()), |raw| object("config", raw.get()))?;
        let max_tokens = config.max_tokens.map_or(Ok(kit.max_tokens), |raw| max_tokens(raw.get(), kit))?;
        config.temperature.map_or(Ok(()), |raw| check_temperature(raw.get()))?;
        Ok(Self { kit, prompt, context, max_tokens })
    }
}

// Fields stay raw text until they are needed: a wrong type is reported with its path, unknown fields cost no memory, and a
// number is validated as it was written.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    kit: Option<&'a RawValue>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    config: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Input<'a> {
    #[serde(borrow)]
    prompt: Option<&'a RawValue>,
    #[serde(borrow)]
    context: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Config<'a> {
    #[serde(borrow)]
    max_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    temperature: Option<&'a RawValue>,
}

fn required<'a>(path: &str, raw: Option<&'a RawValue>) -> Result<&'a str, ApiError> {
    raw.map(RawValue::get).ok_or_else(|| ApiError::invalid(format!("{path} is required")))
}

fn object<'a, T: Deserialize<'a>>(path: &str, raw: &'a str) -> Result<T, ApiError> {
    // Malformed text is reported first: serde also reads an array as a struct, and its message about a wrong type quotes the
    // value.
    serde_json::from_str::<&RawValue>(raw).map_err(|error| malformed(path, &error))?;
    if !raw.trim_start().starts_with('{') {
        return Err(ApiError::invalid(format!("{path} must be an object, got {}", found(raw.trim_start()))));
    }
    serde_json::from_str(raw).map_err(|error| malformed(path, &error))
}

fn string<'a>(path: &str, raw: &'a str) -> Result<Cow<'a, str>, ApiError> {
    if !raw.starts_with('"') {
        return Err(ApiError::invalid(format!("{path} must be a string, got {}", found(raw))));
    }
    let plain = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).filter(|text| !text.contains('\\'));
    match plain {
        Some(text) => Ok(Cow::Borrowed(text)),
        None => serde_json::from_str(raw).map(Cow::Owned).map_err(|error| malformed(path, &error)),
    }
}

fn max_tokens(raw: &str, kit: &Kit) -> Result<u64, ApiError> {
    raw.parse().ok().filter(|tokens| (1..=kit.max_tokens).contains(tokens)).ok_or_else(|| {
        let (max, id) = (kit.max_tokens, kit.id);
        let got = found(raw);
        ApiError::invalid(format!("config.max_tokens must be an integer from 1 to {max} for kit \"{id}\", got {got}"))
    })
}

/// The spec shows one value, 0.6, and no range.
fn check_temperature(raw: &str) -> Result<(), ApiError> {
    match raw.parse::<f64>() {
        Ok(temperature) if (0.0..=2.0).contains(&temperature) => Ok(()),
        _ => Err(ApiError::invalid(format!("config.temperature must be a number from 0 to 2, got {}", found(raw)))),
    }
}

/// Describes a value: short numbers as written, else the type only, because a value may be a prompt or a key.
fn found(raw: &str) -> String {
    match raw.as_bytes().first() {
        Some(b'"') => "a string".to_owned(),
        Some(b'{') => "an object".to_owned(),
        Some(b'[') => "an array".to_owned(),
        Some(b't' | b'f') => "a boolean".to_owned(),
        Some(b'n') => "null".to_owned(),
        _ if raw.len() <= 32 => raw.trim_end().to_owned(),
        _ => "a long number".to_owned(),
    }
}

fn unknown_kit(id: &str) -> ApiError {
    let known: Vec<&str> = KITS.iter().map(|kit| kit.id).collect();
    let id_like = id.len() <= 32 && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let got = if id_like && !id.contains("bak_") { format!("\"{id}\"") } else { "something else".to_owned() };
    ApiError::unknown_kit(format!("kit must be one of {}, got {got}", known.join(", ")))
}

/// serde_json's messages for invalid syntax give a position and never quote the text; its other messages can.
fn malformed(path: &str, error: &serde_json::Error) -> ApiError {
    use serde_json::error::Category;
    match error.classify() {
        Category::Syntax | Category::Eof | Category::Io => {
            ApiError::invalid_json(format!("{path} is not valid JSON: {error}"))
        }
        // Only a duplicate of one of the fields above, because each of them takes any value.
        Category::Data => ApiError::invalid(format!("{path} is invalid: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_bodies_are_accepted() {
        let table = [
            (r#"{"kit":"text-gen","input":{"prompt":"Hi"}}"#, "Hi", "", 4_096),
            (r#" {"kit":"classifier","input":{"prompt":"","context":null},"config":null} "#, "", "", 2_048),
            (
                r#"{"config":{"max_tokens":null,"temperature":null},"kit":"summarizer","input":{"prompt":"Hi"}}"#,
                "Hi",
                "",
                16_384,
            ),
            (
                r#"{"kit":"text-gen","input":{"prompt":"Hi","context":"C"},"config":{"max_tokens":1,"temperature":2}}"#,
                "Hi",
                "C",
                1,
            ),
            (
                r#"{"kit":"code-assist","input":{"prompt":"a\n\"\ud83d\ude00"},"config":{"max_tokens":8192,"temperature":-0.0}}"#,
                "a\n\"😀",
                "",
                8_192,
            ),
            (
                r#"{"kit":"text-gen","input":{"prompt":"Hi","new":[1]},"config":{"top_p":1},"new":{"a":1e999}}"#,
                "Hi",
                "",
                4_096,
            ),
            ("{\"k\\u0069t\":\"text\\u002dgen\",\"input\":{\"prompt\":\"Hi\"}}", "Hi", "", 4_096),
        ];
        for (body, prompt, context, max_tokens) in table {
            let run = RunRequest::read(body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {}", error.message));
            assert_eq!((&*run.prompt, &*run.context, run.max_tokens), (prompt, context, max_tokens), "{body}");
        }
    }

    #[test]
    fn invalid_bodies_are_rejected_by_field() {
        let input = r#""input":{"prompt":"p"}"#;
        let run = |config: &str| format!(r#"{{"kit":"text-gen",{input},"config":{config}}}"#);
        let max =
            |got: &str| format!("config.max_tokens must be an integer from 1 to 4096 for kit \"text-gen\", got {got}");
        let warm = |got: &str| format!("config.temperature must be a number from 0 to 2, got {got}");
        let kits = "kit must be one of text-gen, code-assist, summarizer, classifier, got ";
        let rows: Vec<(String, &str, String)> = vec![
            (
                "".into(),
                "invalid_json",
                "the body is not valid JSON: EOF while parsing a value at line 1 column 0".into(),
            ),
            (
                "{".into(),
                "invalid_json",
                "the body is not valid JSON: EOF while parsing an object at line 1 column 1".into(),
            ),
            (
                "{} x".into(),
                "invalid_json",
                "the body is not valid JSON: trailing characters at line 1 column 4".into(),
            ),
            ("[]".into(), "invalid_request", "the body must be an object, got an array".into()),
            (
                r#"["text-gen",{"prompt":"p"}]"#.into(),
                "invalid_request",
                "the body must be an object, got an array".into(),
            ),
            (r#""bak_secret""#.into(), "invalid_request", "the body must be an object, got a string".into()),
            ("null".into(), "invalid_request", "the body must be an object, got null".into()),
            (format!("{{{input}}}"), "invalid_request", "kit is required".into()),
            (format!(r#"{{"kit":null,{input}}}"#), "invalid_request", "kit is required".into()),
            (format!(r#"{{"kit":7,{input}}}"#), "invalid_request", "kit must be a string, got 7".into()),
            (format!(r#"{{"kit":"text_gen",{input}}}"#), "unknown_kit", format!("{kits}\"text_gen\"")),
            (format!(r#"{{"kit":"bak_secret",{input}}}"#), "unknown_kit", format!("{kits}something else")),
            (format!(r#"{{"kit":"a prompt",{input}}}"#), "unknown_kit", format!("{kits}something else")),
            (
                format!(r#"{{"kit":"text-gen","kit":"text-gen",{input}}}"#),
                "invalid_request",
                "the body is invalid: duplicate field `kit` at line 1 column 23".into(),
            ),
            (
                r#"{"kit":"text-gen","input":{"prompt":"p","prompt":"p"}}"#.into(),
                "invalid_request",
                "input is invalid: duplicate field `prompt` at line 1 column 22".into(),
            ),
            (r#"{"kit":"text-gen"}"#.into(), "invalid_request", "input is required".into()),
            (
                r#"{"kit":"text-gen","input":"p"}"#.into(),
                "invalid_request",
                "input must be an object, got a string".into(),
            ),
            (
                r#"{"kit":"text-gen","input":["p"]}"#.into(),
                "invalid_request",
                "input must be an object, got an array".into(),
            ),
            (r#"{"kit":"text-gen","input":{}}"#.into(), "invalid_request", "input.prompt is required".into()),
            (
                r#"{"kit":"text-gen","input":{"prompt":{}}}"#.into(),
                "invalid_request",
                "input.prompt must be a string, got an object".into(),
            ),
            (
                r#"{"kit":"text-gen","input":{"prompt":true}}"#.into(),
                "invalid_request",
                "input.prompt must be a string, got a boolean".into(),
            ),
            (
                "{\"kit\":\"text-gen\",\"input\":{\"prompt\":\"a\nb\"}}".into(),
                "invalid_json",
                "the body is not valid JSON: control character (\\u0000-\\u001F) found while parsing a string at line 1 column 38".into(),
            ),
            (
                r#"{"kit":"text-gen","input":{"prompt":"\ud800"}}"#.into(),
                "invalid_json",
                "input.prompt is not valid JSON: unexpected end of hex escape at line 1 column 8".into(),
            ),
            (
                r#"{"kit":"text-gen","input":{"prompt":"p","\udc00":1}}"#.into(),
                "invalid_json",
                "input is not valid JSON: lone leading surrogate in hex escape at line 1 column 21".into(),
            ),
            (
                r#"{"kit":"text-gen","input":{"prompt":"p","context":1}}"#.into(),
                "invalid_request",
                "input.context must be a string, got 1".into(),
            ),
            (run("[]"), "invalid_request", "config must be an object, got an array".into()),
            (run(r#"{"max_tokens":0}"#), "invalid_request", max("0")),
            (run(r#"{"max_tokens":-1}"#), "invalid_request", max("-1")),
            (run(r#"{"max_tokens":4097}"#), "invalid_request", max("4097")),
            (run(r#"{"max_tokens":1.0}"#), "invalid_request", max("1.0")),
            (run(r#"{"max_tokens":"500"}"#), "invalid_request", max("a string")),
            (run(r#"{"max_tokens":true}"#), "invalid_request", max("a boolean")),
            (run(&format!(r#"{{"max_tokens":{}}}"#, "9".repeat(99))), "invalid_request", max("a long number")),
            (run(r#"{"temperature":2.01}"#), "invalid_request", warm("2.01")),
            (run(r#"{"temperature":-0.1}"#), "invalid_request", warm("-0.1")),
            (run(r#"{"temperature":1e400}"#), "invalid_request", warm("1e400")),
            (run(r#"{"temperature":"0.5"}"#), "invalid_request", warm("a string")),
        ];
        for (body, code, message) in rows {
            let error = RunRequest::read(body.as_bytes()).err().unwrap_or_else(|| panic!("accepted: {body}"));
            assert_eq!((error.code, error.message), (code, message), "{body}");
        }
        let error = RunRequest::read(b"{\"kit\":\"\xff\"}").err().unwrap();
        assert_eq!(error.message, "the body must be JSON in UTF-8");
    }

    #[test]
    fn deeply_nested_unknown_fields_are_ignored() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let body = format!(r#"{{"kit":"text-gen","input":{{"prompt":"p","x":{deep}}},"y":{deep}}}"#);
        assert!(RunRequest::read(body.as_bytes()).is_ok());
        let error = RunRequest::read(format!(r#"{{"kit":{deep}}}"#).as_bytes()).err().unwrap();
        assert_eq!(error.message, "kit must be a string, got an array");
    }
}
