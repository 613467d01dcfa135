//! Many prompts at once: eight on the wire, the first fifty responses, and the remaining calls cancelled:
//! `cargo run -p builderaikits-examples --bin concurrency`.

use std::error::Error;
use std::time::Duration;

use builderaikits::{Client, ClientOptions, Kit, RequestOptions, RunRequest};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // All calls share one client: its connections, its concurrency limit and its retry budget.
    let client = Client::new(ClientOptions { max_concurrency: Some(8), ..ClientOptions::from_env()? })?;
    // The timeout covers the whole call, including the wait for one of the eight permits.
    let options = RequestOptions { timeout: Some(Duration::from_secs(30).into()), ..RequestOptions::default() };

    let mut calls = JoinSet::new();
    for number in 1..=100 {
        let request = RunRequest::new(Kit::Classifier, format!("Review {number}: a great product"));
        calls.spawn(client.kits().run_with(request, options.clone()));
    }

    let (mut responses, mut tokens) = (0, 0);
    while responses < 50
        && let Some(call) = calls.join_next().await
    {
        tokens += call??.usage.total_tokens.unwrap_or(0);
        responses += 1;
    }
    println!("{responses} responses, {tokens} tokens");

    // Dropping the future cancels a call: its request is aborted, and a call that still waits is never sent.
    println!("{} calls cancelled", calls.len());
    drop(calls);
    Ok(())
}
