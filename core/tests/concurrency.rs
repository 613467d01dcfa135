//! Many concurrent calls of one client: the queue for permits, the gate for retries, and cancelled calls.

use std::time::{Duration, Instant};

use builderaikits::bindings::{Call, HostTimes};
use builderaikits::{Client, ClientOptions, ErrorKind, RequestOptions, Timeout};

use crate::common::service::Service;
use crate::common::{check, hello, options, spawn, spawn_prompt, within_timeout};

#[tokio::test]
async fn calls_queue_in_order_within_their_deadline() {
    let mut service = Service::start().await;
    let client = Client::new(ClientOptions { max_concurrency: Some(1), ..options(service.url()) }).unwrap();
    let mut calls = vec![spawn_prompt(&client, "0")];
    let mut in_flight = service.next().await;
    calls.extend(["1", "2", "3", "4"].map(|prompt| spawn_prompt(&client, prompt)));

    let short = Duration::from_millis(50);
    let options = RequestOptions { timeout: Some(short.into()), ..RequestOptions::default() };
    let started = Instant::now();
    let error = client.kits().run_with(hello(), options).await.unwrap_err();
    check(
        &error,
        (ErrorKind::Timeout, 0, false, true),
        &["`timeout` (50ms) elapsed while queued behind `max_concurrency`"],
    );
    assert!(started.elapsed() >= Duration::from_millis(50) && error.elapsed() >= Duration::from_millis(50));
    assert!(error.idempotency_key().is_some());

    // The queued calls are sent in order, one at a time.
    for prompt in ["0", "1", "2", "3", "4"] {
        assert!(in_flight.is_of(prompt), "{} instead of {prompt}", in_flight.body);
        assert!(service.is_idle());
        in_flight.succeed();
        if prompt == "4" {
            break;
        }
        in_flight = service.next().await;
    }
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().response_metadata.attempts, 1);
    }
}

/// Bindings pass the time that a call waited before it reached the core, and their own time limit.
#[tokio::test]
async fn host_times_limit_a_call() {
    let mut service = Service::start().await;
    let client = Client::new(options(service.url())).unwrap();
    let first = spawn(&client);
    service.next().await.succeed();
    first.await.unwrap().unwrap();

    // There is a free permit and an idle connection, so only the elapsed timeout stops the call.
    let queued_for = Duration::from_secs(60);
    let call = |timeout, deadline| {
        let options = RequestOptions { timeout: Some(timeout), ..RequestOptions::default() };
        Call::new(hello()).execute(client.clone(), options, HostTimes { queued_for, deadline })
    };
    let longer = Duration::from_secs(600);
    for (timeout, deadline) in [
        (queued_for.into(), None),
        (queued_for.into(), Some(longer)),
        (longer.into(), Some(queued_for)),
        (Timeout::Never, Some(queued_for)),
    ] {
        let error = within_timeout("the error", call(timeout, deadline)).await.unwrap_err();
        let message = "`timeout` (60s) elapsed before the request could be sent";
        check(&error, (ErrorKind::Timeout, 0, false, true), &[message]);
        assert!(error.elapsed() >= queued_for && service.is_idle());
    }

    let (response, ()) = tokio::join!(call(Timeout::Never, None), async { service.next().await.succeed() });
    assert!(response.unwrap().metadata.elapsed >= queued_for);
}

#[tokio::test]
async fn dropped_call_releases_its_permit() {
    let mut service = Service::start().await;
    let long = Some(Duration::from_secs(100));
    let one = ClientOptions { max_concurrency: Some(1), timeout: long, max_retries: 1, ..options(service.url()) };
    let client = Client::new(one).unwrap();

    // In flight: its connection closes as well.
    let call = spawn(&client);
    let exchange = service.next().await;
    call.abort();
    exchange.closed_by_client().await;

    // In the queue.
    let first = spawn_prompt(&client, "first");
    let in_flight = service.next().await;
    let (gone, third) = (spawn_prompt(&client, "gone"), spawn_prompt(&client, "third"));
    tokio::task::yield_now().await;
    gone.abort();
    in_flight.succeed();
    let in_flight = service.next().await;
    assert!(in_flight.is_of("third"), "{}", in_flight.body);
    in_flight.succeed();
    within_timeout("the responses", async { (first.await.unwrap().unwrap(), third.await.unwrap().unwrap()) }).await;

    // While it waits to retry: it holds no permit, and its reservation in the retry budget is refunded. Without the refund, the
    // budget would be empty after 35 such calls.
    let mut waiting = spawn(&client);
    for _ in 0..120 {
        service.next().await.respond("503 Service Unavailable", &["retry-after: 60"], "");
        let next = spawn(&client);
        // Once this request arrives, the previous call has released its permit and waits to retry.
        while service.is_idle() {
            tokio::task::yield_now().await;
        }
        assert!(!waiting.is_finished());
        waiting.abort();
        waiting = next;
    }
    service.next().await.respond("500 Internal Server Error", &["retry-after-ms: 1"], "");
    service.next().await.succeed();
    let run = within_timeout("the response", waiting).await.unwrap().unwrap();
    assert_eq!(run.response_metadata.attempts, 2);
    assert!(service.is_idle());
}

/// A 503 holds back retries alone; first attempts pass.
#[tokio::test]
async fn retry_after_on_503_holds_back_retries() {
    const HOLD: Duration = Duration::from_millis(800);
    let mut service = Service::start().await;
    let client = Client::new(options(service.url())).unwrap();
    let (down, other) = (spawn_prompt(&client, "down"), spawn_prompt(&client, "other"));
    let mut exchanges = [service.next().await, service.next().await];
    exchanges.sort_by_key(|exchange| exchange.is_of("other"));
    let [down_exchange, other_exchange] = exchanges;

    let closed = Instant::now();
    down_exchange.respond("503 Service Unavailable", &["retry-after: 0.8"], "");
    other_exchange.respond("503 Service Unavailable", &[], "");
    let newcomer = spawn_prompt(&client, "newcomer");
    let exchange = service.next().await;
    assert!(exchange.is_of("newcomer"), "{}", exchange.body);
    exchange.succeed();
    within_timeout("the newcomer's response", newcomer).await.unwrap().unwrap();
    for _ in 0..2 {
        let retry = service.next().await;
        assert!(closed.elapsed() >= HOLD, "{} was retried after {:?}", retry.body, closed.elapsed());
        retry.succeed();
    }
    for call in [down, other] {
        let run = within_timeout("a response", call).await.unwrap().unwrap();
        assert_eq!(run.response_metadata.attempts, 2);
    }
}

/// A 429 with Retry-After holds back everything: retries, calls that queue for `max_concurrency`, and new calls.
#[tokio::test]
async fn retry_after_on_429_holds_back_all_calls() {
    const HOLD: Duration = Duration::from_millis(800);
    const OTHERS: usize = 10;
    let mut service = Service::start().await;
    let client = Client::new(ClientOptions { max_concurrency: Some(1 + OTHERS), ..options(service.url()) }).unwrap();
    let limited = spawn_prompt(&client, "limited");
    let limited_exchange = service.next().await;
    let mut calls: Vec<_> = (0..OTHERS).map(|_| spawn(&client)).collect();
    let mut exchanges = Vec::new();
    for _ in 0..OTHERS {
        exchanges.push(service.next().await);
    }
    calls.push(spawn_prompt(&client, "queued"));

    let closed = Instant::now();
    limited_exchange.respond("429 Too Many Requests", &["retry-after: 0.8"], "");
    for exchange in exchanges {
        exchange.respond("429 Too Many Requests", &[], "");
    }
    calls.push(spawn_prompt(&client, "new"));
    let first = service.next().await;
    assert!(closed.elapsed() >= HOLD, "{} was sent after {:?}", first.body, closed.elapsed());
    // The service accepted nothing, so one attempt goes first: the oldest call's.
    assert!(first.is_of("limited") && service.is_idle(), "{}", first.body);
    first.succeed();
    for _ in 0..OTHERS + 2 {
        service.next().await.succeed();
    }
    assert_eq!(within_timeout("a response", limited).await.unwrap().unwrap().response_metadata.attempts, 2);
    for call in calls {
        within_timeout("a response", call).await.unwrap().unwrap();
    }
    let usage = client.usage();
    assert_eq!((usage.calls, usage.runs, usage.failures, usage.rate_limited), (13, 13, 0, 11));
    assert_eq!((usage.attempts, usage.total_tokens, usage.pacing.in_flight, usage.pacing.waiting), (24, 26, 0, 0));
}
