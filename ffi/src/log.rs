//! The functions of the log, which is process-wide.

use std::panic::catch_unwind;

use builderaikits_bridge::logs::{self, LogLevel};

use crate::args::{Out, catch_panics};
use crate::batch::{BatchStorage, register_batch};
use crate::{Batch, Code};

/// Sets the log level of all clients from now on: 0 off, 1 info (waits before a retry), 2 debug (attempts as well), -1
/// the level that `BUILDERAIKITS_LOG` sets. Returns the level that is now set.
#[unsafe(no_mangle)]
pub extern "C" fn baik_1_log_level(level: i32) -> i32 {
    let level = match level {
        ..0 => logs::level_from_env(),
        0 => LogLevel::Off,
        1 => LogLevel::Info,
        2.. => LogLevel::Debug,
    };
    // A panic leaves nothing half-done: the level is a number.
    let _ = catch_unwind(|| logs::set_level(level));
    level as i32
}

/// Removes the buffered log records, oldest first: their `kind` is the level, `info` or `debug`, and their `display` is
/// the text. The library buffers some thousands and drops the oldest. If there are none, `batch->handle` is 0.
///
/// Otherwise free `*batch` with `baik_1_batch_free`.
///
/// # Safety
///
/// `batch` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn baik_1_logs(batch: *mut Batch) -> Code {
    catch_panics(|| {
        // SAFETY: guaranteed by the caller, as the header demands.
        let mut batch = unsafe { Out::required(batch)? };
        batch.set(Batch::EMPTY);
        let records = logs::drain();
        if !records.is_empty() {
            batch.set(register_batch(BatchStorage::of_logs(records))?);
        }
        Ok(())
    })
}
