//! Runs one prompt and prints the response: `cargo run -p builderaikits-examples --bin quickstart -- "Hello"`.
//!
//! It reads `BUILDERAIKITS_API_KEY`, and `BUILDERAIKITS_BASE_URL` to call another address than the service.

use builderaikits::{Client, Kit, Result, RunRequest};

#[tokio::main]
async fn main() -> Result<()> {
    let prompt = std::env::args().nth(1).unwrap_or_else(|| "Say hello to a new user.".to_owned());

    let client = Client::from_env()?;
    let run = client.kits().run(RunRequest::new(Kit::TextGen, prompt).max_tokens(500)).await?;

    println!("{}", run.output.text);
    println!();
    println!("run        {} ({})", run.id.unwrap_or_default(), run.status.unwrap_or_default());
    println!("tokens     {} in, {} out", count(run.usage.input_tokens), count(run.usage.output_tokens));
    println!("request    {}", run.response_metadata.request_id.unwrap_or_default());
    println!("took       {:.1?}, {} attempt(s)", run.response_metadata.elapsed, run.response_metadata.attempts);
    Ok(())
}

/// Only `output.text` is guaranteed; the service may omit a count.
fn count(tokens: Option<u64>) -> String {
    tokens.map_or_else(|| "?".to_owned(), |tokens| tokens.to_string())
}
