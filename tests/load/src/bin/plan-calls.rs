//! Starts many calls at once and prints what became of them as one line of JSON: plan-calls ROWS TIMEOUT_SECONDS|none.
//! tests/plans/run.py has the same program in each language.
#![expect(clippy::arithmetic_side_effects, reason = "counts of a test program")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use builderaikits::{Client, ClientOptions, Kit, RunRequest};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let rows: usize = arguments.next().ok_or("ROWS is missing")?.parse()?;
    let timeout = arguments.next().ok_or("TIMEOUT is missing")?;
    let timeout = if timeout == "none" { None } else { Some(Duration::from_secs_f64(timeout.parse()?)) };
    let client = Client::new(ClientOptions { timeout, ..ClientOptions::from_env()? })?;

    let start = Instant::now();
    let calls: Vec<_> = (0..rows)
        .map(|row| tokio::spawn(client.kits().run(RunRequest::new(Kit::TextGen, format!("Row {row}")))))
        .collect();
    let (mut ok, mut last_ok, mut last_error) = (0_u64, Duration::ZERO, Duration::ZERO);
    let mut errors = BTreeMap::<String, u64>::new();
    for call in calls {
        match call.await? {
            Ok(_) => {
                ok += 1;
                last_ok = start.elapsed();
            }
            Err(error) => {
                last_error = last_error.max(error.elapsed());
                let stop = error.retry_stopped_by().unwrap_or("");
                *errors.entry(format!("{} {stop}: {}", error.kind(), error.message())).or_default() += 1;
            }
        }
    }
    let usage = client.usage();
    let report = serde_json::json!({
        "ok": ok, "seconds": last_ok.as_secs_f64(), "last_error": last_error.as_secs_f64(), "errors": errors,
        "attempts": usage.attempts, "rate_limited": usage.rate_limited,
    });
    #[expect(clippy::print_stdout, reason = "the report")]
    {
        println!("{report}");
    }
    Ok(())
}
