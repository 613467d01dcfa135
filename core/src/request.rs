//! One logical call, frozen before its first attempt: every attempt sends these bytes and this idempotency key.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use tokio::time::Instant;
use uuid::Uuid;

use crate::client::Settings;
use crate::config::{check_time, parse_headers};
use crate::error::{Error, Result};
use crate::kits::{CallOptions, RunRequest};
use crate::retry::Policy;
use crate::transport::Until;

/// The largest request, in bytes of JSON.
const LARGEST: usize = 32 << 20;
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(crate) struct Request {
    client: Arc<Settings>,
    /// Of this call alone; most have none.
    extra_headers: HeaderMap,
    key_header: HeaderValue,
    body: Bytes,
    pub(crate) idempotency_key: String,
    pub(crate) policy: Policy,
    pub(crate) started: Instant,
    /// When the call must end. None: never, or so late that no clock could tell.
    pub(crate) until: Option<Until>,
}

impl Request {
    /// Checks and freezes a run.
    pub(crate) fn run(request: RunRequest, options: &CallOptions, client: &Arc<Settings>) -> Result<Self> {
        request.check()?;
        let mut body = Vec::with_capacity(request.likely_size());
        serde_json::to_writer(&mut body, &request)
            .map_err(|_| Error::invalid_request("the request cannot be written as JSON"))?;
        drop(request);
        if body.len() > LARGEST {
            return Err(Error::invalid_request(format!(
                "the request is {} bytes of JSON, and at most {LARGEST} (32 MiB) are taken; shorten input.prompt or input.context",
                body.len()
            )));
        }
        let timeout = options.timeout.unwrap_or(client.config.timeout);
        check_time("timeout", timeout).map_err(Error::invalid_request)?;
        let (idempotency_key, key_header) = idempotency_key(options.idempotency_key.as_deref())?;
        let now = Instant::now();
        let started = now.checked_sub(options.waited).unwrap_or(now);
        let until =
            timeout.and_then(|length| Some(Until { at: started.checked_add(length)?, option: "timeout", length }));
        Ok(Self {
            client: Arc::clone(client),
            extra_headers: parse_headers(&options.headers).map_err(Error::invalid_request)?,
            key_header,
            body: Bytes::from(body),
            idempotency_key,
            policy: Policy {
                max_retries: options.max_retries.unwrap_or(client.config.max_retries),
                retry_ambiguous: options.retry_ambiguous.unwrap_or(client.config.retry_ambiguous),
            },
            started,
            until,
        })
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.client.uri
    }

    pub(crate) fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// A run is being answered: where that is never repeated, the memory of a long prompt is for its answer.
    pub(crate) fn is_answered(&mut self) {
        if !self.policy.retry_ambiguous {
            self.body = Bytes::new();
        }
    }

    /// The headers of one attempt.
    pub(crate) fn headers(&self, authorization: HeaderValue) -> HeaderMap {
        let mut headers = self.client.headers.clone();
        if !self.extra_headers.is_empty() {
            headers.extend(self.extra_headers.clone());
        }
        headers.insert(IDEMPOTENCY_KEY, self.key_header.clone());
        headers.insert(AUTHORIZATION, authorization);
        headers
    }
}

/// The headers that every request of a client begins with.
pub(crate) fn base_headers(user_agent: HeaderValue, custom: HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(custom.len().saturating_add(8));
    headers.insert(USER_AGENT, user_agent);
    headers.insert(ACCEPT, JSON);
    headers.extend(custom);
    headers.insert(CONTENT_TYPE, JSON);
    // Their places, so that no attempt has to make room.
    headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_static(""));
    headers.insert(AUTHORIZATION, HeaderValue::from_static(""));
    headers
}

fn idempotency_key(given: Option<&str>) -> Result<(String, HeaderValue)> {
    let key = match given {
        Some(key) if key.is_empty() || key.len() > 255 || !key.bytes().all(|b| b.is_ascii_graphic()) => {
            return Err(Error::invalid_request("idempotency_key: must be 1 to 255 visible ASCII characters"));
        }
        Some(key) => key.to_owned(),
        None => Uuid::new_v4().to_string(),
    };
    let header =
        HeaderValue::from_str(&key).map_err(|_| Error::invalid_request("idempotency_key: cannot stand in a header"))?;
    Ok((key, header))
}
