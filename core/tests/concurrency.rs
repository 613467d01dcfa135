//! Many callers of one client: the queue for its slots, the gate of its repeats, and calls that are given up.

use std::time::{Duration, Instant};

use builderaikits::bindings::Call;
use builderaikits::{Client, ClientOptions, ErrorKind, RequestOptions, Timeout};

use crate::common::service::Service;
use crate::common::{check, hello, options, soon, spawn, spawn_prompt};

#[tokio::test]
async fn calls_queue_in_order_within_their_deadline() {
    let mut service = Service::start().await;
    let client = Client::new(ClientOptions { max_concurrency: Some(1), ..options(service.url()) }).unwrap();
    let mut calls = vec![spawn_prompt(&client, "0")];
    let mut on_the_wire = service.next().await;
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

    // The ones behind it were not served before their turn.
    for prompt in ["0", "1", "2", "3", "4"] {
        assert!(on_the_wire.is_of(prompt), "{} instead of {prompt}", on_the_wire.body);
        assert!(service.is_idle());
        on_the_wire.succeed();
        if prompt == "4" {
            break;
        }
        on_the_wire = service.next().await;
    }
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().response_metadata.attempts, 1);
    }
}

/// Bindings pass how long a call waited before it came to the core.
#[tokio::test]
async fn queued_for_counts_towards_timeout() {
    let mut service = Service::start().await;
    let client = Client::new(options(service.url())).unwrap();
    let first = spawn(&client);
    service.next().await.succeed();
    first.await.unwrap().unwrap();

    // There is a free permit and an idle connection, so only the elapsed timeout stops the call.
    let queued_for = Duration::from_secs(60);
    let call = |timeout| {
        let options = RequestOptions { timeout: Some(timeout), ..RequestOptions::default() };
        Call::new(hello()).execute(client.clone(), options, queued_for)
    };
    let error = soon("the error", call(queued_for.into())).await.unwrap_err();
    check(&error, (ErrorKind::Timeout, 0, false, true), &["`timeout` (60s) elapsed before the request could be sent"]);
    assert!(error.elapsed() >= queued_for && service.is_idle());

    let (response, ()) = tokio::join!(call(Timeout::Never), async { service.next().await.succeed() });
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
    exchange.hung_up().await;

    // In the queue.
    let first = spawn_prompt(&client, "first");
    let on_the_wire = service.next().await;
    let (gone, third) = (spawn_prompt(&client, "gone"), spawn_prompt(&client, "third"));
    tokio::task::yield_now().await;
    gone.abort();
    on_the_wire.succeed();
    let on_the_wire = service.next().await;
    assert!(on_the_wire.is_of("third"), "{}", on_the_wire.body);
    on_the_wire.succeed();
    soon("the answers", async { (first.await.unwrap().unwrap(), third.await.unwrap().unwrap()) }).await;

    // In its wait for a repeat: it has no slot then, and what it took of the retry budget goes back. Were it kept, it
    // would be gone after 100 such calls.
    let mut waiting = spawn(&client);
    for _ in 0..120 {
        service.next().await.answer("429 Too Many Requests", &["retry-after: 60"], "");
        let next = spawn(&client);
        // That this one is on the wire shows that the one before has given its slot back, and waits.
        while service.is_idle() {
            tokio::task::yield_now().await;
        }
        assert!(!waiting.is_finished());
        waiting.abort();
        waiting = next;
    }
    service.next().await.answer("500 Internal Server Error", &["retry-after-ms: 1"], "");
    service.next().await.succeed();
    let run = soon("the answer", waiting).await.unwrap().unwrap();
    assert_eq!(run.response_metadata.attempts, 2);
    assert!(service.is_idle());
}

#[tokio::test]
async fn retry_after_gates_all_retries() {
    const HOLD: Duration = Duration::from_millis(800);
    const OTHERS: usize = 10;
    let mut service = Service::start().await;
    let client = Client::new(ClientOptions { max_concurrency: Some(1 + OTHERS), ..options(service.url()) }).unwrap();
    let told = spawn_prompt(&client, "told");
    let told_exchange = service.next().await;
    let others: Vec<_> = (0..OTHERS).map(|_| spawn(&client)).collect();
    let mut exchanges = Vec::new();
    for _ in 0..OTHERS {
        exchanges.push(service.next().await);
    }
    let newcomer = spawn_prompt(&client, "newcomer");

    let closed = Instant::now();
    told_exchange.answer("429 Too Many Requests", &["retry-after: 0.8"], "");
    // All slots were taken, so that this one is on the wire only once the one who was told has given its slot back:
    // the gate is closed by then, and the first attempt passed it.
    let exchange = service.next().await;
    assert!(exchange.is_of("newcomer"));
    exchange.succeed();
    soon("the newcomer's answer", newcomer).await.unwrap().unwrap();

    for exchange in exchanges {
        exchange.answer("429 Too Many Requests", &[], "");
    }
    for _ in 0..=OTHERS {
        let repeat = service.next().await;
        assert!(closed.elapsed() >= HOLD, "{} came back after {:?}", repeat.body, closed.elapsed());
        repeat.succeed();
    }
    for call in others.into_iter().chain([told]) {
        let run = soon("an answer", call).await.unwrap().unwrap();
        assert_eq!(run.response_metadata.attempts, 2);
    }
}
