//! The only file that names the HTTP library: reqwest, with everything off that the SDK does itself.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::http::error::{TransportError, error_chain, format_chain, io_source, is_unprocessed};
use crate::http::tracked_body::{SendState, TrackedBody};
use crate::redacted::{Clean, sanitize};

/// Common servers drop idle connections after 60 to 75 s without a notice. The pool sweeps once per this time, so a
/// connection is closed within twice of it.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(16);
const HTTP2_KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
const HTTP2_KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// A pool of connections to the service.
pub(crate) struct Transport {
    client: reqwest::Client,
    connect_timeout: Option<Duration>,
    /// The host and port of the proxy, if there is one.
    proxy: Option<String>,
}

/// What connections need to know.
pub(crate) struct TransportOptions<'a> {
    pub(crate) https: bool,
    pub(crate) tls: rustls::ClientConfig,
    /// Sent to a proxy. Requests to the service carry their own.
    pub(crate) user_agent: HeaderValue,
    /// The URL of the proxy and its `NO_PROXY` list.
    pub(crate) proxy: Option<(&'a Url, &'a str)>,
    pub(crate) max_idle_connections: usize,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) hook: Option<&'a HttpClientHook>,
}

impl Transport {
    pub(crate) fn new(options: TransportOptions<'_>) -> Result<Self> {
        let mut builder = reqwest::Client::builder()
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .pool_max_idle_per_host(options.max_idle_connections)
            .http2_keep_alive_interval(HTTP2_KEEP_ALIVE_INTERVAL)
            .http2_keep_alive_timeout(HTTP2_KEEP_ALIVE_TIMEOUT)
            // Before the hook, which may bring its own TLS configuration for client certificates.
            .tls_backend_preconfigured(options.tls);
        if let Some(hook) = options.hook {
            builder = (hook.0)(builder);
        }
        // After the hook: what follows keeps the key on its way, and the retry policy in one place.
        builder = builder
            .https_only(options.https)
            .user_agent(options.user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .no_proxy();
        if let Some(limit) = options.connect_timeout {
            builder = builder.connect_timeout(limit);
        }
        let mut proxy = None;
        if let Some((url, no_proxy)) = options.proxy.filter(|_| options.https) {
            let invalid =
                |e| Error::config("proxy", format!("`proxy` cannot be used: {}.", format_chain(&e, &sanitize)));
            let intercept = reqwest::Proxy::https(url.clone()).map_err(invalid)?;
            builder = builder.proxy(intercept.no_proxy(reqwest::NoProxy::from_string(no_proxy)));
            proxy = Some(host_and_port(url));
        }
        let client = builder.build().map_err(|e| {
            Error::new(
                ErrorKind::Config,
                format!("The HTTP client cannot be created: {}.", format_chain(&e, &sanitize)),
            )
        })?;
        Ok(Self { client, connect_timeout: options.connect_timeout, proxy })
    }

    /// Sends a request and waits for the head of its response. `state` tells whether it was sent. Dropping the future
    /// aborts the request. `clean` makes the reason of an error safe to print.
    pub(crate) fn send<'a>(
        &'a self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Option<Bytes>,
        state: &'a SendState,
        clean: Clean<'a>,
    ) -> impl Future<Output = Result<Response, TransportError>> + Send + use<'a> {
        let mut request = reqwest::Request::new(method, url);
        *request.headers_mut() = headers;
        *request.body_mut() = body.map(|body| reqwest::Body::wrap(TrackedBody::new(body, state)));
        let response = self.client.execute(request);
        async move { response.await.map(Response).map_err(|error| self.classify(&error, state.cancel(), clean)) }
    }

    fn classify(&self, error: &reqwest::Error, sent: bool, clean: Clean<'_>) -> TransportError {
        let target = error.url().map(host_and_port).unwrap_or_default();
        let reason = format_chain(error, clean);
        let mut causes = error_chain(error);
        if causes.clone().any(is_unprocessed) {
            return TransportError::Unprocessed { reason };
        }
        if sent {
            return match error.is_timeout() {
                // HTTP/2 pings without a reply, or the operating system's limits.
                true => TransportError::Silent { target, reason },
                false => TransportError::Lost { target, reason, source: io_source(error) },
            };
        }
        if let Some(tls) = causes.find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
            return match tls {
                rustls::Error::InvalidCertificate(_) => TransportError::Certificate { target, reason },
                _ => TransportError::Handshake { target, reason },
            };
        }
        if error.is_timeout()
            && let Some(limit) = self.connect_timeout
        {
            return TransportError::ConnectTimeout { target, limit };
        }
        let (target, proxy) = match &self.proxy {
            Some(proxy) => (format!("{target} through the proxy at {proxy}"), proxy.clone()),
            None => (target, String::new()),
        };
        // The library has no other sign of a proxy that wants credentials; core/tests/proxy.rs checks this text.
        if reason.contains("proxy authorization required") {
            return TransportError::ProxyAuthentication { proxy };
        }
        TransportError::Connect { target, reason, source: io_source(error) }
    }
}

/// The head of a response, and its body as it arrives.
pub(crate) struct Response(reqwest::Response);

impl Response {
    pub(crate) fn status(&self) -> StatusCode {
        self.0.status()
    }

    pub(crate) fn take_headers(&mut self) -> HeaderMap {
        std::mem::take(self.0.headers_mut())
    }

    /// The length of the body, if the server said it.
    pub(crate) fn content_length(&self) -> Option<usize> {
        self.0.content_length().and_then(|length| usize::try_from(length).ok())
    }

    /// The next part of the body; `None` at its end.
    pub(crate) async fn chunk(&mut self, clean: Clean<'_>) -> Result<Option<Bytes>, TransportError> {
        let truncated = |e| TransportError::Truncated { reason: format_chain(&e, clean), source: io_source(&e) };
        self.0.chunk().await.map_err(truncated)
    }
}

/// A function that adjusts the HTTP client: its DNS resolver, local address, TCP options, or TLS.
///
/// It receives reqwest's builder with the SDK's TLS configuration and pool settings. A client certificate needs a
/// TLS configuration of your own: pass a `rustls::ClientConfig` to `tls_backend_preconfigured`; `ca_file` then has no
/// effect. What the SDK sets afterwards cannot be changed: redirects, retries, referer, proxy, timeouts, `User-Agent`, and
/// https. This type is tied to the major version of reqwest, 0.13; a new one is a breaking change of this crate.
///
/// ```
/// use builderaikits::{ApiKey, Client, ClientOptions, HttpClientHook};
/// use std::net::{IpAddr, Ipv4Addr};
///
/// let client = Client::new(ClientOptions {
///     api_key: Some(ApiKey::new("bak_example")?),
///     http_client: Some(HttpClientHook::new(|builder| builder.local_address(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))),
///     ..ClientOptions::default()
/// })?;
/// # Ok::<(), builderaikits::Error>(())
/// ```
#[derive(Clone)]
pub struct HttpClientHook(Arc<dyn Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync>);

impl HttpClientHook {
    /// Creates a hook. The function is called once, when the client is created.
    pub fn new(adjust: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync + 'static) -> Self {
        Self(Arc::new(adjust))
    }
}

impl fmt::Debug for HttpClientHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpClientHook")
    }
}

fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
