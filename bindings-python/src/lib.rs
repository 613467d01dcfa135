//! The native module of the Python package: moves data between Python and the bridge, and decides nothing.
//!
//! No thread of Rust's ever takes the interpreter's lock. What a call ends in waits in a queue until the event loop
//! drains it, or is returned by the thread that made the call.
#![forbid(unsafe_code)]

mod calls;
mod client;
mod exit;
mod failure;
mod logs;
mod options;
mod run;
mod value;
mod wake;

use pyo3::pymodule;

/// Private: use `builderaikits`.
#[pymodule(name = "_native")]
mod native {
    #[pymodule_export]
    use crate::calls::Calls;
    #[pymodule_export]
    use crate::client::{Client, client};
    #[pymodule_export]
    use crate::exit::exiting;
    #[pymodule_export]
    use crate::failure::error_text;
    #[pymodule_export]
    use crate::logs::{log_level_from_env, set_log_level, take_logs};
    #[pymodule_export]
    use crate::run::{Output, ResponseMetadata, Run, Usage};
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
