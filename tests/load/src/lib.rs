//! The SDK's core under load, faults and time: what its tests share.
//!
//! `tests/` is what `make test` runs; the long ones are the make targets `load`, `soak`, `fuzz` and `mutants`.

pub mod children;
pub mod process;
pub mod programs;
pub mod tls;

use std::io::{self, Write as _};
use std::sync::Once;
use std::time::Duration;

use builderaikits::{ApiKey, Client, Config, Error, Kit, Result, Run, RunRequest};

/// The key of every call here. What follows `bak_canary` is looked for in all that the tests print, and in the logs of
/// every program between.
pub const KEY: &str = "bak_canary_load_4Xr9TzQ2mW";
/// The prompt of every call here; looked for likewise.
pub const PROMPT: &str = "canary-prompt-load-7Hn3";

/// Options for `base_url`, with the canary as key, and no proxy of the environment. Switches logs on: see [`log`].
///
/// # Errors
///
/// None: the canary is a good key.
pub fn config(base_url: &str) -> Result<Config> {
    log();
    let api_key = Some(ApiKey::new(KEY)?);
    Ok(Config { api_key, base_url: base_url.to_owned(), proxy: Some("off".to_owned()), ..Config::default() })
}

/// One call with the canaries.
///
/// # Errors
///
/// What the call ends in.
pub async fn call(client: &Client) -> Result<Run> {
    client.kits().run(RunRequest::new(Kit::TextGen, PROMPT)).await
}

/// Makes `callers` calls of one client at the same time, and waits for all of them.
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
    let mut ends = Vec::with_capacity(callers);
    for task in tasks {
        ends.push(task.await.map_err(io::Error::other)?);
    }
    Ok(ends)
}

/// The errors among the ends of calls.
pub fn errors(ends: &[Result<Run>]) -> impl Iterator<Item = &Error> {
    ends.iter().filter_map(|end| end.as_ref().err())
}

/// One line of figures on stdout.
pub fn print(line: &str) {
    // With stdout gone there is nobody left to tell.
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// `duration` in seconds with two digits.
#[must_use]
pub fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// Writes the logs of all crates, at every level, to stderr, if `LOAD_LOGS=all` stands in the environment.
pub fn log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if std::env::var_os("LOAD_LOGS").is_some_and(|which| which == "all") {
            let level = tracing_subscriber::filter::LevelFilter::TRACE;
            tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr).init();
        }
    });
}
