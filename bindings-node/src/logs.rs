//! Log records, which the bridge keeps until the JavaScript environment drains them.

use std::sync::{Mutex, PoisonError};

use builderaikits_bridge::logs::{self, LogLevel};
use napi::bindgen_prelude::Function;
use napi_derive::napi;

use crate::client::lookup;

/// The level that `BUILDERAIKITS_LOG` asks for: `info`, `debug`, or None.
#[napi(catch_unwind)]
pub fn log_level_from_env(variable: Function<'_, String, Option<String>>) -> Option<&'static str> {
    name(logs::level_from_vars(lookup(&variable)))
}

/// The log records, for one JavaScript environment. The process keeps each record once, and the environment that drains
/// first gets it.
#[napi]
pub struct Logs(LogLevel);

#[napi]
impl Logs {
    /// Starts with level off.
    #[napi(constructor, catch_unwind)]
    pub fn new() -> Self {
        Self(LogLevel::Off)
    }

    /// Sets the level that this environment needs: `info`, `debug` or None. The process records the highest level that any
    /// environment needs.
    #[napi(catch_unwind)]
    pub fn set_level(&mut self, level: Option<String>) {
        let level = match level.as_deref() {
            Some("debug") => LogLevel::Debug,
            Some(_) => LogLevel::Info,
            None => LogLevel::Off,
        };
        update_level(std::mem::replace(&mut self.0, level), level);
    }

    /// Takes the records since the last time, oldest first.
    #[napi(catch_unwind)]
    pub fn drain(&self) -> Vec<LogRecord> {
        logs::drain().into_iter().map(|record| LogRecord { level: name(record.level), text: record.text }).collect()
    }
}

impl Default for Logs {
    fn default() -> Self {
        Self::new()
    }
}

/// The environment is going away.
impl Drop for Logs {
    fn drop(&mut self) {
        update_level(self.0, LogLevel::Off);
    }
}

/// One log record.
#[napi(object, object_from_js = false)]
pub struct LogRecord {
    /// `info` or `debug`.
    pub level: Option<&'static str>,
    /// The message, then fields as `name=value`.
    pub text: String,
}

/// Replaces the level of one environment, and sets the highest of all.
fn update_level(before: LogLevel, now: LogLevel) {
    /// How many environments need `info`, and how many `debug`.
    static SUBSCRIBERS: Mutex<(u32, u32)> = Mutex::new((0, 0));
    if before == now {
        return;
    }
    let mut subscribers = SUBSCRIBERS.lock().unwrap_or_else(PoisonError::into_inner);
    let count = |level| (u32::from(level == LogLevel::Info), u32::from(level == LogLevel::Debug));
    let ((more_info, more_debug), (less_info, less_debug)) = (count(now), count(before));
    subscribers.0 = subscribers.0.saturating_add(more_info).saturating_sub(less_info);
    subscribers.1 = subscribers.1.saturating_add(more_debug).saturating_sub(less_debug);
    logs::set_level(match *subscribers {
        (_, 1..) => LogLevel::Debug,
        (1.., _) => LogLevel::Info,
        _ => LogLevel::Off,
    });
}

fn name(level: LogLevel) -> Option<&'static str> {
    match level {
        LogLevel::Off => None,
        LogLevel::Info => Some("info"),
        LogLevel::Debug => Some("debug"),
    }
}
