//! Log records: kept by the bridge, and handed over when the environment asks.

use std::sync::{Mutex, PoisonError};

use builderaikits_bridge::logs::{self, Verbosity};
use napi::bindgen_prelude::Function;
use napi_derive::napi;

use crate::client::lookup;

/// What the variable of the environment asks for: `info`, `debug`, or nothing.
#[napi(catch_unwind)]
pub fn log_level_from_env(variable: Function<'_, String, Option<String>>) -> Option<&'static str> {
    name(logs::from_vars(lookup(&variable)))
}

/// The log records, for one JavaScript environment. Those of the process are recorded once, and go to whoever takes
/// them first.
#[napi]
pub struct Logs(Verbosity);

#[napi]
impl Logs {
    /// Wants none, at first.
    #[napi(constructor, catch_unwind)]
    pub fn new() -> Self {
        Self(Verbosity::Off)
    }

    /// Records from now on what `info` or `debug` asks for, or nothing: as much as any environment wants.
    #[napi(catch_unwind)]
    pub fn want(&mut self, level: Option<String>) {
        let level = match level.as_deref() {
            Some("debug") => Verbosity::Debug,
            Some(_) => Verbosity::Info,
            None => Verbosity::Off,
        };
        change(std::mem::replace(&mut self.0, level), level);
    }

    /// What was recorded since the last time, oldest first.
    #[napi(catch_unwind)]
    pub fn take(&self) -> Vec<LogRecord> {
        logs::take().into_iter().map(|record| LogRecord { level: name(record.verbosity), text: record.text }).collect()
    }
}

/// The environment goes away.
impl Drop for Logs {
    fn drop(&mut self) {
        change(self.0, Verbosity::Off);
    }
}

/// One record.
#[napi(object, object_from_js = false)]
pub struct LogRecord {
    /// `info` or `debug`.
    pub level: Option<&'static str>,
    pub text: String,
}

/// An environment wants more or less than before.
fn change(before: Verbosity, now: Verbosity) {
    /// How many environments want `info`, and how many `debug`.
    static WANTED: Mutex<(u32, u32)> = Mutex::new((0, 0));
    if before == now {
        return;
    }
    let mut wanted = WANTED.lock().unwrap_or_else(PoisonError::into_inner);
    let of = |verbosity| (u32::from(verbosity == Verbosity::Info), u32::from(verbosity == Verbosity::Debug));
    let ((info, debug), (less_info, less_debug)) = (of(now), of(before));
    wanted.0 = wanted.0.saturating_add(info).saturating_sub(less_info);
    wanted.1 = wanted.1.saturating_add(debug).saturating_sub(less_debug);
    logs::record(match *wanted {
        (_, 1..) => Verbosity::Debug,
        (1.., _) => Verbosity::Info,
        _ => Verbosity::Off,
    });
}

fn name(verbosity: Verbosity) -> Option<&'static str> {
    match verbosity {
        Verbosity::Off => None,
        Verbosity::Info => Some("info"),
        Verbosity::Debug => Some("debug"),
    }
}
