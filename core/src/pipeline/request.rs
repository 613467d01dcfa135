//! [`Request`]: one call, frozen before its first attempt. All attempts send the same bytes and idempotency key.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use crate::config::api_key::ApiKey;
use crate::config::base_url::BaseUrl;
use crate::config::headers::parse_headers;
use crate::config::options::{ClientOptions, RequestOptions};
use crate::config::prices::Prices;
use crate::config::resolve::{ResolvedOptions, validate_timeout};
use crate::error::{Error, ErrorKind, Result};
use crate::pacing::output_estimates::Workload;
use crate::pipeline::deadline::{Deadline, HostTimes};
use crate::pipeline::retry::RetryPolicy;

/// The maximum size of a request body, in bytes.
const MAX_REQUEST_BYTES: usize = 32 << 20;
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What a client, or a copy of it, puts into each of its requests.
pub(crate) struct RequestSettings {
    pub(crate) base_url: BaseUrl,
    pub(crate) api_key: ApiKey,
    pub(crate) options: ClientOptions,
    pub(crate) prices: Prices,
    headers: HeaderMap,
}

impl RequestSettings {
    pub(crate) fn new(options: ClientOptions, resolved: ResolvedOptions, user_agent: HeaderValue) -> Self {
        let ResolvedOptions { base_url, api_key, headers: custom, prices, .. } = resolved;
        let mut headers = HeaderMap::with_capacity(custom.len().saturating_add(8));
        headers.insert(USER_AGENT, user_agent);
        headers.insert(ACCEPT, JSON);
        headers.extend(custom);
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(AUTHORIZATION, api_key.header().clone());
        // Places for the key, and for what the HTTP library adds: so that no request has to grow the map.
        headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_static(""));
        headers.insert(HOST, HeaderValue::from_static(""));
        Self { base_url, api_key, options, prices, headers }
    }
}

/// What an operation sends.
pub(crate) struct OperationRequest {
    /// The operation's name, for logs.
    pub(crate) name: &'static str,
    pub(crate) method: Method,
    pub(crate) path: Cow<'static, str>,
    pub(crate) body: Option<Bytes>,
    /// Whether the operation may be sent again whatever happened.
    pub(crate) idempotent: bool,
    /// What it will use of a limit of tokens, if there is one.
    pub(crate) workload: Option<Box<Workload>>,
}

/// One call.
pub(crate) struct Request {
    pub(crate) name: &'static str,
    pub(crate) settings: Arc<RequestSettings>,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) policy: RetryPolicy,
    pub(crate) started: Instant,
    /// When the call must end.
    pub(crate) deadline: Option<Deadline>,
    pub(crate) workload: Option<Box<Workload>>,
    idempotency_key: HeaderValue,
    /// The headers of this call alone; most calls have none.
    extra_headers: Option<Box<HeaderMap>>,
    body: Option<Bytes>,
}

impl Request {
    /// Validates and freezes a call.
    pub(crate) fn new(
        operation: OperationRequest,
        options: &RequestOptions,
        host: HostTimes,
        settings: &Arc<RequestSettings>,
    ) -> Result<Self> {
        if let Some(length) = operation.body.as_ref().map(Bytes::len).filter(|length| *length > MAX_REQUEST_BYTES) {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                format!(
                    "The request body is {length} bytes; the limit is {MAX_REQUEST_BYTES} (32 MiB). Shorten input.prompt \
                     or input.context."
                ),
            ));
        }
        let client = &settings.options;
        let timeout = options.timeout.map_or(client.timeout, Into::into);
        validate_timeout(ErrorKind::InvalidRequest, "timeout", timeout)?;
        let idempotency_key = idempotency_key(options.idempotency_key.as_deref())?;
        let extra_headers = parse_headers(&options.headers, ErrorKind::InvalidRequest)?;
        let now = Instant::now();
        let started = now.checked_sub(host.queued_for).unwrap_or(now);
        let limit = match (timeout, host.deadline) {
            (Some(timeout), Some(deadline)) => Some(timeout.min(deadline)),
            (timeout, deadline) => timeout.or(deadline),
        };
        Ok(Self {
            name: operation.name,
            settings: Arc::clone(settings),
            method: operation.method,
            url: settings.base_url.join(operation.path),
            idempotency_key,
            policy: RetryPolicy {
                max_retries: options.max_retries.unwrap_or(client.max_retries),
                retry_ambiguous: options.retry_ambiguous.unwrap_or(client.retry_ambiguous) || operation.idempotent,
            },
            started,
            deadline: limit.and_then(|limit| Deadline::new("timeout", started, limit)),
            workload: operation.workload,
            extra_headers: (!extra_headers.is_empty()).then(|| Box::new(extra_headers)),
            body: operation.body,
        })
    }

    /// The headers of one attempt.
    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = self.settings.headers.clone();
        if let Some(extra) = &self.extra_headers {
            headers.extend((**extra).clone());
        }
        headers.insert(IDEMPOTENCY_KEY, self.idempotency_key.clone());
        headers.remove(HOST);
        if self.body.is_none() {
            headers.remove(CONTENT_TYPE);
        }
        headers
    }

    pub(crate) fn idempotency_key(&self) -> &str {
        // It is visible ASCII.
        self.idempotency_key.to_str().unwrap_or_default()
    }

    pub(crate) fn body(&self) -> Option<Bytes> {
        self.body.clone()
    }

    /// Frees the memory of a long prompt once a success arrives, unless the call could be retried after that.
    pub(crate) fn release_body(&mut self) {
        if !self.policy.retry_ambiguous {
            self.body = self.body.as_ref().map(|_| Bytes::new());
        }
    }

    /// The deadline of an attempt that starts now: the call's, or the attempt's own if that is earlier.
    pub(crate) fn attempt_deadline(&self) -> Option<Deadline> {
        let limit = self.settings.options.attempt_timeout;
        let own = limit.and_then(|limit| Deadline::from_now("attempt_timeout", limit));
        Deadline::earlier(own, self.deadline)
    }

    /// How long a request may wait for a connection, if it can use HTTP/2: see [`attempt::send`](super::attempt::send).
    pub(crate) fn checkout_timeout(&self) -> Option<Duration> {
        self.settings.options.connect_timeout.filter(|_| self.settings.base_url.is_https())
    }
}

fn idempotency_key(given: Option<&str>) -> Result<HeaderValue> {
    let invalid = || {
        let message = "`idempotency_key` must be 1 to 255 visible ASCII characters.";
        Error::invalid_request("idempotency_key", message)
    };
    match given {
        Some(key) if key.is_empty() || key.len() > 255 || !key.bytes().all(|b| b.is_ascii_graphic()) => Err(invalid()),
        Some(key) => HeaderValue::from_str(key).map_err(|_| invalid()),
        None => {
            let mut buffer = Uuid::encode_buffer();
            HeaderValue::from_str(Uuid::new_v4().as_hyphenated().encode_lower(&mut buffer)).map_err(|_| invalid())
        }
    }
}
