//! Many prompts at once: eight on the wire, the first fifty answers taken, and the rest given up:
//! `cargo run -p builderaikits-examples --bin concurrency`.

use std::error::Error;
use std::time::Duration;

use builderaikits::{CallOptions, Client, Config, Kit, RunRequest};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // One client for all: clones share its connections, slots and retry budget.
    let client = Client::new(Config { max_concurrency: Some(8), ..Config::from_env()? })?;
    // Over everything, the wait for one of the eight slots too.
    let options = CallOptions { timeout: Some(Some(Duration::from_secs(30))), ..CallOptions::default() };

    let mut calls = JoinSet::new();
    for number in 1..=100 {
        let (client, options) = (client.clone(), options.clone());
        let request = RunRequest::new(Kit::Classifier, format!("Review {number}: a great product"));
        calls.spawn(async move { client.kits().run_with(request, options).await });
    }

    let (mut answers, mut tokens) = (0, 0);
    while answers < 50
        && let Some(call) = calls.join_next().await
    {
        tokens += call??.usage.total_tokens.unwrap_or(0);
        answers += 1;
    }
    println!("{answers} answers, {tokens} tokens");

    // To cancel a call, drop its future: the request is aborted, and one that still waits is never sent.
    println!("{} calls given up", calls.len());
    drop(calls);
    Ok(())
}
