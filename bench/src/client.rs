//! One peer doing one thing, in a process of its own: `bench-client PEER SCENARIO URL [CA_FILE]`.
//!
//! Prints a line of JSON: calls, wall and CPU seconds of the measured part, and of the process peak memory and threads.
#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "a bench may fail")]
#![expect(clippy::print_stdout, reason = "its result")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use builderaikits::{ApiKey, Client, Config, Kit, RunRequest};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

type Failure = Box<dyn Error + Send + Sync>;

const KEY: &str = "bak_bench";
const TIMEOUT: Duration = Duration::from_secs(120);
const MOST: usize = 20_000;
const MIB: usize = 1 << 20;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (peer, scenario, url) = (&arguments[0], arguments[1].as_str(), &arguments[2]);
    let ca_file = arguments.get(3);
    // (calls before measuring, calls measured, at once, MiB of prompt)
    let (warm_up, calls, at_once, prompt) = match scenario {
        "sequential" => (500, 5_000, 1, 0),
        "concurrent" => (2_000, 40_000, 64, 0),
        "in-flight" | "in-flight-10000" => (0, 10_000, 10_000, 0),
        "in-flight-2000" => (0, 2_000, 2_000, 0),
        "first" => (0, 1, 1, 0),
        "large" => (3, 40, 1, MIB),
        _ => return Err("no such scenario".into()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let prompt = if prompt == 0 { "Hello, world!".to_owned() } else { "a".repeat(prompt) };
        let peer = Arc::new(Peer::new(peer, url, ca_file, prompt)?);
        many(&peer, warm_up, at_once).await?;
        let (begun, cpu) = (Instant::now(), cpu_seconds()?);
        many(&peer, calls, at_once).await?;
        let (wall, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
        let status = std::fs::read_to_string("/proc/self/status")?;
        let of = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse::<u64>().ok());
        println!("{}", serde_json::json!({"calls": calls, "wall_s": wall, "cpu_s": cpu, "peak_kib": of("VmHWM:"), "threads": of("Threads:")}));
        // The pools of the peers are not part of it.
        std::process::exit(0)
    })
}

fn cpu_seconds() -> Result<f64, Failure> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(u64::try_from(micros)?).as_secs_f64())
}

async fn many(peer: &Arc<Peer>, calls: usize, at_once: usize) -> Result<(), Failure> {
    let mut tasks = JoinSet::new();
    for task in 0..at_once.min(calls) {
        let (peer, share) = (Arc::clone(peer), calls / at_once + usize::from(task < calls % at_once));
        tasks.spawn(async move {
            for _ in 0..share {
                if peer.call().await? != 332 {
                    return Err::<(), Failure>("not the answer".into());
                }
            }
            Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

/// What a user would write by hand for the answer.
#[derive(Deserialize)]
#[expect(dead_code, reason = "what is read is part of the cost")]
struct Answer {
    id: String,
    kit: String,
    status: String,
    output: Text,
    usage: Tokens,
    latency_ms: u64,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what is read is part of the cost")]
struct Text {
    text: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what is read is part of the cost")]
struct Tokens {
    input_tokens: u64,
    output_tokens: u64,
    total_tokens: u64,
}

#[derive(Serialize)]
struct Question<'a> {
    kit: &'a str,
    input: Prompt<'a>,
    config: Limits,
}

#[derive(Serialize)]
struct Prompt<'a> {
    prompt: &'a str,
}

#[derive(Serialize)]
struct Limits {
    max_tokens: u32,
}

#[expect(clippy::large_enum_variant, reason = "there is one of it")]
enum Peer {
    Raw { host: String, prompt: String, idle: Mutex<Vec<TcpStream>> },
    Hyper { http: hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>, url: hyper::Uri, prompt: String },
    Reqwest { http: reqwest::Client, url: reqwest::Url, prompt: String },
    Ours { client: Client, prompt: String },
}

impl Peer {
    fn new(name: &str, base: &str, ca_file: Option<&String>, prompt: String) -> Result<Self, Failure> {
        let url = format!("{base}/kits/run");
        Ok(match name {
            "raw" => {
                let host = url.split('/').nth(2).unwrap_or_default().to_owned();
                Self::Raw { host, prompt, idle: Mutex::default() }
            }
            "hyper" => {
                let mut tcp = HttpConnector::new();
                tcp.set_nodelay(true);
                let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(tcp);
                Self::Hyper { http, url: url.parse()?, prompt }
            }
            "reqwest" => {
                // As a user sets it up for this service: ring, an extra root, a limit of time.
                let provider = rustls::crypto::ring::default_provider();
                provider.install_default().map_err(|_| "a provider is there already")?;
                let mut http = reqwest::Client::builder().timeout(TIMEOUT).connect_timeout(Duration::from_secs(5));
                if let Some(file) = ca_file {
                    http = http.add_root_certificate(reqwest::Certificate::from_pem(&std::fs::read(file)?)?);
                }
                Self::Reqwest { http: http.build()?, url: url.parse()?, prompt }
            }
            "ours" => {
                let client = Client::new(Config {
                    api_key: Some(ApiKey::new(KEY)?),
                    base_url: base.to_owned(),
                    max_concurrency: Some(MOST),
                    ca_file: ca_file.map(Into::into),
                    ..Config::default()
                })?;
                Self::Ours { client, prompt }
            }
            _ => return Err("no such peer".into()),
        })
    }

    /// The total tokens of one answer.
    async fn call(&self) -> Result<u64, Failure> {
        match self {
            Self::Raw { host, prompt, idle } => {
                let connection = idle.lock().await.pop();
                let mut connection = match connection {
                    Some(connection) => connection,
                    None => {
                        let connection = TcpStream::connect(host).await?;
                        connection.set_nodelay(true)?;
                        connection
                    }
                };
                let body = question(prompt)?;
                let mut request = format!(
                    "POST /v1/kits/run HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                )
                .into_bytes();
                request.extend_from_slice(&body);
                connection.write_all(&request).await?;
                let mut answer = BytesMut::with_capacity(4096);
                let end = loop {
                    connection.read_buf(&mut answer).await?;
                    if let Some(at) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                        break at + 4;
                    }
                };
                let length: usize = std::str::from_utf8(&answer[..end])?
                    .split("content-length: ")
                    .nth(1)
                    .and_then(|rest| rest.split("\r\n").next())
                    .expect("our own server says it")
                    .parse()?;
                while answer.len() < end + length {
                    connection.read_buf(&mut answer).await?;
                }
                idle.lock().await.push(connection);
                tokens(&answer[end..])
            }
            Self::Hyper { http, url, prompt } => {
                let request = hyper::Request::post(url.clone())
                    .header("authorization", format!("Bearer {KEY}"))
                    .header("content-type", "application/json")
                    .body(Full::new(Bytes::from(question(prompt)?)))?;
                let answer = tokio::time::timeout(TIMEOUT, async {
                    Ok::<_, Failure>(http.request(request).await?.into_body().collect().await?.to_bytes())
                });
                tokens(&answer.await??)
            }
            Self::Reqwest { http, url, prompt } => {
                let question =
                    Question { kit: "text-gen", input: Prompt { prompt }, config: Limits { max_tokens: 500 } };
                let answer = http.post(url.clone()).bearer_auth(KEY).json(&question).send().await?;
                Ok(answer.error_for_status()?.json::<Answer>().await?.usage.total_tokens)
            }
            Self::Ours { client, prompt } => {
                let run = client.kits().run(RunRequest::new(Kit::TextGen, prompt.as_str()).max_tokens(500)).await?;
                Ok(run.usage.total_tokens.unwrap_or_default())
            }
        }
    }
}

fn question(prompt: &str) -> Result<Vec<u8>, Failure> {
    let question = Question { kit: "text-gen", input: Prompt { prompt }, config: Limits { max_tokens: 500 } };
    Ok(serde_json::to_vec(&question)?)
}

fn tokens(answer: &[u8]) -> Result<u64, Failure> {
    Ok(serde_json::from_slice::<Answer>(answer)?.usage.total_tokens)
}
