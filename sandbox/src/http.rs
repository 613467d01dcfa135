//! The routes, and what every response has: a request id and a log line.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

use crate::access_log::LogEntry;
use crate::body::drain_unless_held;
use crate::origin::check_origin;
use crate::response::{ApiError, Summary};
use crate::service::{CompletedRun, Service};

fn router() -> Router<Arc<Service>> {
    Router::new()
        .route("/v1/kits/run", post(run))
        .route("/sandbox/stats", get(stats))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
}

/// The sandbox as an HTTP service. All connections share one, and a clone is cheap.
#[derive(Clone)]
pub(crate) struct Http {
    service: Arc<Service>,
    router: TowerToHyperService<Router>,
}

impl Http {
    pub(crate) fn new(service: Arc<Service>) -> Self {
        let router = TowerToHyperService::new(router().with_state(Arc::clone(&service)));
        Self { service, router }
    }

    /// Handles one request. It wraps the router without a layer: benchmarks use the sandbox as their server, and a layer
    /// allocates for every request.
    pub(crate) async fn handle(self, request: hyper::Request<Incoming>) -> Result<Response, Infallible> {
        let options = &self.service.options;
        let log_entry = options.log.then(|| LogEntry::new(request.method(), request.uri()));
        // Who opens the sandbox to other machines calls it by other names.
        let allowed = if options.host.is_loopback() { check_origin(request.headers()) } else { Ok(()) };
        let mut response = match allowed {
            Ok(()) => self.router.call(request).await?,
            Err(error) => {
                drain_request(request.map(Body::new)).await;
                error.into_response()
            }
        };
        let id = self.service.request_id();
        if let Some(log_entry) = log_entry {
            log_entry.write(&response, &id);
        }
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(HeaderName::from_static("x-request-id"), id);
        }
        Ok(response)
    }
}

async fn run(State(service): State<Arc<Service>>, request: Request) -> Result<Response, ApiError> {
    let received_at = Instant::now();
    let (head, mut body) = request.into_parts();
    let api_key = match service.authenticate(&head.headers) {
        Ok(api_key) => api_key,
        Err(error) => {
            drain_unless_held(&head.headers, &mut body).await;
            return Err(error);
        }
    };
    let bytes = service.bodies.read(&head.headers, &mut body).await?;
    let result = service.run(&api_key, &head.headers, &bytes, received_at);
    let latency = service.options.latency;
    if !latency.is_zero() && has_latency(&result) {
        tokio::time::sleep(latency).await;
    }
    result.map(|run| run_response(run, service.options.log))
}

/// Whether the configured latency applies: to a run, a replay and a simulated failure, but not to a rejected request.
fn has_latency(result: &Result<CompletedRun, ApiError>) -> bool {
    result.as_ref().map_or_else(|error| error.status.is_server_error(), |_| true)
}

fn run_response(run: CompletedRun, is_logged: bool) -> Response {
    let mut response = json(run.body);
    if run.replayed {
        response.headers_mut().insert(HeaderName::from_static("idempotent-replayed"), HeaderValue::from_static("true"));
    }
    if is_logged {
        let replayed = if run.replayed { " replayed" } else { "" };
        response.extensions_mut().insert(Summary(format!("{} {} tokens{replayed}", run.kit, run.tokens)));
    }
    response
}

async fn stats(State(service): State<Arc<Service>>) -> Response {
    json(serde_json::to_vec(&service.stats()).unwrap_or_default())
}

async fn not_found(request: Request) -> ApiError {
    drain_request(request).await;
    ApiError::not_found()
}

/// axum adds the Allow header.
async fn method_not_allowed(request: Request) -> ApiError {
    drain_request(request).await;
    ApiError::method_not_allowed()
}

async fn drain_request(request: Request) {
    let (head, mut body) = request.into_parts();
    drain_unless_held(&head.headers, &mut body).await;
}

fn json(body: impl Into<Body>) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body.into()).into_response()
}
