//! What all calls of a client share about repeating: the retry budget, and the gate that a `Retry-After` closes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// A full bucket: enough for 35 repeats, or for 100 after 429, with no success between them.
const CAPACITY: u32 = 500;
const COST: u32 = 14;
/// 429 is told quickly and costs the service little.
const COST_AFTER_THROTTLE: u32 = 5;
const FIRST_TRY_REWARD: u32 = 1;

/// A bucket of tokens: repeats take from it, successes fill it, and where it is empty nothing is repeated.
///
/// So that a client under faults sends a few more requests than it has calls, and not three times as many.
#[derive(Debug)]
pub(crate) struct Budget(AtomicU32);

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicU32::new(CAPACITY))
    }
}

impl Budget {
    /// Sets the price of one repeat aside, if there is enough left.
    pub(crate) fn reserve(&self, throttled: bool) -> Option<Reserved<'_>> {
        let cost = if throttled { COST_AFTER_THROTTLE } else { COST };
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(cost));
        taken.ok().map(|_| Reserved { budget: self, cost })
    }

    /// A call came to its answer: `paid` is what its last repeat took, 0 if it was the first attempt.
    pub(crate) fn reward(&self, paid: u32) {
        let gain = if paid == 0 { FIRST_TRY_REWARD } else { paid };
        self.put(gain);
    }

    fn put(&self, tokens: u32) {
        // The closure always gives a value, so that this cannot fail.
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_add(tokens).min(CAPACITY)));
    }
}

/// The price of a repeat that is waited for. It goes back if the repeat is given up before it is sent.
#[derive(Debug)]
pub(crate) struct Reserved<'a> {
    budget: &'a Budget,
    cost: u32,
}

impl Reserved<'_> {
    /// The repeat goes out: gives what it cost.
    pub(crate) fn spend(mut self) -> u32 {
        std::mem::take(&mut self.cost)
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if self.cost > 0 {
            self.budget.put(self.cost);
        }
    }
}

/// The time before which no repeat after 429 or 503 goes out. First attempts pass.
#[derive(Debug, Default)]
pub(crate) struct Gate(Mutex<Option<Instant>>);

impl Gate {
    /// Closes the gate until `until`, unless it is closed for longer.
    pub(crate) fn close_until(&self, until: Instant) {
        let mut gate = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *gate = (*gate).max(Some(until));
    }

    /// When the gate opens, if that is after `now`.
    pub(crate) fn opens_after(&self, now: Instant) -> Option<Instant> {
        let gate = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gate.filter(|opens| *opens > now)
    }
}
