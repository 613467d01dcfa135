//! [`Options`]: how a sandbox behaves.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::plan::Plan;
use crate::window::{TokensAt, Window};

/// How a sandbox behaves. Fill it with `..Options::default()`, so that a new field is not a breaking change.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on. Default 127.0.0.1. Other machines should not reach a sandbox: it accepts every key.
    pub host: IpAddr,
    /// The port. Default 0: any free one.
    pub port: u16,
    /// The plan of every key. Default `None`: the prefix of the key names it (`bak_maker_…`, `bak_builder_…`), and other
    /// keys have no limits.
    pub plan: Option<Plan>,
    /// How limits count over time. Default [`Window::Fixed`].
    pub window: Window,
    /// The length of the window, above zero. The quota of the plan is per window. Default 60 s.
    pub window_length: Duration,
    /// When the tokens of a call count against its limit. Default [`TokensAt::Admission`].
    pub tokens_at: TokensAt,
    /// The delay of every response to a call that ran, was replayed or failed on purpose. It counts in `latency_ms`.
    /// Default zero.
    pub latency: Duration,
    /// The share of calls, from 0 to 1, that fail with 500. They are not billed, but count against the limits. Default 0.
    pub fail_rate: f64,
    /// Determines which calls fail, and the ids. Default 0.
    pub seed: u64,
    /// Whether Idempotency-Key is honored. Default true.
    pub idempotency: bool,
    /// The time in which the whole body of a request must arrive. Default 30 s.
    pub body_timeout: Duration,
    /// Whether each request is logged as one line on standard error, without key or prompt. Default false.
    pub log: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            plan: None,
            window: Window::default(),
            window_length: Duration::from_secs(60),
            tokens_at: TokensAt::default(),
            latency: Duration::ZERO,
            fail_rate: 0.0,
            seed: 0,
            idempotency: true,
            body_timeout: Duration::from_secs(30),
            log: false,
        }
    }
}
