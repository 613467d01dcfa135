//! The scenarios of the bench: how many calls a peer makes, and what is measured.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

pub(crate) type AnyError = Box<dyn Error + Send + Sync>;

pub(crate) const API_KEY: &str = "bak_bench";
pub(crate) const TIMEOUT: Duration = Duration::from_secs(120);
const TOTAL_TOKENS: u64 = 332;

/// One way to make calls.
pub(crate) trait Peer: Send + Sync + 'static {
    /// Makes one call and returns the total tokens of its response.
    fn call(&self) -> impl Future<Output = Result<u64, AnyError>> + Send;
}

/// Runs one peer through one scenario and prints a line of JSON: calls, wall and CPU seconds of the measured part, and the
/// process's peak memory and threads. `new_peer` receives the prompt.
pub(crate) fn run<P: Peer>(
    scenario: &str,
    new_peer: impl FnOnce(String) -> Result<P, AnyError>,
) -> Result<(), AnyError> {
    // (calls before measuring, calls measured, at once, bytes of prompt)
    let (warm_up, calls, at_once, prompt) = match scenario {
        "sequential" => (500, 5_000, 1, 0),
        "concurrent" => (2_000, 40_000, 64, 0),
        "in-flight-10000" => (0, 10_000, 10_000, 0),
        "in-flight-2000" => (0, 2_000, 2_000, 0),
        "first" => (0, 1, 1, 0),
        "large" => (3, 40, 1, 1 << 20),
        _ => return Err(format!("unknown scenario {scenario}").into()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let prompt = if prompt == 0 { "Hello, world!".to_owned() } else { "a".repeat(prompt) };
        let peer = Arc::new(new_peer(prompt)?);
        make_calls(&peer, warm_up, at_once).await?;
        let (started, cpu) = (Instant::now(), cpu_seconds()?);
        make_calls(&peer, calls, at_once).await?;
        let (wall, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
        let status = std::fs::read_to_string("/proc/self/status")?;
        let value = |name: &str| {
            status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse::<u64>().ok())
        };
        println!(
            "{}",
            serde_json::json!({"calls": calls, "wall_s": wall, "cpu_s": cpu, "peak_kib": value("VmHWM:"),
                "threads": value("Threads:")})
        );
        // Dropping connection pools is not measured.
        std::process::exit(0)
    })
}

fn cpu_seconds() -> Result<f64, AnyError> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(u64::try_from(micros)?).as_secs_f64())
}

async fn make_calls<P: Peer>(peer: &Arc<P>, calls: usize, at_once: usize) -> Result<(), AnyError> {
    let mut tasks = JoinSet::new();
    for task in 0..at_once.min(calls) {
        let (peer, share) = (Arc::clone(peer), calls / at_once + usize::from(task < calls % at_once));
        tasks.spawn(async move {
            for _ in 0..share {
                if peer.call().await? != TOTAL_TOKENS {
                    return Err::<(), AnyError>("an unexpected response".into());
                }
            }
            Ok(())
        });
    }
    while let Some(result) = tasks.join_next().await {
        result??;
    }
    Ok(())
}

/// The response, as a user would declare it by hand.
#[derive(Deserialize)]
#[expect(dead_code, reason = "reading the fields is part of the work")]
pub(crate) struct Response {
    id: String,
    kit: String,
    status: String,
    output: Output,
    pub(crate) usage: Usage,
    latency_ms: u64,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "reading the fields is part of the work")]
struct Output {
    text: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "reading the fields is part of the work")]
pub(crate) struct Usage {
    input_tokens: u64,
    output_tokens: u64,
    pub(crate) total_tokens: u64,
}

#[derive(Serialize)]
pub(crate) struct Request<'a> {
    kit: &'a str,
    input: Input<'a>,
    config: Config,
}

#[derive(Serialize)]
struct Input<'a> {
    prompt: &'a str,
}

#[derive(Serialize)]
struct Config {
    max_tokens: u32,
}

impl<'a> Request<'a> {
    pub(crate) fn new(prompt: &'a str) -> Self {
        Self { kit: "text-gen", input: Input { prompt }, config: Config { max_tokens: 500 } }
    }
}
