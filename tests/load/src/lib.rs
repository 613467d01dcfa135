//! The SDK's core under load, faults and time.
//!
//! `make test` runs `tests/`. The make targets `load`, `soak`, `fuzz` and `mutants` take longer.

pub mod children;
pub mod process;
pub mod programs;
pub mod tls;

use std::io::{self, Write as _};
use std::sync::Once;
use std::time::Duration;

use builderaikits::{ApiKey, Client, ClientOptions, Error, Kit, Result, Run, RunRequest};

/// The API key of every call. Output of the tests and logs of all programs in between are searched for `bak_canary`.
pub const KEY: &str = "bak_canary_load_4Xr9TzQ2mW";
/// The prompt of every call. It is searched for likewise.
pub const PROMPT: &str = "canary-prompt-load-7Hn3";

/// Options for `base_url` with the canary as key and without a proxy. It turns logs on: see [`log`].
///
/// # Errors
///
/// None: the canary is a valid key.
pub fn options(base_url: &str) -> Result<ClientOptions> {
    log();
    let api_key = Some(ApiKey::new(KEY)?);
    Ok(ClientOptions { api_key, base_url: base_url.into(), proxy: Some("off".into()), ..ClientOptions::default() })
}

/// Makes one call with the canaries.
///
/// # Errors
///
/// The error of the call.
pub async fn call(client: &Client) -> Result<Run> {
    client.kits().run(RunRequest::new(Kit::TextGen, PROMPT)).await
}

/// Makes `callers` calls of one client at once, and waits for all of them.
///
/// # Errors
///
/// A call that panicked.
pub async fn calls(client: &Client, callers: usize) -> io::Result<Vec<Result<Run>>> {
    let mut tasks = Vec::with_capacity(callers);
    for _ in 0..callers {
        let client = client.clone();
        tasks.push(tokio::spawn(async move { call(&client).await }));
    }
    let mut results = Vec::with_capacity(callers);
    for task in tasks {
        results.push(task.await.map_err(io::Error::other)?);
    }
    Ok(results)
}

/// The errors among the results of calls.
pub fn errors(results: &[Result<Run>]) -> impl Iterator<Item = &Error> {
    results.iter().filter_map(|result| result.as_ref().err())
}

/// Prints one line of figures to standard output.
pub fn print(line: &str) {
    // A closed standard output has no reader.
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// Formats `duration` in seconds with two digits.
#[must_use]
pub fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// Writes the logs of all crates, at every level, to standard error, if `LOAD_LOGS=all` is set.
pub fn log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if std::env::var_os("LOAD_LOGS").is_some_and(|which| which == "all") {
            let level = tracing_subscriber::filter::LevelFilter::TRACE;
            tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr).init();
        }
    });
}
