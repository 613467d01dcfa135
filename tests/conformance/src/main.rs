//! `conformance`: checks one driver against the vectors.

use std::env;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use builderaikits_conformance::report::Report;
use builderaikits_conformance::runner::{Options, RunError, run};
use builderaikits_conformance::vector::{VectorError, load};
use clap::Parser;

/// Checks the driver of one language against the conformance vectors.
///
/// Exit code 0: nothing failed and something passed. 1: a case or the driver failed, or no case ran. 2: the run could not
/// start.
#[derive(Parser)]
#[command(name = "conformance", args_override_self = true)]
struct Arguments {
    /// Name of the driver: rust, python_sync, python_async, node or go
    #[arg(long, value_name = "NAME")]
    driver: String,

    /// Directory of the vectors [default: tests/vectors of the repository]
    #[arg(long, value_name = "DIR")]
    vectors: Option<PathBuf>,

    /// Run only the cases whose `theme / name` contains this text
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    only: String,

    /// Command that starts the driver, split at spaces [default: tests/conformance/driver NAME]
    #[arg(long, value_name = "COMMAND")]
    driver_command: Option<String>,

    /// Timeout of one case in milliseconds
    #[arg(long, value_name = "N", default_value_t = 60_000)]
    watchdog_ms: u64,
}

#[derive(Debug, thiserror::Error)]
enum SetupError {
    #[error("the current directory is not inside the repository: pass `--vectors` and `--driver-command`")]
    OutsideRepository,
    #[error(transparent)]
    Vectors(#[from] VectorError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn main() -> ExitCode {
    match Arguments::parse().run() {
        Ok(report) if report.is_success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr().lock(), "conformance: {error}");
            ExitCode::from(2)
        }
    }
}

impl Arguments {
    fn run(self) -> Result<Report, SetupError> {
        let current = env::current_dir()?;
        let root = repository_root(&current);
        let vectors = match self.vectors {
            Some(vectors) => vectors,
            None => root.ok_or(SetupError::OutsideRepository)?.join("tests/vectors"),
        };
        let command = match &self.driver_command {
            Some(command) => command.split_whitespace().map(str::to_owned).collect(),
            None => {
                let starter = root.ok_or(SetupError::OutsideRepository)?.join(DRIVER_STARTER);
                vec![starter.display().to_string(), self.driver.clone()]
            }
        };
        let mut vectors = load(&vectors)?;
        vectors.retain(|vector| vector.title().contains(&self.only));
        let options = Options {
            driver: self.driver,
            command,
            directory: root.unwrap_or(&current).to_owned(),
            watchdog: Duration::from_millis(self.watchdog_ms),
        };
        // More threads than cores, so that a case of 30 MB does not delay the clock of the others.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(8).enable_all().build()?;
        let report = runtime.block_on(run(vectors, &options))?;
        report.write_to(&mut io::stdout().lock())?;
        Ok(report)
    }
}

const DRIVER_STARTER: &str = "tests/conformance/driver";

fn repository_root(start: &Path) -> Option<&Path> {
    start.ancestors().find(|directory| directory.join(DRIVER_STARTER).is_file())
}
