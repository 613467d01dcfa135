//! Doing a step on the wire.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::date::{DateForm, http_date};
use crate::filler::Pieces;
use crate::step::{Act, Answer, Body, Close, HeaderText, HeaderValue, Step};

/// What becomes of the connection after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Keep,
    Close,
    Reset,
}

/// Does one step. Never returns from a stall: the caller watches for the peer's close meanwhile.
pub(crate) async fn perform(step: &Step, wire: &mut (impl AsyncWrite + Unpin)) -> io::Result<Ending> {
    tokio::time::sleep(step.delay).await;
    match &step.act {
        Act::Answer(answer) => {
            let (head, body) = whole(answer);
            wire.write_all(&[head, body].concat()).await?;
            Ok(after(answer))
        }
        Act::Raw(bytes) => {
            wire.write_all(bytes).await?;
            Ok(Ending::Close)
        }
        Act::Reset => Ok(Ending::Reset),
        Act::Close => Ok(Ending::Close),
        Act::Stall => std::future::pending().await,
        Act::Truncate(answer) => {
            let body = body_or(answer, CUT_RUN);
            let head = head(answer, Framing::Length(body.len() as u64 + 1000));
            wire.write_all(&[head, body].concat()).await?;
            Ok(Ending::Close)
        }
        Act::ChunkCut(answer) => {
            let mut bytes = head(answer, Framing::Chunked);
            push_chunks(&mut bytes, &body_or(answer, CUT_RUN));
            wire.write_all(&bytes).await?;
            Ok(Ending::Close)
        }
        Act::StallBody(answer) => {
            let length = body_or(answer, WHOLE_RUN).len() as u64;
            let framing = if answer.chunked { Framing::Chunked } else { Framing::Length(length) };
            wire.write_all(&head(answer, framing)).await?;
            std::future::pending().await
        }
        Act::DripHead(answer, every) => {
            let (head, body) = whole(&with_run(answer));
            drip(wire, &head, *every).await?;
            wire.write_all(&body).await?;
            Ok(after(answer))
        }
        Act::DripBody(answer, every) => {
            let (head, body) = whole(&with_run(answer));
            wire.write_all(&head).await?;
            drip(wire, &body, *every).await?;
            Ok(after(answer))
        }
        Act::Huge(answer, bytes) => write_pieces(wire, answer, &Pieces::run(*bytes)).await,
        Act::GzipBomb(answer, bytes) => {
            let mut answer = answer.clone();
            let encoding = HeaderValue::One(HeaderText::Text("gzip".to_owned()));
            answer.headers.entry("content-encoding".to_owned()).or_insert(Some(encoding));
            write_pieces(wire, &answer, &Pieces::gzip(*bytes)?).await
        }
    }
}

const WHOLE_RUN: &[u8] = br#"{"id":"run_1","kit":"text-gen","status":"completed","output":{"text":"hi"},"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2},"latency_ms":3}"#;
const CUT_RUN: &[u8] = br#"{"id":"run_1","kit":"text-gen","status":"completed","output":{"te"#;

enum Framing {
    Length(u64),
    Chunked,
}

fn whole(answer: &Answer) -> (Vec<u8>, Vec<u8>) {
    let body = body_or(answer, b"");
    if !answer.chunked {
        return (head(answer, Framing::Length(body.len() as u64)), body);
    }
    let mut framed = Vec::with_capacity(body.len() + 64);
    push_chunks(&mut framed, &body);
    framed.extend_from_slice(b"0\r\n\r\n");
    (head(answer, Framing::Chunked), framed)
}

fn with_run(answer: &Answer) -> Answer {
    let mut answer = answer.clone();
    answer.body.get_or_insert_with(|| Body::Bytes(WHOLE_RUN.to_vec()));
    answer
}

fn body_or(answer: &Answer, default: &[u8]) -> Vec<u8> {
    match &answer.body {
        Some(Body::Json(json)) => json.to_string().into_bytes(),
        Some(Body::Bytes(bytes)) => bytes.clone(),
        None => default.to_vec(),
    }
}

/// The head as it stands on the wire. What the script gives, or leaves out with null, is never added.
fn head(answer: &Answer, framing: Framing) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let now = i64::try_from(now).unwrap_or_default();
    let mut head = format!("HTTP/1.1 {} Scripted\r\n", answer.status).into_bytes();
    let mut add = |name: &str, value: &str| {
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(b": ");
        push_latin1(&mut head, value);
        head.extend_from_slice(b"\r\n");
    };
    let mut own = vec![("date", http_date(now, DateForm::Imf))];
    if matches!(answer.body, Some(Body::Json(_))) {
        own.push(("content-type", "application/json".to_owned()));
    }
    match framing {
        Framing::Chunked => own.push(("transfer-encoding", "chunked".to_owned())),
        Framing::Length(0) if matches!(answer.status, 100..=199 | 204 | 304) => {}
        Framing::Length(length) => own.push(("content-length", length.to_string())),
    }
    if answer.close == Close::Announced {
        own.push(("connection", "close".to_owned()));
    }
    for (name, value) in own {
        if !says(answer, name) {
            add(name, &value);
        }
    }
    for (name, value) in &answer.headers {
        let values = match value {
            Some(HeaderValue::One(text)) => std::slice::from_ref(text),
            Some(HeaderValue::Many(texts)) => texts.as_slice(),
            None => &[],
        };
        for value in values {
            match value {
                HeaderText::Text(text) => add(name, text),
                HeaderText::Date(date) => add(name, &http_date(now.saturating_add(date.http_date_in_s), date.form)),
            }
        }
    }
    head.extend_from_slice(b"\r\n");
    head
}

fn says(answer: &Answer, name: &str) -> bool {
    answer.headers.keys().any(|given| given.eq_ignore_ascii_case(name))
}

/// A character up to U+00FF is that one byte, so that a script can say every byte; any other is its UTF-8.
fn push_latin1(bytes: &mut Vec<u8>, text: &str) {
    for character in text.chars() {
        match u8::try_from(character) {
            Ok(byte) => bytes.push(byte),
            Err(_) => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// Two chunks or more, where the body has two bytes or more: a reader that takes only the first is found out.
fn push_chunks(framed: &mut Vec<u8>, body: &[u8]) {
    for chunk in body.chunks(body.len().div_ceil(2).clamp(1, 16 * 1024)) {
        framed.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        framed.extend_from_slice(chunk);
        framed.extend_from_slice(b"\r\n");
    }
}

/// An answer without a length of its own ends with the connection.
fn after(answer: &Answer) -> Ending {
    let left_out =
        |name: &str| answer.headers.iter().any(|(given, value)| given.eq_ignore_ascii_case(name) && value.is_none());
    let unframed = left_out(if answer.chunked { "transfer-encoding" } else { "content-length" });
    if answer.close != Close::Not || unframed { Ending::Close } else { Ending::Keep }
}

async fn drip(wire: &mut (impl AsyncWrite + Unpin), bytes: &[u8], every: Duration) -> io::Result<()> {
    for byte in bytes {
        wire.write_all(&[*byte]).await?;
        tokio::time::sleep(every).await;
    }
    Ok(())
}

async fn write_pieces(wire: &mut (impl AsyncWrite + Unpin), answer: &Answer, pieces: &Pieces) -> io::Result<Ending> {
    if answer.chunked {
        wire.write_all(&head(answer, Framing::Chunked)).await?;
        for piece in pieces.iter() {
            wire.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await?;
            wire.write_all(piece).await?;
            wire.write_all(b"\r\n").await?;
        }
        wire.write_all(b"0\r\n\r\n").await?;
    } else {
        wire.write_all(&head(answer, Framing::Length(pieces.length()))).await?;
        for piece in pieces.iter() {
            wire.write_all(piece).await?;
        }
    }
    Ok(after(answer))
}
