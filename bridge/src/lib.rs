//! What the SDK's other languages need of its core and Rust's users do not.
//!
//! - A [`Client`] that survives `fork`: the child builds its connections anew from the client's options.
//! - One runtime for the process, made on first use and never dropped.
//! - A [`Queue`] for each event loop: calls are begun by [`Client::submit`], which gives an id, and end in the queue,
//!   which wakes its host once when it goes from empty to not empty and is drained in batches.
//! - [`Client::run_blocking`] for languages whose threads block.
//! - Options and requests from plain values, with their types checked in one place: [`options`].
//!
//! Nothing of any one language is here, and no policy: what is decided is decided in the core.

mod call;
mod client;
mod failure;
pub mod logs;
pub mod options;
mod per_process;
mod queue;
mod runtime;
mod sync;

pub use client::{Calls, Client, Outcome};
pub use failure::{Failure, header_pairs};
pub use per_process::PerProcess;
pub use queue::{CallId, Queue};
