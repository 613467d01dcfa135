//! Log records, which the bridge keeps until the JavaScript environment drains them.

use std::sync::{Mutex, PoisonError};

use builderaikits_bridge::logs::{self, Verbosity};
use napi::bindgen_prelude::Function;
use napi_derive::napi;

use crate::client::lookup;

/// The level that `BUILDERAIKITS_LOG` asks for: `info`, `debug`, or None.
#[napi(catch_unwind)]
pub fn log_level_from_env(variable: Function<'_, String, Option<String>>) -> Option<&'static str> {
    name(logs::from_vars(lookup(&variable)))
}

/// The log records, for one JavaScript environment. The process keeps each record once, and the environment that drains
/// first gets it.
#[napi]
pub struct Logs(Verbosity);

#[napi]
impl Logs {
    /// Starts with level off.
    #[napi(constructor, catch_unwind)]
    pub fn new() -> Self {
        Self(Verbosity::Off)
    }

    /// Sets the level that this environment needs: `info`, `debug` or None. The process records the highest level that any
    /// environment needs.
    #[napi(catch_unwind)]
    pub fn set_level(&mut self, level: Option<String>) {
        let level = match level.as_deref() {
            Some("debug") => Verbosity::Debug,
            Some(_) => Verbosity::Info,
            None => Verbosity::Off,
        };
        update_level(std::mem::replace(&mut self.0, level), level);
    }

    /// Takes the records since the last time, oldest first.
    #[napi(catch_unwind)]
    pub fn drain(&self) -> Vec<LogRecord> {
        logs::take().into_iter().map(|record| LogRecord { level: name(record.verbosity), text: record.text }).collect()
    }
}

/// The environment is going away.
impl Drop for Logs {
    fn drop(&mut self) {
        update_level(self.0, Verbosity::Off);
    }
}

/// One log record.
#[napi(object, object_from_js = false)]
pub struct LogRecord {
    /// `info` or `debug`.
    pub level: Option<&'static str>,
    pub text: String,
}

/// Replaces the level of one environment, and sets the highest of all.
fn update_level(before: Verbosity, now: Verbosity) {
    /// How many environments need `info`, and how many `debug`.
    static SUBSCRIBERS: Mutex<(u32, u32)> = Mutex::new((0, 0));
    if before == now {
        return;
    }
    let mut subscribers = SUBSCRIBERS.lock().unwrap_or_else(PoisonError::into_inner);
    let count = |level| (u32::from(level == Verbosity::Info), u32::from(level == Verbosity::Debug));
    let ((more_info, more_debug), (less_info, less_debug)) = (count(now), count(before));
    subscribers.0 = subscribers.0.saturating_add(more_info).saturating_sub(less_info);
    subscribers.1 = subscribers.1.saturating_add(more_debug).saturating_sub(less_debug);
    logs::record(match *subscribers {
        (_, 1..) => Verbosity::Debug,
        (1.., _) => Verbosity::Info,
        _ => Verbosity::Off,
    });
}

fn name(level: Verbosity) -> Option<&'static str> {
    match level {
        Verbosity::Off => None,
        Verbosity::Info => Some("info"),
        Verbosity::Debug => Some("debug"),
    }
}
