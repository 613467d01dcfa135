//! What the tests of every theme begin with: a client, a call, and how to wait for what must come.

pub(crate) mod certificates;
pub(crate) mod child;
pub(crate) mod service;
pub(crate) mod wire;

use std::time::Duration;

use builderaikits::{ApiKey, Client, ClientOptions, Error, ErrorKind, Kit, Result, Run, RunRequest};
use tokio::task::JoinHandle;

pub(crate) const KEY: &str = "bak_key-of-the-tests-4711";
pub(crate) const PROMPT: &str = "prompt-of-the-tests-0815";

/// Whatever is waited for comes sooner than this, however busy the machine is.
pub(crate) const GENEROUS: Duration = Duration::from_secs(30);

/// Options for a server of the tests, with no word of the environment.
pub(crate) fn options(base_url: impl Into<String>) -> ClientOptions {
    ClientOptions {
        api_key: ApiKey::new(KEY).ok(),
        base_url: base_url.into().into(),
        timeout: Some(GENEROUS),
        connect_timeout: Some(GENEROUS),
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

/// A call of its own task, begun when the runtime next polls; tasks of one thread begin in the order of their making.
pub(crate) fn spawn(client: &Client) -> JoinHandle<Result<Run>> {
    spawn_prompt(client, PROMPT)
}

pub(crate) fn spawn_prompt(client: &Client, prompt: &str) -> JoinHandle<Result<Run>> {
    let (client, request) = (client.clone(), RunRequest::new(Kit::TextGen, prompt));
    tokio::spawn(async move { client.kits().run(request).await })
}

/// Waits for what must come.
pub(crate) async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(GENEROUS, work).await.unwrap_or_else(|_| panic!("{what}: did not come"))
}

/// What decides how a caller goes on: kind, attempts, whether it may have run, whether it is retryable.
pub(crate) fn facts(error: &Error) -> (ErrorKind, u32, bool, bool) {
    (error.kind(), error.attempts(), error.may_have_run(), error.is_retryable())
}

/// An error of a connection to nobody: every part of the text is in its message, and no secret is.
#[track_caller]
pub(crate) fn check(error: &Error, expected: (ErrorKind, u32, bool, bool), texts: &[&str]) {
    assert_eq!(facts(error), expected, "{error}");
    for text in texts {
        assert!(error.message().contains(text), "no `{text}` in `{error}`");
    }
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(KEY) && !shown.contains(PROMPT), "{shown}");
}
