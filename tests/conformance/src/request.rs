//! Reading one HTTP/1.1 request from a socket, and what is kept of it.

use std::io;
use std::time::Instant;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Most bytes of a request body; a longer one ends the connection.
const MAX_BODY: usize = 50 * 1024 * 1024;
/// Most bytes of a request head or of a line between chunks.
const MAX_HEAD: usize = 1024 * 1024;

/// One request that arrived whole.
#[derive(Debug, Clone)]
pub struct Seen {
    /// When its head had been read.
    pub at: Instant,
    /// As sent: `POST`.
    pub method: String,
    /// The request target as sent, the case's segment and any query included.
    pub path: String,
    /// Names as sent, in the order sent; bytes that are not UTF-8 read as U+FFFD.
    pub headers: Vec<(String, String)>,
    /// The body, out of its chunks.
    pub body: Bytes,
    /// Which connection of this server it came on: the same number, the same connection.
    pub connection: u64,
    /// When the client was seen to close (FIN or RST) the connection while this was its last request. `None` while
    /// it is open, and when this server closed it first.
    pub closed_at: Option<Instant>,
}

impl Seen {
    /// Every value of a header, in the order sent; the name in any case.
    pub fn header_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(sent, _)| sent.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The first value of a header, if it was sent.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(sent, _)| sent.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON, if it is JSON.
    #[must_use]
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// A request as read, before it is counted.
#[derive(Debug)]
pub(crate) struct Received {
    at: Instant,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Received {
    /// The first segment of the path: the case's id. A proxy's absolute form has its path behind the authority.
    pub(crate) fn case(&self) -> String {
        let path = match self.path.split_once("://") {
            Some((scheme, rest)) if !scheme.contains('/') => rest.split_once('/').map_or("", |(_, path)| path),
            _ => self.path.trim_start_matches('/'),
        };
        path.split(['/', '?']).next().unwrap_or_default().to_owned()
    }

    pub(crate) fn wants_close(&self) -> bool {
        self.header("connection").is_some_and(|value| value.to_ascii_lowercase().contains("close"))
    }

    pub(crate) fn into_seen(self, connection: u64) -> Seen {
        let Self { at, method, path, headers, body } = self;
        Seen { at, method, path, headers, body, connection, closed_at: None }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(sent, _)| sent.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Reads the next request; `None` when the peer closed before its first byte. `unread` keeps what was read too far.
pub(crate) async fn read_request<S>(stream: &mut S, unread: &mut BytesMut) -> io::Result<Option<Received>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let end = loop {
        if let Some(end) = unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end;
        }
        if unread.len() > MAX_HEAD {
            return Err(broken("the head is too long"));
        }
        if stream.read_buf(unread).await? == 0 {
            return if unread.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
    };
    let head = unread.split_to(end + 4);
    let mut received = parse_head(&String::from_utf8_lossy(&head))?;
    if received.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let length = received.header("content-length").map(|value| value.trim().parse::<usize>());
    received.body = if received.header("transfer-encoding").is_some() {
        read_chunks(stream, unread).await?
    } else if let Some(length) = length {
        take(stream, unread, length.map_err(|_| broken("content-length is not a number"))?).await?.freeze()
    } else {
        Bytes::new()
    };
    Ok(Some(received))
}

fn parse_head(head: &str) -> io::Result<Received> {
    let mut lines = head.split("\r\n").filter(|line| !line.is_empty());
    let mut first = lines.next().unwrap_or_default().splitn(3, ' ');
    let (Some(method), Some(path), Some(version)) = (first.next(), first.next(), first.next()) else {
        return Err(broken("not a request line"));
    };
    if !version.starts_with("HTTP/1.") {
        return Err(broken("not HTTP/1"));
    }
    let headers = lines
        .map(|line| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned())))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| broken("a header line without a colon"))?;
    Ok(Received { at: Instant::now(), method: method.to_owned(), path: path.to_owned(), headers, body: Bytes::new() })
}

async fn read_chunks(stream: &mut (impl AsyncRead + Unpin), unread: &mut BytesMut) -> io::Result<Bytes> {
    let mut body = BytesMut::new();
    loop {
        let line = take_line(stream, unread).await?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| broken("a chunk size is not hexadecimal"))?;
        if size == 0 {
            while !take_line(stream, unread).await?.is_empty() {}
            return Ok(body.freeze());
        }
        if body.len().saturating_add(size) > MAX_BODY {
            return Err(broken("the body is too long"));
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
        if unread.len() > MAX_HEAD {
            return Err(broken("a line between chunks is too long"));
        }
        more(stream, unread).await?;
    }
}

async fn take(stream: &mut (impl AsyncRead + Unpin), unread: &mut BytesMut, length: usize) -> io::Result<BytesMut> {
    if length > MAX_BODY {
        return Err(broken("the body is too long"));
    }
    unread.reserve(length.saturating_sub(unread.len()));
    while unread.len() < length {
        more(stream, unread).await?;
    }
    Ok(unread.split_to(length))
}

async fn more(stream: &mut (impl AsyncRead + Unpin), unread: &mut BytesMut) -> io::Result<()> {
    match stream.read_buf(unread).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
