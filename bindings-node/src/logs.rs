//! Log records: kept by the bridge, and handed over when the environment asks.

use std::sync::atomic::{AtomicU8, Ordering};

use builderaikits_bridge::logs::{self, Verbosity};
use napi::bindgen_prelude::Function;
use napi_derive::napi;

use crate::client::lookup;

/// What the variable of the environment asks for: `info`, `debug`, or nothing.
#[napi(catch_unwind)]
pub fn log_level_from_env(variable: Function<'_, String, Option<String>>) -> Option<&'static str> {
    name(logs::from_vars(lookup(&variable)))
}

/// Records from now on what `info` or `debug` asks for. Never less than before: other environments of the process may
/// want it.
#[napi(catch_unwind)]
pub fn record_logs(level: String) {
    static MOST: AtomicU8 = AtomicU8::new(Verbosity::Off as u8);
    let verbosity = if level == "debug" { Verbosity::Debug } else { Verbosity::Info };
    if MOST.fetch_max(verbosity as u8, Ordering::Relaxed) < verbosity as u8 {
        logs::record(verbosity);
    }
}

/// One record.
#[napi(object, object_from_js = false)]
pub struct LogRecord {
    /// `info` or `debug`.
    pub level: Option<&'static str>,
    pub text: String,
}

/// What was recorded since the last time, oldest first.
#[napi(catch_unwind)]
pub fn take_logs() -> Vec<LogRecord> {
    logs::take().into_iter().map(|record| LogRecord { level: name(record.verbosity), text: record.text }).collect()
}

fn name(verbosity: Verbosity) -> Option<&'static str> {
    match verbosity {
        Verbosity::Off => None,
        Verbosity::Info => Some("info"),
        Verbosity::Debug => Some("debug"),
    }
}
