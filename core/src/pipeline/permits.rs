//! [`Permits`]: how many attempts may be on the wire at once.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::pipeline::deadline::{Deadline, before};

/// Scheduler yields before a permit is released, so that the HTTP library can return the connection to its pool first.
/// With 1 there were up to 20 % more connections than permits, with 4 a few.
const POOL_RETURN_YIELDS: u8 = 8;

/// The permits of a client and its copies, given out first come, first served.
#[derive(Debug)]
pub(crate) struct Permits(Semaphore);

impl Permits {
    pub(crate) fn new(max_concurrency: usize) -> Self {
        Self(Semaphore::new(max_concurrency.min(Semaphore::MAX_PERMITS)))
    }

    /// Waits for a permit until the deadline. The error is the message of a timeout.
    pub(crate) async fn acquire(&self, deadline: Option<Deadline>) -> Result<Option<SemaphorePermit<'_>>, String> {
        // A request without time for its response would be billed for nothing.
        if let Some(deadline) = deadline.filter(Deadline::has_passed) {
            return Err(deadline.exceeded_message("before the request could be sent"));
        }
        if let Ok(permit) = self.0.try_acquire() {
            return Ok(Some(permit));
        }
        match before(deadline.as_ref(), self.0.acquire()).await {
            // The semaphore is never closed, so this is always a permit.
            Ok(permit) => Ok(permit.ok()),
            Err(deadline) => Err(deadline
                .exceeded_message("while queued behind `max_concurrency`; raise `max_concurrency` or the timeout")),
        }
    }

    /// Releases a permit. If other calls queue for it, the connection returns to the pool first.
    pub(crate) async fn release(&self, permit: Option<SemaphorePermit<'_>>) {
        if self.0.available_permits() == 0 {
            // The HTTP library returns the connection in a task of its own. A call that starts before that would open one
            // more connection: up to twice as many as permits, and more than the process may have open files.
            for _ in 0..POOL_RETURN_YIELDS {
                tokio::task::yield_now().await;
            }
        }
        drop(permit);
    }
}
