//! The official Rust SDK of BuilderAI Kits: run prompts on kits, with typed answers and typed errors.
//!
//! ```
//! use builderaikits::{Client, Kit, RunRequest};
//!
//! # let sandbox = builderaikits_sandbox::Sandbox::start(builderaikits_sandbox::Options::default())?;
//! # // Before any other thread is there.
//! # unsafe {
//! #     std::env::set_var("BUILDERAIKITS_API_KEY", "bak_example");
//! #     std::env::set_var("BUILDERAIKITS_BASE_URL", sandbox.url());
//! # }
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let client = Client::from_env()?; // the key from BUILDERAIKITS_API_KEY
//! let run = client.kits().run(RunRequest::new(Kit::TextGen, "Hello").max_tokens(500)).await?;
//! println!("{}", run.output.text);
//! # assert!(run.usage.total_tokens > Some(0));
//! # Ok::<(), builderaikits::Error>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - **What may have run is not repeated, but for a 5xx.** 429 and 408, connections that could not be made,
//!   are repeated; so is a 5xx, which the service calls its own fault (it may be billed all the same: `max_retries: 0`
//!   stops that). A call that was sent and got no answer is not, unless [`Config::retry_ambiguous`] says so.
//!   [`Error::may_have_run`] tells what is known.
//! - **A call ends in time.** [`Config::timeout`] is over everything: queue, attempts, waits. Dropping the future
//!   aborts the request at once.
//! - **What was paid for is not lost.** Unknown fields survive ([`Run::extra`]), odd ones do no harm, and an answer that
//!   cannot be read is kept in [`Error::body`].
//! - **Keys and prompts stay where they belong**: in no log, no error's text, no `Debug`. Redirects are never followed,
//!   and plain http goes to your own machine only.
//!
//! Every option, with its default and unit, is a field of [`Config`] or [`CallOptions`]; every way to fail is an
//! [`ErrorKind`].
//!
//! # Logs
//!
//! Through [`tracing`](https://docs.rs/tracing): one span a call (`builderaikits.run`), `debug` events for attempts,
//! `info` for waits before a repeat. Without a subscriber nothing is logged.
//!
//! # Requirements
//!
//! A tokio runtime with I/O and time. TLS is rustls with ring; no system library is needed.
#![forbid(unsafe_code)]

mod auth;
mod budget;
mod client;
mod config;
mod connect;
mod decode;
mod endpoint;
mod environment;
mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzz;
mod idle;
mod kits;
mod proxy;
mod request;
mod response;
mod retry;
mod run;
mod shared;
mod stream;
mod tls;
mod transport;

pub use auth::ApiKey;
pub use client::Client;
pub use config::Config;
pub use error::{Error, ErrorKind, ErrorParts, Result};
pub use http::HeaderMap;
pub use kits::{CallOptions, Kit, Kits, RunRequest};
pub use run::{Output, ResponseMetadata, Run, Usage};

/// The examples of the pages that users see first, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../../README.md")]
struct Pages;
