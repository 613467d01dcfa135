//! The launch spec of BuilderAI Kits on your machine: a local server to build and test against.
//!
//! ```
//! use builderaikits_sandbox::{Options, Plan, Sandbox};
//!
//! # fn main() -> std::io::Result<()> {
//! let sandbox = Sandbox::start(Options { plan: Some(Plan::Builder), ..Options::default() })?;
//! assert!(sandbox.url().ends_with("/v1")); // give this to the SDK as its base URL, with any key `bak_…`
//! # Ok(())
//! # } // stops when dropped
//! ```
//!
//! Outputs are simulated and say so. What the spec says is kept to the letter; what it leaves open is decided here
//! and marked as ours in the README: error bodies, the range of `temperature`, 404, 405 and 422, Idempotency-Key,
//! the `x-request-id` header, the token rule, and `GET /sandbox/stats`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fmt, io};

use tokio::sync::oneshot;

use crate::calls::Service;

pub use crate::billing::{Stats, Tally};
pub use crate::limits::Plan;

mod answer;
mod billing;
mod caller;
mod calls;
mod exchange;
mod idempotency;
mod ids;
mod kits;
mod limits;
mod request;
mod server;

/// How a sandbox behaves. Fill with `..Options::default()`: a new field is not a breaking change.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on. Default 127.0.0.1. No other machine should reach a sandbox: it has no secrets to
    /// check a key against.
    pub host: IpAddr,
    /// The port. Default 0: any free one.
    pub port: u16,
    /// The plan of every key. Default `None`: the key's prefix names it (`bak_maker_…`, `bak_builder_…`), and other
    /// keys have no limits.
    pub plan: Option<Plan>,
    /// Waited before every answer to a call that ran, was replayed or failed on purpose; counted in `latency_ms`.
    /// Default zero.
    pub latency: Duration,
    /// The share of calls, from 0 to 1, that are answered with 500 and bill nothing, though they count against the
    /// limits. Default 0.
    pub fail_rate: f64,
    /// Decides which calls the fail rate strikes, and the ids. Default 0.
    pub seed: u64,
    /// Whether Idempotency-Key is honoured, rather than ignored. Default true.
    pub idempotency: bool,
    /// Whether each request is one line on stderr, without key or prompt. Default false.
    pub log: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            plan: None,
            latency: Duration::ZERO,
            fail_rate: 0.0,
            seed: 0,
            idempotency: true,
            log: false,
        }
    }
}

/// A running sandbox. It has its own threads and needs no async runtime; dropped, it stops at once.
#[must_use = "a sandbox stops when it is dropped"]
pub struct Sandbox {
    address: SocketAddr,
    service: Arc<Service>,
    running: Option<Running>,
}

struct Running {
    /// Takes how long calls in flight may still take.
    stop: oneshot::Sender<Duration>,
    thread: JoinHandle<()>,
}

impl Sandbox {
    /// Starts a server; when this returns, it is listening. Blocks for about a millisecond.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if `fail_rate` is not from 0 to 1; what the system says if the address cannot be listened on.
    pub fn start(options: Options) -> io::Result<Self> {
        if !(0.0..=1.0).contains(&options.fail_rate) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "fail_rate must be from 0 to 1"));
        }
        let address = SocketAddr::new(options.host, options.port);
        let service = Arc::new(Service::new(options));
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = mpsc::sync_channel(1);
        let serving = Arc::clone(&service);
        // A thread of its own owns the runtime: one may be neither run nor dropped inside another.
        let thread = thread::Builder::new()
            .name("builderaikits-sandbox".to_owned())
            .spawn(move || server::run(address, serving, stopped, &ready))?;
        let address = is_ready.recv().map_err(|_| io::Error::other("the server's thread ended early"))??;
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

    /// What was asked and billed so far; the same as `GET /sandbox/stats`.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.service.stats()
    }

    /// Stops: refuses new connections, lets calls in flight finish for up to `grace`, and then ends them.
    pub fn stop(mut self, grace: Duration) {
        self.end(grace);
    }

    fn end(&mut self, grace: Duration) {
        if let Some(Running { stop, thread }) = self.running.take() {
            // Both fail only if the server is gone already.
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
        self.end(Duration::ZERO);
    }
}
