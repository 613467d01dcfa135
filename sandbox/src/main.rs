//! The program `builderaikits-sandbox`: a [`Sandbox`] until SIGINT or SIGTERM.

use std::io::{self, Write as _};
use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use builderaikits_sandbox::{Options, Plan, Sandbox};
use clap::{Parser, ValueEnum};

fn main() -> ExitCode {
    match run(Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // With stderr gone too there is nobody left to tell.
            let _ = writeln!(io::stderr().lock(), "builderaikits-sandbox: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The BuilderAI Kits service on your machine: a local server of the launch spec, for development and tests.
///
/// Its first line on stdout is `listening on http://127.0.0.1:PORT/v1`: the base URL for the SDK. Any key that begins
/// with bak_ is accepted, bak_revoked… is 401, bak_maker_… and bak_builder_… have the limits of their plan. Outputs are
/// simulated. SIGINT and SIGTERM stop it: calls in flight have 5 seconds to finish.
#[derive(Parser)]
#[command(version, about, verbatim_doc_comment)]
struct Flags {
    /// Port to listen on; 0 takes any free one
    #[arg(long, value_name = "PORT", default_value_t = 8787)]
    port: u16,
    /// Address to listen on; 0.0.0.0 opens the sandbox to other machines
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    host: IpAddr,
    /// Plan of every key: maker (30 requests and 15,000 tokens per minute), builder (120 and 100,000), enterprise (no
    /// limits). Default: by the key's prefix, else no limits
    #[arg(long, value_name = "PLAN")]
    plan: Option<Plan>,
    /// Milliseconds to wait before each answer of a run
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency_ms: u64,
    /// Share of calls, from 0 to 1, that are answered with 500
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    fail_rate: f64,
    /// Decides which calls --fail-rate strikes, and the ids of runs
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    /// Whether Idempotency-Key is honoured: the same key and body are run and billed once
    #[arg(long, value_name = "SWITCH", default_value = "on")]
    idempotency: Switch,
    /// Write one line per request to stderr (never the key or the prompt)
    #[arg(long)]
    log: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Switch {
    On,
    Off,
}

fn share(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| "not a number from 0 to 1".to_owned())
}

fn run(flags: Flags) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    // Before the first line is written: whoever reads it may send a signal at once.
    let signal = runtime.block_on(async { Signals::new() }).map_err(|e| format!("cannot watch for signals: {e}"))?;

    let (host, port) = (flags.host, flags.port);
    let sandbox = Sandbox::start(Options {
        host,
        port,
        plan: flags.plan,
        latency: Duration::from_millis(flags.latency_ms),
        fail_rate: flags.fail_rate,
        seed: flags.seed,
        idempotency: matches!(flags.idempotency, Switch::On),
        log: flags.log,
    })
    .map_err(|e| format!("cannot listen on {host} port {port}: {e}"))?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening on {}", sandbox.url())
        .and_then(|()| stdout.flush())
        .map_err(|e| format!("cannot write to stdout: {e}"))?;
    drop(stdout);

    runtime.block_on(signal.first());
    sandbox.stop(GRACE);
    Ok(())
}

const GRACE: Duration = Duration::from_secs(5);

#[cfg(unix)]
struct Signals(tokio::signal::unix::Signal, tokio::signal::unix::Signal);

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self(signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?))
    }

    async fn first(mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC, tokio::signal::windows::CtrlClose);

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self(tokio::signal::windows::ctrl_c()?, tokio::signal::windows::ctrl_close()?))
    }

    async fn first(mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
    }
}
