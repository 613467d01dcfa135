//! The client, and the loop that every call goes through.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Uri};
use tokio::time::Instant;
use tracing::{Instrument, debug, info_span};

use crate::auth::ApiKey;
use crate::config::{Checked, Config};
use crate::error::{Error, ErrorKind, Result};
use crate::kits::Kits;
use crate::request::{Request, base_headers};
use crate::response::{self, Failed};
use crate::retry::Ended;
use crate::run::Run;
use crate::shared::Shared;
use crate::transport::{Transport, Until};

/// A client of the service. Cheap to clone and safe to share: clones use one pool of connections, one retry budget and
/// one set of slots.
///
/// Make one for the process and keep it: each new one opens connections of its own. It needs a tokio runtime with I/O
/// and time while it is called, and none to be made.
///
/// What happens to a call, in this order: it is checked and frozen; it waits for a slot; its key is put on; it is
/// sent; what came is read; if that is no run, it is decided whether to repeat, and the wait is done, without a slot.
#[derive(Clone)]
pub struct Client {
    settings: Arc<Settings>,
    shared: Arc<Shared>,
}

/// What one client, or one copy of it, says in its requests.
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    key: ApiKey,
    language: &'static str,
}

impl Client {
    /// A client with the options of the environment: [`Config::from_env`].
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config), which names the option or variable that is missing or bad.
    pub fn from_env() -> Result<Self> {
        Self::new(Config::from_env()?)
    }

    /// A client with these options. Nothing is sent before the first call.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config), which names the first option that is bad.
    pub fn new(config: Config) -> Result<Self> {
        Self::for_language(config, "rust")
    }

    /// For the SDK's other languages: as [`new`](Self::new), with the language's name in `User-Agent`.
    #[doc(hidden)]
    pub fn for_language(config: Config, language: &'static str) -> Result<Self> {
        let checked = config.check()?;
        let slots = config.slots();
        let transport = Transport::new(&config, &checked, &user_agent(&config, language)?, slots)?;
        let settings = Settings::new(config, checked, language)?;
        Ok(Self { settings: Arc::new(settings), shared: Arc::new(Shared::new(transport, slots)) })
    }

    /// A copy with other options, which shares this client's connections, retry budget and slots, and closes with it.
    ///
    /// ```
    /// # use builderaikits::*;
    /// # let client = Client::new(Config { api_key: Some(ApiKey::new("bak_example")?), ..Config::default() })?;
    /// let patient = client.with_options(|config| config.max_retries = 5)?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) when an option is bad, or belongs to what is shared: `base_url`, `allow_http`,
    /// `proxy`, `ca_file`, `connect_timeout`, `max_concurrency`, `max_response_bytes`.
    pub fn with_options(&self, change: impl FnOnce(&mut Config)) -> Result<Self> {
        let ours = &self.settings.config;
        let mut config = ours.clone();
        change(&mut config);
        if let Some(option) = ours.shared_option_that_differs(&config) {
            return Err(Error::config(format!("{option}: is shared by all copies of a client; make a new client")));
        }
        let checked = config.check()?;
        let settings = Settings::new(config, checked, self.settings.language)?;
        Ok(Self { settings: Arc::new(settings), shared: Arc::clone(&self.shared) })
    }

    /// The kits of the service.
    #[must_use]
    pub fn kits(&self) -> Kits<'_> {
        Kits(self)
    }

    /// Refuses new calls of this client and its copies with [`Closed`](ErrorKind::Closed). Those in flight finish,
    /// their retries included.
    pub fn close(&self) {
        self.shared.close();
    }

    pub(crate) fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// Makes the call that was frozen in `request`.
    pub(crate) async fn call(&self, request: Request) -> Result<Run> {
        if self.shared.is_closed() {
            return Err(Error::closed());
        }
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Error::config("calls need a tokio runtime: await them inside one"));
        }
        let span = info_span!("builderaikits.run", idempotency_key = request.idempotency_key);
        self.run(request).instrument(span).await
    }

    async fn run(&self, mut request: Request) -> Result<Run> {
        let mut progress = Progress::default();
        loop {
            let slot = match self.shared.admit(&request).await {
                Ok(slot) => slot,
                Err(ran_out) => {
                    progress.last.get_or_insert_with(|| Failed::never_sent(ran_out));
                    return Err(progress.give_up(&request));
                }
            };
            progress.attempts = progress.attempts.saturating_add(1);
            let until = self.attempt_until(&request);
            let attempt = self.shared.transport.send(&mut request, self.settings.key.header()?, until).await;
            self.shared.leave(slot).await;
            let ended = match response::read(attempt, &self.settings.key) {
                Ok(run) => {
                    self.shared.reward(progress.paid);
                    return Ok(progress.finish(run, &request));
                }
                Err(failed) => progress.note(failed),
            };
            match self.shared.wait(&request, ended, progress.attempts, progress.refused).await {
                Ok(reserved) => progress.paid = reserved.spend(),
                Err(reason) => {
                    debug!(reason, "not repeated");
                    return Err(progress.give_up(&request));
                }
            }
        }
    }

    /// The call's deadline, or the attempt's own limit where that is sooner.
    fn attempt_until(&self, request: &Request) -> Option<Until> {
        let own = self.settings.config.attempt_timeout.and_then(|length| {
            Some(Until { at: Instant::now().checked_add(length)?, option: "attempt_timeout", length })
        });
        match (own, request.until) {
            (Some(own), Some(all)) => Some(if own.at < all.at { own } else { all }),
            (own, all) => own.or(all),
        }
    }
}

impl Settings {
    fn new(config: Config, checked: Checked, language: &'static str) -> Result<Self> {
        let headers = base_headers(user_agent(&config, language)?, checked.headers);
        Ok(Self { uri: checked.endpoint.run_uri().clone(), headers, key: checked.key, config, language })
    }
}

/// Shows the options, and no secret.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("config", &self.settings.config).finish_non_exhaustive()
    }
}

/// How far a call has come.
#[derive(Default)]
struct Progress {
    attempts: u32,
    /// Attempts that the service did not begin.
    refused: u32,
    may_have_run: bool,
    /// What the last repeat took of the retry budget.
    paid: u32,
    last: Option<Box<Failed>>,
}

impl Progress {
    fn note(&mut self, failed: Box<Failed>) -> Ended {
        let ended = failed.ended;
        self.refused = self.refused.saturating_add(u32::from(ended.is_refused()));
        self.may_have_run |= ended.outcome.may_have_run();
        let error = &failed.error;
        debug!(attempt = self.attempts, status = error.status, request_id = error.request_id, kind = %error.kind, "failed");
        self.last = Some(failed);
        ended
    }

    fn finish(self, mut run: Run, request: &Request) -> Run {
        let metadata = &mut run.response_metadata;
        metadata.attempts = self.attempts;
        metadata.idempotency_key.clone_from(&request.idempotency_key);
        metadata.elapsed = request.started.elapsed();
        debug!(attempt = self.attempts, request_id = metadata.request_id, "succeeded");
        run
    }

    /// The error of the last attempt, as the call's.
    fn give_up(self, request: &Request) -> Error {
        let Some(failed) = self.last else {
            return Error::new(ErrorKind::Internal, "a call ended without an attempt");
        };
        let mut error = failed.error;
        error.is_retryable = request.policy.repeats(&failed.ended);
        error.attempts = self.attempts;
        error.may_have_run = self.may_have_run;
        error.idempotency_key = Some(request.idempotency_key.clone());
        error.elapsed = request.started.elapsed();
        Error::from(error)
    }
}

fn user_agent(config: &Config, language: &str) -> Result<HeaderValue> {
    let app = config.app_name.as_deref().map(|app| format!(" {app}")).unwrap_or_default();
    let text = format!("builderaikits-{language}/{}{app}", env!("CARGO_PKG_VERSION"));
    HeaderValue::from_str(&text).map_err(|_| Error::config("app_name: cannot stand in a header"))
}
