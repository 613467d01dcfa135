//! The official Rust SDK for BuilderAI Kits: run prompts on kits, with typed responses and typed errors.
//!
//! ```
//! use builderaikits::{Client, Kit, RunRequest};
//!
//! # let sandbox = builderaikits_sandbox::Sandbox::start(builderaikits_sandbox::Options::default())?;
//! # // No other thread runs yet.
//! # unsafe {
//! #     std::env::set_var("BUILDERAIKITS_API_KEY", "bak_example");
//! #     std::env::set_var("BUILDERAIKITS_BASE_URL", sandbox.url());
//! # }
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let client = Client::from_env()?; // reads BUILDERAIKITS_API_KEY
//! let run = client.kits().run(RunRequest::new(Kit::TextGen, "Hello").max_tokens(500)).await?;
//! println!("{}", run.output.text);
//! # assert!(run.usage.total_tokens > Some(0));
//! # Ok::<(), builderaikits::Error>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - **Requests that may have been processed are not retried, except after a 5xx.** The SDK retries 429, 408, 5xx and
//!   failed connections. A 5xx may be billed twice; `max_retries: 0` prevents that. A call that was sent and got no
//!   response is retried only with [`ClientOptions::retry_ambiguous`]. [`Error::may_have_run`] tells what is known.
//! - **Calls are bounded.** [`ClientOptions::timeout`] covers queueing, every attempt and the waits between them.
//!   Dropping the future aborts the request at once.
//! - **Calls keep to the rate limit of the plan.** They wait in one queue, first come, first served. [`RateLimit`] is learned
//!   from the first 429, or set. A call whose known wait exceeds its deadline fails at once.
//! - **Billed responses are not lost.** Unknown fields are kept ([`Run::extra`]), malformed optional fields are ignored,
//!   and a response that cannot be decoded is kept in [`Error::body`].
//! - **Keys and prompts are not printed**: not in logs, error messages or `Debug`. Redirects are never followed, and plain
//!   http is limited to the local machine.
//!
//! [`ClientOptions`] and [`RequestOptions`] list every option with its default and unit; [`ErrorKind`] lists every kind of
//! failure.
//!
//! # Logs
//!
//! The SDK logs through [`tracing`](https://docs.rs/tracing): one span per call (`builderaikits.call`), `debug` events for
//! attempts, `info` events for waits before a retry. Without a subscriber nothing is logged.
//!
//! # Requirements
//!
//! A tokio runtime with I/O and time enabled. TLS is rustls with ring; no system library is needed.
#![forbid(unsafe_code)]

mod api;
#[doc(hidden)]
pub mod bindings;
mod client;
mod config;
mod error;
mod error_kind;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzz;
mod http;
mod models;
mod pacing;
mod pipeline;
mod redacted;

pub use ::http::HeaderMap;
pub use api::kits::Kits;
pub use client::Client;
pub use config::api_key::ApiKey;
pub use config::options::{ClientOptions, ClientOverrides, RequestOptions, Timeout};
pub use config::rate_limit::RateLimit;
pub use error::{Error, ErrorKind, ErrorParts, Result};
pub use http::transport::HttpClientHook;
pub use models::catalog::{KitInfo, Plan, Quota};
pub use models::client_usage::{ClientUsage, PacingStatus};
pub use models::cost::Cost;
pub use models::estimate::Estimate;
pub use models::kit::Kit;
pub use models::response_metadata::ResponseMetadata;
pub use models::run::{Output, Run, Usage};
pub use models::run_request::RunRequest;
pub use redacted::Redacted;

/// Compiles the examples of the README files.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../../README.md")]
struct Pages;
