//! A real nginx in front of a sandbox that bills every request: TLS, a rate limit of its own, idle connections that it closes.
//! The sandbox never bills more runs than the SDK reports as done or as possibly run.
#![expect(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test program")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use builderaikits::{Client, ClientOptions};
use builderaikits_load::programs::{Home, Program, find};
use builderaikits_load::tls::{Certificate, Relay};
use builderaikits_load::{call, errors, options, print, seconds};
use builderaikits_sandbox::{Options, Sandbox};

const CALLS: usize = 2_000;
const CALLERS: usize = 40;

struct Nginx {
    program: Program,
    certificate: Certificate,
    sandbox: Sandbox,
    home: Home,
}

impl Nginx {
    fn start(nginx: &Path, http2: bool, idle: &str) -> Self {
        let home = Home::new().unwrap();
        let certificate = Certificate::new(home.path()).unwrap();
        let latency = Duration::from_millis(2);
        let sandbox = Sandbox::start(Options { idempotency: false, latency, fail_rate: 0.01, ..Options::default() });
        let sandbox = sandbox.unwrap();
        let to = sandbox.url().replace("http://", "").replace("/v1", "");
        let program = Program::start(nginx, &home, |address| {
            // An HTTP/2 connection that ends leaves all its streams unprocessed, dozens of calls at once.
            let (protocol, requests) = if http2 { (" http2", 20) } else { ("", 7) };
            let listen = format!("{address} ssl{protocol}; keepalive_requests {requests}; keepalive_timeout {idle}");
            std::fs::write(home.path().join("nginx.conf"), configuration(&listen, &to))?;
            Ok(["-p", ".", "-e", "error.log", "-c", "nginx.conf"].map(str::to_owned).to_vec())
        });
        Self { program: program.unwrap(), certificate, sandbox, home }
    }

    fn options(&self, address: std::net::SocketAddr) -> ClientOptions {
        let ca_file = Some(self.certificate.file.clone());
        ClientOptions { ca_file, ..options(&format!("https://{address}/v1")).unwrap() }
    }
}

/// One process, in the foreground. `keepalive_timeout` closes idle connections without notice, `keepalive_requests` closes busy
/// ones with notice.
fn configuration(listen: &str, to: &str) -> String {
    format!(
        "daemon off; master_process off; pid nginx.pid; error_log error.log info;
        events {{ worker_connections 4096; }}
        http {{
            access_log access.log; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi; scgi_temp_path scgi;
            limit_req_zone $server_name zone=calls:1m rate=400r/s;
            server {{
                listen {listen}; server_name sandbox;
                ssl_certificate certificate.pem; ssl_certificate_key key.pem; ssl_protocols TLSv1.2 TLSv1.3;
                limit_req zone=calls burst=40; limit_req_status 429;
                location / {{ proxy_pass http://{to}; proxy_next_upstream off; }}
            }}
        }}"
    )
}

async fn check_bill(http2: bool) {
    let Some(nginx) = find("nginx", "nginx-light").unwrap() else { return };
    let nginx = Nginx::start(&nginx, http2, "3ms");
    let client = Arc::new(Client::new(nginx.options(nginx.program.address)).unwrap());
    let start = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let client = Arc::clone(&client);
            tokio::spawn(async move {
                let mut results = Vec::new();
                for at in 0..CALLS / CALLERS {
                    // Pauses of 0 to 6 ms, around the 3 ms after which nginx closes: the next request races with the
                    // close.
                    tokio::time::sleep(Duration::from_micros(500 * ((caller + at) % 13) as u64)).await;
                    results.push(call(&client).await);
                }
                results
            })
        })
        .collect();
    let mut results = Vec::new();
    for caller in callers {
        results.extend(caller.await.unwrap());
    }
    let runs = results.iter().filter(|result| result.is_ok()).count();
    let retried = results.iter().flatten().filter(|run| run.response_metadata.attempts > 1).count();
    let mut kinds = BTreeMap::new();
    for error in errors(&results) {
        *kinds.entry((error.kind().as_str(), error.may_have_run())).or_insert(0) += 1;
    }
    let maybe = errors(&results).filter(|error| error.may_have_run()).count();
    let billed = nginx.sandbox.stats().total.billed_runs;
    let slowest =
        results.iter().map(|result| result.as_ref().map_or_else(|e| e.elapsed(), |run| run.response_metadata.elapsed));
    let slowest = slowest.max().unwrap();
    let took = seconds(start.elapsed());
    print(&format!(
        "nginx, HTTP/{}: {runs} runs ({retried} after a retry), errors (kind, may have run) {kinds:?}; {billed} billed, \
         at most {}; {took}, slowest call {}",
        if http2 { 2 } else { 1 },
        runs + maybe,
        seconds(slowest)
    ));
    assert_eq!(results.len(), CALLS);
    assert!(slowest < Duration::from_secs(60), "no call waits in the pool for its deadline of 120 s");
    assert!(billed <= (runs + maybe) as u64);
    assert!(runs > CALLS / 2, "most calls succeed");
    assert!(!nginx.home.read_all().unwrap().contains("bak_canary"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http1_bill_matches() {
    check_bill(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_bill_matches() {
    check_bill(true).await;
}

/// An open connection goes silent: pings detect it after 30 s, plus 10 s for the response to a ping.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes 40 s: make load"]
async fn silent_connection_is_detected_by_pings() {
    let Some(nginx) = find("nginx", "nginx-light").unwrap() else { return };
    let nginx = Nginx::start(&nginx, true, "75s");
    let relay = Relay::plain(nginx.program.address).await.unwrap();
    let client =
        Client::new(ClientOptions { timeout: None, max_retries: 0, ..nginx.options(relay.address()) }).unwrap();
    call(&client).await.unwrap();
    relay.silence();
    let start = Instant::now();
    let error = call(&client).await.unwrap_err();
    let took = start.elapsed();
    print(&format!("silent HTTP/2 connection: {error:?} after {}", seconds(took)));
    assert!(error.may_have_run());
    assert!((Duration::from_secs(30)..Duration::from_secs(45)).contains(&took));
    call(&client).await.unwrap();
}
