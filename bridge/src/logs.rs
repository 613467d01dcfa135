//! The core's log records, buffered until the host drains them on a thread of its own.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::per_process::PerProcess;

/// The maximum number of buffered records. Above it the oldest are dropped.
const MAX_PENDING: usize = 2048;

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum LogLevel {
    /// Nothing. The default; it costs nothing.
    Off,
    /// Waits before a retry.
    Info,
    /// Attempts as well.
    Debug,
}

/// One log record. It never contains the API key, the prompt, the output or a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// [`LogLevel::Info`] or [`LogLevel::Debug`].
    pub level: LogLevel,
    /// The message, then fields as `name=value`.
    pub text: String,
}

static LEVEL: AtomicU8 = AtomicU8::new(LogLevel::Off as u8);
static RECORDS: PerProcess<Mutex<VecDeque<Record>>> = PerProcess::new();

/// The level that `BUILDERAIKITS_LOG` sets: `info` or `debug`, in upper or lower case; any other value is off.
#[must_use]
pub fn level_from_env() -> LogLevel {
    level_from_vars(|name| std::env::var(name).ok())
}

/// As [`level_from_env`] for an environment that is not the process's. `lookup` returns the value of a variable.
pub fn level_from_vars(lookup: impl FnOnce(&str) -> Option<String>) -> LogLevel {
    match lookup("BUILDERAIKITS_LOG").unwrap_or_default().to_ascii_lowercase().as_str() {
        "info" => LogLevel::Info,
        "debug" => LogLevel::Debug,
        _ => LogLevel::Off,
    }
}

/// Sets the level. `Off` drops the buffered records.
pub fn set_level(level: LogLevel) {
    LEVEL.store(level as u8, Ordering::Relaxed);
    if level == LogLevel::Off {
        // A host that turns logging on later must not see these records.
        drop(drain());
    } else {
        // A second call keeps the subscriber of the first; no other code sets one in this library.
        let _ = tracing::subscriber::set_global_default(Recorder(AtomicU64::new(0)));
    }
    tracing::callsite::rebuild_interest_cache();
}

/// Removes and returns the buffered records, oldest first.
#[must_use]
pub fn drain() -> Vec<Record> {
    match RECORDS.get() {
        Some(records) => records.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect(),
        None => Vec::new(),
    }
}

struct Recorder(AtomicU64);

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && metadata.target().starts_with("builderaikits")
            && enabled_level(metadata.level()).is_some()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(self.0.fetch_add(1, Ordering::Relaxed).max(1))
    }

    fn record(&self, _: &Id, _: &SpanRecord<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let Some(level) = enabled_level(event.metadata().level()) else { return };
        let mut fields = Fields::default();
        event.record(&mut fields);
        let text = fields.message + &fields.rest;
        let Ok(records) = RECORDS.get_or_try_init(|| Ok::<_, fmt::Error>(Mutex::default())) else { return };
        let mut records = records.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() == MAX_PENDING {
            records.pop_front();
        }
        records.push_back(Record { level, text });
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The level of a record, if it is enabled.
fn enabled_level(level: &Level) -> Option<LogLevel> {
    let log_level = if *level <= Level::INFO { LogLevel::Info } else { LogLevel::Debug };
    (*level <= Level::DEBUG && log_level as u8 <= LEVEL.load(Ordering::Relaxed)).then_some(log_level)
}

#[derive(Default)]
struct Fields {
    message: String,
    rest: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.rest, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value}"),
            name => write!(self.rest, " {name}={}", value.escape_debug()),
        };
    }
}
