//! The conformance suite: a server that plays the service from a script, with faults, on raw sockets
//! ([`ScriptedServer`]), and a runner that checks a driver of any language against the vectors ([`runner`]).
//!
//! `tests/README.md` describes the format of a case. This crate does not import the SDK: it reads the wire independently.
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
//! let base_url = server.base_url("busy"); // give it to a client, then check `server.requests("busy")`
//! # assert!(base_url.ends_with("/busy/v1"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![expect(clippy::arithmetic_side_effects, reason = "test code: an overflow should fail the run, and does so in debug")]

pub mod case;
pub mod error_kinds;
pub mod exchange;
pub mod expect;
pub mod judge;
pub mod matching;
pub mod report;
pub mod runner;
pub mod vector;

mod date;
mod driver;
mod driver_output;
mod generated_body;
mod limited_service;
mod perform;
mod placeholders;
mod read_request;
mod reply;
mod request;
mod request_checks;
mod response_bytes;
mod secrets;
mod server;
mod service;
mod step;
mod step_json;
mod unsupported;

pub use limited_service::{LimitError, LimitedService};
pub use request::RecordedRequest;
pub use server::ScriptedServer;
pub use service::Service;
pub use step::Step;
pub use step_json::{StepError, steps_from_json};
