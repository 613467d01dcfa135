//! A case of the table: read from `tests/vectors`, completed for one run against one server.

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::expect::{Expect, WrittenExpect, check};
use crate::step::{Step, steps_from_json};

/// The API key of every case that gives none. It must stand nowhere in what a driver prints.
pub const CANARY_KEY: &str = "bak_canary_Qz7mT4xW9pLs2VnK";

/// A case as it stands in its file: checked, but not yet expanded, so that a large table stays small in memory.
#[derive(Debug, Clone)]
pub struct Vector {
    /// The name of its file, without `.json`.
    pub theme: String,
    /// Its own name, one of a kind in its theme.
    pub name: String,
    written: Value,
}

/// A case completed for a run.
#[derive(Debug, Clone)]
pub struct Case {
    /// The client's options, as the driver gets them; `api_key` and `base_url` are always there.
    pub client: Map<String, Value>,
    /// The calls, as the driver gets them: one, or several after one another on one client.
    pub calls: Vec<Map<String, Value>>,
    /// The pause between one call's reply and the next call.
    pub pause: Duration,
    /// What the server does.
    pub server: Vec<Step>,
    /// What must come of it.
    pub expect: Expect,
}

/// A vector or its file is not of the format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VectorError(String);

impl fmt::Display for VectorError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for VectorError {}

/// Reads every `*.json` of a directory, in the order of their names, and checks every case.
///
/// # Errors
/// Names the file and the case that is not of the format, or has the name of another.
pub fn load(directory: &Path) -> Result<Vec<Vector>, VectorError> {
    let broken = |error| VectorError(format!("{}: {error}", directory.display()));
    let entries = fs::read_dir(directory).map_err(broken)?;
    let mut files =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(broken)?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let mut vectors = Vec::new();
    for file in files {
        let theme = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).map_err(|error| VectorError(format!("{theme}.json: {error}")))?;
        vectors.extend(parse(&theme, &text)?);
    }
    Ok(vectors)
}

/// Reads the text of one file: an array of cases.
///
/// # Errors
/// As [`load`].
pub fn parse(theme: &str, text: &str) -> Result<Vec<Vector>, VectorError> {
    let cases: Vec<Value> =
        serde_json::from_str(text).map_err(|error| VectorError(format!("{theme}.json: {error}")))?;
    let mut vectors: Vec<Vector> = Vec::with_capacity(cases.len());
    for (place, written) in cases.into_iter().enumerate() {
        let Some(name) = written.get("name").and_then(Value::as_str).map(str::to_owned) else {
            return Err(VectorError(format!("{theme}.json: case {place} has no name")));
        };
        if vectors.iter().any(|vector| vector.name == name) {
            return Err(VectorError(format!("{theme} / {name}: two cases have this name")));
        }
        let vector = Vector { theme: theme.to_owned(), name, written };
        vector.case("http://127.0.0.1:1/x/v1", 1)?;
        vectors.push(vector);
    }
    Ok(vectors)
}

impl Vector {
    /// `theme / name`, as the runner prints it.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} / {}", self.theme, self.name)
    }

    /// Takes out of the case all that is judged beside the replies: what the server saw, and every time.
    pub fn judge_replies_only(&mut self) {
        const REPLIES: [&str; 5] = ["calls", "ok", "error", "response_metadata", "absent"];
        if let Some(expect) = self.written.get_mut("expect").and_then(Value::as_object_mut) {
            expect.retain(|name, _| REPLIES.contains(&name.as_str()));
        }
    }

    /// Completes the case for a server: `$repeat` and placeholders replaced, key and base URL filled in.
    ///
    /// # Errors
    /// When it is not of the format; [`load`] has found that already.
    pub fn case(&self, base_url: &str, port: u16) -> Result<Case, VectorError> {
        complete(self.written.clone(), base_url, port)
            .map_err(|error| VectorError(format!("{}: {error}", self.title())))
    }
}

/// A case as it stands in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "name")]
    _name: String,
    #[serde(default)]
    client: Map<String, Value>,
    call: Option<Map<String, Value>>,
    calls: Option<Vec<Map<String, Value>>>,
    #[serde(default)]
    pause_ms: u64,
    #[serde(default = "no_steps")]
    server: Value,
    expect: WrittenExpect,
}

#[rustfmt::skip]
const CLIENT: [&str; 14] = [
    "api_key", "base_url", "timeout_ms", "attempt_timeout_ms", "connect_timeout_ms", "max_retries", "retry_ambiguous",
    "max_concurrency", "max_response_bytes", "headers", "proxy", "ca_file", "allow_http", "app_name",
];
const CALL: [&str; 4] = ["kit", "input", "config", "options"];
#[rustfmt::skip]
const OPTIONS: [&str; 6] = [
    "timeout_ms", "max_retries", "retry_ambiguous", "idempotency_key", "headers", "cancel_after_ms",
];

fn no_steps() -> Value {
    json!([])
}

fn complete(written: Value, base_url: &str, port: u16) -> Result<Case, String> {
    let mut written = written;
    expand(&mut written)?;
    let mut written: Written = serde_json::from_value(written).map_err(|error| error.to_string())?;
    let place = |value: &mut Value| place(value, base_url, port);
    for name in ["base_url", "proxy"] {
        written.client.get_mut(name).map(place);
    }
    for step in written.server.as_array_mut().into_iter().flatten() {
        step.get_mut("headers").map(place);
        step.get_mut("raw").map(place);
    }
    written.client.entry("api_key").or_insert_with(|| json!(CANARY_KEY));
    written.client.entry("base_url").or_insert_with(|| json!(base_url));
    let calls = match (written.call, written.calls) {
        (Some(call), None) => vec![call],
        (None, Some(calls)) if !calls.is_empty() => calls,
        _ => return Err("needs either call or calls".to_owned()),
    };
    known("client", &written.client, &CLIENT)?;
    for call in &calls {
        known("call", call, &CALL)?;
        if let Some(Value::Object(options)) = call.get("options") {
            known("call.options", options, &OPTIONS)?;
        }
    }
    let expect = written.expect.complete(calls.len())?;
    check(&expect, &calls)?;
    let server = steps_from_json(written.server).map_err(|error| error.to_string())?;
    Ok(Case { client: written.client, calls, pause: Duration::from_millis(written.pause_ms), server, expect })
}

/// Replaces every `{"$repeat": [text, n]}` by that text n times, at any depth.
fn expand(value: &mut Value) -> Result<(), String> {
    const MAX: u64 = 50 * 1024 * 1024;
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(expand),
        Value::Object(fields) if fields.contains_key("$repeat") => {
            let repeated = match fields.get("$repeat").and_then(Value::as_array).map(Vec::as_slice) {
                Some([Value::String(text), times]) if fields.len() == 1 => {
                    times.as_u64().filter(|times| text.len() as u64 * times <= MAX).map(|times| (text, times))
                }
                _ => None,
            };
            let (text, times) = repeated.ok_or("$repeat stands alone and takes [text, n], at most 50 MB in all")?;
            *value = Value::String(text.repeat(usize::try_from(times).unwrap_or_default()));
            Ok(())
        }
        Value::Object(fields) => fields.values_mut().try_for_each(expand),
        _ => Ok(()),
    }
}

/// Replaces `{base}` and `{port}` in every text of a value.
fn place(value: &mut Value, base_url: &str, port: u16) {
    match value {
        Value::String(text) if text.contains('{') => {
            *text = text.replace("{base}", base_url).replace("{port}", &port.to_string());
        }
        Value::Array(items) => items.iter_mut().for_each(|item| place(item, base_url, port)),
        Value::Object(fields) => fields.values_mut().for_each(|field| place(field, base_url, port)),
        _ => {}
    }
}

fn known(place: &str, fields: &Map<String, Value>, names: &[&str]) -> Result<(), String> {
    match fields.keys().find(|name| !names.contains(&name.as_str())) {
        Some(name) => Err(format!("{place}: unknown field `{name}`, expected one of {}", names.join(", "))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(mut fields: Value) -> Result<Case, VectorError> {
        let defaults = json!({"name": "n", "call": {"kit": "k"}, "expect": {"ok": {}}});
        for (name, value) in defaults.as_object().unwrap() {
            if fields.get(name).is_none() {
                fields[name] = value.clone();
            }
        }
        if fields.get("calls").is_some() {
            fields.as_object_mut().unwrap().remove("call");
        }
        parse("t", &json!([fields]).to_string())?.remove(0).case("http://127.0.0.1:7/t-0/v1", 7)
    }

    #[test]
    fn a_case_outside_the_format_is_refused() {
        for (fields, reason) in [
            (json!({"sever": []}), "unknown field `sever`"),
            (json!({"client": {"maxretries": 1}}), "client: unknown field `maxretries`"),
            (json!({"call": {"kit": "k", "timeout_ms": 1}}), "call: unknown field `timeout_ms`"),
            (json!({"call": {"options": {"cancel_ms": 1}}}), "call.options: unknown field `cancel_ms`"),
            (json!({"calls": []}), "either call or calls"),
            (json!({"server": [{"status": 200, "bdy": 1}]}), "server[0]: unknown field `bdy`"),
            (json!({"expect": {}}), "either ok or error"),
            (json!({"expect": {"ok": {}, "error": {}}}), "either ok or error"),
            (json!({"expect": {"ok": {}, "elapsed": 1}}), "elapsed"),
            (json!({"expect": {"ok": {}, "server_saw": "2"}}), "Count"),
            (json!({"expect": {"ok": {}, "requests": [{"header": {}}]}}), "unknown field `header`"),
            (json!({"expect": {"ok": {"id": {"$matches": "x"}}}}), "$matches"),
            (json!({"expect": {"ok": {}, "aborted_within_ms": 1}}), "goes with cancel_after_ms"),
            (json!({"expect": {"error": {}, "response_metadata": {}}}), "goes with ok"),
            (json!({"expect": {"calls": []}}), "one entry for each"),
            (json!({"expect": {"calls": [{"ok": {}}], "ok": {}}}), "exclude"),
            (json!({"call": {"input": {"$repeat": ["a"]}}}), "$repeat"),
            (json!({"call": {"input": {"$repeat": ["ab", 52_428_800]}}}), "$repeat"),
        ] {
            let error = case(fields.clone()).unwrap_err().to_string();
            assert!(error.starts_with("t / n: ") && error.contains(reason), "{fields}: {error}");
        }
    }

    #[test]
    fn two_cases_of_one_name_are_refused() {
        let one = json!({"name": "n", "call": {}, "expect": {"ok": {}}});
        assert!(parse("t", &json!([one, one]).to_string()).unwrap_err().to_string().contains("two cases"));
    }

    #[test]
    fn a_case_is_completed() {
        let case = case(json!({
            "client": {"proxy": "http://127.0.0.1:{port}"},
            "call": {"kit": "k", "input": {"prompt": {"$repeat": ["ab", 3]}}, "config": {"stop": [{"$repeat": ["x", 2]}]}},
            "server": [{"status": 302, "headers": {"location": "{base}/elsewhere"}}]
        }))
        .unwrap();
        assert_eq!(
            Value::from(case.client),
            json!({"proxy": "http://127.0.0.1:7", "api_key": CANARY_KEY, "base_url": "http://127.0.0.1:7/t-0/v1"})
        );
        assert_eq!(case.calls[0]["input"]["prompt"], "ababab");
        assert_eq!(case.calls[0]["config"]["stop"][0], "xx");
        assert!(format!("{:?}", case.server).contains("http://127.0.0.1:7/t-0/v1/elsewhere"));
    }

    #[test]
    fn what_a_case_gives_is_left_alone() {
        let case = case(json!({"client": {"api_key": null, "base_url": "{base}/x?y"}})).unwrap();
        assert_eq!(Value::from(case.client), json!({"api_key": null, "base_url": "http://127.0.0.1:7/t-0/v1/x?y"}));
    }
}
