//! The bytes of a scripted response.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::date::{DateForm, http_date};
use crate::step::{Body, Close, HeaderText, HeaderValue, Response};

/// How the head declares the length of the body.
pub(crate) enum Framing {
    Length(u64),
    Chunked,
}

/// The head and the framed body.
pub(crate) fn full_response(response: &Response) -> (Vec<u8>, Vec<u8>) {
    let body = body_or(response, b"");
    if !response.chunked {
        return (head(response, Framing::Length(body.len() as u64)), body);
    }
    let mut framed = chunked_parts(&body);
    framed.extend_from_slice(b"0\r\n\r\n");
    (head(response, Framing::Chunked), framed)
}

pub(crate) fn body_or(response: &Response, default: &[u8]) -> Vec<u8> {
    match &response.body {
        Some(Body::Json(json)) => json.to_string().into_bytes(),
        Some(Body::Bytes(bytes)) => bytes.clone(),
        None => default.to_vec(),
    }
}

/// The status line and headers. A header that the script sets, or leaves out with null, is not added.
pub(crate) fn head(response: &Response, framing: Framing) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let now = i64::try_from(now).unwrap_or_default();
    let mut head = format!("HTTP/1.1 {} Scripted\r\n", response.status).into_bytes();
    for (name, value) in default_headers(response, framing, now) {
        if !response.headers.keys().any(|given| given.eq_ignore_ascii_case(name)) {
            push_header(&mut head, name, &value);
        }
    }
    for (name, value) in &response.headers {
        for text in value.iter().flat_map(HeaderValue::texts) {
            match text {
                HeaderText::Text(text) => push_header(&mut head, name, text),
                HeaderText::Date(date) => {
                    push_header(&mut head, name, &http_date(now.saturating_add(date.http_date_in_s), date.form));
                }
            }
        }
    }
    head.extend_from_slice(b"\r\n");
    head
}

fn default_headers(response: &Response, framing: Framing, now: i64) -> Vec<(&'static str, String)> {
    let mut headers = vec![("date", http_date(now, DateForm::Imf))];
    if matches!(response.body, Some(Body::Json(_))) {
        headers.push(("content-type", "application/json".to_owned()));
    }
    match framing {
        Framing::Chunked => headers.push(("transfer-encoding", "chunked".to_owned())),
        Framing::Length(0) if matches!(response.status, 100..=199 | 204 | 304) => {}
        Framing::Length(length) => headers.push(("content-length", length.to_string())),
    }
    if response.close == Close::Announced {
        headers.push(("connection", "close".to_owned()));
    }
    headers
}

/// Writes one header line. A character up to U+00FF becomes that one byte, so that a script can send every byte; any
/// other character becomes its UTF-8.
fn push_header(head: &mut Vec<u8>, name: &str, value: &str) {
    head.extend_from_slice(name.as_bytes());
    head.extend_from_slice(b": ");
    for character in value.chars() {
        match u8::try_from(character) {
            Ok(byte) => head.push(byte),
            Err(_) => head.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    head.extend_from_slice(b"\r\n");
}

/// The body in chunks, without the final one. A body of two bytes or more has at least two chunks, to detect a client
/// that reads only the first.
pub(crate) fn chunked_parts(body: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(body.len() + 64);
    for chunk in body.chunks(body.len().div_ceil(2).clamp(1, 16 * 1024)) {
        framed.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        framed.extend_from_slice(chunk);
        framed.extend_from_slice(b"\r\n");
    }
    framed
}

/// Whether the connection can be used again. A response without a declared length ends with its connection.
pub(crate) fn keeps_connection(response: &Response) -> bool {
    let framing = if response.chunked { "transfer-encoding" } else { "content-length" };
    let left_out =
        |(name, value): (&String, &Option<HeaderValue>)| name.eq_ignore_ascii_case(framing) && value.is_none();
    response.close == Close::No && !response.headers.iter().any(left_out)
}
