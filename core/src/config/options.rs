//! The options of a client and of a call: the one place where each is declared and has its default.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::api_key::ApiKey;
use crate::config::base_url::BaseUrl;
use crate::config::proxy::ProxyEnv;
use crate::config::rate_limit::RateLimit;
use crate::http::transport::HttpClientHook;
use crate::models::cost::Cost;
use crate::models::kit::Kit;
use crate::redacted::Redacted;

/// The options of a [`Client`](crate::Client).
///
/// Set the fields that differ and take the rest from `..ClientOptions::from_env()?` or `..ClientOptions::default()`, so
/// that an option added later is not a breaking change. `default()` reads no `BUILDERAIKITS_*` variable.
///
/// ```
/// use builderaikits::{ApiKey, Client, ClientOptions};
/// use std::time::Duration;
///
/// let client = Client::new(ClientOptions {
///     api_key: Some(ApiKey::new("bak_example")?),
///     timeout: Some(Duration::from_secs(30)),
///     ..ClientOptions::default()
/// })?;
/// # Ok::<(), builderaikits::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The API key. Required. [`from_env`](Self::from_env) reads `BUILDERAIKITS_API_KEY`. For the service's own host it
    /// must start with `bak_`, so that a key of another vendor is never sent there.
    pub api_key: Option<ApiKey>,
    /// The URL of the service with its version; paths such as `kits/run` are appended. Default
    /// `https://api.builderaikits.com/v1`. [`from_env`](Self::from_env) reads `BUILDERAIKITS_BASE_URL`.
    ///
    /// It must use https, except for `localhost`, 127.0.0.0/8 and ::1, or with [`allow_http`](Self::allow_http). It must
    /// not contain credentials, a query, a fragment or control characters.
    pub base_url: Redacted<String>,
    /// The total time limit of a call: queueing, all attempts and the waits between them. Default 120 s; `None`: no limit. A
    /// call that is known to wait for the rate limit beyond it fails at once.
    pub timeout: Option<Duration>,
    /// The time limit of one attempt, including its response body. Default `None`: no limit except
    /// [`timeout`](Self::timeout).
    pub attempt_timeout: Option<Duration>,
    /// The time limit of connecting: DNS, TCP, proxy and TLS together. Default 5 s; `None`: no limit of its own.
    pub connect_timeout: Option<Duration>,
    /// The maximum number of retries. Default 2; 0 disables retries. Requests that the server declares unprocessed
    /// (HTTP/2 GOAWAY or REFUSED_STREAM) are retried up to 5 times on top of it.
    pub max_retries: u32,
    /// Whether to retry a call that was sent and got no response. It may have run, and a retry may be billed twice.
    /// Default false.
    pub retry_ambiguous: bool,
    /// Whether retries are limited by the client's retry budget, which stops them from multiplying the load on a service
    /// that fails: without successes there are 35 retries after a 5xx or a failed connection, or 100 after a 429 without
    /// `Retry-After`; successes fill it again. Default true. With false, `max_retries` and `timeout` are the only limits.
    pub retry_budget: bool,
    /// How the client keeps to the rate limits of its plan. Default [`RateLimit::Auto`]: it learns them from the first 429.
    /// [`from_env`](Self::from_env) reads `BUILDERAIKITS_RATE_LIMIT`, such as `maker` or `30,15000/60s`. Copies of a client
    /// share it.
    pub rate_limit: RateLimit,
    /// Prices of 1,000 tokens by kit. They override those of [`Kit::info`], and add prices of kits that this version does
    /// not know. Default none.
    pub prices: Vec<(Kit, Cost)>,
    /// The maximum number of attempts on the wire at once, for this client and its copies. The rest queue in order, and
    /// their deadlines run. Default `None`: 1,000, or three quarters of the process's soft limit of open files if that
    /// is less.
    pub max_concurrency: Option<usize>,
    /// The maximum size of a response body, in bytes. Default 16 MiB. Of an error body the first 64 KiB are kept.
    pub max_response_bytes: usize,
    /// Extra headers for every request, as name and value. Default none. [`from_env`](Self::from_env) reads
    /// `BUILDERAIKITS_CUSTOM_HEADERS`, one `Name: value` a line.
    ///
    /// Rejected, because the SDK sets them or because they change the framing or the connection: authorization, host,
    /// content-*, transfer-encoding, accept-encoding, connection, proxy-authorization, idempotency-key, expect, keep-alive,
    /// proxy-connection, te, trailer, upgrade.
    pub headers: Vec<(String, Redacted<String>)>,
    /// The proxy: an `http`, `https`, `socks5` or `socks5h` URL, or `off`. Default `None`: `HTTPS_PROXY` or `ALL_PROXY`,
    /// except for the hosts of `NO_PROXY`. The key travels only inside the tunnel; plain http never uses a proxy.
    pub proxy: Option<Redacted<String>>,
    /// A PEM file of certificates to trust in addition to the operating system's and the bundled roots. Default none. It
    /// is read when the client is created.
    pub ca_file: Option<PathBuf>,
    /// Whether `base_url` may use plain http on any host, for a sandbox in another container. Anyone on the network path
    /// can then read key, prompts and responses. Default false.
    pub allow_http: bool,
    /// Your program, as `name/version`, for the end of `User-Agent`. Default none.
    pub app_name: Option<String>,
    /// A function that adjusts the HTTP client, for client certificates, DNS or a local address. Default none.
    pub http_client: Option<HttpClientHook>,
    /// The proxy variables of another environment than the process's. Only the SDK's bindings set it.
    #[doc(hidden)]
    pub proxy_env: Option<ProxyEnv>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            api_key: None,
            base_url: BaseUrl::OFFICIAL.into(),
            timeout: Some(Duration::from_secs(120)),
            attempt_timeout: None,
            connect_timeout: Some(Duration::from_secs(5)),
            max_retries: 2,
            retry_ambiguous: false,
            retry_budget: true,
            rate_limit: RateLimit::Auto,
            prices: Vec::new(),
            max_concurrency: None,
            max_response_bytes: 16 << 20,
            headers: Vec::new(),
            proxy: None,
            ca_file: None,
            allow_http: false,
            app_name: None,
            http_client: None,
            proxy_env: None,
        }
    }
}

/// The options that a copy of a client may change: [`Client::with_options`](crate::Client::with_options). `None`, the
/// default, keeps the client's value.
///
/// The other options belong to connections and limits, which copies share.
#[derive(Debug, Clone, Default)]
pub struct ClientOverrides {
    /// Overrides [`ClientOptions::api_key`].
    pub api_key: Option<ApiKey>,
    /// Overrides [`ClientOptions::timeout`].
    pub timeout: Option<Timeout>,
    /// Overrides [`ClientOptions::attempt_timeout`].
    pub attempt_timeout: Option<Timeout>,
    /// Overrides [`ClientOptions::max_retries`].
    pub max_retries: Option<u32>,
    /// Overrides [`ClientOptions::retry_ambiguous`].
    pub retry_ambiguous: Option<bool>,
    /// Replaces [`ClientOptions::headers`].
    pub headers: Option<Vec<(String, Redacted<String>)>>,
    /// Overrides [`ClientOptions::app_name`].
    pub app_name: Option<String>,
}

/// The options of one call: [`Kits::run_with`](crate::Kits::run_with). `None`, the default, keeps the client's value.
#[derive(Debug, Clone, Default)]
pub struct RequestOptions {
    /// Overrides [`ClientOptions::timeout`].
    pub timeout: Option<Timeout>,
    /// Overrides [`ClientOptions::max_retries`].
    pub max_retries: Option<u32>,
    /// Overrides [`ClientOptions::retry_ambiguous`].
    pub retry_ambiguous: Option<bool>,
    /// The `Idempotency-Key` of all attempts: 1 to 255 visible ASCII characters. Default: a new UUIDv4.
    pub idempotency_key: Option<String>,
    /// Extra headers, which replace the client's of the same name. The same headers are rejected as in
    /// [`ClientOptions::headers`].
    pub headers: Vec<(String, Redacted<String>)>,
}

/// A time limit that overrides another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Timeout {
    /// No limit.
    Never,
    /// This long.
    After(Duration),
}

impl From<Duration> for Timeout {
    fn from(limit: Duration) -> Self {
        Self::After(limit)
    }
}

impl From<Timeout> for Option<Duration> {
    fn from(timeout: Timeout) -> Self {
        match timeout {
            Timeout::Never => None,
            Timeout::After(limit) => Some(limit),
        }
    }
}

impl ClientOptions {
    /// These options with `overrides` applied.
    pub(crate) fn overridden(mut self, overrides: ClientOverrides) -> Self {
        let ClientOverrides { api_key, timeout, attempt_timeout, max_retries, retry_ambiguous, headers, app_name } =
            overrides;
        self.api_key = api_key.or(self.api_key);
        self.timeout = timeout.map_or(self.timeout, Into::into);
        self.attempt_timeout = attempt_timeout.map_or(self.attempt_timeout, Into::into);
        self.max_retries = max_retries.unwrap_or(self.max_retries);
        self.retry_ambiguous = retry_ambiguous.unwrap_or(self.retry_ambiguous);
        self.headers = headers.unwrap_or(self.headers);
        self.app_name = app_name.or(self.app_name);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let options = ClientOptions {
            api_key: ApiKey::new("bak_secret").ok(),
            base_url: "https://user:secret@example.com".into(),
            headers: vec![("x-token".into(), "secret".into())],
            proxy: Some("http://user:secret@proxy".into()),
            ..ClientOptions::default()
        };
        let shown = format!("{options:?}");
        assert!(!shown.contains("secret") && shown.contains("x-token"), "{shown}");
        let options = RequestOptions { headers: vec![("x".into(), "secret".into())], ..RequestOptions::default() };
        assert!(!format!("{options:?}").contains("secret"));
    }

    #[test]
    fn overrides_table() {
        let options = ClientOptions { max_retries: 7, ..ClientOptions::default() };
        let unchanged = options.clone().overridden(ClientOverrides::default());
        assert_eq!((unchanged.max_retries, unchanged.timeout), (7, Some(Duration::from_secs(120))));
        let changed = options.overridden(ClientOverrides {
            timeout: Some(Timeout::Never),
            attempt_timeout: Some(Duration::from_secs(1).into()),
            max_retries: Some(0),
            retry_ambiguous: Some(true),
            headers: Some(vec![("x".into(), "y".into())]),
            app_name: Some("app/1".into()),
            ..ClientOverrides::default()
        });
        assert_eq!((changed.timeout, changed.attempt_timeout), (None, Some(Duration::from_secs(1))));
        assert_eq!((changed.max_retries, changed.retry_ambiguous, changed.headers.len()), (0, true, 1));
        assert_eq!(changed.app_name.as_deref(), Some("app/1"));
    }
}
