//! One Rust peer in one scenario, in a separate process: `bench-client PEER SCENARIO URL [CA_FILE]`.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a benchmark may panic"
)]
#![expect(clippy::print_stdout, reason = "the result is one line")]

mod scenarios;

use std::time::Duration;

use builderaikits::{ApiKey, Client, ClientOptions, Kit, Quota, RateLimit, RunRequest};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use scenarios::{API_KEY, AnyError, Peer, Request, Response, TIMEOUT};

const MAX_CONCURRENCY: usize = 20_000;

fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (peer, scenario, url, ca_file) = (&arguments[0], &arguments[1], &arguments[2], arguments.get(3));
    scenarios::run(scenario, |prompt| RustPeer::new(peer, url, ca_file, prompt))
}

#[expect(clippy::large_enum_variant, reason = "there is only one value")]
enum RustPeer {
    Raw { host: String, prompt: String, idle: Mutex<Vec<TcpStream>> },
    Hyper { http: hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>, url: hyper::Uri, prompt: String },
    Reqwest { http: reqwest::Client, url: reqwest::Url, prompt: String },
    Sdk { client: Client, prompt: String },
}

impl RustPeer {
    fn new(name: &str, base: &str, ca_file: Option<&String>, prompt: String) -> Result<Self, AnyError> {
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
                // As a user configures it for this service: ring, an extra root, timeouts.
                let provider = rustls::crypto::ring::default_provider();
                provider.install_default().map_err(|_| "a provider is installed already")?;
                let mut http = reqwest::Client::builder().timeout(TIMEOUT).connect_timeout(Duration::from_secs(5));
                if let Some(file) = ca_file {
                    http = http.add_root_certificate(reqwest::Certificate::from_pem(&std::fs::read(file)?)?);
                }
                Self::Reqwest { http: http.build()?, url: url.parse()?, prompt }
            }
            "builderaikits" | "builderaikits-off" | "builderaikits-paced" => {
                // Limits that count everything and never let a call wait.
                let unreached = Quota { requests: Some(1 << 40), tokens: Some(1 << 50), per: Duration::from_secs(60) };
                let rate_limit = match name {
                    "builderaikits-off" => RateLimit::Off,
                    "builderaikits-paced" => RateLimit::Custom(unreached),
                    _ => RateLimit::Auto,
                };
                let client = Client::new(ClientOptions {
                    rate_limit,
                    api_key: Some(ApiKey::new(API_KEY)?),
                    base_url: base.into(),
                    max_concurrency: Some(MAX_CONCURRENCY),
                    ca_file: ca_file.map(Into::into),
                    ..ClientOptions::default()
                })?;
                Self::Sdk { client, prompt }
            }
            _ => return Err(format!("unknown peer {name}").into()),
        })
    }
}

impl Peer for RustPeer {
    async fn call(&self) -> Result<u64, AnyError> {
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
                let body = serde_json::to_vec(&Request::new(prompt))?;
                let mut request = format!(
                    "POST /v1/kits/run HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {API_KEY}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                )
                .into_bytes();
                request.extend_from_slice(&body);
                connection.write_all(&request).await?;
                let mut response = BytesMut::with_capacity(4096);
                let end = loop {
                    connection.read_buf(&mut response).await?;
                    if let Some(at) = response.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                        break at + 4;
                    }
                };
                let length: usize = std::str::from_utf8(&response[..end])?
                    .split("content-length: ")
                    .nth(1)
                    .and_then(|rest| rest.split("\r\n").next())
                    .expect("the server sends it")
                    .parse()?;
                while response.len() < end + length {
                    connection.read_buf(&mut response).await?;
                }
                idle.lock().await.push(connection);
                total_tokens(&response[end..])
            }
            Self::Hyper { http, url, prompt } => {
                let request = hyper::Request::post(url.clone())
                    .header("authorization", format!("Bearer {API_KEY}"))
                    .header("content-type", "application/json")
                    .body(Full::new(Bytes::from(serde_json::to_vec(&Request::new(prompt))?)))?;
                let response = tokio::time::timeout(TIMEOUT, async {
                    Ok::<_, AnyError>(http.request(request).await?.into_body().collect().await?.to_bytes())
                });
                total_tokens(&response.await??)
            }
            Self::Reqwest { http, url, prompt } => {
                let request = http.post(url.clone()).bearer_auth(API_KEY).json(&Request::new(prompt));
                let response = request.send().await?.error_for_status()?;
                Ok(response.json::<Response>().await?.usage.total_tokens)
            }
            Self::Sdk { client, prompt } => {
                let run = client.kits().run(RunRequest::new(Kit::TextGen, prompt.as_str()).max_tokens(500)).await?;
                Ok(run.usage.total_tokens.unwrap_or_default())
            }
        }
    }
}

fn total_tokens(body: &[u8]) -> Result<u64, AnyError> {
    Ok(serde_json::from_slice::<Response>(body)?.usage.total_tokens)
}
