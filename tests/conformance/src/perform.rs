//! Performing a step on a connection.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::generated_body::GeneratedBody;
use crate::response_bytes::{Framing, body_or, chunked_parts, full_response, head, keeps_connection};
use crate::step::{Action, Body, HeaderText, HeaderValue, Response, Step};

/// What happens to the connection after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionEnd {
    Keep,
    Close,
    Reset,
}

/// Performs one step. Never returns from a stall: the caller watches for the peer's close meanwhile.
pub(crate) async fn perform(step: &Step, wire: &mut (impl AsyncWrite + Unpin)) -> io::Result<ConnectionEnd> {
    tokio::time::sleep(step.delay).await;
    match &step.action {
        Action::Respond(response) => {
            let (head, body) = full_response(response);
            wire.write_all(&[head, body].concat()).await?;
            Ok(connection_end(response))
        }
        Action::Raw(bytes) => {
            wire.write_all(bytes).await?;
            Ok(ConnectionEnd::Close)
        }
        Action::Reset => Ok(ConnectionEnd::Reset),
        Action::Close => Ok(ConnectionEnd::Close),
        Action::Stall => std::future::pending().await,
        Action::Truncate(response) => {
            let body = body_or(response, TRUNCATED_RUN);
            let head = head(response, Framing::Length(body.len() as u64 + 1000));
            wire.write_all(&[head, body].concat()).await?;
            Ok(ConnectionEnd::Close)
        }
        Action::ChunkCut(response) => {
            let head = head(response, Framing::Chunked);
            wire.write_all(&[head, chunked_parts(&body_or(response, TRUNCATED_RUN))].concat()).await?;
            Ok(ConnectionEnd::Close)
        }
        Action::StallBody(response) => {
            let length = body_or(response, COMPLETE_RUN).len() as u64;
            let framing = if response.chunked { Framing::Chunked } else { Framing::Length(length) };
            wire.write_all(&head(response, framing)).await?;
            std::future::pending().await
        }
        Action::DripHead(response, every) => {
            let (head, body) = full_response(&with_default_run(response));
            drip(wire, &head, *every).await?;
            wire.write_all(&body).await?;
            Ok(connection_end(response))
        }
        Action::DripBody(response, every) => {
            let (head, body) = full_response(&with_default_run(response));
            wire.write_all(&head).await?;
            drip(wire, &body, *every).await?;
            Ok(connection_end(response))
        }
        Action::Huge(response, bytes) => write_generated(wire, response, &GeneratedBody::run(*bytes)).await,
        Action::GzipBomb(response, bytes) => {
            let mut response = response.clone();
            let encoding = HeaderValue::One(HeaderText::Text("gzip".to_owned()));
            response.headers.entry("content-encoding".to_owned()).or_insert(Some(encoding));
            write_generated(wire, &response, &GeneratedBody::gzip(*bytes)?).await
        }
    }
}

const COMPLETE_RUN: &[u8] = br#"{"id":"run_1","kit":"text-gen","status":"completed","output":{"text":"hi"},"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2},"latency_ms":3}"#;
const TRUNCATED_RUN: &[u8] = br#"{"id":"run_1","kit":"text-gen","status":"completed","output":{"te"#;

fn with_default_run(response: &Response) -> Response {
    let mut response = response.clone();
    response.body.get_or_insert_with(|| Body::Bytes(COMPLETE_RUN.to_vec()));
    response
}

fn connection_end(response: &Response) -> ConnectionEnd {
    if keeps_connection(response) { ConnectionEnd::Keep } else { ConnectionEnd::Close }
}

async fn drip(wire: &mut (impl AsyncWrite + Unpin), bytes: &[u8], every: Duration) -> io::Result<()> {
    for byte in bytes {
        wire.write_all(&[*byte]).await?;
        tokio::time::sleep(every).await;
    }
    Ok(())
}

async fn write_generated(
    wire: &mut (impl AsyncWrite + Unpin),
    response: &Response,
    body: &GeneratedBody,
) -> io::Result<ConnectionEnd> {
    if response.chunked {
        wire.write_all(&head(response, Framing::Chunked)).await?;
        for part in body.parts() {
            wire.write_all(format!("{:x}\r\n", part.len()).as_bytes()).await?;
            wire.write_all(part).await?;
            wire.write_all(b"\r\n").await?;
        }
        wire.write_all(b"0\r\n\r\n").await?;
    } else {
        wire.write_all(&head(response, Framing::Length(body.length()))).await?;
        for part in body.parts() {
            wire.write_all(part).await?;
        }
    }
    Ok(connection_end(response))
}
