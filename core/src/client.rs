//! [`Client`]: options, connections and shared limits.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::HeaderValue;

use crate::config::options::{ClientOptions, ClientOverrides};
use crate::config::resolve::ResolvedOptions;
use crate::error::{Error, Result};
use crate::http::tls;
use crate::http::transport::{Transport, TransportOptions};
use crate::models::client_usage::ClientUsage;
use crate::pacing::pacer::Pacer;
use crate::pipeline::execute::Pipeline;
use crate::pipeline::request::RequestSettings;

/// A client for the BuilderAI Kits API. It is cheap to clone and safe to share: clones use the same connection pool,
/// retry budget, rate limit and concurrency limit.
///
/// Create one and reuse it; it owns the connection pool. Calls need a tokio runtime with I/O and time enabled; a runtime
/// without them panics inside tokio. Creating a client needs no runtime.
///
/// A call goes through these steps:
///
/// 1. Validate and serialize the request.
/// 2. Wait until the rate limit and `max_concurrency` have room.
/// 3. Send, with the `Authorization` header.
/// 4. Read the response.
/// 5. On a failure, decide about a retry, wait, and go to 2.
/// 6. Decode the response.
#[derive(Clone)]
pub struct Client {
    settings: Arc<RequestSettings>,
    pipeline: Arc<Pipeline>,
    closed: ClosedFlag,
    language: &'static str,
}

/// Whether a client is closed: by itself, or together with the client that it is a copy of.
#[derive(Debug, Clone, Default)]
pub struct ClosedFlag {
    own: Arc<AtomicBool>,
    original: Option<Arc<AtomicBool>>,
}

impl ClosedFlag {
    /// The flag of a copy. A copy of a copy is closed with the original, not with the copy.
    #[must_use]
    pub fn of_copy(&self) -> Self {
        Self { own: Arc::default(), original: Some(Arc::clone(self.original.as_ref().unwrap_or(&self.own))) }
    }

    /// Closes the client.
    pub fn close(&self) {
        self.own.store(true, Ordering::Release);
    }

    /// Whether the client is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        let is_set = |flag: &Arc<AtomicBool>| flag.load(Ordering::Acquire);
        is_set(&self.own) || self.original.as_ref().is_some_and(is_set)
    }
}

impl Client {
    /// Creates a client with the options of the environment: [`ClientOptions::from_env`].
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) with the name of an option or variable that is missing or invalid.
    pub fn from_env() -> Result<Self> {
        Self::new(ClientOptions::from_env()?)
    }

    /// Creates a client. Nothing is sent before the first call.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) with the name of the first invalid option.
    pub fn new(options: ClientOptions) -> Result<Self> {
        Self::with_language(options, "rust")
    }

    /// Creates a client whose `User-Agent` names a language.
    pub(crate) fn with_language(options: ClientOptions, language: &'static str) -> Result<Self> {
        let resolved = options.resolve()?;
        let https = resolved.base_url.is_https();
        let transport = Transport::new(TransportOptions {
            https,
            tls: tls::client_config(https, options.ca_file.as_deref())?,
            user_agent: user_agent(&options, language)?,
            proxy: resolved.proxy.as_ref().map(|proxy| (&proxy.url, proxy.no_proxy.as_str())),
            max_idle_connections: resolved.max_concurrency,
            connect_timeout: options.connect_timeout,
            hook: options.http_client.as_ref(),
        })?;
        let pacer = Pacer::new(options.rate_limit, resolved.max_concurrency);
        let pipeline = Pipeline::new(transport, pacer, options.retry_budget, options.max_response_bytes);
        let settings = Arc::new(settings(options, resolved, language)?);
        Ok(Self { settings, pipeline: Arc::new(pipeline), closed: ClosedFlag::default(), language })
    }

    /// Creates a copy with other options. It shares connections, rate limit, retry budget and concurrency limit with this
    /// client, and is closed with it; closing the copy closes the copy alone. A copy of a copy is one of the original.
    ///
    /// ```
    /// # use builderaikits::*;
    /// # let options = ClientOptions { api_key: Some(ApiKey::new("bak_example")?), ..ClientOptions::default() };
    /// # let client = Client::new(options)?;
    /// let persistent = client.with_options(ClientOverrides { max_retries: Some(5), ..ClientOverrides::default() })?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) with the name of the first invalid option.
    pub fn with_options(&self, overrides: ClientOverrides) -> Result<Self> {
        let options = self.settings.options.clone().overridden(overrides);
        let resolved = options.resolve()?;
        let settings = Arc::new(settings(options, resolved, self.language)?);
        Ok(Self { settings, closed: self.closed.of_copy(), ..self.clone() })
    }

    /// What this client and its copies have done since it was created: calls, tokens, cost, and the rate limit in force.
    ///
    /// ```
    /// # use builderaikits::*;
    /// # let options = ClientOptions { api_key: Some(ApiKey::new("bak_example")?), ..ClientOptions::default() };
    /// # let client = Client::new(options)?;
    /// let usage = client.usage();
    /// println!("{} runs, {} USD, {} calls wait", usage.runs, usage.cost, usage.pacing.waiting);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn usage(&self) -> ClientUsage {
        self.pipeline.usage()
    }

    /// Closes this client with its clones and, unless it is a copy itself, its copies: new calls fail with
    /// [`Closed`](crate::ErrorKind::Closed). Calls in flight finish, including their retries.
    pub fn close(&self) {
        self.closed.close();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_closed()
    }

    pub(crate) fn settings(&self) -> &Arc<RequestSettings> {
        &self.settings
    }

    pub(crate) fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.settings.base_url.as_str())
            .field("options", &self.settings.options)
            .finish()
    }
}

fn settings(options: ClientOptions, resolved: ResolvedOptions, language: &str) -> Result<RequestSettings> {
    let user_agent = user_agent(&options, language)?;
    Ok(RequestSettings::new(options, resolved, user_agent))
}

fn user_agent(options: &ClientOptions, language: &str) -> Result<HeaderValue> {
    let app = options.app_name.as_deref().map(|app| format!(" {app}")).unwrap_or_default();
    let text = format!("builderaikits-{language}/{}{app}", env!("CARGO_PKG_VERSION"));
    HeaderValue::from_str(&text).map_err(|_| Error::config("app_name", "`app_name` must be printable ASCII."))
}
