//! Runs a test of this binary in a separate process, because it changes process-wide state: the environment or global loggers.
//!
//! The test runs itself again, and [`role`] tells the child that it is the child.

use std::ffi::OsStr;
use std::process::Command;

const ROLE: &str = "TEST_ROLE";

/// The role that the parent gave this process. `None` in the parent.
pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// A command that runs the test of this path, such as `environment::variables_table`, without the variables that the SDK
/// or its libraries read.
pub(crate) fn of(test: &str, role: &str) -> Command {
    of_program(std::env::current_exe().unwrap().as_os_str(), &[], test, role)
}

/// As [`of`], but `program` with `arguments` starts the test.
pub(crate) fn of_program(program: &OsStr, arguments: &[&OsStr], test: &str, role: &str) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).args(["--exact", test, "--nocapture", "--test-threads=1"]).env(ROLE, role);
    for (name, _) in std::env::vars_os() {
        let upper = name.to_string_lossy().to_uppercase();
        if upper.starts_with("BUILDERAIKITS_") || upper.starts_with("SSL_CERT_") || upper.ends_with("_PROXY") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs the command and returns its standard output. Panics if the child fails.
#[track_caller]
pub(crate) fn finish(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "the child ran no test: {text}");
    text
}
