//! The core's log records, kept until the host asks for them on a thread of its own.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::per_process::PerProcess;

/// More than these wait for a host that does not ask; then the oldest go.
const MOST: usize = 2048;

/// How much is recorded: nothing, waits before repeats, or attempts too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Verbosity {
    /// Nothing, which costs nothing. The default.
    Off,
    /// Waits before a repeat.
    Info,
    /// Attempts as well.
    Debug,
}

/// One record: never with key, prompt, output or query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// [`Verbosity::Info`] or [`Verbosity::Debug`].
    pub verbosity: Verbosity,
    /// The words, then fields as `name=value`.
    pub text: String,
}

static VERBOSITY: AtomicU8 = AtomicU8::new(Verbosity::Off as u8);
static RECORDS: PerProcess<Mutex<VecDeque<Record>>> = PerProcess::new();

/// What `BUILDERAIKITS_LOG` asks for: `info` or `debug`, in any case; anything else is off.
#[must_use]
pub fn from_env() -> Verbosity {
    from_vars(|name| std::env::var(name).ok())
}

/// As [`from_env`], of an environment that is not the process's: `lookup` has the value of a variable.
pub fn from_vars(lookup: impl FnOnce(&str) -> Option<String>) -> Verbosity {
    match lookup("BUILDERAIKITS_LOG").unwrap_or_default().to_ascii_lowercase().as_str() {
        "info" => Verbosity::Info,
        "debug" => Verbosity::Debug,
        _ => Verbosity::Off,
    }
}

/// Records from now on what is at most this verbose. `Off` forgets what was not taken.
pub fn record(verbosity: Verbosity) {
    VERBOSITY.store(verbosity as u8, Ordering::Relaxed);
    if verbosity == Verbosity::Off {
        // Nobody asks for what is left, and who asks later did not want it.
        drop(take());
    } else {
        // A second call finds the first one's; nobody else sets one in a library of ours.
        let _ = tracing::subscriber::set_global_default(Recorder(AtomicU64::new(0)));
    }
    tracing::callsite::rebuild_interest_cache();
}

/// Takes what was recorded since the last time, oldest first.
#[must_use]
pub fn take() -> Vec<Record> {
    match RECORDS.get() {
        Some(records) => records.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect(),
        None => Vec::new(),
    }
}

struct Recorder(AtomicU64);

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with("builderaikits") && verbosity(metadata.level()).is_some()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(self.0.fetch_add(1, Ordering::Relaxed).max(1))
    }

    fn record(&self, _: &Id, _: &SpanRecord<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let Some(verbosity) = verbosity(event.metadata().level()) else { return };
        let mut fields = Fields::default();
        event.record(&mut fields);
        let text = fields.words + &fields.rest;
        let Ok(records) = RECORDS.get_or_make(|| Ok::<_, fmt::Error>(Mutex::default())) else { return };
        let mut records = records.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() == MOST {
            records.pop_front();
        }
        records.push_back(Record { verbosity, text });
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// How verbose a level is, if that is asked for.
fn verbosity(level: &Level) -> Option<Verbosity> {
    let verbosity = if *level <= Level::INFO { Verbosity::Info } else { Verbosity::Debug };
    (*level <= Level::DEBUG && verbosity as u8 <= VERBOSITY.load(Ordering::Relaxed)).then_some(verbosity)
}

#[derive(Default)]
struct Fields {
    words: String,
    rest: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.words, "{value:?}"),
            name => write!(self.rest, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = match field.name() {
            "message" => write!(self.words, "{value}"),
            name => write!(self.rest, " {name}={}", value.escape_debug()),
        };
    }
}
