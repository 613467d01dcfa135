//! The environment variables. Each row of the table runs in its own process.

use std::ffi::OsString;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use builderaikits::{Client, ClientOptions};
use tokio::io::AsyncWriteExt as _;

use crate::common::service::Service;
use crate::common::wire::{RawServer, read_head};
use crate::common::{child, hello};

const TEST: &str = "environment::variables_table";

/// The expected outcome of a row.
enum Outcome {
    /// A config error with this text, and none of the values.
    Rejected(&'static str),
    /// The service received one request with these lines in its head, and the proxy received nothing.
    Served(&'static [&'static str]),
    /// The proxy received a request that starts with this line.
    Tunnelled(&'static str),
    /// The call did not use the proxy. It connected to a port where nothing listens.
    Direct,
}
use Outcome::{Direct, Rejected, Served, Tunnelled};

#[tokio::test]
async fn variables_table() {
    if let Some(role) = child::role() {
        return run_child(&role).await;
    }
    let mut service = Service::start().await;
    let service_url = service.url();
    let served = Arc::new(Mutex::new(Vec::new()));
    let heads = Arc::clone(&served);
    tokio::spawn(async move {
        loop {
            let exchange = service.next().await;
            heads.lock().unwrap().push(exchange.head.clone());
            exchange.succeed();
        }
    });
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heads = Arc::clone(&asked);
    let proxy = RawServer::start(move |mut stream, _| {
        let heads = Arc::clone(&heads);
        async move {
            let head = read_head(&mut stream).await?;
            heads.lock().unwrap().push(head);
            stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await
        }
    })
    .await;
    let proxy_url = proxy.url("http");
    let proxy_address = proxy_url.trim_start_matches("http://");

    const URL: (&str, &str) = ("BUILDERAIKITS_BASE_URL", "{service}/v1/");
    const KEY: (&str, &str) = ("BUILDERAIKITS_API_KEY", " bak_canary\n");
    const HEADERS: &str = "BUILDERAIKITS_CUSTOM_HEADERS";
    const FAR: (&str, &str) = ("BUILDERAIKITS_BASE_URL", "https://far.invalid/v1");
    const NEAR: (&str, &str) = ("BUILDERAIKITS_BASE_URL", "https://127.0.0.1:1/v1");
    const LOCAL: (&str, &str) = ("BUILDERAIKITS_BASE_URL", "https://localhost:1/v1");
    const PROXY: &str = "{proxy}";
    const DEAD: &str = "http://127.0.0.1:1";
    const TUNNEL: Outcome = Tunnelled("CONNECT far.invalid:443 ");
    let table: Vec<(&[(&str, &str)], Outcome)> = vec![
        // The key.
        (&[], Rejected("`api_key` is required. Pass `api_key`, or set the BUILDERAIKITS_API_KEY")),
        (&[("BUILDERAIKITS_API_KEY", "")], Rejected("`api_key` is required")),
        (&[("BUILDERAIKITS_API_KEY", " \n")], Rejected("`api_key` is required")),
        (
            &[("BUILDERAIKITS_API_KEY", "bak_can ary")],
            Rejected("`api_key` has an invalid character at position 8 of 11"),
        ),
        (&[("BUILDERAIKITS_API_KEY", "sk-canary")], Rejected("`api_key` must start with `bak_`")),
        (&[("BUILDERAIKITS_API_KEY", "{not unicode}")], Rejected("BUILDERAIKITS_API_KEY is not valid Unicode")),
        (&[KEY, URL], Served(&["POST /v1/kits/run HTTP/1.1", "authorization: Bearer bak_canary"])),
        // The address.
        (&[KEY, ("BUILDERAIKITS_BASE_URL", "http://far.invalid/v1")], Rejected("`base_url` uses plain http")),
        (&[KEY, ("BUILDERAIKITS_BASE_URL", "canary")], Rejected("`base_url` is not a URL")),
        (
            &[KEY, ("BUILDERAIKITS_BASE_URL", "https://me:canary@far.invalid")],
            Rejected("`base_url` must not contain credentials"),
        ),
        (
            &[KEY, ("BUILDERAIKITS_BASE_URL", ""), ("HTTPS_PROXY", PROXY)],
            Tunnelled("CONNECT api.builderaikits.com:443 "),
        ),
        // Headers.
        (&[KEY, URL, (HEADERS, "X-Team: blue\r\n\n x-two :a:canary ")], Served(&["x-team: blue", "x-two: a:canary"])),
        (&[KEY, URL, (HEADERS, "")], Served(&[])),
        (&[KEY, URL, (HEADERS, "canary")], Rejected("BUILDERAIKITS_CUSTOM_HEADERS: line 1 is not")),
        (&[KEY, URL, (HEADERS, "Authorization: canary")], Rejected("`headers`: 'Authorization' is set by the SDK")),
        (&[KEY, URL, (HEADERS, "x: can\u{7}ary")], Rejected("`headers`: the value of 'x'")),
        // Proxies, by their names in the order of their precedence.
        (&[KEY, FAR, ("HTTPS_PROXY", PROXY), ("https_proxy", DEAD), ("ALL_PROXY", DEAD)], TUNNEL),
        (&[KEY, FAR, ("https_proxy", PROXY), ("ALL_PROXY", DEAD)], TUNNEL),
        (&[KEY, FAR, ("ALL_PROXY", PROXY), ("all_proxy", DEAD)], TUNNEL),
        (&[KEY, FAR, ("all_proxy", PROXY)], TUNNEL),
        (&[KEY, FAR, ("HTTPS_PROXY", "{proxy address}")], TUNNEL),
        (&[KEY, FAR, ("HTTPS_PROXY", ""), ("ALL_PROXY", PROXY)], TUNNEL),
        (&[KEY, FAR, ("HTTPS_PROXY", PROXY), ("NO_PROXY", "near.invalid, 127.0.0.0/8")], TUNNEL),
        (&[KEY, NEAR, ("HTTPS_PROXY", PROXY), ("NO_PROXY", "near.invalid, 127.0.0.0/8")], Direct),
        (&[KEY, NEAR, ("HTTPS_PROXY", PROXY), ("no_proxy", "127.0.0.1")], Direct),
        (&[KEY, NEAR, ("HTTPS_PROXY", PROXY), ("NO_PROXY", "*")], Direct),
        (&[KEY, NEAR, ("HTTPS_PROXY", PROXY), ("no_proxy", "far.invalid, *")], Direct),
        (&[KEY, LOCAL, ("HTTPS_PROXY", PROXY), ("NO_PROXY", "*")], Direct),
        (&[KEY, LOCAL, ("HTTPS_PROXY", PROXY), ("NO_PROXY", ".example, localhost")], Direct),
        (&[KEY, NEAR, ("HTTPS_PROXY", PROXY), ("option proxy", "off")], Direct),
        (&[KEY, NEAR, ("HTTP_PROXY", PROXY), ("http_proxy", PROXY)], Direct),
        (&[KEY, FAR, ("HTTPS_PROXY", DEAD), ("NO_PROXY", "*"), ("option proxy", PROXY)], TUNNEL),
        (&[KEY, URL, ("HTTPS_PROXY", PROXY), ("HTTP_PROXY", PROXY), ("ALL_PROXY", PROXY)], Served(&[])),
        (&[KEY, FAR, ("HTTPS_PROXY", "http://me:canary@bad host")], Rejected("HTTPS_PROXY is not a valid URL")),
        (&[KEY, FAR, ("https_proxy", "http://me:canary@[::")], Rejected("https_proxy is not a valid URL")),
        (&[KEY, FAR, ("ALL_PROXY", "socks4://me:canary@far.invalid")], Rejected("ALL_PROXY has an unsupported scheme")),
        (&[KEY, FAR, ("HTTPS_PROXY", "{not unicode}")], Rejected("HTTPS_PROXY is not valid Unicode")),
        (
            &[KEY, FAR, ("ALL_PROXY", "{proxy}"), ("no_proxy", "{not unicode}")],
            Rejected("no_proxy is not valid Unicode"),
        ),
        (&[KEY, URL, ("no_proxy", "{not unicode}")], Served(&[])),
        // Variables that the SDK does not read: a similar name, and one that the HTTP library reads.
        (&[KEY, URL, ("BUILDERAIKITS_MAX_RETRIES", "canary"), ("REQUEST_METHOD", "GET")], Served(&[])),
    ];
    for (variables, expected) in table {
        let mut command = child::of(TEST, "from_env");
        let mut skipped = false;
        for (name, value) in variables {
            let value = value.replace("{service}", &service_url).replace("{proxy}", &proxy_url);
            let value = value.replace("{proxy address}", proxy_address);
            match (*name, not_unicode().filter(|_| value == "{not unicode}")) {
                ("option proxy", _) => command.env("TEST_ROLE", format!("from_env {value}")),
                (name, Some(odd)) => command.env(name, odd),
                (name, None) => command.env(name, &value),
            };
            skipped |= cfg!(not(unix)) && value == "{not unicode}";
        }
        if skipped {
            continue;
        }
        let printed = tokio::task::spawn_blocking(move || child::finish(&mut command)).await.unwrap();
        let (served, asked) =
            (std::mem::take(&mut *served.lock().unwrap()), std::mem::take(&mut *asked.lock().unwrap()));
        let saw = format!("{variables:?}\n{printed}\nservice: {served:?}\nproxy: {asked:?}");
        assert!(!printed.contains("canary"), "{saw}");
        assert!(!asked.iter().any(|head| head.contains("canary")), "{saw}");
        let in_this = |head: &String, lines: &[&str]| lines.iter().all(|line| head.contains(&format!("{line}\r\n")));
        let matches = match expected {
            Rejected(text) => printed.contains(&format!("config: {text}")) && served.is_empty() && asked.is_empty(),
            Served(lines) => {
                printed.contains("succeeded") && served.len() == 1 && in_this(&served[0], lines) && asked.is_empty()
            }
            Tunnelled(line) => {
                let rejected = printed.contains("connection: The proxy at ") && printed.contains("(1 attempt)");
                rejected && asked.len() == 1 && asked[0].starts_with(line) && served.is_empty()
            }
            Direct => printed.contains("connection: Could not connect to ") && asked.is_empty() && served.is_empty(),
        };
        assert!(matches, "{saw}");
    }
}

/// Makes one call with the options of the environment, and prints its result.
async fn run_child(role: &str) {
    let result = match ClientOptions::from_env() {
        Err(error) => format!("{}: {error}", error.kind()),
        Ok(mut options) => {
            options.max_retries = 0;
            if let Some((_, proxy)) = role.split_once(' ') {
                options.proxy = Some(proxy.into());
            }
            let shown = format!("{options:?}");
            match Client::new(options) {
                Err(error) => format!("{}: {error}\n{shown}", error.kind()),
                Ok(client) => match client.kits().run(hello()).await {
                    Ok(_) => format!("succeeded\n{client:?}"),
                    Err(error) => format!("{}: {error}\n{client:?}", error.kind()),
                },
            }
        }
    };
    writeln!(std::io::stdout(), "{result}").unwrap();
}

fn not_unicode() -> Option<OsString> {
    #[cfg(unix)]
    return Some(std::os::unix::ffi::OsStringExt::from_vec(b"canary\xff".to_vec()));
    #[cfg(not(unix))]
    return None;
}
