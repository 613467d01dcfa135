//! The routes, and what every response has: a request id, the configured latency, a log line.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::body::{drain_unless_held, read};
use crate::response::{ApiError, Summary};
use crate::service::{Done, Service};

/// When the head of a request arrived.
#[derive(Clone, Copy)]
struct Arrived(Instant);

pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/v1/kits/run", post(run))
        .route("/sandbox/stats", get(stats))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&service), complete))
        .with_state(service)
}

async fn run(State(service): State<Arc<Service>>, request: Request) -> Result<Response, ApiError> {
    let (head, mut body) = request.into_parts();
    let since = head.extensions.get::<Arrived>().map_or_else(Instant::now, |arrived| arrived.0);
    let api_key = match service.authenticate(&head.headers) {
        Ok(api_key) => api_key,
        Err(error) => return Err(reject(error, &head.headers, &mut body).await),
    };
    let bytes = read(&head.headers, &mut body).await?;
    service.run(&api_key, &head.headers, &bytes, since).map(success)
}

async fn stats(State(service): State<Arc<Service>>) -> Response {
    let body = serde_json::to_vec(&service.stats()).unwrap_or_default();
    let mut response = json(body.into());
    response.extensions_mut().insert(Summary { text: "-".to_owned(), has_latency: false });
    response
}

async fn not_found(headers: HeaderMap, mut body: Body) -> ApiError {
    reject(ApiError::not_found(), &headers, &mut body).await
}

/// axum adds the Allow header.
async fn method_not_allowed(headers: HeaderMap, mut body: Body) -> ApiError {
    reject(ApiError::method_not_allowed(), &headers, &mut body).await
}

/// An error that the head of a request alone decides. The body is read, so that the connection is not reset.
async fn reject(error: ApiError, headers: &HeaderMap, body: &mut Body) -> ApiError {
    drain_unless_held(headers, body).await;
    error
}

/// Completes every response.
async fn complete(State(service): State<Arc<Service>>, mut request: Request, next: Next) -> Response {
    let since = Instant::now();
    request.extensions_mut().insert(Arrived(since));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    let summary = response.extensions_mut().remove::<Summary>();
    let latency = service.options.latency;
    if !latency.is_zero() && summary.as_ref().is_some_and(|summary| summary.has_latency) {
        tokio::time::sleep(latency).await;
    }
    let id = service.request_id();
    if service.options.log {
        let text = summary.map_or_else(|| "-".to_owned(), |summary| summary.text);
        log(&method, &path, &response, since, &text, &id);
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), id);
    }
    response
}

fn success(done: Done) -> Response {
    let mut response = json(done.body.into());
    let mut text = format!("{} {} tokens", done.kit, done.tokens);
    if done.replayed {
        text.push_str(" replayed");
        response.headers_mut().insert(HeaderName::from_static("idempotent-replayed"), HeaderValue::from_static("true"));
    }
    response.extensions_mut().insert(Summary { text, has_latency: true });
    response
}

fn json(body: Body) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

/// Writes one line to standard error: `POST /v1/kits/run 200 3ms text-gen 31 tokens req_8f3k2m`.
fn log(method: &Method, path: &str, response: &Response, since: Instant, text: &str, id: &str) {
    // A key that was pasted into the path must not be shown; a query is never shown.
    let shown = |text: &str| {
        if text.contains("bak_") || text.len() > 100 { "…".to_owned() } else { text.to_owned() }
    };
    let (method, path) = (shown(method.as_str()), shown(path));
    let (status, ms) = (response.status().as_u16(), since.elapsed().as_millis());
    // A log that cannot be written must not stop the server.
    let _ = writeln!(io::stderr().lock(), "{method} {path} {status} {ms}ms {text} {id}");
}
