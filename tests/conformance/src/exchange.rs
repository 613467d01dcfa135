//! One call and the reply of the driver.

use std::time::Instant;

/// One call and the driver's reply to it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The time before the line to the driver was written.
    pub begun: Instant,
    /// The time when the line to the driver was completely written.
    pub written: Instant,
    /// The time when the line of the reply was read.
    pub read: Instant,
    /// The line of the reply.
    pub line: String,
}
