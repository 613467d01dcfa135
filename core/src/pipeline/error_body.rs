//! What a service says in an error body. The shape of its error bodies is not published, so the usual ones are read.

use std::fmt::Write as _;

use serde_json::Value;

use crate::config::api_key::ApiKey;

/// The message and the code of an error body, safe to print. An unknown shape has neither: it is not quoted, because
/// servers repeat what they were sent.
pub(crate) fn message_and_code(body: &[u8], api_key: &ApiKey) -> (Option<String>, Option<String>) {
    let json: Value = serde_json::from_slice(without_bom(body)).unwrap_or_default();
    let text = |place: &&str| json.pointer(place)?.as_str().filter(|text| !text.trim().is_empty());
    let message = ["/error/message", "/error", "/message", "/detail"].iter().find_map(text).map(str::to_owned);
    let message = message.or_else(|| validation_problems(json.pointer("/detail")?.as_array()?));
    // `/error/status` is Google's code; its `/error/code` is the HTTP status.
    let code = ["/error/code", "/error/status", "/error/type", "/code"].iter().find_map(text).map(str::to_owned);
    let number = |place: &&str| json.pointer(place)?.as_number().map(ToString::to_string);
    let code = code.or_else(|| ["/error/code", "/code"].iter().find_map(number));
    let clean = |text: String| api_key.clean(&text);
    (message.map(clean), code.map(clean))
}

/// A body without a message, in words, such as `a text/html body of 312 bytes`.
pub(crate) fn describe(body: &[u8], content_type: Option<&str>) -> String {
    if body.trim_ascii().is_empty() {
        return "no message from the server".to_owned();
    }
    let media_type = content_type.map(|content_type| content_type.split(';').next().unwrap_or_default().trim());
    let kind = match media_type {
        _ if serde_json::from_slice::<serde::de::IgnoredAny>(without_bom(body)).is_ok() => "JSON ",
        Some(media_type) => &format!("{media_type} "),
        None => "",
    };
    format!("a {kind}body of {} bytes, which `body` has", body.len())
}

/// FastAPI's validation errors: where and what, and never the `input`, which can be the prompt.
fn validation_problems(problems: &[Value]) -> Option<String> {
    let mut text = String::new();
    for problem in problems {
        let message = problem.get("msg")?.as_str()?;
        let place = problem.get("loc").and_then(Value::as_array).map(|place| {
            place.iter().map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned)).collect::<Vec<_>>()
        });
        let separator = if text.is_empty() { "" } else { "; " };
        let _ = match place {
            Some(place) => write!(text, "{separator}{}: {message}", place.join(".")),
            None => write!(text, "{separator}{message}"),
        };
    }
    (!text.is_empty()).then_some(text)
}

fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_and_code_table() {
        let api_key = ApiKey::new("bak_k").unwrap();
        let table: &[(&str, Option<&str>, Option<&str>)] = &[
            (r#"{"error":{"message":"slow down","code":"rate"}}"#, Some("slow down"), Some("rate")),
            ("\u{feff}{\"error\":{\"message\":\"slow down\"}}", Some("slow down"), None),
            (r#"{"error":{"message":" ","type":"kind"},"message":"here"}"#, Some("here"), Some("kind")),
            (r#"{"error":"in words","code":7}"#, Some("in words"), Some("7")),
            (
                r#"{"error":{"code":429,"message":"no","status":"RESOURCE_EXHAUSTED"}}"#,
                Some("no"),
                Some("RESOURCE_EXHAUSTED"),
            ),
            (r#"{"detail":"more","error":{"code":""},"code":true}"#, Some("more"), None),
            (
                r#"{"detail":[{"loc":["body","input",0],"msg":"Field required","input":"secret"},{"msg":"and more"}]}"#,
                Some("body.input.0: Field required; and more"),
                None,
            ),
            (r#"{"detail":["secret"]}"#, None, None),
            (r#"{"detail":[]}"#, None, None),
            (r#"{"problem":"secret"}"#, None, None),
            ("secret", None, None),
            ("", None, None),
            (r#"{"message":"a\u001b[2J\nb\u202e"}"#, Some("a\\u{1b}[2J\\nb\\u{202e}"), None),
            (r#"{"message":"b\u0061k_k","code":"bak_k"}"#, Some("[redacted]"), Some("[redacted]")),
        ];
        for (body, message, code) in table {
            let (given_message, given_code) = message_and_code(body.as_bytes(), &api_key);
            assert_eq!((given_message.as_deref(), given_code.as_deref()), (*message, *code), "{body}");
        }
        // The key is redacted before the message is cut.
        let long = format!(r#"{{"message":"{}bak_k"}}"#, "x".repeat(510));
        assert_eq!(message_and_code(long.as_bytes(), &api_key).0, Some(format!("{}[r…", "x".repeat(510))));
    }

    #[test]
    fn describe_table() {
        let table = [
            ("", None, "no message from the server"),
            (" \n", Some("text/plain"), "no message from the server"),
            ("{}", None, "a JSON body of 2 bytes, which `body` has"),
            ("<p>secret", Some("text/html; charset=utf-8"), "a text/html body of 9 bytes, which `body` has"),
            ("secret", None, "a body of 6 bytes, which `body` has"),
        ];
        for (body, content_type, words) in table {
            assert_eq!(describe(body.as_bytes(), content_type), words);
        }
    }
}
