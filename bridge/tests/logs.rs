//! Log records are buffered while logging is on. There is one test, because the buffer belongs to the process.

use builderaikits_bridge::logs::{self, LogLevel};
use tracing::{debug, info};

const TARGET: &str = "builderaikits";

#[test]
fn records_are_buffered_while_logging_is_on() {
    let texts = || logs::drain().into_iter().map(|record| record.text).collect::<Vec<_>>();
    info!(target: TARGET, "before");
    logs::set_level(LogLevel::Info);
    info!(target: TARGET, n = 1, "one");
    debug!(target: TARGET, "below the level");
    assert_eq!(texts(), ["one n=1"]);
    logs::set_level(LogLevel::Debug);
    debug!(target: TARGET, "two");
    info!(target: "others", "from another library");
    assert_eq!(texts(), ["two"]);
    info!(target: TARGET, "left");
    logs::set_level(LogLevel::Off);
    info!(target: TARGET, "off");
    logs::set_level(LogLevel::Info);
    info!(target: TARGET, "three");
    assert_eq!(texts(), ["three"]);
}
