//! What a client and its copies have in common, and the two waits of a call: for a slot, and for its next attempt.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::info;

use crate::budget::{Budget, Gate, Price, Reserved};
use crate::request::Request;
use crate::retry::{Ended, Verdict, repeats, spread};
use crate::transport::Transport;

/// Turns of the runtime in which a connection comes back to the pool: 1 leaves up to a fifth more connections than
/// slots, 4 a few.
const TURNS: u8 = 8;

/// What a client and its copies have in common.
pub(crate) struct Shared {
    pub(crate) transport: Transport,
    slots: Semaphore,
    budget: Budget,
    gate: Gate,
    closed: AtomicBool,
}

impl Shared {
    pub(crate) fn new(transport: Transport, slots: usize) -> Self {
        Self {
            transport,
            slots: Semaphore::new(slots.min(Semaphore::MAX_PERMITS)),
            budget: Budget::default(),
            gate: Gate::default(),
            closed: AtomicBool::new(false),
        }
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// A call came to its answer: `paid` is what its last repeat took of the retry budget, 0 without one.
    pub(crate) fn reward(&self, paid: u32) {
        self.budget.reward(paid);
    }

    /// A slot on the wire, first come first served. Fails with what ran out before.
    pub(crate) async fn admit(&self, request: &Request) -> Result<Option<SemaphorePermit<'_>>, String> {
        // Sent without time for its answer, it would be paid for in vain.
        if let Some(until) = request.until.filter(|until| until.at <= Instant::now()) {
            return Err(until.ran_out("before it could be sent"));
        }
        if let Ok(slot) = self.slots.try_acquire() {
            return Ok(Some(slot));
        }
        // The semaphore is never closed, so that there is no other reason to go without a slot.
        match request.until {
            None => Ok(self.slots.acquire().await.ok()),
            Some(until) => match timeout_at(until.at, self.slots.acquire()).await {
                Ok(slot) => Ok(slot.ok()),
                Err(_) => Err(until.ran_out("in the queue for one of the slots that max_concurrency gives")),
            },
        }
    }

    /// Gives the slot back. Where others queue for it, the connection goes back to the pool first.
    pub(crate) async fn leave(&self, slot: Option<SemaphorePermit<'_>>) {
        if self.slots.available_permits() == 0 {
            // The HTTP library puts it back in a task of its own. Who comes before that opens one more connection, so
            // that there could be twice as many as slots, and more than the process may have open files.
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
        }
        drop(slot);
    }

    /// Waits until a failed attempt may be repeated, after `attempts` of which `refused` were not begun by the service;
    /// gives the price of it, or the reason why it may not.
    pub(crate) async fn wait(
        &self,
        request: &Request,
        ended: Ended,
        attempts: u32,
        refused: u32,
    ) -> Result<Reserved<'_>, &'static str> {
        let now = Instant::now();
        if let Some(asked) = ended.closes_gate_for() {
            self.gate.close_until(after(now, asked));
        }
        let left = request.until.map(|until| until.at.saturating_duration_since(now));
        let wait = match request.policy.decide(&ended, repeats(attempts, refused), jitter(), left) {
            Verdict::Wait(wait) => wait,
            Verdict::Stop(reason) => return Err(reason),
        };
        let reserved = self.budget.reserve(price(&ended)).ok_or("the retry budget is empty")?;
        info!(attempts, wait_ms = wait.as_millis(), status = ended.status, "repeating");
        let mut leave = after(now, wait);
        loop {
            if let Some(opens) = self.gate.opens_after(leave).filter(|_| ended.is_gated()) {
                let now = Instant::now();
                leave = after(now, spread(opens.saturating_duration_since(now), jitter()));
            }
            if request.until.is_some_and(|until| leave >= until.at) {
                return Err("the wait does not fit the deadline");
            }
            sleep_until(leave).await;
            if !ended.is_gated() || self.gate.opens_after(Instant::now()).is_none() {
                return Ok(reserved);
            }
        }
    }
}

/// What a repeat takes of the budget.
fn price(ended: &Ended) -> Price {
    if ended.is_throttled() {
        Price::Throttle
    } else if ended.is_refused() {
        Price::Refusal
    } else {
        Price::Failure
    }
}

/// A little later or, where no clock could tell, at once.
fn after(now: Instant, wait: Duration) -> Instant {
    now.checked_add(wait).unwrap_or(now)
}

/// From 0 to 1. From the operating system, so that processes that were forked do not draw the same.
fn jitter() -> f64 {
    getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retry::Outcome;

    #[test]
    fn price_table() {
        let after = |outcome, status| {
            let ended = Ended { outcome, status, retry_after: None, should_retry: None };
            price(&ended) as u32
        };
        assert_eq!(after(Outcome::Rejected, Some(429)), 5);
        assert_eq!(after(Outcome::Rejected, Some(408)), 14);
        assert_eq!(after(Outcome::Failed, Some(503)), 14);
        assert_eq!(after(Outcome::NotSent, None), 14);
        assert_eq!(after(Outcome::Refused, None), 1);
    }
}
