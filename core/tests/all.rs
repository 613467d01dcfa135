//! Behaviour of the crate through its public API only: what a conformance vector cannot say, such as TLS, DNS, a
//! proxy, the environment, HTTP/2, and many callers at once.
//!
//! One binary, so that it links once. `tests/ROWS.md` of the repository says which row each test proves.
#![cfg(test)]

mod architecture;
mod common;
mod concurrency;
mod connections;
mod environment;
mod http2;
mod lifecycle;
mod proxy;
mod public_surface;
mod readme;
mod secrets;
mod tls;
