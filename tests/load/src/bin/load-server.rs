//! A service that always says the same, in a process of its own: the first part of the path is the status, the second
//! the milliseconds to wait before. `GET /count` tells how many requests came in; status 0 never answers, and 503 asks
//! to come back after a minute.
//!
//! Its first line is its URL. It ends when its stdin does, so that it never outlives the test.

use std::io::{self, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Handle;

const RUN: &str = r#"{"id":"run_8f3k2m","kit":"text-gen","status":"completed","output":{"text":"Hello"},"usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3},"latency_ms":1}"#;
const REFUSAL: &str = r#"{"error":{"message":"as always","code":"always"}}"#;
/// As many as the system takes: a storm connects all at once.
const BACKLOG: u32 = 1 << 15;

fn main() -> io::Result<()> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    std::thread::spawn(|| {
        // Nothing is ever written to it: this waits for its end.
        let _ = io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve())
}

async fn serve() -> io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    let listener = socket.listen(BACKLOG)?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "http://{}", listener.local_addr()?)?;
    stdout.flush()?;
    let count = Arc::new(AtomicU64::new(0));
    // A thread does nothing but take connections, so that none waits for the answers to others.
    let listener = listener.into_std()?;
    listener.set_nonblocking(false)?;
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        loop {
            let (stream, _) = listener.accept()?;
            let count = Arc::clone(&count);
            // A connection that breaks is its client's business.
            runtime.spawn(async move { converse(stream, count).await });
        }
    })
    .await?
}

/// One connection, until its client closes it.
async fn converse(stream: std::net::TcpStream, count: Arc<AtomicU64>) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    let mut stream = TcpStream::from_std(stream)?;
    let mut received = Vec::new();
    loop {
        let Some((head, length)) = whole_request(&received) else {
            if stream.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
            continue;
        };
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        received.drain(..length);
        let mut parts = path.split('/').skip(1);
        let status = parts.next().unwrap_or_default();
        if status == "count" {
            answer(&mut stream, "200", &count.load(Ordering::Relaxed).to_string()).await?;
            continue;
        }
        count.fetch_add(1, Ordering::Relaxed);
        let delay = parts.next().and_then(|ms| ms.parse().ok()).map_or(Duration::ZERO, Duration::from_millis);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        match status {
            "0" => std::future::pending().await,
            "200" => answer(&mut stream, status, RUN).await?,
            _ => answer(&mut stream, status, REFUSAL).await?,
        }
    }
}

async fn answer(stream: &mut TcpStream, status: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let retry_after = if status == "503" { "retry-after: 60\r\n" } else { "" };
    let text = format!(
        "HTTP/1.1 {status} x\r\n{retry_after}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes()).await
}

/// The head of the first request, and the length of all of it, once it is there.
fn whole_request(received: &[u8]) -> Option<(&str, usize)> {
    let end = received.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(received.get(..end)?).ok()?;
    let body = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let length = end.checked_add(4)?.checked_add(body.unwrap_or(0))?;
    (received.len() >= length).then_some((head, length))
}
