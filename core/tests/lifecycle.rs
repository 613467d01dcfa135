//! From the making of a client to its close: copies, what they share, and where calls can be made.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use builderaikits::{ApiKey, Client, Config, ErrorKind};

use crate::common::service::Service;
use crate::common::{KEY, check, config, hello, soon, spawn, spawn_prompt};

#[tokio::test]
async fn close_drains_and_copies_close_together() {
    let mut service = Service::start().await;
    let client = Client::new(Config { max_concurrency: Some(2), ..config(service.url()) }).unwrap();
    let copy = client.with_options(|config| config.max_retries = 1).unwrap();
    let clone = client.clone();

    let (thinks, fails) = (spawn_prompt(&client, "thinks"), spawn_prompt(&copy, "fails"));
    let (thinking, failing) = (service.next().await, service.next().await);
    let queues = spawn_prompt(&clone, "queues");
    tokio::task::yield_now().await;

    copy.close();
    client.close();
    for closed in [&client, &copy, &clone, &client.with_options(|_| {}).unwrap()] {
        let error = closed.kits().run(hello()).await.unwrap_err();
        check(&error, (ErrorKind::Closed, 0, false, false), &["the client is closed"]);
    }

    // Those in flight finish: the one that is answered, the one that is repeated, and the one in the queue.
    failing.answer("503 Service Unavailable", &["retry-after-ms: 1"], "");
    for _ in 0..2 {
        service.next().await.succeed();
    }
    thinking.succeed();
    for (call, attempts) in [(thinks, 1), (fails, 2), (queues, 1)] {
        let run = soon("an answer", call).await.unwrap().unwrap();
        assert_eq!(run.response_metadata.attempts, attempts);
    }
    assert!(service.is_idle(), "a refused call sends nothing");
}

#[tokio::test]
async fn copies_share_slots_budget_and_connections() {
    let mut service = Service::start().await;
    let client = Client::new(Config { max_concurrency: Some(40), ..config(service.url()) }).unwrap();
    let key = ApiKey::new("bak_another").unwrap();
    let copy = client
        .with_options(|config| {
            config.api_key = Some(key);
            config.app_name = Some("copy/1".into());
            config.max_retries = 5;
        })
        .unwrap();

    // 35 repeats after a 500 empty the retry budget: of the copy, too.
    let calls: Vec<_> =
        (0..35).map(|_| spawn(&client.with_options(|config| config.max_retries = 1).unwrap())).collect();
    for _ in 0..70 {
        let exchange = service.next().await;
        assert!(exchange.has_key());
        exchange.answer("500 Internal Server Error", &["retry-after-ms: 1"], "");
    }
    for call in calls {
        let error = soon("an error", call).await.unwrap().unwrap_err();
        assert_eq!(error.attempts(), 2);
    }
    let failed = spawn(&copy);
    let exchange = service.next().await;
    assert_eq!(exchange.header("authorization"), Some("Bearer bak_another"));
    assert!(exchange.header("user-agent").unwrap().ends_with(" copy/1"));
    exchange.answer("500 Internal Server Error", &["retry-after-ms: 1"], "");
    let error = soon("an error", failed).await.unwrap().unwrap_err();
    assert_eq!((error.attempts(), error.is_retryable()), (1, true), "{error}");

    // The slots, which are all the client's here.
    let held: Vec<_> = (0..40).map(|_| spawn(&client)).collect();
    let mut exchanges = Vec::new();
    for _ in 0..40 {
        exchanges.push(service.next().await);
    }
    let queued = spawn_prompt(&copy, "queued");
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(service.is_idle());
    exchanges.pop().unwrap().succeed();
    let exchange = service.next().await;
    assert!(exchange.is_of("queued"));
    exchange.succeed();
    exchanges.into_iter().for_each(|exchange| exchange.succeed());
    for call in held.into_iter().chain([queued]) {
        soon("an answer", call).await.unwrap().unwrap();
    }
}

#[test]
fn options_that_copies_share_are_refused() {
    type Change = fn(&mut Config);
    let client = Client::new(config("http://127.0.0.1:1")).unwrap();
    let table: [(Change, &str); 10] = [
        (|config| config.base_url = "https://example.com".into(), "base_url: is shared"),
        (|config| config.allow_http = true, "allow_http: is shared"),
        (|config| config.proxy = None, "proxy: is shared"),
        (|config| config.ca_file = Some("ca.pem".into()), "ca_file: is shared"),
        (|config| config.connect_timeout = None, "connect_timeout: is shared"),
        (|config| config.max_concurrency = Some(7), "max_concurrency: is shared"),
        (|config| config.max_response_bytes = 7, "max_response_bytes: is shared"),
        (|config| config.api_key = None, "api_key: is missing"),
        (|config| config.timeout = Some(std::time::Duration::ZERO), "timeout: must be more than 0"),
        (|config| config.headers = vec![("host".into(), "x".into())], "headers: `host`"),
    ];
    for (change, message) in table {
        let error = client.with_options(change).unwrap_err();
        check(&error, (ErrorKind::Config, 0, false, false), &[message]);
    }
    let shown = format!("{:?}", client.with_options(|config| config.max_retries = 9).unwrap());
    assert!(shown.contains("max_retries: 9") && !shown.contains(KEY), "{shown}");
}

#[test]
fn a_call_outside_a_runtime_is_a_config_error() {
    let client = Client::new(config("http://127.0.0.1:1")).unwrap();
    let kits = client.kits();
    let call = pin!(kits.run(hello()));
    match call.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Err(error)) => check(&error, (ErrorKind::Config, 0, false, false), &["tokio runtime"]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_client_serves_runtimes_that_end() {
    let sandbox = builderaikits_sandbox::Sandbox::start(builderaikits_sandbox::Options::default()).unwrap();
    let client = Client::new(config(sandbox.url())).unwrap();
    // The connections of a runtime that has ended are of no use in the next one, and must not be waited for.
    for _ in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let run = runtime.block_on(async { soon("the answer", client.kits().run(hello())).await }).unwrap();
        assert_eq!(run.response_metadata.attempts, 1);
    }
}
