//! The vectors: read from `tests/vectors`, and checked.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::case::{Case, CaseError};

/// A case as written in its file: checked, but not expanded, so that a large table needs little memory.
#[derive(Debug, Clone)]
pub struct Vector {
    /// The name of its file, without `.json`.
    pub theme: String,
    /// Its own name, unique in its theme.
    pub name: String,
    json: Value,
}

/// A vector, or its file, that does not follow the format.
#[derive(Debug, thiserror::Error)]
pub enum VectorError {
    /// A file or the directory cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A file is not a JSON array.
    #[error("{theme}.json: {source}")]
    Json {
        /// The name of the file, without `.json`.
        theme: String,
        /// The reason.
        source: serde_json::Error,
    },
    /// A case has no name.
    #[error("{theme}.json: case {index} has no name")]
    Unnamed {
        /// The name of the file, without `.json`.
        theme: String,
        /// The index of the case, from 0.
        index: usize,
    },
    /// Two cases of one file have the same name.
    #[error("{title}: two cases have this name")]
    Duplicate {
        /// Theme and name of the case.
        title: String,
    },
    /// A case does not follow the format.
    #[error("{title}: {source}")]
    Case {
        /// Theme and name of the case.
        title: String,
        /// The reason.
        source: CaseError,
    },
}

/// Reads every `*.json` of a directory, in the order of the names, and checks every case.
///
/// # Errors
/// Names the file and the case that does not follow the format, or has the name of another case.
pub fn load(directory: &Path) -> Result<Vec<Vector>, VectorError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| VectorError::Read { path, source }
    };
    let entries = fs::read_dir(directory).map_err(unreadable(directory))?;
    let files = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
    let mut files = files.map_err(unreadable(directory))?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let mut vectors = Vec::new();
    for file in files {
        let theme = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).map_err(unreadable(&file))?;
        vectors.extend(parse(&theme, &text)?);
    }
    Ok(vectors)
}

/// Parses the text of one file: an array of cases.
///
/// # Errors
/// As [`load`].
pub fn parse(theme: &str, text: &str) -> Result<Vec<Vector>, VectorError> {
    let cases: Vec<Value> =
        serde_json::from_str(text).map_err(|source| VectorError::Json { theme: theme.to_owned(), source })?;
    let mut vectors: Vec<Vector> = Vec::with_capacity(cases.len());
    for (index, json) in cases.into_iter().enumerate() {
        let Some(name) = json.get("name").and_then(Value::as_str).map(str::to_owned) else {
            return Err(VectorError::Unnamed { theme: theme.to_owned(), index });
        };
        let vector = Vector { theme: theme.to_owned(), name, json };
        if vectors.iter().any(|other| other.name == vector.name) {
            return Err(VectorError::Duplicate { title: vector.title() });
        }
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

    /// Removes every expectation except those of the replies: what the server received, and every duration.
    pub fn judge_replies_only(&mut self) {
        const REPLY_FIELDS: [&str; 5] = ["calls", "ok", "error", "response_metadata", "absent"];
        if let Some(expect) = self.json.get_mut("expect").and_then(Value::as_object_mut) {
            expect.retain(|name, _| REPLY_FIELDS.contains(&name.as_str()));
        }
    }

    /// Completes the case for a server: replaces `$repeat` and placeholders, and adds the key and the base URL.
    ///
    /// # Errors
    /// If the case does not follow the format, which [`load`] has already checked.
    pub fn case(&self, base_url: &str, port: u16) -> Result<Case, VectorError> {
        Case::complete(self.json.clone(), base_url, port)
            .map_err(|source| VectorError::Case { title: self.title(), source })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::case::CANARY_KEY;

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
    fn invalid_case_is_rejected() {
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
            (json!({"expect": {"ok": {}, "aborted_within_ms": 1}}), "requires cancel_after_ms"),
            (json!({"expect": {"error": {}, "response_metadata": {}}}), "requires ok"),
            (json!({"expect": {"calls": []}}), "one entry per call"),
            (json!({"expect": {"calls": [{"ok": {}}], "ok": {}}}), "exclude"),
            (json!({"call": {"kit": "k", "times": 2}}), "call: unknown field `times`"),
            (json!({"calls": [{"kit": "k", "times": 0}]}), "times takes a number from 1 to 100"),
            (json!({"calls": [{"kit": "k", "times": 101}]}), "times takes a number from 1 to 100"),
            (json!({"calls": [{"times": 2}], "expect": {"calls": [{"ok": {}}, {"ok": {}}]}}), "one entry per call"),
            (json!({"concurrent": true}), "concurrent requires two calls"),
            (json!({"concurrent": true, "calls": [{}, {}], "pause_ms": 1}), "concurrent and pause_ms exclude"),
            (
                json!({"concurrent": true, "calls": [{"options": {"cancel_after_ms": 1}, "times": 2}],
                    "expect": {"ok": {}, "aborted_within_ms": 1}}),
                "concurrent and aborted_within_ms exclude",
            ),
            (json!({"limit": {"window": "fixed", "per_ms": 1}}), "limit: needs per_ms"),
            (
                json!({"server": [], "limit": {"window": "fixed", "per_ms": 1, "requests": 1}}),
                "server and limit exclude",
            ),
            (json!({"expect": {"ok": {}, "rejected": 1}}), "rejected requires limit"),
            (json!({"call": {"input": {"$repeat": ["a"]}}}), "$repeat"),
            (json!({"call": {"input": {"$repeat": ["ab", 52_428_800]}}}), "$repeat"),
        ] {
            let error = case(fields.clone()).unwrap_err().to_string();
            assert!(error.starts_with("t / n: ") && error.contains(reason), "{fields}: {error}");
        }
    }

    #[test]
    fn duplicate_name_is_rejected() {
        let one = json!({"name": "n", "call": {}, "expect": {"ok": {}}});
        assert!(parse("t", &json!([one, one]).to_string()).unwrap_err().to_string().contains("two cases"));
    }

    #[test]
    fn case_is_completed() {
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
        assert!(format!("{:?}", case.service).contains("http://127.0.0.1:7/t-0/v1/elsewhere"));
    }

    #[test]
    fn call_with_times_is_repeated() {
        let calls = json!([{"kit": "a", "times": 3}, {"kit": "b"}]);
        let expect = json!({"calls": [{"ok": {}}, {"error": {}}]});
        let case = case(json!({"concurrent": true, "calls": calls, "expect": expect})).unwrap();
        let kits: Vec<&Value> = case.calls.iter().map(|call| &call["kit"]).collect();
        assert_eq!(kits, ["a", "a", "a", "b"]);
        let expected: Vec<bool> = case.expect.calls.iter().map(|call| call.ok.is_some()).collect();
        assert_eq!((case.concurrent, expected), (true, vec![true, true, true, false]));
    }

    #[test]
    fn given_key_and_base_url_are_kept() {
        let case = case(json!({"client": {"api_key": null, "base_url": "{base}/x?y"}})).unwrap();
        assert_eq!(Value::from(case.client), json!({"api_key": null, "base_url": "http://127.0.0.1:7/t-0/v1/x?y"}));
    }
}
