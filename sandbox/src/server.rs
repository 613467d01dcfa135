//! The sockets: listen, read a request, write its answer, stop.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, EXPECT, HeaderValue, RETRY_AFTER};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;

use crate::answer::Refusal;
use crate::calls::{Done, Route, Service};
use crate::ids;

/// Serves until `stop` says how long calls in flight may still take, or is dropped. Tells `ready` the real address,
/// or why there is none.
pub(crate) fn run(
    address: SocketAddr,
    service: Arc<Service>,
    stop: oneshot::Receiver<Duration>,
    ready: &mpsc::SyncSender<io::Result<SocketAddr>>,
) {
    let served = tokio::runtime::Builder::new_multi_thread().enable_all().build().and_then(|runtime| {
        runtime.block_on(async {
            let listener = listen(address)?;
            // Who started us waits for this; if he is gone, `stop` is too.
            let _ = ready.send(listener.local_addr());
            serve(listener, service, stop).await;
            Ok(())
        })
    });
    if let Err(error) = served {
        let _ = ready.send(Err(error));
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    #[cfg(unix)] // elsewhere this lets two programs share a port
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING_CONNECTIONS)
}

async fn serve(listener: TcpListener, service: Arc<Service>, stop: oneshot::Receiver<Duration>) {
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop);
    let grace = loop {
        let accepted = tokio::select! {
            grace = &mut stop => break grace.unwrap_or_default(),
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => converse(stream, Arc::clone(&service), &connections),
            // Out of file descriptors, most likely: give the open connections time to end.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    drop(listener);
    let _ = tokio::time::timeout(grace, connections.shutdown()).await;
}

/// One connection, on a task of its own.
fn converse(stream: TcpStream, service: Arc<Service>, connections: &GracefulShutdown) {
    // Answers are small and written whole; without it they may wait for the peer's acknowledgement.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(answer(&service, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), answer);
    // An error here is the peer's: it went away, or it does not speak HTTP.
    let connection = connections.watch(connection);
    tokio::spawn(async move { drop(connection.await) });
}

async fn answer(service: &Service, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let since = Instant::now();
    let (head, mut body) = request.into_parts();
    let result = match service.route(&head) {
        Ok(Route::Run(caller)) => match read(&head, &mut body).await {
            Ok(bytes) => service.run(&caller, &head.headers, &bytes, since).map(Reply::Run),
            Err(refusal) => Err(refusal),
        },
        Ok(Route::Stats) => Ok(Reply::Stats(serde_json::to_vec(&service.stats()).unwrap_or_default())),
        Err(refusal) => {
            drain(&head, &mut body).await;
            Err(refusal)
        }
    };
    if !service.options.latency.is_zero() && is_slow(&result) {
        tokio::time::sleep(service.options.latency).await;
    }
    let id = ids::named("req_", service.options.seed, REQUESTS.fetch_add(1, Ordering::Relaxed));
    if service.options.log {
        log(&head, &result, since.elapsed(), &id);
    }
    render(result, &id)
}

enum Reply {
    Run(Done),
    Stats(Vec<u8>),
}

/// Whether an answer waits for the latency: what the service worked on, not what it turned away.
fn is_slow(result: &Result<Reply, Refusal>) -> bool {
    match result {
        Ok(Reply::Run(_)) => true,
        Ok(Reply::Stats(_)) => false,
        Err(refusal) => refusal.status.is_server_error(),
    }
}

/// Reads a body of up to 32 MiB.
async fn read(head: &Parts, body: &mut Incoming) -> Result<Bytes, Refusal> {
    let too_large = || Refusal::too_large("the body is over the limit of 33554432 bytes (32 MiB)");
    if body.size_hint().lower() > MOST_BODY {
        drain(head, body).await;
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::invalid("the body ended early"))?;
        let data = frame.into_data().unwrap_or_default();
        bytes.extend_from_slice(&data);
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MOST_BODY {
            drop(bytes);
            drain(head, body).await;
            return Err(too_large());
        }
    }
    Ok(bytes.into())
}

/// Reads and forgets what the client is still sending, up to 64 MiB and 10 s: closed on unread bytes, a connection is
/// reset, and the answer with it. A client that waits for `100 Continue` sends nothing, and is not asked to.
async fn drain(head: &Parts, body: &mut Incoming) {
    if head.headers.contains_key(EXPECT) {
        return;
    }
    let all = async {
        let mut left = MOST_DRAINED;
        while let Some(Ok(frame)) = body.frame().await {
            let size = frame.data_ref().map_or(0, Bytes::len);
            let Some(rest) = left.checked_sub(size) else {
                return;
            };
            left = rest;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(10), all).await;
}

fn render(result: Result<Reply, Refusal>, id: &str) -> Response<Full<Bytes>> {
    let mut response = Response::default();
    let mut set = |name, value: Result<HeaderValue, _>| {
        if let Ok(value) = value {
            response.headers_mut().insert(name, value);
        }
    };
    set(CONTENT_TYPE, Ok(HeaderValue::from_static("application/json")));
    set(hyper::header::HeaderName::from_static("x-request-id"), HeaderValue::from_str(id));
    let (status, body) = match result {
        Ok(Reply::Stats(body)) => (StatusCode::OK, body.into()),
        Ok(Reply::Run(done)) => {
            if done.replayed {
                let name = hyper::header::HeaderName::from_static("idempotent-replayed");
                set(name, Ok(HeaderValue::from_static("true")));
            }
            (StatusCode::OK, done.body)
        }
        Err(refusal) => {
            if let Some(seconds) = refusal.retry_after {
                set(RETRY_AFTER, Ok(seconds.into()));
            }
            if let Some(allow) = refusal.allow {
                set(ALLOW, Ok(HeaderValue::from_static(allow)));
            }
            (refusal.status, refusal.body().into())
        }
    };
    *response.status_mut() = status;
    *response.body_mut() = Full::new(body);
    response
}

/// One line on stderr: `POST /v1/kits/run 200 3ms text-gen 31 tokens req_8f3k2m`.
fn log(head: &Parts, result: &Result<Reply, Refusal>, took: Duration, id: &str) {
    let (status, about) = match result {
        Ok(Reply::Run(done)) => {
            let replayed = if done.replayed { " replayed" } else { "" };
            (StatusCode::OK, format!("{} {} tokens{replayed}", done.kit, done.tokens))
        }
        Ok(Reply::Stats(_)) => (StatusCode::OK, "-".to_owned()),
        Err(refusal) => (refusal.status, refusal.code.to_owned()),
    };
    // A key pasted into the path must not be shown; a query is never shown.
    let shown = |text: &str| {
        if text.contains("bak_") || text.len() > 100 { "…".to_owned() } else { text.to_owned() }
    };
    let (method, path) = (shown(head.method.as_str()), shown(head.uri.path()));
    let (status, ms) = (status.as_u16(), took.as_millis());
    // A log that cannot be written must not stop the server.
    let _ = writeln!(io::stderr().lock(), "{method} {path} {status} {ms}ms {about} {id}");
}

/// Numbers the answers of the process, so that an id names one answer even among several sandboxes.
static REQUESTS: AtomicU64 = AtomicU64::new(0);

const MOST_BODY: u64 = 32 << 20;
const MOST_DRAINED: usize = 64 << 20;
/// How long a connection may be silent between requests, or be slow to send a head.
const IDLE: Duration = Duration::from_secs(75);
/// Connections that the system queues before they are accepted: load tests open thousands at once.
const WAITING_CONNECTIONS: u32 = 4_096;
