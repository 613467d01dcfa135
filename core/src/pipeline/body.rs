//! Reads a response body up to a size limit and a deadline.

use bytes::{Bytes, BytesMut};

use crate::http::error::TransportError;
use crate::http::transport::Response;
use crate::pipeline::deadline::{Deadline, before};
use crate::redacted::Clean;

/// An upper bound for memory that is reserved because of a Content-Length alone.
const MAX_BODY_PREALLOCATION: usize = 4 << 20;

/// Why a body is incomplete.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// It is larger than the limit.
    #[error(
        "The response exceeds `max_response_bytes` ({limit}). Raise the limit to accept it; you may have been billed for \
         this one."
    )]
    TooLarge { limit: usize },
    /// The connection broke.
    #[error(transparent)]
    Truncated(#[from] TransportError),
    /// The deadline passed.
    #[error("{0}")]
    Timeout(String),
}

/// Reads the body of a response. If it is incomplete, the error comes with what arrived.
pub(crate) async fn read_body(
    response: &mut Response,
    max_bytes: usize,
    deadline: Option<Deadline>,
    clean: Clean<'_>,
) -> (Bytes, Option<BodyError>) {
    let reserve = response.content_length().unwrap_or(0).min(max_bytes).min(MAX_BODY_PREALLOCATION);
    let mut body = BodyBuffer::Single(Bytes::new(), reserve);
    let error = loop {
        match before(deadline.as_ref(), response.chunk(clean)).await {
            Ok(Ok(Some(chunk))) => {
                if !body.push(chunk, max_bytes) {
                    break Some(BodyError::TooLarge { limit: max_bytes });
                }
            }
            Ok(Ok(None)) => break None,
            Ok(Err(error)) => break Some(BodyError::Truncated(error)),
            Err(deadline) => {
                break Some(BodyError::Timeout(deadline.exceeded_message("while reading the response body")));
            }
        }
    };
    (body.into_bytes(), error)
}

/// A body that arrives in one chunk keeps that chunk, without a copy.
enum BodyBuffer {
    Single(Bytes, usize),
    Chunked(BytesMut),
}

impl BodyBuffer {
    /// Adds a chunk, up to `max_bytes` in all. Returns false if there was more.
    fn push(&mut self, mut chunk: Bytes, max_bytes: usize) -> bool {
        let room = max_bytes.saturating_sub(self.len());
        let fits = chunk.len() <= room;
        chunk.truncate(room);
        match self {
            Self::Single(first, _) if first.is_empty() => *first = chunk,
            Self::Single(first, reserve) => {
                let mut all = BytesMut::with_capacity((*reserve).max(first.len()));
                all.extend_from_slice(first);
                all.extend_from_slice(&chunk);
                *self = Self::Chunked(all);
            }
            Self::Chunked(all) => all.extend_from_slice(&chunk),
        }
        fits
    }

    fn len(&self) -> usize {
        match self {
            Self::Single(first, _) => first.len(),
            Self::Chunked(all) => all.len(),
        }
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Single(first, _) => first,
            Self::Chunked(all) => all.freeze(),
        }
    }
}
