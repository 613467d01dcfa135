//! The two halves of the conformance suite: a server that plays the service from a script, fault by fault, on raw
//! sockets ([`ScriptedServer`]), and the runner that holds a driver of any language against the vectors ([`runner`]).
//!
//! `tests/README.md` has the format of a case. Nothing here imports the SDK: it is the other reading of the wire.
//!
//! ```
//! use builderaikits_conformance::{ScriptedServer, steps_from_json};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let server = ScriptedServer::start().await?;
//! server.script("busy", steps_from_json(serde_json::json!([
//!     {"status": 429, "headers": {"retry-after": "1"}, "body": {"error": {"message": "slow down"}}},
//!     {"fault": "reset"}
//! ]))?);
//! let base_url = server.base_url("busy"); // point a client here, then look at `server.seen("busy")`
//! # assert!(base_url.ends_with("/busy/v1"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![expect(clippy::arithmetic_side_effects, reason = "test code: an overflow should fail the run, and does so in debug")]

pub mod expect;
pub mod judge;
pub mod matching;
pub mod runner;
pub mod vector;

mod answer;
mod date;
mod driver;
mod filler;
mod reply;
mod request;
mod secrets;
mod server;
mod step;
mod tables;
mod traffic;
mod written;

pub use request::Seen;
pub use server::ScriptedServer;
pub use step::{Step, StepError, steps_from_json};
