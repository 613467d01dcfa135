//! One request and its answer in HTTP: read the body within its limit, call the service, render, log.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, EXPECT, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};

use crate::answer::Refusal;
use crate::calls::{Done, Route, Service};

/// Answers one request.
pub(crate) async fn answer(service: &Service, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let since = Instant::now();
    let (head, mut body) = request.into_parts();
    let result = match service.route(&head) {
        Ok(Route::Run(caller)) => match read(&head, &mut body).await {
            Ok(bytes) => service.run(&caller, &head.headers, &bytes, since).map(Reply::Run),
            Err(refusal) => Err(refusal),
        },
        Ok(Route::Stats) => Ok(Reply::Stats(serde_json::to_vec(&service.stats()).unwrap_or_default())),
        Err(refusal) => {
            drain_unless_held(&head, &mut body).await;
            Err(refusal)
        }
    };
    if !service.options.latency.is_zero() && is_slow(&result) {
        tokio::time::sleep(service.options.latency).await;
    }
    let id = service.request_id();
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
        drain_unless_held(head, body).await;
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::invalid("the body ended early"))?;
        let data = frame.into_data().unwrap_or_default();
        bytes.extend_from_slice(&data);
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MOST_BODY {
            drop(bytes);
            drain(body).await;
            return Err(too_large());
        }
    }
    Ok(bytes.into())
}

/// Drains a body of which nothing was read yet. A client that waits for `100 Continue` holds it back: reading would ask
/// for it.
async fn drain_unless_held(head: &Parts, body: &mut Incoming) {
    if !head.headers.contains_key(EXPECT) {
        drain(body).await;
    }
}

/// Reads and forgets what the client is still sending, up to 64 MiB and 10 s: closed on unread bytes, a connection is
/// reset, and the answer with it.
async fn drain(body: &mut Incoming) {
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
    set(HeaderName::from_static("x-request-id"), HeaderValue::from_str(id));
    let (status, body) = match result {
        Ok(Reply::Stats(body)) => (StatusCode::OK, body.into()),
        Ok(Reply::Run(done)) => {
            if done.replayed {
                let name = HeaderName::from_static("idempotent-replayed");
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

const MOST_BODY: u64 = 32 << 20;
const MOST_DRAINED: usize = 64 << 20;
