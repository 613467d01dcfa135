//! A local server that implements the launch spec of BuilderAI Kits, to build and test against.
//!
//! ```
//! use builderaikits_sandbox::{Options, Plan, Sandbox};
//!
//! # fn main() -> std::io::Result<()> {
//! let sandbox = Sandbox::start(Options { plan: Some(Plan::Builder), ..Options::default() })?;
//! assert!(sandbox.url().ends_with("/v1")); // the base URL for the SDK, with any key `bak_…`
//! # Ok(())
//! # } // stops when dropped
//! ```
//!
//! Outputs are simulated and say so. Whatever the spec defines is kept exactly. The README lists what the spec leaves open and
//! the sandbox decides: error bodies, the range of `temperature`, 404, 405 and 422, Idempotency-Key, the `x-request-id` header,
//! the token rule, the windows of limits, and `GET /sandbox/stats`.
//!
//! Layers, each of which imports only from those below it: `main` → `lib` → `server` → `http` → `access_log`, `origin`, `service` →
//! `body`, `idempotency`, `ledger`, `limits`, `request` → `auth`, `config`, `counter`, `kits` → `ids`, `plan`, `response`,
//! `window` → `digest`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fmt, io};

use tokio::sync::oneshot;

use crate::http::Http;
use crate::service::Service;

pub use crate::config::Options;
pub use crate::ledger::{Stats, UsageTotals};
pub use crate::plan::Plan;
pub use crate::window::{TokensAt, Window};

mod access_log;
mod auth;
mod body;
mod config;
mod counter;
mod digest;
mod http;
mod idempotency;
mod ids;
mod kits;
mod ledger;
mod limits;
mod origin;
mod plan;
mod request;
mod response;
mod server;
mod service;
mod window;

/// A running sandbox. It has threads of its own and needs no async runtime. It stops at once when it is dropped.
#[must_use = "a sandbox stops when it is dropped"]
pub struct Sandbox {
    address: SocketAddr,
    service: Arc<Service>,
    running: Option<Running>,
}

struct Running {
    /// Receives how long calls in flight may still take.
    stop: oneshot::Sender<Duration>,
    thread: JoinHandle<()>,
}

impl Sandbox {
    /// Starts a server and waits until it listens, which takes about a millisecond.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if `fail_rate` is not from 0 to 1 or `window_length` is zero; the system's error if it cannot listen on
    /// the address.
    pub fn start(options: Options) -> io::Result<Self> {
        if !(0.0..=1.0).contains(&options.fail_rate) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "fail_rate must be from 0 to 1"));
        }
        if options.window_length.is_zero() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "window_length must be above zero"));
        }
        let address = SocketAddr::new(options.host, options.port);
        let service = Arc::new(Service::new(options));
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = mpsc::sync_channel(1);
        let http = Http::new(Arc::clone(&service));
        // A thread of its own owns the runtime, because a runtime can be neither run nor dropped inside another.
        let thread = thread::Builder::new()
            .name("builderaikits-sandbox".to_owned())
            .spawn(move || server::run(address, http, stopped, &ready))?;
        let address = is_ready.recv().map_err(|_| io::Error::other("the server's thread exited early"))??;
        Ok(Self { address, service, running: Some(Running { stop, thread }) })
    }

    /// The base URL, `http://127.0.0.1:PORT/v1`. A sandbox that listens on all addresses names the loopback one.
    #[must_use]
    pub fn url(&self) -> String {
        let mut address = self.address;
        match address.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(IpAddr::V6(Ipv6Addr::LOCALHOST)),
            _ => {}
        }
        format!("http://{address}/v1")
    }

    /// What was requested and billed so far, as `GET /sandbox/stats` returns it.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.service.stats()
    }

    /// Stops: accepts no new connections, lets calls in flight finish for up to `grace`, then aborts them.
    pub fn stop(mut self, grace: Duration) {
        self.shut_down(grace);
    }

    fn shut_down(&mut self, grace: Duration) {
        if let Some(Running { stop, thread }) = self.running.take() {
            // Both fail only if the server has stopped.
            let _ = stop.send(grace);
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("url", &self.url()).finish_non_exhaustive()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.shut_down(Duration::ZERO);
    }
}
