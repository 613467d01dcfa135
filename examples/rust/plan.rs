//! 500 prompts within the limits of the Maker plan: `cargo run -p builderaikits-examples --bin plan`, or
//! `-- 20` for 20 prompts.

use std::error::Error;

use builderaikits::{Client, ClientOptions, Kit, Plan, RateLimit, RunRequest};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let rows: usize = std::env::args().nth(1).map_or(Ok(500), |rows| rows.parse())?;
    // All calls start at once. Each waits for its turn, which can take longer than the default timeout.
    let rate_limit = RateLimit::Plan(Plan::Maker);
    let client = Client::new(ClientOptions { rate_limit, timeout: None, ..ClientOptions::from_env()? })?;
    let mut calls: JoinSet<_> =
        (0..rows).map(|row| client.kits().run(RunRequest::new(Kit::Classifier, format!("Review {row}")))).collect();
    while let Some(call) = calls.join_next().await {
        if let Err(error) = call? {
            eprintln!("{error}");
        }
    }
    let usage = client.usage();
    println!(
        "{} runs, {} errors, {} tokens, {} US dollars",
        usage.runs, usage.failures, usage.total_tokens, usage.cost
    );
    Ok(())
}
