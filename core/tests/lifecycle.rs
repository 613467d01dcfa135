//! The lifecycle of a client: copies, what they share, close, and where calls can be made.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use builderaikits::{ApiKey, Client, ClientOptions, ClientOverrides, ErrorKind};

use crate::common::service::Service;
use crate::common::{KEY, check, hello, options, spawn, spawn_prompt, within_timeout};

#[tokio::test]
async fn close_drains_and_closes_copies() {
    let mut service = Service::start().await;
    let client = Client::new(ClientOptions { max_concurrency: Some(2), ..options(service.url()) }).unwrap();
    let copy = client.with_options(ClientOverrides { max_retries: Some(1), ..ClientOverrides::default() }).unwrap();
    let clone = client.clone();

    let (slow, fails) = (spawn_prompt(&client, "slow"), spawn_prompt(&copy, "fails"));
    let (slow_exchange, failing) = (service.next().await, service.next().await);
    let queued = spawn_prompt(&clone, "queued");
    tokio::task::yield_now().await;

    let closed_alone = client.with_options(ClientOverrides::default()).unwrap();
    let copy_of_copy = closed_alone.with_options(ClientOverrides::default()).unwrap();
    closed_alone.close();
    let error = closed_alone.kits().run(hello()).await.unwrap_err();
    check(&error, (ErrorKind::Closed, 0, false, false), &["The client is closed"]);
    for open in [&client, &copy_of_copy] {
        let call = spawn(open);
        tokio::task::yield_now().await;
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled(), "it is in the queue");
    }

    client.close();
    for closed in [&client, &copy, &clone, &copy_of_copy, &client.with_options(ClientOverrides::default()).unwrap()] {
        let error = closed.kits().run(hello()).await.unwrap_err();
        check(&error, (ErrorKind::Closed, 0, false, false), &["The client is closed"]);
    }

    // Calls in flight finish: one that gets a response, one that is retried, and one in the queue.
    failing.respond("503 Service Unavailable", &["retry-after-ms: 1"], "");
    for _ in 0..2 {
        service.next().await.succeed();
    }
    slow_exchange.succeed();
    for (call, attempts) in [(slow, 1), (fails, 2), (queued, 1)] {
        let run = within_timeout("a response", call).await.unwrap().unwrap();
        assert_eq!(run.response_metadata.attempts, attempts);
    }
    assert!(service.is_idle(), "a rejected call sends nothing");
}

#[tokio::test]
async fn copies_share_permits_budget_and_connections() {
    let mut service = Service::start().await;
    let client = Client::new(ClientOptions { max_concurrency: Some(40), ..options(service.url()) }).unwrap();
    let key = ApiKey::new("bak_another").unwrap();
    let copy = client
        .with_options(ClientOverrides {
            api_key: Some(key),
            app_name: Some("copy/1".into()),
            max_retries: Some(5),
            ..ClientOverrides::default()
        })
        .unwrap();

    // 35 retries after a 500 empty the retry budget, which the copy shares.
    let one_retry = ClientOverrides { max_retries: Some(1), ..ClientOverrides::default() };
    let calls: Vec<_> = (0..35).map(|_| spawn(&client.with_options(one_retry.clone()).unwrap())).collect();
    for _ in 0..70 {
        let exchange = service.next().await;
        assert!(exchange.has_key());
        exchange.respond("500 Internal Server Error", &["retry-after-ms: 1"], "");
    }
    for call in calls {
        let error = within_timeout("an error", call).await.unwrap().unwrap_err();
        assert_eq!(error.attempts(), 2);
    }
    let failed = spawn(&copy);
    let exchange = service.next().await;
    assert_eq!(exchange.header("authorization"), Some("Bearer bak_another"));
    assert!(exchange.header("user-agent").unwrap().ends_with(" copy/1"));
    exchange.respond("500 Internal Server Error", &["retry-after-ms: 1"], "");
    let error = within_timeout("an error", failed).await.unwrap().unwrap_err();
    assert_eq!((error.attempts(), error.is_retryable()), (1, true), "{error}");

    // The client holds all permits.
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
        within_timeout("a response", call).await.unwrap().unwrap();
    }
}

#[test]
fn invalid_overrides_are_rejected() {
    let client = Client::new(options("http://127.0.0.1:1")).unwrap();
    let none = ClientOverrides::default;
    let zero = Some(std::time::Duration::ZERO.into());
    let table = [
        (ClientOverrides { timeout: zero, ..none() }, "`timeout` must be more than 0"),
        (ClientOverrides { attempt_timeout: zero, ..none() }, "`attempt_timeout` must be more than 0"),
        (ClientOverrides { headers: Some(vec![("host".into(), "x".into())]), ..none() }, "`headers`: 'host'"),
        (ClientOverrides { app_name: Some("\n".into()), ..none() }, "`app_name` must be printable ASCII"),
    ];
    for (overrides, message) in table {
        let error = client.with_options(overrides).unwrap_err();
        check(&error, (ErrorKind::Config, 0, false, false), &[message]);
    }
    let copy = client.with_options(ClientOverrides { max_retries: Some(9), ..none() }).unwrap();
    let shown = format!("{copy:?}");
    assert!(shown.contains("max_retries: 9") && !shown.contains(KEY), "{shown}");
}

#[test]
fn call_outside_a_runtime_is_a_config_error() {
    let client = Client::new(options("http://127.0.0.1:1")).unwrap();
    let kits = client.kits();
    let call = pin!(kits.run(hello()));
    match call.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Err(error)) => check(&error, (ErrorKind::Config, 0, false, false), &["No Tokio runtime"]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn client_outlives_its_runtime() {
    let sandbox = builderaikits_sandbox::Sandbox::start(builderaikits_sandbox::Options::default()).unwrap();
    let client = Client::new(options(sandbox.url())).unwrap();
    // Connections of a runtime that was dropped cannot be reused in the next one. A call must not wait for them.
    for _ in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let run = runtime.block_on(async { within_timeout("the response", client.kits().run(hello())).await }).unwrap();
        assert_eq!(run.response_metadata.attempts, 1);
    }
}
