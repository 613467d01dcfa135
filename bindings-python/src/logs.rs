//! Log records. The bridge stores them until a Python thread collects them.

use builderaikits_bridge::logs::{self, LogLevel};
use pyo3::prelude::*;

/// The levels of Python's `logging`.
const INFO: u8 = 20;
const DEBUG: u8 = 10;

/// Returns the level that the environment selects. 0: off.
#[pyfunction]
pub(crate) fn log_level_from_env() -> u8 {
    to_python(logs::level_from_env())
}

/// Records events of this level and above. 0: none.
#[pyfunction]
pub(crate) fn set_log_level(level: u8) {
    logs::set_level(match level {
        DEBUG => LogLevel::Debug,
        INFO => LogLevel::Info,
        _ => LogLevel::Off,
    });
}

/// Returns level and text of the records since the last call.
#[pyfunction]
pub(crate) fn drain_logs() -> Vec<(u8, String)> {
    logs::drain().into_iter().map(|record| (to_python(record.level), record.text)).collect()
}

fn to_python(level: LogLevel) -> u8 {
    match level {
        LogLevel::Off => 0,
        LogLevel::Info => INFO,
        LogLevel::Debug => DEBUG,
    }
}
