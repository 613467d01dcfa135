//! `conformance`: holds one driver against the vectors.

use std::env;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use builderaikits_conformance::runner::{Options, run};
use builderaikits_conformance::vector::load;

const USAGE: &str =
    "usage: conformance --driver NAME [--vectors DIR] [--only TEXT] [--driver-command COMMAND] [--watchdog-ms N]

  --driver NAME              rust, python_sync, python_async, node, go
  --vectors DIR              default: tests/vectors of the repository
  --only TEXT                only cases with this in `theme / name`
  --driver-command COMMAND   default: tests/conformance/driver NAME, from the repository's root; split at spaces
  --watchdog-ms N            how long a case may take, default 60000
";

fn main() -> ExitCode {
    match Arguments::read(env::args().skip(1)).and_then(Arguments::run) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr().lock(), "conformance: {error}");
            ExitCode::from(2)
        }
    }
}

struct Arguments {
    driver: String,
    vectors: Option<PathBuf>,
    only: String,
    command: Option<String>,
    watchdog: Duration,
}

impl Arguments {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut driver, mut vectors, mut only, mut command, mut watchdog) = (None, None, None, None, 60_000);
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value\n{USAGE}"))?;
            match name.as_str() {
                "--driver" => driver = Some(value),
                "--vectors" => vectors = Some(PathBuf::from(value)),
                "--only" => only = Some(value),
                "--driver-command" => command = Some(value),
                "--watchdog-ms" => watchdog = value.parse().map_err(|_| "--watchdog-ms needs a number".to_owned())?,
                _ => return Err(format!("unknown argument {name}\n{USAGE}")),
            }
        }
        let driver = driver.ok_or_else(|| format!("--driver is missing\n{USAGE}"))?;
        let watchdog = Duration::from_millis(watchdog);
        Ok(Self { driver, vectors, only: only.unwrap_or_default(), command, watchdog })
    }

    fn run(self) -> Result<bool, String> {
        let here = env::current_dir().map_err(|error| format!("the current directory: {error}"))?;
        let root = repository(&here);
        let missing = || "not inside the repository: give --vectors and --driver-command".to_owned();
        let vectors = match self.vectors {
            Some(vectors) => vectors,
            None => root.ok_or_else(missing)?.join("tests/vectors"),
        };
        let command: Vec<String> = match &self.command {
            Some(command) => command.split_whitespace().map(str::to_owned).collect(),
            None => vec![root.ok_or_else(missing)?.join(DRIVER).display().to_string(), self.driver.clone()],
        };
        let mut vectors = load(&vectors).map_err(|error| error.to_string())?;
        vectors.retain(|vector| vector.title().contains(&self.only));
        let directory = root.unwrap_or(&here).to_owned();
        let options = Options { driver: self.driver, command, directory, watchdog: self.watchdog };
        // More than the cores: a case of 30 MB must not hold up the clock of the others.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(8).enable_all().build();
        let runtime = runtime.map_err(|error| format!("the runtime: {error}"))?;
        let report = runtime.block_on(run(vectors, &options)).map_err(|error| error.to_string())?;
        report.write_to(&mut io::stdout().lock()).map_err(|error| format!("standard output: {error}"))?;
        Ok(report.is_success())
    }
}

const DRIVER: &str = "tests/conformance/driver";

fn repository(here: &Path) -> Option<&Path> {
    here.ancestors().find(|directory| directory.join(DRIVER).is_file())
}
