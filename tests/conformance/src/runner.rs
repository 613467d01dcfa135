//! Running the table against one driver.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::driver::Driver;
use crate::judge::{Verdict, judge};
use crate::secrets::keys;
use crate::server::ScriptedServer;
use crate::step::steps_from_json;
use crate::vector::{CANARY_KEY, Vector};

/// Cases that run at the same time.
const AT_ONCE: usize = 8;

/// How to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The driver's name: it decides the table of classes and what may be unsupported.
    pub driver: String,
    /// What starts it: a program and its arguments.
    pub command: Vec<String>,
    /// Where it is started.
    pub directory: PathBuf,
    /// How long one case may take before it fails.
    pub watchdog: Duration,
}

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// By case, in the order of the table.
    pub verdicts: Vec<(String, Verdict)>,
    /// What the driver did wrong beyond any case: each counts as one failure.
    pub driver: Vec<String>,
}

/// Runs cases against a driver, 8 at a time.
///
/// # Errors
/// When the server or the driver cannot be started.
pub async fn run(vectors: Vec<Vector>, options: &Options) -> io::Result<Report> {
    let server = Arc::new(ScriptedServer::start().await?);
    let start = |error| io::Error::other(format!("cannot start the driver, {:?}: {error}", options.command));
    let driver = Arc::new(Driver::start(&options.command, &options.directory).map_err(start)?);
    warm_up(&server, &driver, options.watchdog).await;
    let (places, mut running) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    for (number, vector) in vectors.into_iter().enumerate() {
        let (server, driver, places) = (Arc::clone(&server), Arc::clone(&driver), Arc::clone(&places));
        let (name, watchdog) = (options.driver.clone(), options.watchdog);
        // Taken here, not in the task, so that cases begin in the order of the table.
        let place = places.acquire_owned().await;
        running.spawn(async move {
            let (verdict, absent) = run_case(&vector, number, &server, &driver, &name, watchdog).await;
            drop(place);
            (number, vector.title(), verdict, absent)
        });
    }
    let mut ran = running.join_all().await;
    ran.sort_by_key(|(number, ..)| *number);
    let driver = Arc::into_inner(driver).ok_or_else(|| io::Error::other("a case still holds the driver"))?;
    let (complaints, errors) = driver.finish(options.watchdog).await;
    let verdicts = ran.into_iter().map(|(_, title, verdict, absent)| (title, with_errors(verdict, &absent, &errors)));
    Ok(Report { verdicts: verdicts.collect(), driver: complaints })
}

impl Report {
    /// Cases that came out as expected.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.verdicts.iter().filter(|(_, verdict)| *verdict == Verdict::Passed).count()
    }

    /// Cases that did not, and what the driver did wrong beyond them.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.verdicts.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Failed(_))).count() + self.driver.len()
    }

    /// Whether nothing failed and something passed.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.failed() == 0 && self.passed() > 0
    }

    /// A line a case, differences indented below, and `N passed, N failed` at the end. Unsupported cases are in
    /// neither number.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_to(&self, output: &mut impl Write) -> io::Result<()> {
        for (title, verdict) in &self.verdicts {
            match verdict {
                Verdict::Passed => writeln!(output, "ok   {title}")?,
                Verdict::Unsupported(what) => writeln!(output, "unsupported  {title} ({what})")?,
                Verdict::Failed(differences) => {
                    writeln!(output, "FAIL {title}")?;
                    for difference in differences {
                        writeln!(output, "     {}", difference.replace('\n', "\n     "))?;
                    }
                }
            }
        }
        for complaint in &self.driver {
            writeln!(output, "FAIL the driver {}", complaint.replace('\n', "\n     "))?;
        }
        let unsupported =
            self.verdicts.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Unsupported(_))).count();
        if unsupported > 0 {
            writeln!(output, "{unsupported} unsupported by this driver's language")?;
        }
        writeln!(output, "{} passed, {} failed", self.passed(), self.failed())
    }
}

/// One call whose reply is not judged, so that the start of the driver counts in no case's time.
async fn warm_up(server: &ScriptedServer, driver: &Driver, watchdog: Duration) {
    let run = json!({"status": 200, "body": {"id": "run_0", "output": {"text": "warm"}}});
    server.script("warm-up", steps_from_json(run).unwrap_or_default());
    let client = json!({"api_key": CANARY_KEY, "base_url": server.base_url("warm-up")});
    let line = json!({"id": "warm-up", "client": client, "call": {"kit": "text-gen", "input": {"prompt": "warm-up"}}});
    let _ = tokio::time::timeout(watchdog, driver.call("warm-up", &line)).await;
}

async fn run_case(
    vector: &Vector,
    number: usize,
    server: &ScriptedServer,
    driver: &Driver,
    name: &str,
    watchdog: Duration,
) -> (Verdict, Vec<String>) {
    let id = format!("case-{number}");
    let mut case = match vector.case(&server.base_url(&id), server.port()) {
        Ok(case) => case,
        Err(error) => return (Verdict::Failed(vec![error.to_string()]), Vec::new()),
    };
    server.script(&id, std::mem::take(&mut case.server));
    let mut exchanges = Vec::with_capacity(case.calls.len());
    let all = async {
        for (place, call) in case.calls.iter().enumerate() {
            if place > 0 {
                tokio::time::sleep(case.pause).await;
            }
            let call_id = format!("{id}.{place}");
            let line = if case.calls.len() > 1 {
                json!({"id": call_id, "client_id": id, "client": case.client, "call": call})
            } else {
                json!({"id": call_id, "client": case.client, "call": call})
            };
            exchanges.push(driver.call(&call_id, &line).await?);
        }
        if let Some(within) = case.expect.aborted_within_ms {
            let _ = tokio::time::timeout(Duration::from_millis(within), server.last_connection_closed(&id)).await;
        }
        Ok(())
    };
    let stopped = match tokio::time::timeout(watchdog, all).await {
        Ok(Ok(())) => None,
        Ok(Err(ended)) => Some(ended),
        Err(_) => Some(format!("no reply within {watchdog:?}")),
    };
    let verdict = match stopped {
        Some(why) => Verdict::Failed(vec![why]),
        None => judge(&case, &exchanges, &server.seen(&id), name),
    };
    server.forget(&id);
    let own_keys = keys(&case).filter(|key| *key != CANARY_KEY).map(str::to_owned);
    let absent = own_keys.chain(case.expect.absent.iter().cloned()).collect();
    (verdict, absent)
}

/// Standard error is known whole only at the end: a text that stands there fails its case now.
fn with_errors(verdict: Verdict, absent: &[String], errors: &str) -> Verdict {
    let found = absent.iter().filter(|text| errors.contains(text.as_str()));
    let found: Vec<String> =
        found.map(|text| format!("absent: a text of {} bytes stands on standard error", text.len())).collect();
    match verdict {
        verdict if found.is_empty() => verdict,
        Verdict::Failed(mut differences) => {
            differences.extend(found);
            Verdict::Failed(differences)
        }
        Verdict::Passed | Verdict::Unsupported(_) => Verdict::Failed(found),
    }
}
