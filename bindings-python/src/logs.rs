//! Log records: kept by the bridge, and handed to Python when a thread of Python's asks.

use builderaikits_bridge::logs::{self, Verbosity};
use pyo3::prelude::*;

/// The levels of Python's `logging`.
const INFO: u8 = 20;
const DEBUG: u8 = 10;

/// The level that the environment asks for; 0: nothing.
#[pyfunction]
pub(crate) fn log_level_from_env() -> u8 {
    level(logs::from_env())
}

/// Records what has at least this level; 0: nothing.
#[pyfunction]
pub(crate) fn set_log_level(level: u8) {
    logs::record(match level {
        DEBUG => Verbosity::Debug,
        INFO => Verbosity::Info,
        _ => Verbosity::Off,
    });
}

/// What was recorded since the last time: level and text.
#[pyfunction]
pub(crate) fn take_logs() -> Vec<(u8, String)> {
    logs::take().into_iter().map(|record| (level(record.verbosity), record.text)).collect()
}

fn level(verbosity: Verbosity) -> u8 {
    match verbosity {
        Verbosity::Off => 0,
        Verbosity::Info => INFO,
        Verbosity::Debug => DEBUG,
    }
}
