//! What the SDK's bindings need of the core, and Rust users do not.
//!
//! - A [`Client`] that survives `fork`: the child opens connections of its own from the client's options.
//! - One runtime for the process, created on first use and never dropped; servers over plain http have others.
//! - A [`Queue`] for each event loop: [`Client::submit`] starts a call and returns its id. The call completes in the queue,
//!   which wakes its host once when it changes from empty to non-empty, and is drained in batches.
//! - [`Client::run_blocking`] for languages whose threads block.
//! - Options from plain values, with their types checked in one place: [`options`].
//! - Errors as one record: [`error_record`].
//!
//! Nothing here is specific to one language, and there is no policy: every decision is the core's.

mod client;
mod error_record;
pub mod logs;
pub mod options;
mod panic;
mod per_process;
mod process;
mod queue;
mod runtime;
mod sync;

pub use builderaikits::bindings::{Call, HostTimes, MAX_JSON_DEPTH, Payload, Response, catalog_json};
pub use client::{CallResult, Client, CompletionQueue};
pub use error_record::{ErrorRecord, error_record, header_pairs};
pub use per_process::PerProcess;
pub use queue::{CallId, Queue};

/// The maximum number of completed calls that a host drains at once.
pub const MAX_BATCH: usize = 256;
