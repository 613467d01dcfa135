//! Log records: what is asked for is kept until it is taken, and not for who asks later. One test, since all of a
//! process have them in common.

use builderaikits_bridge::logs::{self, Verbosity};
use tracing::{debug, info};

const OURS: &str = "builderaikits";

#[test]
fn records_are_kept_while_they_are_asked_for() {
    let texts = || logs::take().into_iter().map(|record| record.text).collect::<Vec<_>>();
    info!(target: OURS, "before");
    logs::record(Verbosity::Info);
    info!(target: OURS, n = 1, "one");
    debug!(target: OURS, "more than asked for");
    assert_eq!(texts(), ["one n=1"]);
    logs::record(Verbosity::Debug);
    debug!(target: OURS, "two");
    info!(target: "others", "of another library");
    assert_eq!(texts(), ["two"]);
    info!(target: OURS, "left");
    logs::record(Verbosity::Off);
    info!(target: OURS, "off");
    logs::record(Verbosity::Info);
    info!(target: OURS, "three");
    assert_eq!(texts(), ["three"]);
}
