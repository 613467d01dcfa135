//! A server with fixed responses, in a process of its own. The first part of the path is the status, the second the delay in
//! milliseconds. `GET /count` returns the number of requests so far. Status 0 never responds, 503 has a Retry-After of one
//! minute, and `429r` is a 429 with a Retry-After of one second.
//!
//! Its first line of output is its URL. It exits when its standard input closes, so that it never outlives the test.

use std::io::{self, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Handle;

const RUN: &str = r#"{"id":"run_8f3k2m","kit":"text-gen","status":"completed","output":{"text":"Hello"},"usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3},"latency_ms":1}"#;
const FAILURE: &str = r#"{"error":{"message":"as always","code":"always"}}"#;
/// The kernel's maximum: a storm connects all at once.
const BACKLOG: u32 = 1 << 15;

fn main() -> io::Result<()> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    std::thread::spawn(|| {
        // Nothing is written to it, so this waits until it closes.
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
    // A thread of its own accepts connections, so that none waits behind responses.
    let listener = listener.into_std()?;
    listener.set_nonblocking(false)?;
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        loop {
            let (stream, _) = listener.accept()?;
            let count = Arc::clone(&count);
            // A broken connection is a matter of its client.
            runtime.spawn(async move { serve_connection(stream, count).await });
        }
    })
    .await?
}

/// Serves one connection until its client closes it.
async fn serve_connection(stream: std::net::TcpStream, count: Arc<AtomicU64>) -> io::Result<()> {
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
            respond(&mut stream, "200", "", &count.load(Ordering::Relaxed).to_string()).await?;
            continue;
        }
        count.fetch_add(1, Ordering::Relaxed);
        let delay = parts.next().and_then(|ms| ms.parse().ok()).map_or(Duration::ZERO, Duration::from_millis);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        match status {
            "0" => std::future::pending().await,
            "200" => respond(&mut stream, status, "", RUN).await?,
            "503" => respond(&mut stream, status, "retry-after: 60\r\n", FAILURE).await?,
            "429r" => respond(&mut stream, "429", "retry-after: 1\r\n", FAILURE).await?,
            _ => respond(&mut stream, status, "", FAILURE).await?,
        }
    }
}

async fn respond(stream: &mut TcpStream, status: &str, headers: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status} x\r\n{headers}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes()).await
}

/// The head of the first request and its total length, once it is complete.
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
