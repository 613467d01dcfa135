//! What a whole process does: few open files, and an end with calls in flight.

use std::time::Duration;

use builderaikits_load::children::{self, Server};
use builderaikits_load::{print, seconds};

const CLIENT: &str = env!("CARGO_BIN_EXE_load-client");

#[test]
fn two_thousand_calls_with_256_files() {
    let server = Server::start(env!("CARGO_BIN_EXE_load-server")).unwrap();
    for delay_ms in [0, 10] {
        let ended = children::run(CLIENT, &["files", &server.url(200, delay_ms)]).unwrap();
        let said = String::from_utf8_lossy(&ended.output.stdout);
        print(&format!("256 files, an answer after {delay_ms} ms: {}", said.trim().replace('\n', "; ")));
        assert!(ended.output.status.success());
        // A few may be repeated: a worker that is held up leaves its connection out of the pool for that long.
        assert_eq!(said.matches(": 2000 runs, 0 errors, ").count(), 3);
    }
}

/// Every way to let go of the client, with calls on the wire (no answer) and in their wait before a repeat (503, for a
/// minute; the retry budget has room for 35 of the 50).
#[test]
fn a_client_dropped_with_calls_in_flight() {
    let server = Server::start(env!("CARGO_BIN_EXE_load-server")).unwrap();
    let ways = ["client-then-runtime", "runtime-then-client", "calls-then-client", "background", "inside", "leak"];
    for way in ways {
        for (status, all_ended) in [(0, "0"), (503, "15")] {
            let ended = children::run(CLIENT, &[way, &server.url(status, 0), all_ended]).unwrap();
            let said = String::from_utf8_lossy(&ended.output.stdout).trim().replace('\n', "; ");
            let exit = seconds(ended.exit);
            print(&format!("{way}, server says {status}: {said}; gone {exit} later, {}", ended.output.status));
            assert_eq!(said, format!("{all_ended} of 50 calls ended; end"));
            assert_eq!(String::from_utf8_lossy(&ended.output.stderr), "");
            assert_eq!(ended.output.status.code(), Some(0));
            assert!(ended.exit < Duration::from_secs(1));
        }
    }
}
