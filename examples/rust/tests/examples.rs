//! Runs each program against the sandbox, as a user would.

use std::error::Error;
use std::io;
use std::process::Command;

use builderaikits_sandbox::{Options, Plan, Sandbox};

type TestResult = Result<(), Box<dyn Error>>;

const QUICKSTART: &str = env!("CARGO_BIN_EXE_quickstart");
const ERRORS: &str = env!("CARGO_BIN_EXE_errors");
const CONCURRENCY: &str = env!("CARGO_BIN_EXE_concurrency");
const PLAN: &str = env!("CARGO_BIN_EXE_plan");

#[test]
fn quickstart_prints_the_response() -> TestResult {
    let sandbox = Sandbox::start(Options::default())?;
    check(QUICKSTART, &sandbox.url(), "bak_example", 0, &["[sandbox]", "\nrun        run_", " in, ", "1 attempt(s)"])?;
    assert_eq!(sandbox.stats().total.billed_runs, 1);
    check(QUICKSTART, &sandbox.url(), "", 1, &["`api_key` is required", "BUILDERAIKITS_API_KEY"])
}

#[test]
fn errors_says_what_to_do() -> TestResult {
    let healthy = Sandbox::start(Options::default())?;
    let failing = Sandbox::start(Options { fail_rate: 1.0, ..Options::default() })?;
    let limited = Sandbox::start(Options { plan: Some(Plan::Maker), ..Options::default() })?;
    for _ in 0..30 {
        check(ERRORS, &limited.url(), "bak_example", 0, &["[sandbox]"])?;
    }
    let closed_port = "http://127.0.0.1:1/v1";
    let table = [
        (healthy.url(), "", "Set BUILDERAIKITS_API_KEY"),
        (healthy.url(), "bak_revoked_x", "401: "),
        (healthy.url(), "bak_revoked_x", "The key is wrong or revoked"),
        (limited.url(), "bak_example", "Over the plan's limit. Retry in "),
        (failing.url(), "bak_example", "The call may have run"),
        (closed_port.to_owned(), "bak_example", "The call did not run"),
    ];
    for (base_url, key, advice) in table {
        check(ERRORS, &base_url, key, 1, &[advice])?;
    }
    Ok(())
}

#[test]
fn concurrency_takes_fifty_and_cancels_the_rest() -> TestResult {
    let sandbox = Sandbox::start(Options::default())?;
    check(CONCURRENCY, &sandbox.url(), "bak_example", 0, &["50 responses, ", "50 calls cancelled"])?;
    let billed = sandbox.stats().total.billed_runs;
    assert!((50..=100).contains(&billed), "{billed}");
    Ok(())
}

#[test]
fn plan_runs_all_rows() -> TestResult {
    let sandbox = Sandbox::start(Options { plan: Some(Plan::Maker), ..Options::default() })?;
    let output = Command::new(PLAN)
        .arg("20")
        .env("BUILDERAIKITS_BASE_URL", sandbox.url())
        .env("BUILDERAIKITS_API_KEY", "bak_example")
        .output()?;
    let stats = sandbox.stats().total;
    let printed = format!("20 runs, 0 errors, {} tokens, ", stats.input_tokens + stats.output_tokens);
    assert_eq!((stats.billed_runs, stats.rate_limited), (20, 0));
    let output = String::from_utf8(output.stdout)?;
    assert!(output.starts_with(&printed) && output.ends_with(" US dollars\n"), "{output}");
    Ok(())
}

/// Runs a program and checks that its two streams together contain all of `texts`.
fn check(program: &str, base_url: &str, key: &str, code: i32, texts: &[&str]) -> TestResult {
    let output = run(program, base_url, key)?;
    let printed = String::from_utf8([output.stdout, output.stderr].concat())?;
    assert_eq!(output.status.code(), Some(code), "{printed}");
    for text in texts {
        assert!(printed.contains(text), "no {text:?} in {printed:?}");
    }
    assert!(key.is_empty() || !printed.contains(key), "the key is in {printed:?}");
    Ok(())
}

fn run(program: &str, base_url: &str, key: &str) -> io::Result<std::process::Output> {
    Command::new(program)
        .env("BUILDERAIKITS_BASE_URL", base_url)
        .env("BUILDERAIKITS_API_KEY", key)
        .env_remove("BUILDERAIKITS_CUSTOM_HEADERS")
        .output()
}
