//! The C ABI of the SDK. Hosts read the header that is generated from it: `ffi/include/builderaikits.h`.
//!
//! A host creates a client and a queue, submits calls, which returns their ids, and drains the queue in batches whenever
//! its descriptor is readable. Requests, options and errors are JSON; the core validates and decides.
#![expect(unsafe_code, reason = "a C ABI passes memory by pointer")]

mod args;
mod batch;
mod call;
mod client;
mod handles;
mod log;
mod query;
mod record;
mod wake;

use std::sync::Arc;

use builderaikits_bridge::{Client, CompletionQueue};

pub use call::*;
pub use client::*;
pub use log::*;
pub use query::*;
pub use record::*;

use batch::BatchStorage;
use handles::HandleMap;
use wake::Wake;

/// The result of a function.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(non_camel_case_types, reason = "names of C")]
pub enum Code {
    /// Success.
    BAIK_1_OK = 0,
    /// The core rejected the input. The function's batch holds one record that says why; free it.
    BAIK_1_ERROR = 1,
    /// A required pointer is null.
    BAIK_1_NULL_POINTER = 2,
    /// The handle was freed, has another kind, or was never issued.
    BAIK_1_INVALID_HANDLE = 3,
    /// A length is greater than any object in memory.
    BAIK_1_INVALID_LENGTH = 4,
    /// A string is not UTF-8.
    BAIK_1_INVALID_UTF8 = 5,
    /// The call has already completed, so it cannot be cancelled.
    BAIK_1_ALREADY_COMPLETED = 6,
    /// Too many open files, or too many handles.
    BAIK_1_NO_RESOURCES = 7,
    /// A bug in the library was caught. Please report it.
    BAIK_1_INTERNAL = 8,
}

#[derive(Clone)]
pub(crate) struct QueueHandle {
    completed: Arc<CompletionQueue>,
    wake: Arc<Wake>,
}

pub(crate) static CLIENTS: HandleMap<Client> = HandleMap::new(1);
pub(crate) static QUEUES: HandleMap<QueueHandle> = HandleMap::new(2);
pub(crate) static BATCHES: HandleMap<Arc<BatchStorage>> = HandleMap::new(3);

/// Returns the version of the ABI, which is also in the name of each function.
#[unsafe(no_mangle)]
pub extern "C" fn baik_1_abi_version() -> u32 {
    1
}

#[cfg(test)]
mod tests;
