//! The one runtime of the process.

use std::num::NonZero;
use std::{io, thread};

use tokio::runtime::{Builder, Runtime};

use crate::per_process::PerProcess;

/// HTTP is not bound by the CPU: more threads than these only cost memory. Where there is one core to run on, a second
/// one costs switches as well.
const WORKERS: usize = 2;

/// Names are looked up on threads that wait for the operating system, each connection's on one: at most so many.
const LOOKUPS: usize = 8;

static RUNTIME: PerProcess<Runtime> = PerProcess::new();

/// Made on first use and never dropped: a runtime that is dropped while a process ends waits for its threads, or
/// crashes them.
pub(crate) fn runtime() -> io::Result<&'static Runtime> {
    RUNTIME.get_or_make(|| {
        let cores = thread::available_parallelism().map_or(WORKERS, NonZero::get);
        Builder::new_multi_thread()
            .worker_threads(cores.min(WORKERS))
            .max_blocking_threads(LOOKUPS)
            .thread_name("builderaikits")
            .enable_io()
            .enable_time()
            .build()
    })
}
