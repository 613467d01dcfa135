//! Behavior of the crate through its public API only: what a conformance vector cannot express, such as TLS, DNS, proxies,
//! the environment, HTTP/2, and many callers at once.
//!
//! It is one binary, so that it is linked once. `tests/COVERAGE.md` lists what each test proves.
#![cfg(test)]

mod architecture;
mod common;
mod concurrency;
mod connections;
mod environment;
mod floods;
mod http2;
mod http_client;
mod lifecycle;
mod operation;
mod peer_texts;
mod proxy;
mod public_surface;
mod readme;
mod secrets;
mod tls;
