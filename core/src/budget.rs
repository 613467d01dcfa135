//! What all calls of a client share about repeating: the retry budget, and the gate that a `Retry-After` closes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// A full bucket: enough for 35 repeats, for 100 after 429, or for 500 after a refused stream, with no success between.
const CAPACITY: u32 = 500;
const FIRST_TRY_REWARD: u32 = 1;

/// What a repeat takes of the bucket, by what it follows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Price {
    Failure = 14,
    /// 429 is told quickly and costs the service little.
    Throttle = 5,
    /// What the service did not begin costs it nothing, and as long as others succeed it is well.
    Refusal = 1,
}

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
    pub(crate) fn reserve(&self, price: Price) -> Option<Reserved<'_>> {
        let cost = price as u32;
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
        if self.cost != 0 {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    impl Budget {
        fn left(&self) -> u32 {
            self.0.load(Ordering::Relaxed)
        }

        fn repeats(&self, price: Price) -> usize {
            // More than any bucket holds: a budget that is never empty must end here too.
            std::iter::from_fn(|| self.reserve(price).map(Reserved::spend)).take(1_000).count()
        }
    }

    #[test]
    fn bucket_table() {
        let budget = Budget::default();
        assert_eq!(budget.reserve(Price::Failure).map(Reserved::spend), Some(14));
        assert_eq!(budget.left(), 486);
        assert_eq!(budget.reserve(Price::Throttle).map(Reserved::spend), Some(5));
        assert_eq!(budget.left(), 481);
        budget.reward(0);
        assert_eq!(budget.left(), 482, "a first try that succeeds gives 1");
        budget.reward(14);
        assert_eq!(budget.left(), 496, "a success after a repeat gives its price back");
        budget.reward(5);
        budget.reward(0);
        assert_eq!(budget.left(), 500, "and never more than the bucket holds");
        drop(budget.reserve(Price::Failure));
        assert_eq!(budget.left(), 500, "a repeat that is given up before it is sent costs nothing");
    }

    #[test]
    fn storms_cost_what_the_bucket_holds() {
        for (price, repeats) in [(Price::Failure, 35), (Price::Throttle, 100), (Price::Refusal, 500)] {
            let budget = Budget::default();
            assert_eq!(budget.repeats(price), repeats);
            assert!(budget.reserve(price).is_none());
            // 14 successes pay for one more repeat after a 5xx.
            for _ in 0..14 {
                budget.reward(0);
            }
            assert_eq!(budget.repeats(Price::Failure), 1);
        }
    }

    /// One refusal for each success, as when connections end after a few calls: the bucket stays full.
    #[test]
    fn refusals_of_a_service_that_is_well_cost_nothing_in_the_end() {
        let budget = Budget::default();
        for _ in 0..10_000 {
            let paid = budget.reserve(Price::Refusal).map(Reserved::spend);
            budget.reward(paid.unwrap());
        }
        assert_eq!(budget.left(), CAPACITY);
    }

    #[test]
    fn many_threads_spend_no_more_than_one() {
        let budget = Budget::default();
        let spent: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| budget.repeats(Price::Throttle))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(spent, 100);
    }

    #[test]
    fn gate_table() {
        let gate = Gate::default();
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        assert_eq!(gate.opens_after(now), None);
        gate.close_until(at(5));
        assert_eq!(gate.opens_after(now), Some(at(5)));
        gate.close_until(at(3));
        assert_eq!(gate.opens_after(now), Some(at(5)), "a shorter hold does not open it");
        gate.close_until(at(8));
        assert_eq!(gate.opens_after(at(5)), Some(at(8)));
        assert_eq!(gate.opens_after(at(8)), None);
    }
}
