//! The one runtime of the process.

use std::io;

use tokio::runtime::{Builder, Runtime};

use crate::per_process::PerProcess;

/// HTTP is not bound by the CPU: more threads than these only cost memory.
const WORKERS: usize = 2;

static RUNTIME: PerProcess<Runtime> = PerProcess::new();

/// Made on first use and never dropped: a runtime that is dropped while a process ends waits for its threads, or
/// crashes them.
pub(crate) fn runtime() -> io::Result<&'static Runtime> {
    RUNTIME.get_or_make(|| {
        Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("builderaikits")
            .enable_io()
            .enable_time()
            .build()
    })
}
