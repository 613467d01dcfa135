//! The Node package's addon: moves data between JavaScript and the bridge, and makes no decisions.
//!
//! No Rust thread touches a JavaScript value. Results wait in a queue until the JavaScript environment drains them. It is
//! woken once for a batch.

pub mod client;
pub mod completion_queue;
pub mod error_record;
pub mod logs;
mod response;

use builderaikits_bridge as bridge;
use napi_derive::napi;

/// The version of the addon, which must be that of the package.
#[napi]
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How deeply a request may be nested.
#[napi]
pub const MAX_JSON_DEPTH: u32 = bridge::MAX_JSON_DEPTH as u32;

/// The kits and plans that this version knows, as JSON.
#[napi(catch_unwind)]
pub fn catalog() -> String {
    builderaikits_bridge::catalog_json()
}
