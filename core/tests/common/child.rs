//! One test of this binary in a process of its own, for what is process-wide: the environment, and global loggers.
//!
//! The test runs itself again, and finds by [`role`] that it is the child.

use std::ffi::OsStr;
use std::process::Command;

const ROLE: &str = "TEST_ROLE";

/// What the parent asked of this process, if it is a child.
pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// A child that runs the test of this path, such as `environment::variables_table`, without any variable that the SDK
/// or its libraries read.
pub(crate) fn of(test: &str, role: &str) -> Command {
    of_program(std::env::current_exe().unwrap().as_os_str(), &[], test, role)
}

/// As [`of`], but through a program that starts it, after `arguments` of its own.
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

/// Runs it to its end and gives what it printed; its failure is ours.
#[track_caller]
pub(crate) fn finish(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "the child ran no test: {text}");
    text
}
