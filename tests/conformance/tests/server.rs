//! The bytes that the scripted server sends, read by a plain socket.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use builderaikits_conformance::{LimitedService, ScriptedServer, steps_from_json};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

type TestResult = Result<(), Box<dyn std::error::Error>>;

async fn serving(steps: Value) -> Result<ScriptedServer, Box<dyn std::error::Error>> {
    let server = ScriptedServer::start().await?;
    server.script("c", steps_from_json(steps)?);
    Ok(server)
}

async fn connect_and_send(server: &ScriptedServer) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).await?;
    send(&mut stream).await?;
    Ok(stream)
}

async fn send(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"POST /c/v1/kits/run HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}").await
}

/// Reads until the server closes the connection. Returns the bytes, and the error if it was a reset.
async fn read_to_end(stream: &mut TcpStream) -> (Vec<u8>, Option<ErrorKind>) {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 65_536]);
    loop {
        match stream.read(&mut chunk).await {
            Ok(0) => return (bytes, None),
            Ok(length) => bytes.extend_from_slice(chunk.get(..length).unwrap_or_default()),
            Err(error) => return (bytes, Some(error.kind())),
        }
    }
}

/// Reads one response with a Content-Length: its head in lower case, and its body.
async fn read_response(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = head.iter().map(|byte| char::from(*byte)).collect::<String>().to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let mut body = vec![0; length.and_then(|length| length.parse().ok()).unwrap_or(0)];
    stream.read_exact(&mut body).await?;
    Ok((head, body))
}

#[tokio::test]
async fn last_step_repeats() -> TestResult {
    let server = serving(json!([{"status": 429, "body": {"a": 1}}, {"status": 200, "body": "text"}])).await?;
    let mut stream = connect_and_send(&server).await?;
    let (head, body) = read_response(&mut stream).await?;
    assert!(
        head.starts_with("http/1.1 429 ")
            && head.contains("\r\ndate: ")
            && head.contains("content-type: application/json")
    );
    assert_eq!(body, br#"{"a":1}"#);
    for _ in 0..2 {
        send(&mut stream).await?;
        let (head, body) = read_response(&mut stream).await?;
        assert!(head.starts_with("http/1.1 200 ") && !head.contains("content-type"));
        assert_eq!(body, b"text");
    }
    let requests = server.requests("c");
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| request.connection == 1 && request.closed_at.is_none()));
    assert_eq!(
        (requests[0].method.as_str(), requests[0].path.as_str(), &requests[0].body[..]),
        ("POST", "/c/v1/kits/run", &b"{}"[..])
    );
    assert_eq!(
        requests[0].headers,
        [("Host".to_owned(), "x".to_owned()), ("Content-Length".to_owned(), "2".to_owned())]
    );
    assert!(requests[0].at <= requests[1].at);
    drop(stream);
    server.last_connection_closed("c").await;
    assert!(server.requests("c")[2].closed_at.is_some());
    Ok(())
}

#[tokio::test]
async fn headers_follow_the_script() -> TestResult {
    let server = serving(json!({"status": 503, "close": true, "headers": {
        "date": {"http_date_in_s": 0}, "Retry-After": {"http_date_in_s": 60, "form": "asctime"},
        "x-two": ["one", "two"], "x-odd": "\u{ff}\u{1}€"}, "body": ""}))
    .await?;
    let (bytes, end) = read_to_end(&mut connect_and_send(&server).await?).await;
    let text = String::from_utf8_lossy(&bytes);
    assert!(
        end.is_none() && text.contains("connection: close\r\n") && text.contains("x-two: one\r\nx-two: two\r\n"),
        "{text}"
    );
    assert_eq!(text.matches("date: ").count(), 1);
    assert!(bytes.windows(8).any(|window| window == b": \xff\x01\xe2\x82\xac\r"), "{text}");
    let after = text.split("Retry-After: ").nth(1).and_then(|rest| rest.split("\r\n").next()).unwrap_or_default();
    assert_eq!((after.len(), after.contains("GMT")), (24, false));

    let server =
        serving(json!({"status": 200, "headers": {"date": null, "content-length": null}, "body": "x"})).await?;
    let (bytes, end) = read_to_end(&mut connect_and_send(&server).await?).await;
    assert_eq!((bytes.as_slice(), end), (&b"HTTP/1.1 200 Scripted\r\n\r\nx"[..], None));
    Ok(())
}

#[tokio::test]
async fn response_bytes_follow_the_step() -> TestResult {
    for (step, tail) in [
        (
            json!({"status": 200, "close": true, "chunked": true, "body": "abcd"}),
            &b"\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n"[..],
        ),
        (
            json!({"status": 200, "close": true, "body_hex": "ff 00"}),
            b"content-length: 2\r\nconnection: close\r\n\r\n\xff\x00",
        ),
        (json!({"status": 200, "close_idle": true, "body": null}), b"content-length: 4\r\n\r\nnull"),
        (
            json!({"status": 204, "close": true, "headers": {"date": null}}),
            b"204 Scripted\r\nconnection: close\r\n\r\n",
        ),
        (json!({"raw": "HTTP/1.1 oh\r\n\n"}), b"HTTP/1.1 oh\r\n\n"),
    ] {
        let server = serving(step.clone()).await?;
        let (bytes, end) = read_to_end(&mut connect_and_send(&server).await?).await;
        assert!(bytes.ends_with(tail) && end.is_none(), "{step}: {}", String::from_utf8_lossy(&bytes));
        assert!(!(step["close_idle"] == true && String::from_utf8_lossy(&bytes).contains("connection")));
    }
    Ok(())
}

#[tokio::test]
async fn closing_fault_ends_the_connection_as_scripted() -> TestResult {
    for (step, contains, end) in [
        (json!({"fault": "reset"}), None, Some(ErrorKind::ConnectionReset)),
        (json!({"fault": "close"}), None, None),
        (json!({"fault": "truncate", "body": "abc"}), Some("content-length: 1003\r\n\r\nabc"), None),
        (json!({"fault": "truncate"}), Some(r#""output":{"te"#), None),
        (
            json!({"fault": "chunk_cut", "status": 500, "body": "abcd"}),
            Some("chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n"),
            None,
        ),
    ] {
        let server = serving(step.clone()).await?;
        let (bytes, ended) = read_to_end(&mut connect_and_send(&server).await?).await;
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(ended, end, "{step}");
        match contains {
            Some(part) => assert!(text.ends_with(part), "{step}: {text}"),
            None => assert!(text.is_empty(), "{step}: {text}"),
        }
        assert_eq!(server.requests("c").len(), 1);
    }
    Ok(())
}

#[tokio::test]
async fn stall_sends_nothing_and_records_the_client_close() -> TestResult {
    for (step, head) in [
        (json!({"fault": "stall"}), false),
        (json!({"fault": "stall_body"}), true),
        (json!({"status": 200, "delay_ms": 600_000}), false),
    ] {
        let server = serving(step.clone()).await?;
        let mut stream = connect_and_send(&server).await?;
        if head {
            let mut bytes = Vec::new();
            while !bytes.ends_with(b"\r\n\r\n") {
                bytes.push(stream.read_u8().await?);
            }
            assert!(bytes.starts_with(b"HTTP/1.1 200 "));
        }
        let silent = tokio::time::timeout(Duration::from_millis(100), stream.read_u8()).await;
        assert!(silent.is_err() && server.requests("c")[0].closed_at.is_none(), "{step}");
        let dropped = Instant::now();
        drop(stream);
        server.last_connection_closed("c").await;
        let closed = server.requests("c")[0].closed_at.ok_or("not closed")?;
        assert!(closed >= dropped, "{step}");
    }
    Ok(())
}

#[tokio::test]
async fn drip_sends_byte_by_byte() -> TestResult {
    for (step, at_least) in [
        (json!({"fault": "drip_head", "every_ms": 2, "body": "xyz"}), 40),
        (json!({"fault": "drip_body", "every_ms": 20, "body": "xyz"}), 40),
    ] {
        let server = serving(step.clone()).await?;
        let (start, mut stream) = (Instant::now(), connect_and_send(&server).await?);
        let (head, body) = read_response(&mut stream).await?;
        assert!(head.starts_with("http/1.1 200 ") && body == b"xyz", "{step}");
        assert!(start.elapsed() >= Duration::from_millis(at_least), "{step}");
    }
    Ok(())
}

#[tokio::test]
async fn generated_bodies_have_their_size() -> TestResult {
    let server = serving(json!({"fault": "huge", "bytes": 3_000_000})).await?;
    let (head, body) = read_response(&mut connect_and_send(&server).await?).await?;
    assert!(
        head.contains("content-length: 3000000")
            && serde_json::from_slice::<Value>(&body)?["output"]["text"].is_string()
    );

    let server = serving(json!({"fault": "huge", "bytes": 100_000, "chunked": true, "close": true})).await?;
    let (bytes, end) = read_to_end(&mut connect_and_send(&server).await?).await;
    assert!(end.is_none() && bytes.len() > 100_000 && bytes.ends_with(b"\r\n0\r\n\r\n"));

    let server = serving(json!({"fault": "gzip_bomb", "bytes": 10_000_000})).await?;
    let (head, body) = read_response(&mut connect_and_send(&server).await?).await?;
    assert!(head.contains("content-encoding: gzip") && body.len() < 100_000);
    let mut plain = Vec::new();
    io::Read::read_to_end(&mut flate2::read::GzDecoder::new(body.as_slice()), &mut plain)?;
    assert_eq!(plain.len(), 10_000_000);
    Ok(())
}

#[tokio::test]
async fn client_close_during_a_huge_body_is_recorded() -> TestResult {
    let server = serving(json!({"fault": "huge", "bytes": 100_000_000_000_u64})).await?;
    let mut stream = connect_and_send(&server).await?;
    stream.read_exact(&mut [0; 100]).await?;
    drop(stream);
    server.last_connection_closed("c").await;
    assert!(server.requests("c")[0].closed_at.is_some());
    Ok(())
}

#[tokio::test]
async fn every_request_framing_is_read() -> TestResult {
    let server = serving(json!({"status": 200})).await?;
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).await?;
    stream
        .write_all(
            b"POST /c/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n",
        )
        .await?;
    read_response(&mut stream).await?;
    stream.write_all(b"GET http://elsewhere/c/y?z HTTP/1.1\r\n\r\n").await?;
    read_response(&mut stream).await?;
    stream.write_all(b"POST /c/z HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n").await?;
    let (head, _) = read_response(&mut stream).await?;
    assert!(head.starts_with("http/1.1 100 "));
    stream.write_all(b"q").await?;
    read_response(&mut stream).await?;
    let large = vec![b'x'; 33 * 1024 * 1024];
    stream
        .write_all(
            format!("POST /c/l HTTP/1.1\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", large.len()).as_bytes(),
        )
        .await?;
    stream.write_all(&large).await?;
    let (_, end) = read_to_end(&mut stream).await;
    assert_eq!(end, None);
    let requests = server.requests("c");
    let bodies: Vec<usize> = requests.iter().map(|request| request.body.len()).collect();
    assert_eq!(bodies, [5, 0, 1, large.len()]);
    assert_eq!((&requests[0].body[..], requests[1].path.as_str()), (&b"abcde"[..], "http://elsewhere/c/y?z"));
    Ok(())
}

#[tokio::test]
async fn limited_service_rejects_what_exceeds_its_window() -> TestResult {
    let server = ScriptedServer::start().await?;
    let limit = json!({"window": "fixed", "requests": 1, "per_ms": 60_000, "usage": {"total_tokens": 7}});
    server.script("c", LimitedService::from_json(limit)?);
    let mut stream = connect_and_send(&server).await?;
    let (head, body) = read_response(&mut stream).await?;
    let run: Value = serde_json::from_slice(&body)?;
    assert!(head.starts_with("http/1.1 200 ") && run["usage"] == json!({"total_tokens": 7}), "{head} {run}");
    send(&mut stream).await?;
    let (head, body) = read_response(&mut stream).await?;
    let wait = head.split("retry-after-ms: ").nth(1).and_then(|rest| rest.split("\r\n").next()).unwrap_or_default();
    assert!(head.starts_with("http/1.1 429 ") && (1..=60_000).contains(&wait.parse::<u64>()?), "{head}");
    assert_eq!(serde_json::from_slice::<Value>(&body)?["error"]["message"], "slow down");
    let rejected: Vec<bool> = server.requests("c").iter().map(|request| request.rejected).collect();
    assert_eq!(rejected, [false, true]);
    Ok(())
}

#[tokio::test]
async fn unknown_case_gets_404_and_is_recorded() -> TestResult {
    let server = ScriptedServer::start().await?;
    let (head, _) = read_response(&mut connect_and_send(&server).await?).await?;
    assert!(head.starts_with("http/1.1 404 "));
    assert_eq!(server.requests("c").len(), 1);
    server.script("c", steps_from_json(json!({"status": 200}))?);
    assert!(server.requests("c").is_empty());
    server.remove("c");
    assert!(server.requests("c").is_empty());
    Ok(())
}

#[tokio::test]
async fn dropped_server_closes_its_connections() -> TestResult {
    let server = serving(json!({"fault": "stall"})).await?;
    let mut stream = connect_and_send(&server).await?;
    let port = server.port();
    drop(server);
    let (bytes, _) = read_to_end(&mut stream).await;
    assert!(bytes.is_empty());
    // The listener is dropped with its task. On loopback, the connection is refused at once.
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
    Ok(())
}
