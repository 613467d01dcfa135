//! A client for other languages: calls by id or blocking, and whole again after `fork`.

use std::future::ready;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use builderaikits::{CallOptions, Config, Error, ErrorKind, ErrorParts, Result, Run, RunRequest};
use tokio::runtime::Runtime;
use tokio::task::{AbortHandle, yield_now};

use crate::call::contained;
use crate::per_process::PerProcess;
use crate::queue::{CallId, Queue};
use crate::runtime::runtime;

/// What a call ends in.
pub type Outcome = Result<Run>;

/// The queue that calls of a [`Client`] end in.
pub type Calls = Queue<Outcome, AbortHandle>;

/// A client of the service, by its options: each process makes its own connections from them.
#[derive(Clone)]
pub struct Client {
    family: Arc<Family>,
    /// None: the options of the family's first client.
    own: Option<Arc<Own>>,
}

/// A client and its copies: one pool of connections, one budget, closed together.
struct Family {
    config: Config,
    language: &'static str,
    core: PerProcess<Core>,
    closed: AtomicBool,
}

struct Own {
    config: Config,
    core: PerProcess<Core>,
}

/// What one process has made of a client.
struct Core {
    client: builderaikits::Client,
    /// Noted here so that a call asks once whose process this is. Empty until the first call: a program that forks
    /// before it has no threads.
    runtime: OnceLock<&'static Runtime>,
}

impl Client {
    /// A client with these options. `language` stands in its `User-Agent`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`], as [`builderaikits::Client::new`].
    pub fn new(config: Config, language: &'static str) -> Result<Self> {
        let family = Family { config, language, core: PerProcess::new(), closed: AtomicBool::new(false) };
        family.core()?;
        Ok(Self { family: Arc::new(family), own: None })
    }

    /// A copy with other options, which shares connections, retry budget and slots, and closes with the others.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`], as [`builderaikits::Client::with_options`].
    pub fn with_options(&self, config: Config) -> Result<Self> {
        let own = Own { config, core: PerProcess::new() };
        own.core(&self.family)?;
        Ok(Self { family: Arc::clone(&self.family), own: Some(Arc::new(own)) })
    }

    /// The options, to change some for a copy.
    #[must_use]
    pub fn config(&self) -> &Config {
        self.own.as_ref().map_or(&self.family.config, |own| &own.config)
    }

    /// Refuses new calls of this client and its copies; those in flight finish.
    pub fn close(&self) {
        self.family.closed.store(true, Ordering::Release);
    }

    /// Begins a call that ends in `queue`, and gives its id. None when the queue is closed.
    pub fn submit(&self, queue: &Arc<Calls>, request: RunRequest, options: CallOptions) -> Option<CallId> {
        let call = queue.begin()?;
        match self.spawn(request, options, {
            let queue = Arc::clone(queue);
            move |end| async move {
                let ring = queue.finish(call, end);
                if ring.as_ref().is_some_and(|ring| ring.others) {
                    // What else is ready ends first, so that one wake tells of all of it.
                    yield_now().await;
                }
            }
        }) {
            Ok(abort) => {
                // Cancelled between the two, by another thread: nobody else can abort it.
                if let Some(abort) = queue.spawned(call, abort) {
                    abort.abort();
                }
            }
            Err(error) => drop(queue.finish(call, Err(error))),
        }
        Some(call)
    }

    /// Makes a call and blocks until it ends. Asks `go_on` every `tick`, and gives the call up when it says no: then
    /// there is nothing to return. Where it forks, the call goes on in the parent alone.
    pub fn run_blocking(
        &self,
        request: RunRequest,
        options: CallOptions,
        tick: Duration,
        mut go_on: impl FnMut() -> bool,
    ) -> Option<Outcome> {
        let cell = Arc::new((Mutex::new(None), Condvar::new()));
        let idempotency_key = options.idempotency_key.clone();
        let abort = match self.spawn(request, options, {
            let cell = Arc::clone(&cell);
            move |end| {
                *cell.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
                cell.1.notify_one();
                ready(())
            }
        }) {
            Ok(abort) => abort,
            Err(error) => return Some(Err(error)),
        };
        let mut end = cell.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if end.is_some() {
                return end.take();
            }
            let (locked, waited) = cell.1.wait_timeout(end, tick).unwrap_or_else(PoisonError::into_inner);
            end = locked;
            if waited.timed_out() && end.is_none() {
                // Not under the lock: what it asks may take its time.
                drop(end);
                let process = process::id();
                let goes_on = go_on();
                if process::id() != process {
                    // The call is the parent's: the child may neither wait for its lock nor drop what it inherited.
                    std::mem::forget((abort, cell));
                    return goes_on.then(|| Err(forked(idempotency_key)));
                }
                if !goes_on {
                    abort.abort();
                    return None;
                }
                end = cell.0.lock().unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn spawn<Ended: Future<Output = ()> + Send>(
        &self,
        request: RunRequest,
        options: CallOptions,
        end: impl FnOnce(Outcome) -> Ended + Send + 'static,
    ) -> Result<AbortHandle> {
        // Asked here and not by the core, which asks when a call first runs: one that was begun before finishes.
        if self.family.closed.load(Ordering::Acquire) {
            return Err(Error::closed());
        }
        let core = self.core()?;
        let runtime = core.runtime()?;
        let client = core.client.clone();
        // In a box, so that the runtime moves a pointer around and not some kilobytes.
        let call = Box::pin(async move {
            #[cfg(feature = "inject-panic")]
            inject_panic(&request);
            client.kits().run_with(request, options).await
        });
        Ok(runtime.spawn(async move { end(contained(call).await).await }).abort_handle())
    }

    fn core(&self) -> Result<&Core> {
        match &self.own {
            None => self.family.core(),
            Some(own) => own.core(&self.family),
        }
    }
}

impl Family {
    fn core(&self) -> Result<&Core> {
        self.core.get_or_make(|| builderaikits::Client::for_language(self.config.clone(), self.language).map(Core::new))
    }
}

impl Own {
    fn core(&self, family: &Family) -> Result<&Core> {
        self.core.get_or_make(|| {
            let client = family.core()?.client.with_options(|config| *config = self.config.clone())?;
            Ok(Core::new(client))
        })
    }
}

impl Core {
    fn new(client: builderaikits::Client) -> Self {
        Self { client, runtime: OnceLock::new() }
    }

    fn runtime(&self) -> Result<&'static Runtime> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let runtime = runtime().map_err(|error| internal(format!("no threads for the SDK: {error}")))?;
        Ok(self.runtime.get_or_init(|| runtime))
    }
}

impl Calls {
    /// Gives a call up: its request is aborted, and it never ends here. False when it had ended before; then it is
    /// there to be drained, if it has not been.
    pub fn abort(&self, call: CallId) -> bool {
        match self.cancel(call) {
            Some(abort) => {
                if let Some(abort) = abort {
                    abort.abort();
                }
                true
            }
            None => false,
        }
    }

    /// Gives all calls up and refuses new ones: the host goes away. It is woken no more.
    pub fn shut(&self) {
        for abort in self.close() {
            abort.abort();
        }
    }
}

/// What its child knows of the call.
fn forked(idempotency_key: Option<String>) -> Error {
    Error::from(ErrorParts {
        kind: ErrorKind::Connection,
        message: "the process was forked while it waited for this call, which goes on in the parent".to_owned(),
        may_have_run: true,
        idempotency_key,
        ..ErrorParts::default()
    })
}

fn internal(message: String) -> Error {
    Error::from(ErrorParts { kind: ErrorKind::Internal, message, ..ErrorParts::default() })
}

#[cfg(feature = "inject-panic")]
fn inject_panic(request: &RunRequest) {
    assert!(!format!("{request:?}").contains("panic-please"), "injected");
}
