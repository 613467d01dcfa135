//! The Node package's addon: moves data between JavaScript and the bridge, and decides nothing.
//!
//! No thread of Rust's ever touches a value of JavaScript's. What a call ends in waits in a queue until the
//! environment, which is woken once for a batch, drains it.
#![expect(unreachable_pub, reason = "the macros of napi take public items only")]

mod calls;
mod client;
mod failure;
mod logs;
mod run;

use napi_derive::napi;

/// The version of the addon, which is the package's.
#[napi]
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
