//! Runs the vectors against one driver.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::case::{CANARY_KEY, Case};
use crate::driver::{Driver, DriverError};
use crate::exchange::Exchange;
use crate::judge::{Verdict, judge};
use crate::report::Report;
use crate::secrets::keys;
use crate::server::ScriptedServer;
use crate::step_json::steps_from_json;
use crate::vector::Vector;

/// The number of cases that run at the same time.
const MAX_CONCURRENT_CASES: usize = 8;

/// Options of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The name of the driver. It selects the error classes and what may be unsupported.
    pub driver: String,
    /// The command that starts the driver: a program and its arguments.
    pub command: Vec<String>,
    /// The working directory of the driver.
    pub directory: PathBuf,
    /// The timeout of one case.
    pub watchdog: Duration,
}

/// A run that could not start or end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The scripted server could not start.
    #[error("cannot start the server: {0}")]
    Server(#[source] io::Error),
    /// The driver could not start.
    #[error("cannot start the driver, {command:?}: {source}")]
    Driver {
        /// The command.
        command: Vec<String>,
        /// The reason.
        source: io::Error,
    },
    /// A case still uses the driver after its end.
    #[error("a case still uses the driver after its end")]
    DriverInUse,
}

/// Runs cases against a driver, 8 at a time.
///
/// # Errors
/// If the server or the driver cannot start.
pub async fn run(vectors: Vec<Vector>, options: &Options) -> Result<Report, RunError> {
    let server = Arc::new(ScriptedServer::start().await.map_err(RunError::Server)?);
    let unstarted = |source| RunError::Driver { command: options.command.clone(), source };
    let driver = Arc::new(Driver::start(&options.command, &options.directory).map_err(unstarted)?);
    warm_up(&server, &driver, options.watchdog).await;
    let (permits, mut running) = (Arc::new(Semaphore::new(MAX_CONCURRENT_CASES)), JoinSet::new());
    for (number, vector) in vectors.into_iter().enumerate() {
        let (server, driver, options) = (Arc::clone(&server), Arc::clone(&driver), options.clone());
        // Acquired here, not in the task, so that cases start in the order of the table.
        let permit = Arc::clone(&permits).acquire_owned().await;
        running.spawn(async move {
            let (verdict, absent) = run_case(&vector, number, &server, &driver, &options).await;
            drop(permit);
            (number, vector.title(), verdict, absent)
        });
    }
    let mut results = running.join_all().await;
    results.sort_by_key(|(number, ..)| *number);
    let driver = Arc::into_inner(driver).ok_or(RunError::DriverInUse)?;
    let (driver_errors, stderr) = driver.finish(options.watchdog).await;
    let verdicts =
        results.into_iter().map(|(_, title, verdict, absent)| (title, check_stderr(verdict, &absent, &stderr)));
    Ok(Report { verdicts: verdicts.collect(), driver_errors })
}

/// Makes one call whose reply is not judged, so that no case pays for the start of the driver.
async fn warm_up(server: &ScriptedServer, driver: &Driver, watchdog: Duration) {
    let run = json!({"status": 200, "body": {"id": "run_0", "output": {"text": "warm"}}});
    server.script("warm-up", steps_from_json(run).unwrap_or_default());
    let client = json!({"api_key": CANARY_KEY, "base_url": server.base_url("warm-up")});
    let line = json!({"id": "warm-up", "client": client, "call": {"kit": "text-gen", "input": {"prompt": "warm-up"}}});
    let _ = tokio::time::timeout(watchdog, driver.call(&[line])).await;
}

/// Returns the verdict, and the texts that must not be on standard error.
async fn run_case(
    vector: &Vector,
    number: usize,
    server: &ScriptedServer,
    driver: &Driver,
    options: &Options,
) -> (Verdict, Vec<String>) {
    let id = format!("case-{number}");
    let mut case = match vector.case(&server.base_url(&id), server.port()) {
        Ok(case) => case,
        Err(error) => return (Verdict::Failed(vec![error.to_string()]), Vec::new()),
    };
    server.script(&id, std::mem::take(&mut case.service));
    let verdict = match tokio::time::timeout(options.watchdog, exchange_all(&case, &id, server, driver)).await {
        Ok(Ok(exchanges)) => judge(&case, &exchanges, &server.requests(&id), &options.driver),
        Ok(Err(error)) => Verdict::Failed(vec![error.to_string()]),
        Err(_) => Verdict::Failed(vec![format!("no reply within {:?}", options.watchdog)]),
    };
    server.remove(&id);
    let own_keys = keys(&case).filter(|key| *key != CANARY_KEY).map(str::to_owned);
    let absent = own_keys.chain(case.expect.absent.iter().cloned()).collect();
    (verdict, absent)
}

/// Makes the calls of a case, one after another or all at once.
async fn exchange_all(
    case: &Case,
    id: &str,
    server: &ScriptedServer,
    driver: &Driver,
) -> Result<Vec<Exchange>, DriverError> {
    let line = |(index, call)| {
        let call_id = format!("{id}.{index}");
        if case.calls.len() > 1 {
            json!({"id": call_id, "client_id": id, "client": case.client, "call": call})
        } else {
            json!({"id": call_id, "client": case.client, "call": call})
        }
    };
    let lines: Vec<Value> = case.calls.iter().enumerate().map(line).collect();
    let at_once = if case.concurrent { lines.len() } else { 1 };
    let mut exchanges = Vec::with_capacity(lines.len());
    for (index, batch) in lines.chunks(at_once).enumerate() {
        if index > 0 {
            tokio::time::sleep(case.pause).await;
        }
        exchanges.extend(driver.call(batch).await?);
    }
    if let Some(within) = case.expect.aborted_within_ms {
        let _ = tokio::time::timeout(Duration::from_millis(within), server.last_connection_closed(id)).await;
    }
    Ok(exchanges)
}

/// Fails a case if standard error, which is complete only at the end of the run, contains a text that it must not contain.
fn check_stderr(verdict: Verdict, absent: &[String], stderr: &str) -> Verdict {
    let found = absent.iter().filter(|text| stderr.contains(text.as_str()));
    let found: Vec<String> =
        found.map(|text| format!("absent: a text of {} bytes is on standard error", text.len())).collect();
    match verdict {
        verdict if found.is_empty() => verdict,
        Verdict::Failed(mut differences) => {
            differences.extend(found);
            Verdict::Failed(differences)
        }
        Verdict::Passed | Verdict::Unsupported(_) => Verdict::Failed(found),
    }
}
