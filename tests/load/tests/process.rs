//! A whole process: few open files, and an exit with calls in flight.

use std::time::Duration;

use builderaikits_load::children::{self, Server};
use builderaikits_load::{print, seconds};

const CLIENT: &str = env!("CARGO_BIN_EXE_load-client");

#[test]
fn two_thousand_calls_work_with_256_files() {
    let server = Server::start(env!("CARGO_BIN_EXE_load-server")).unwrap();
    for delay_ms in [0, 10] {
        let exited = children::run(CLIENT, &["files", &server.url(200, delay_ms)]).unwrap();
        let printed = String::from_utf8_lossy(&exited.output.stdout);
        print(&format!("256 files, a response after {delay_ms} ms: {}", printed.trim().replace('\n', "; ")));
        assert!(exited.output.status.success());
        // A few may be retried: a worker that is delayed returns its connection to the pool late.
        assert_eq!(printed.matches(": 2000 runs, 0 errors, ").count(), 3);
    }
}

/// Every way to drop the client, with calls in flight (no response) and with calls that wait to retry (503 with a
/// Retry-After of a minute; the retry budget covers 35 of the 50).
#[test]
fn client_dropped_with_calls_in_flight_exits_at_once() {
    let server = Server::start(env!("CARGO_BIN_EXE_load-server")).unwrap();
    let ways = ["client-then-runtime", "runtime-then-client", "calls-then-client", "background", "inside", "leak"];
    for way in ways {
        for (status, completed) in [(0, "0"), (503, "15")] {
            let exited = children::run(CLIENT, &[way, &server.url(status, 0), completed]).unwrap();
            let printed = String::from_utf8_lossy(&exited.output.stdout).trim().replace('\n', "; ");
            let exit = seconds(exited.exit);
            print(&format!("{way}, status {status}: {printed}; exited {exit} later, {}", exited.output.status));
            assert_eq!(printed, format!("{completed} of 50 calls completed; end"));
            assert_eq!(String::from_utf8_lossy(&exited.output.stderr), "");
            assert_eq!(exited.output.status.code(), Some(0));
            assert!(exited.exit < Duration::from_secs(1));
        }
    }
}
