//! What to do about each kind of error: `BUILDERAIKITS_API_KEY=bak_revoked_x cargo run -p builderaikits-examples --bin errors`.

use std::process::ExitCode;
use std::time::Duration;

use builderaikits::{Client, Error, ErrorKind, Kit, RequestOptions, Result, Run, RunRequest};

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
    let options = RequestOptions { timeout: Some(Duration::from_secs(5).into()), ..RequestOptions::default() };
    Client::from_env()?.kits().run_with(RunRequest::new(Kit::TextGen, "Hello"), options).await
}

fn advice(error: &Error) -> String {
    match error.kind() {
        ErrorKind::Config => "Set BUILDERAIKITS_API_KEY to a key from your dashboard.".to_owned(),
        ErrorKind::Authentication => "The key is wrong or revoked. Create a new one in your dashboard.".to_owned(),
        ErrorKind::InvalidRequest | ErrorKind::BadRequest => "The request is invalid. Do not retry it.".to_owned(),
        ErrorKind::RateLimit => match error.retry_after() {
            Some(delay) => format!("Over the plan's limit. Retry in {} s.", delay.as_secs()),
            None => "Over the plan's limit. Slow down.".to_owned(),
        },
        _ if error.may_have_run() => "The call may have run; a retry may be billed again.".to_owned(),
        _ => "The call did not run. Retry it when the cause is gone.".to_owned(),
    }
}
