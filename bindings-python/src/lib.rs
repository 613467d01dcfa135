//! The native module of the Python package. It moves data between Python and the bridge.
//!
//! No Rust thread ever takes the GIL. A result waits in a queue until the event loop drains it, or is returned by the
//! Python thread that made the call.
#![forbid(unsafe_code)]

mod catalog;
mod client;
mod completion_queue;
mod cost;
mod errors;
mod headers;
mod json;
mod logs;
mod options;
mod request;
mod run;
mod shutdown;
mod wake;

use pyo3::pymodule;

/// Private: use `builderaikits`.
#[pymodule(name = "_native")]
mod native {
    #[pymodule_export]
    use crate::catalog::catalog;
    #[pymodule_export]
    use crate::client::{Client, create_client};
    #[pymodule_export]
    use crate::completion_queue::CompletionQueue;
    #[pymodule_export]
    use crate::cost::Cost;
    #[pymodule_export]
    use crate::errors::format_error;
    #[pymodule_export]
    use crate::logs::{drain_logs, log_level_from_env, set_log_level};
    #[pymodule_export]
    use crate::run::{Output, ResponseMetadata, Run, Usage};
    #[pymodule_export]
    use crate::shutdown::begin_shutdown;
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
