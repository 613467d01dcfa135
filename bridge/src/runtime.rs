//! The tokio runtime of the process.

use std::num::NonZero;
use std::{io, thread};

use tokio::runtime::{Builder, Runtime};

use crate::per_process::PerProcess;

/// HTTP is not bound by the CPU, so more threads would only cost memory. On one core a second thread costs context
/// switches too.
const MAX_WORKERS: usize = 2;

/// Each DNS lookup blocks a thread.
const MAX_DNS_THREADS: usize = 8;

static RUNTIME: PerProcess<Runtime> = PerProcess::new();

/// Returns the runtime, and creates it on first use. It is never dropped: a runtime that is dropped while the process
/// exits waits for its threads, or crashes them.
pub(crate) fn runtime() -> io::Result<&'static Runtime> {
    RUNTIME.get_or_try_init(|| {
        let cores = thread::available_parallelism().map_or(MAX_WORKERS, NonZero::get);
        Builder::new_multi_thread()
            .worker_threads(cores.min(MAX_WORKERS))
            .max_blocking_threads(MAX_DNS_THREADS)
            .thread_name("builderaikits")
            .enable_io()
            .enable_time()
            .build()
    })
}
