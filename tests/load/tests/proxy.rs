//! Real forward proxies, with and without a password: https works through them, and the key is in none of their logs, at
//! their most verbose.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test program")]

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use builderaikits::{Client, ClientOptions, ErrorKind};
use builderaikits_load::programs::{self, Home, Program, find};
use builderaikits_load::tls::{Certificate, Relay};
use builderaikits_load::{call, calls, errors, options, print};
use builderaikits_sandbox::{Options, Sandbox};

const PASSWORD: &str = "pw-of-the-proxy";

/// Starts a proxy, which may require a password of the user `me`. Its logs are in `home`.
type Start = fn(&Path, &Home, bool) -> io::Result<Program>;

fn squid(program: &Path, home: &Home, password: bool) -> io::Result<Program> {
    let access = if password {
        let openssl = find("openssl", "openssl")?.ok_or(io::ErrorKind::NotFound)?;
        let hash = programs::output(&openssl, &["passwd", "-apr1", PASSWORD])?;
        fs::write(home.path().join("users"), format!("me:{hash}\n"))?;
        "auth_param basic program /usr/lib/squid/basic_ncsa_auth users
         auth_param basic children 1
         acl known proxy_auth REQUIRED
         http_access allow known
         http_access deny all"
    } else {
        "http_access allow all"
    };
    Program::start(program, home, |address| {
        let at = home.path().display();
        let text = format!(
            "http_port {address}
             {access}
             visible_hostname localhost
             cache deny all
             cache_mem 1 MB
             max_filedescriptors 1024
             pid_filename none
             pinger_enable off
             shutdown_lifetime 0 seconds
             coredump_dir {at}
             access_log stdio:{at}/access.log
             cache_log {at}/cache.log
             debug_options ALL,1 11,2"
        );
        fs::write(
            home.path().join("squid.conf"),
            text.lines().map(|line| format!("{}\n", line.trim())).collect::<String>(),
        )?;
        // The name separates two instances in shared memory.
        Ok(["-N", "-n", &format!("load{}", address.port()), "-f", "squid.conf"].map(str::to_owned).to_vec())
    })
}

fn tinyproxy(program: &Path, home: &Home, password: bool) -> io::Result<Program> {
    Program::start(program, home, |address| {
        let access = if password { format!("BasicAuth me {PASSWORD}\n") } else { String::new() };
        let text = format!("Listen {}\nPort {}\nLogLevel Info\nMaxClients 100\n{access}", address.ip(), address.port());
        fs::write(home.path().join("tinyproxy.conf"), text)?;
        Ok(["-d", "-c", "tinyproxy.conf"].map(str::to_owned).to_vec())
    })
}

async fn check(name: &str, start: Start, password: bool) {
    let Some(program) = find(name, name).unwrap() else { return };
    let (home, certificates) = (Home::new().unwrap(), Home::new().unwrap());
    let proxy = start(&program, &home, password).unwrap();
    let certificate = Certificate::new(certificates.path()).unwrap();
    let sandbox = Sandbox::start(Options::default()).unwrap();
    let to: SocketAddr = sandbox.url().replace("http://", "").replace("/v1", "").parse().unwrap();
    let relay = Relay::tls(&certificate, to).await.unwrap();
    let client = |user: &str| {
        Client::new(ClientOptions {
            proxy: Some(format!("http://{user}{}", proxy.address).into()),
            ca_file: Some(certificate.file.clone()),
            ..options(&format!("https://{}/v1", relay.address())).unwrap()
        })
        .unwrap()
    };

    let user = if password { format!("me:{PASSWORD}@") } else { String::new() };
    let results = calls(&client(&user), 20).await.unwrap();
    let failed = errors(&results).count();
    if let Some(error) = errors(&results).next() {
        panic!("{name}: {error}: {}", home.read_all().unwrap());
    }
    let mut rejected = Vec::new();
    if password {
        for user in ["", "me:wrong@"] {
            let error = call(&client(user)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
            // Tinyproxy responds to wrong credentials with 401 instead of 407, which the HTTP library does not distinguish
            // from a failed connection.
            let retried = name == "tinyproxy" && !user.is_empty();
            assert_eq!(error.attempts(), if retried { 3 } else { 1 }, "{error}");
            assert!(!error.may_have_run() && !error.to_string().contains("wrong"), "{error}");
            rejected.push(error.to_string());
        }
    }
    drop(proxy);
    let logs = home.read_all().unwrap();
    print(&format!(
        "{name}, password {password}: {} runs, {failed} errors, {} bytes of logs; rejected: {rejected:?}",
        sandbox.stats().total.billed_runs,
        logs.len()
    ));
    assert_eq!(sandbox.stats().total.billed_runs, 20);
    assert!(logs.contains(&format!("CONNECT {}", relay.address())), "the connection went through the proxy: {logs}");
    assert!(!logs.contains("bak_canary") && !logs.contains("Bearer") && !logs.contains("canary-prompt"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn https_works_through_squid() {
    check("squid", squid, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn squid_requires_a_password() {
    check("squid", squid, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn https_works_through_tinyproxy() {
    check("tinyproxy", tinyproxy, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tinyproxy_requires_a_password() {
    check("tinyproxy", tinyproxy, true).await;
}
