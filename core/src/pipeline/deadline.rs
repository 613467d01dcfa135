//! [`Deadline`]: when a call or an attempt must end, and which option says so.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// What the host of a binding knows of a call's time.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostTimes {
    /// How long the call waited in the host. It counts towards the timeout.
    pub queued_for: Duration,
    /// The host's own time limit, from the start of that wait. The shorter of it and the timeout applies.
    pub deadline: Option<Duration>,
}

/// A point in time with the option and the time limit that it comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    pub(crate) option: &'static str,
    pub(crate) limit: Duration,
}

impl Deadline {
    /// The deadline `limit` after `start`; `None` if it is too far away to be represented.
    pub(crate) fn new(option: &'static str, start: Instant, limit: Duration) -> Option<Self> {
        Some(Self { at: start.checked_add(limit)?, option, limit })
    }

    /// The deadline `limit` from now.
    pub(crate) fn from_now(option: &'static str, limit: Duration) -> Option<Self> {
        Self::new(option, Instant::now(), limit)
    }

    /// The earlier of two deadlines.
    pub(crate) fn earlier(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if a.at < b.at { a } else { b }),
            (a, b) => a.or(b),
        }
    }

    pub(crate) fn has_passed(&self) -> bool {
        self.at <= Instant::now()
    }

    /// A sentence that ends with the phase of the call, such as `while waiting for the response`.
    pub(crate) fn exceeded_message(&self, phase: &str) -> String {
        format!("`{}` ({:?}) elapsed {phase}.", self.option, self.limit)
    }
}

/// Waits for `work` until the deadline, if there is one.
pub(crate) async fn before<T>(deadline: Option<&Deadline>, work: impl Future<Output = T>) -> Result<T, Deadline> {
    match deadline {
        None => Ok(work.await),
        Some(deadline) => timeout_at(deadline.at, work).await.map_err(|_| *deadline),
    }
}

/// `delay` after `now`, or `now` if that is too far away to be represented.
pub(crate) fn saturating_add(now: Instant, delay: Duration) -> Instant {
    now.checked_add(delay).unwrap_or(now)
}
