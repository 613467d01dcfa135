//! A minimal HTTP client, which sends exactly the bytes of a test.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// A response as received.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The code and message of an error body, which must have no other field.
    pub(crate) fn error(&self) -> (String, String) {
        let body = self.json();
        let error = body["error"].as_object().unwrap();
        assert_eq!((body.as_object().unwrap().len(), error.len()), (1, 2), "{body}");
        (error["code"].as_str().unwrap().to_owned(), error["message"].as_str().unwrap().to_owned())
    }
}

/// One persistent connection.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Connects to the sandbox of this URL.
    pub(crate) fn to(url: &str) -> Self {
        let host = url.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/v1")).unwrap();
        let stream = TcpStream::connect(host).unwrap();
        // A server that does not respond fails the test instead of blocking it.
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    /// Reads one response; `None` if the server closed the connection.
    pub(crate) fn receive(&mut self) -> Option<Response> {
        let status = self.line()?.split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = Vec::new();
        while let Some((name, value)) = self.line().unwrap().split_once(": ") {
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut response = Response { status, headers, body: Vec::new() };
        let length = response.header("content-length").map_or(0, |length| length.parse().unwrap());
        response.body.resize(length, 0);
        self.0.read_exact(&mut response.body).unwrap();
        Some(response)
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim_end().to_owned()),
        }
    }
}

/// A request with `headers`, each line with its CRLF.
pub(crate) fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Sends one request on a connection of its own.
pub(crate) fn send(url: &str, method: &str, path: &str, headers: &str, body: &str) -> Response {
    let mut connection = Connection::to(url);
    connection.send(&request(method, path, headers, body.as_bytes()));
    connection.receive().unwrap()
}

/// Sends a run with this key.
pub(crate) fn run(url: &str, key: &str, body: &str) -> Response {
    send(url, "POST", "/v1/kits/run", &format!("Authorization: Bearer {key}\r\n"), body)
}

/// Sends a run with this key and an Idempotency-Key.
pub(crate) fn run_once(url: &str, key: &str, once: &str, body: &str) -> Response {
    let headers = format!("Authorization: Bearer {key}\r\nIdempotency-Key: {once}\r\n");
    send(url, "POST", "/v1/kits/run", &headers, body)
}

pub(crate) const HELLO: &str = r#"{"kit":"text-gen","input":{"prompt":"Hello, world!"}}"#;
