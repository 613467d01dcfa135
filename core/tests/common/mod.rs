//! What all tests share: client options, calls, waiting with a timeout, and checks of errors.

pub(crate) mod certificates;
pub(crate) mod child;
pub(crate) mod service;
pub(crate) mod wire;

use std::time::Duration;

use builderaikits::{ApiKey, Client, ClientOptions, Error, ErrorKind, Kit, Result, Run, RunRequest};
use tokio::task::JoinHandle;

pub(crate) const KEY: &str = "bak_test-key-4711";
pub(crate) const PROMPT: &str = "test-prompt-0815";

/// Long enough for every wait of a test, also on a busy machine.
pub(crate) const LONG_TIMEOUT: Duration = Duration::from_secs(30);

/// Options for a test server. They do not depend on the environment.
pub(crate) fn options(base_url: impl Into<String>) -> ClientOptions {
    ClientOptions {
        api_key: ApiKey::new(KEY).ok(),
        base_url: base_url.into().into(),
        timeout: Some(LONG_TIMEOUT),
        connect_timeout: Some(LONG_TIMEOUT),
        proxy: Some("off".into()),
        ..ClientOptions::default()
    }
}

pub(crate) fn hello() -> RunRequest {
    RunRequest::new(Kit::TextGen, PROMPT)
}

pub(crate) async fn run(options: ClientOptions) -> Result<Run> {
    Client::new(options)?.kits().run(hello()).await
}

/// Starts a call in a task. The tasks of a single-threaded runtime are first polled in the order in which they were spawned.
pub(crate) fn spawn(client: &Client) -> JoinHandle<Result<Run>> {
    spawn_prompt(client, PROMPT)
}

pub(crate) fn spawn_prompt(client: &Client, prompt: &str) -> JoinHandle<Result<Run>> {
    let (client, request) = (client.clone(), RunRequest::new(Kit::TextGen, prompt));
    tokio::spawn(async move { client.kits().run(request).await })
}

/// Waits for `work`, which must complete. Panics with `what` after [`LONG_TIMEOUT`].
pub(crate) async fn within_timeout<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG_TIMEOUT, work).await.unwrap_or_else(|_| panic!("{what}: timed out"))
}

/// The properties that a caller decides by: kind, attempts, whether the call may have run, whether it is retryable.
pub(crate) fn facts(error: &Error) -> (ErrorKind, u32, bool, bool) {
    (error.kind(), error.attempts(), error.may_have_run(), error.is_retryable())
}

/// Checks the facts of an error, that its message contains every text, and that it shows no secret.
#[track_caller]
pub(crate) fn check(error: &Error, expected: (ErrorKind, u32, bool, bool), texts: &[&str]) {
    assert_eq!(facts(error), expected, "{error}");
    for text in texts {
        assert!(error.message().contains(text), "no `{text}` in `{error}`");
    }
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(KEY) && !shown.contains(PROMPT), "{shown}");
}
