//! Reading one HTTP/1.1 request from a connection.

use std::io;
use std::time::Instant;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::request::RecordedRequest;

/// A longer request body ends the connection.
const MAX_BODY_BYTES: usize = 50 * 1024 * 1024;
/// A longer request head, or line between chunks, ends the connection.
const MAX_HEAD_BYTES: usize = 1024 * 1024;

/// Reads the next request of a connection, or `None` if the peer closed it before the first byte. `unread` keeps bytes
/// that follow the request.
pub(crate) async fn read_request<S>(
    stream: &mut S,
    unread: &mut BytesMut,
    connection: u64,
) -> io::Result<Option<RecordedRequest>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let end = loop {
        if let Some(end) = unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end;
        }
        if unread.len() > MAX_HEAD_BYTES {
            return Err(invalid("the request head is too long"));
        }
        if stream.read_buf(unread).await? == 0 {
            return if unread.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
    };
    let head = unread.split_to(end + 4);
    let mut request = parse_head(&String::from_utf8_lossy(&head), connection)?;
    if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let length = request.header("content-length").map(|value| value.trim().parse::<usize>());
    request.body = if request.header("transfer-encoding").is_some() {
        read_chunks(stream, unread).await?
    } else if let Some(length) = length {
        take(stream, unread, length.map_err(|_| invalid("content-length is not a number"))?).await?.freeze()
    } else {
        Bytes::new()
    };
    Ok(Some(request))
}

fn parse_head(head: &str, connection: u64) -> io::Result<RecordedRequest> {
    let mut lines = head.split("\r\n").filter(|line| !line.is_empty());
    let mut first = lines.next().unwrap_or_default().splitn(3, ' ');
    let (Some(method), Some(path), Some(version)) = (first.next(), first.next(), first.next()) else {
        return Err(invalid("the request line is incomplete"));
    };
    if !version.starts_with("HTTP/1.") {
        return Err(invalid("the request is not HTTP/1"));
    }
    let headers = lines
        .map(|line| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned())))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| invalid("a header line has no colon"))?;
    Ok(RecordedRequest {
        at: Instant::now(),
        method: method.to_owned(),
        path: path.to_owned(),
        headers,
        body: Bytes::new(),
        connection,
        closed_at: None,
        rejected: false,
    })
}

async fn read_chunks(stream: &mut (impl AsyncRead + Unpin), unread: &mut BytesMut) -> io::Result<Bytes> {
    let mut body = BytesMut::new();
    loop {
        let line = take_line(stream, unread).await?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| invalid("a chunk size is not hexadecimal"))?;
        if size == 0 {
            while !take_line(stream, unread).await?.is_empty() {}
            return Ok(body.freeze());
        }
        if body.len().saturating_add(size) > MAX_BODY_BYTES {
            return Err(invalid("the request body is too long"));
        }
        body.extend_from_slice(&take(stream, unread, size).await?);
        take_line(stream, unread).await?;
    }
}

async fn take_line(stream: &mut (impl AsyncRead + Unpin), unread: &mut BytesMut) -> io::Result<String> {
    loop {
        if let Some(end) = unread.windows(2).position(|bytes| bytes == b"\r\n") {
            let line = unread.split_to(end);
            unread.advance(2);
            return Ok(String::from_utf8_lossy(&line).into_owned());
        }
        if unread.len() > MAX_HEAD_BYTES {
            return Err(invalid("a line between chunks is too long"));
        }
        read_more(stream, unread).await?;
    }
}

async fn take(stream: &mut (impl AsyncRead + Unpin), unread: &mut BytesMut, length: usize) -> io::Result<BytesMut> {
    if length > MAX_BODY_BYTES {
        return Err(invalid("the request body is too long"));
    }
    unread.reserve(length.saturating_sub(unread.len()));
    while unread.len() < length {
        read_more(stream, unread).await?;
    }
    Ok(unread.split_to(length))
}

async fn read_more(stream: &mut (impl AsyncRead + Unpin), unread: &mut BytesMut) -> io::Result<()> {
    match stream.read_buf(unread).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}
