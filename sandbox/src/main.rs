//! The program `builderaikits-sandbox`: a [`Sandbox`] until SIGINT or SIGTERM.

use std::io::{self, Write as _};
use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use builderaikits_sandbox::{Options, Plan, Sandbox, TokensAt, Window};
use clap::{Parser, ValueEnum};

fn main() -> ExitCode {
    match run(Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // A closed standard error has no reader.
            let _ = writeln!(io::stderr().lock(), "builderaikits-sandbox: {message}");
            ExitCode::FAILURE
        }
    }
}

/// A local server that implements the launch spec of BuilderAI Kits, for development and tests.
///
/// Its first line of output is `listening on http://127.0.0.1:PORT/v1`, the base URL for the SDK. Any key that starts with
/// bak_ is accepted; bak_revoked… gets 401; bak_maker_… and bak_builder_… have the limits of their plan. Outputs are
/// simulated. SIGINT and SIGTERM stop it; calls in flight have 5 seconds to finish.
#[derive(Parser)]
#[command(version, about, verbatim_doc_comment)]
struct Flags {
    /// Port to listen on; 0 is any free port
    #[arg(long, value_name = "PORT", default_value_t = 8787)]
    port: u16,
    /// Address to listen on; 0.0.0.0 opens the sandbox to other machines
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    host: IpAddr,
    /// Plan of every key: maker (30 requests and 15,000 tokens per window), builder (120 and 100,000), enterprise (no
    /// limits). Default: by the prefix of the key, else no limits
    #[arg(long, value_name = "PLAN")]
    plan: Option<Plan>,
    /// How limits count: fixed (a window begins with the first admitted call of a key), sliding (an exact log of the last
    /// window), bucket (a token bucket that refills continuously)
    #[arg(long, value_name = "WINDOW", default_value = Window::default().name())]
    window: Window,
    /// Length of the window in seconds, from 1 to 3600
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    window_seconds: u64,
    /// When the tokens of a call count: admission (with its request) or completion (when its response is sent)
    #[arg(long, value_name = "WHEN", default_value = TokensAt::default().name())]
    tokens_at: TokensAt,
    /// Delay of each response to a run, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency_ms: u64,
    /// Share of calls, from 0 to 1, that fail with 500
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    fail_rate: f64,
    /// Determines which calls fail, and the ids
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    /// Whether Idempotency-Key is honored: the same key and body run and are billed once
    #[arg(long, value_name = "SWITCH", default_value = "on")]
    idempotency: Switch,
    /// Log one line per request to standard error, without key and prompt
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
    // Before the first line is written, because its reader may send a signal at once.
    let signal = runtime.block_on(async { Signals::new() }).map_err(|e| format!("cannot watch for signals: {e}"))?;

    let (host, port) = (flags.host, flags.port);
    let sandbox = Sandbox::start(Options {
        host,
        port,
        plan: flags.plan,
        window: flags.window,
        window_length: Duration::from_secs(flags.window_seconds),
        tokens_at: flags.tokens_at,
        latency: Duration::from_millis(flags.latency_ms),
        fail_rate: flags.fail_rate,
        seed: flags.seed,
        idempotency: matches!(flags.idempotency, Switch::On),
        log: flags.log,
        ..Options::default()
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
