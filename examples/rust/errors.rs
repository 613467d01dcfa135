//! What to do about each kind of error: `BUILDERAIKITS_API_KEY=bak_revoked_x cargo run -p builderaikits-examples --bin errors`.

use std::process::ExitCode;
use std::time::Duration;

use builderaikits::{CallOptions, Client, Error, ErrorKind, Kit, Result, Run, RunRequest};

#[tokio::main]
async fn main() -> ExitCode {
    match ask().await {
        Ok(run) => println!("{}", run.output.text),
        Err(error) => {
            eprintln!("{error}\n{}", advice(&error));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

async fn ask() -> Result<Run> {
    let options = CallOptions { timeout: Some(Some(Duration::from_secs(5))), ..CallOptions::default() };
    Client::from_env()?.kits().run_with(RunRequest::new(Kit::TextGen, "Hello"), options).await
}

fn advice(error: &Error) -> String {
    match error.kind() {
        ErrorKind::Config => "Set BUILDERAIKITS_API_KEY to a key of your dashboard.".to_owned(),
        ErrorKind::Authentication => "The key is wrong or revoked: make a new one in your dashboard.".to_owned(),
        ErrorKind::InvalidRequest | ErrorKind::BadRequest => "The request is wrong: do not repeat it.".to_owned(),
        ErrorKind::RateLimit => match error.retry_after() {
            Some(wait) => format!("Over the plan's limit: free again in {} s.", wait.as_secs()),
            None => "Over the plan's limit: slow down.".to_owned(),
        },
        _ if error.may_have_run() => "It may have run and be billed: a repeat may be billed again.".to_owned(),
        _ => "It did not run: repeat it when the cause is gone.".to_owned(),
    }
}
