//! [`Client`]: calls by id or blocking, on the process's runtime, also after `fork`.

use std::future::ready;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use builderaikits::bindings::{self, Call, ClosedFlag, HostTimes, Response};
use builderaikits::{ClientOptions, ClientOverrides, Error, ErrorKind, ErrorParts, RequestOptions, Result};
use tokio::runtime::Runtime;
use tokio::task::{AbortHandle, yield_now};

use crate::panic::catch_panic;
use crate::per_process::PerProcess;
use crate::process::Process;
use crate::queue::{CallId, Queue};
use crate::runtime::runtime;

/// The result of a call.
pub type CallResult = Result<Response>;

/// The queue in which calls of a [`Client`] complete.
pub type CompletionQueue = Queue<CallResult, AbortHandle>;

/// A client, by its options: each process opens connections of its own.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    origin: Origin,
    core: PerProcess<ProcessClient>,
    closed: ClosedFlag,
    base_url: String,
}

enum Origin {
    Options(Box<ClientOptions>, &'static str),
    Copy(Client, ClientOverrides),
}

/// The client of one process.
struct ProcessClient {
    client: builderaikits::Client,
    /// Cached here, so that a call checks the process id once. It is empty until the first call: a program that forks
    /// before its first call has no threads.
    runtime: OnceLock<&'static Runtime>,
}

impl Client {
    /// Creates a client whose `User-Agent` names `language`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`], as [`builderaikits::Client::new`].
    pub fn new(options: ClientOptions, language: &'static str) -> Result<Self> {
        Self::create(Origin::Options(Box::new(options), language), ClosedFlag::default())
    }

    /// Creates a copy with other options. It shares connections, rate limit, retry budget and concurrency limit, and is closed
    /// with the original.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`], as [`builderaikits::Client::with_options`].
    pub fn with_options(&self, overrides: ClientOverrides) -> Result<Self> {
        Self::create(Origin::Copy(self.clone(), overrides), self.0.closed.of_copy())
    }

    /// The base URL as it is called.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.0.base_url
    }

    /// Closes the client and, unless it is a copy itself, its copies. Calls in flight finish.
    pub fn close(&self) {
        self.0.closed.close();
    }

    /// Whether the client, or the one that it is a copy of, was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.closed.is_closed()
    }

    /// Returns what the client knows as JSON: see [`bindings::query`].
    ///
    /// # Errors
    ///
    /// As [`bindings::query`].
    pub fn query(&self, name: &str, request: &str) -> Result<String> {
        bindings::query(&self.core()?.client, name, request)
    }

    /// Starts a call that completes in `queue`, and returns its id. Returns `None` if the queue is closed.
    pub fn submit(
        &self,
        queue: &Arc<CompletionQueue>,
        call: Call,
        options: RequestOptions,
        host: HostTimes,
    ) -> Option<CallId> {
        let id = queue.reserve()?;
        match self.spawn(call, options, host, {
            let queue = Arc::clone(queue);
            move |result| async move {
                let wake = queue.complete(id, result);
                if wake.as_ref().is_some_and(|wake| wake.has_others) {
                    // Other calls that are ready complete first, so that one wake covers them all.
                    yield_now().await;
                }
            }
        }) {
            Ok(abort) => {
                // Another thread may have cancelled the call before it was attached.
                if let Some(abort) = queue.attach(id, abort) {
                    abort.abort();
                }
            }
            Err(error) => drop(queue.complete(id, Err(error))),
        }
        Some(id)
    }

    /// Executes a call and blocks until it completes. Calls `should_continue` every `poll_interval`, and cancels the call
    /// (returning `None`) when it returns false. If `should_continue` forks, the call continues in the parent only.
    pub fn run_blocking(
        &self,
        call: Call,
        options: RequestOptions,
        poll_interval: Duration,
        mut should_continue: impl FnMut() -> bool,
    ) -> Option<CallResult> {
        let (sender, receiver) = sync_channel(1);
        let idempotency_key = options.idempotency_key.clone();
        let completed = move |result| {
            // The receiver is gone if the call was cancelled.
            let _ = sender.send(result);
            ready(())
        };
        let abort = match self.spawn(call, options, HostTimes::default(), completed) {
            Ok(abort) => abort,
            Err(error) => return Some(Err(error)),
        };
        loop {
            match receiver.recv_timeout(poll_interval) {
                Ok(result) => return Some(result),
                Err(RecvTimeoutError::Disconnected) => {
                    return Some(Err(Error::new(
                        ErrorKind::Internal,
                        "Internal SDK error: the call was lost. Please report it.",
                    )));
                }
                Err(RecvTimeoutError::Timeout) => {
                    let process = Process::current();
                    let go_on = should_continue();
                    if Process::current() != process {
                        // The call belongs to the parent. The child must neither wait for its locks nor drop what it
                        // inherited.
                        std::mem::forget((abort, receiver));
                        return go_on.then(|| Err(forked(idempotency_key)));
                    }
                    if !go_on {
                        abort.abort();
                        return None;
                    }
                }
            }
        }
    }

    fn create(origin: Origin, closed: ClosedFlag) -> Result<Self> {
        let core = PerProcess::new();
        let base_url = bindings::base_url(&Self::process_client(&core, &origin)?.client).to_owned();
        Ok(Self(Arc::new(Inner { origin, core, closed, base_url })))
    }

    fn spawn<Completed: Future<Output = ()> + Send>(
        &self,
        call: Call,
        options: RequestOptions,
        host: HostTimes,
        complete: impl FnOnce(CallResult) -> Completed + Send + 'static,
    ) -> Result<AbortHandle> {
        // Checked here and not by the core, which checks when a call is first polled: a call that was submitted before
        // `close` finishes.
        if self.is_closed() {
            return Err(bindings::closed());
        }
        let core = self.core()?;
        let runtime = core.runtime()?;
        #[cfg(feature = "inject-panic")]
        let injects_panic = options.idempotency_key.as_deref() == Some("panic-please");
        let call = call.execute(core.client.clone(), options, host);
        #[cfg(feature = "inject-panic")]
        let call = Box::pin(async move {
            assert!(!injects_panic, "injected");
            call.await
        });
        Ok(runtime.spawn(async move { complete(catch_panic(call).await).await }).abort_handle())
    }

    fn core(&self) -> Result<&ProcessClient> {
        Self::process_client(&self.0.core, &self.0.origin)
    }

    fn process_client<'a>(core: &'a PerProcess<ProcessClient>, origin: &Origin) -> Result<&'a ProcessClient> {
        core.get_or_try_init(|| {
            let client = match origin {
                Origin::Options(options, language) => bindings::new_client((**options).clone(), language)?,
                Origin::Copy(original, overrides) => original.core()?.client.with_options(overrides.clone())?,
            };
            Ok(ProcessClient { client, runtime: OnceLock::new() })
        })
    }
}

impl ProcessClient {
    fn runtime(&self) -> Result<&'static Runtime> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let runtime = runtime(bindings::plain_http_authority(&self.client)).map_err(|error| {
            let message =
                format!("Could not start the SDK's worker threads: {error}. Raise the limit of processes or threads.");
            Error::new(ErrorKind::Internal, message)
        })?;
        Ok(self.runtime.get_or_init(|| runtime))
    }
}

impl CompletionQueue {
    /// Cancels a call: its request is aborted, and it never completes. Returns false if it has completed; then it is in the
    /// queue, or was drained.
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

    /// Closes the queue and cancels all calls, because the host goes away. It is not woken again.
    pub fn shut_down(&self) {
        for abort in self.close() {
            abort.abort();
        }
    }
}

/// What a forked child knows of the call.
fn forked(idempotency_key: Option<String>) -> Error {
    Error::from(ErrorParts {
        kind: ErrorKind::Connection,
        message:
            "The process forked during this call. The call continues in the parent process; repeat it here if you \
                  need the result."
                .to_owned(),
        may_have_run: true,
        idempotency_key,
        ..ErrorParts::default()
    })
}
