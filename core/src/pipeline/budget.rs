//! What all calls of a client share about retries: the retry budget, and the gate that a `Retry-After` closes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// The size of the bucket: 35 retries, 100 after a 429, or 500 of unprocessed requests, with no success in between.
const CAPACITY: u32 = 500;
const FIRST_TRY_DEPOSIT: u32 = 1;

/// What a retry withdraws from the bucket, by the failure that it follows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RetryCost {
    Failure = 14,
    /// A 429 is cheap for the server to send.
    Throttled = 5,
    /// Unprocessed requests cost the server nothing.
    Unprocessed = 1,
    /// The service said when to send it again.
    Scheduled = 0,
}

/// A bucket of tokens: retries withdraw, successes deposit. Without enough tokens there is no retry.
///
/// It stops retries from multiplying load on a failing service.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    left: AtomicU32,
    is_on: bool,
}

impl RetryBudget {
    /// Creates a full bucket. If it is off, retries cost nothing.
    pub(crate) fn new(is_on: bool) -> Self {
        Self { left: AtomicU32::new(CAPACITY), is_on }
    }

    /// Reserves the cost of one retry, if enough is left.
    pub(crate) fn reserve(&self, cost: RetryCost) -> Option<Reservation<'_>> {
        let cost = if self.is_on { cost as u32 } else { 0 };
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(cost));
        taken.ok().map(|_| Reservation { budget: self, cost })
    }

    /// Refunds the cost of a call's last retry after its success. Without a cost, it deposits 1.
    pub(crate) fn record_success(&self, retry_cost: u32) {
        self.deposit(if retry_cost == 0 { FIRST_TRY_DEPOSIT } else { retry_cost });
    }

    fn deposit(&self, tokens: u32) {
        // The closure always returns a value, so this cannot fail.
        let _ = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_add(tokens).min(CAPACITY)));
    }
}

/// The cost of a retry that waits. Dropping it refunds the cost, for a call that is cancelled while it waits.
#[derive(Debug)]
pub(crate) struct Reservation<'a> {
    budget: &'a RetryBudget,
    cost: u32,
}

impl Reservation<'_> {
    /// Withdraws the cost and returns it, when the retry is sent.
    pub(crate) fn commit(mut self) -> u32 {
        std::mem::take(&mut self.cost)
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if self.cost != 0 {
            self.budget.deposit(self.cost);
        }
    }
}

/// The time before which no retry after a 503 is sent. First attempts pass.
#[derive(Debug, Default)]
pub(crate) struct RetryAfterGate(Mutex<Option<Instant>>);

impl RetryAfterGate {
    /// Closes the gate until `opens_at`, unless it is closed for longer.
    pub(crate) fn close_until(&self, opens_at: Instant) {
        let mut gate = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *gate = (*gate).max(Some(opens_at));
    }

    /// When the gate opens, if that is after `now`.
    pub(crate) fn closed_until(&self, now: Instant) -> Option<Instant> {
        let gate = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gate.filter(|opens| *opens > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    impl RetryBudget {
        fn left(&self) -> u32 {
            self.left.load(Ordering::Relaxed)
        }

        fn retries(&self, cost: RetryCost) -> usize {
            // The limit ends the test of a budget that is never empty.
            std::iter::from_fn(|| self.reserve(cost).map(Reservation::commit)).take(1_000).count()
        }
    }

    #[test]
    fn bucket_table() {
        let budget = RetryBudget::new(true);
        assert_eq!(budget.reserve(RetryCost::Failure).map(Reservation::commit), Some(14));
        assert_eq!(budget.left(), 486);
        assert_eq!(budget.reserve(RetryCost::Throttled).map(Reservation::commit), Some(5));
        assert_eq!(budget.left(), 481);
        budget.record_success(0);
        assert_eq!(budget.left(), 482, "a first attempt that succeeds deposits 1");
        budget.record_success(14);
        assert_eq!(budget.left(), 496, "a success after a retry refunds its cost");
        budget.record_success(5);
        budget.record_success(0);
        assert_eq!(budget.left(), 500, "the bucket does not overflow");
        drop(budget.reserve(RetryCost::Failure));
        assert_eq!(budget.left(), 500, "a retry that is cancelled before it is sent costs nothing");
    }

    #[test]
    fn retries_stop_when_the_budget_is_empty() {
        for (cost, retries) in [(RetryCost::Failure, 35), (RetryCost::Throttled, 100), (RetryCost::Unprocessed, 500)] {
            let budget = RetryBudget::new(true);
            assert_eq!(budget.retries(cost), retries);
            assert!(budget.reserve(cost).is_none());
            // 14 successes allow one more retry after a 5xx.
            for _ in 0..14 {
                budget.record_success(0);
            }
            assert_eq!(budget.retries(RetryCost::Failure), 1);
        }
    }

    /// Connections that end after a few calls cause one unprocessed request for each success.
    #[test]
    fn unprocessed_retries_are_refunded_by_successes() {
        let budget = RetryBudget::new(true);
        for _ in 0..10_000 {
            let cost = budget.reserve(RetryCost::Unprocessed).map(Reservation::commit);
            budget.record_success(cost.unwrap());
        }
        assert_eq!(budget.left(), CAPACITY);
    }

    #[test]
    fn budget_that_is_off_has_no_end() {
        assert_eq!(RetryBudget::new(false).retries(RetryCost::Failure), 1_000);
    }

    #[test]
    fn threads_share_one_budget() {
        let budget = RetryBudget::new(true);
        let retries: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| budget.retries(RetryCost::Throttled))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(retries, 100);
    }

    #[test]
    fn gate_table() {
        let gate = RetryAfterGate::default();
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        assert_eq!(gate.closed_until(now), None);
        gate.close_until(at(5));
        assert_eq!(gate.closed_until(now), Some(at(5)));
        gate.close_until(at(3));
        assert_eq!(gate.closed_until(now), Some(at(5)), "a shorter Retry-After does not open it");
        gate.close_until(at(8));
        assert_eq!(gate.closed_until(at(5)), Some(at(8)));
        assert_eq!(gate.closed_until(at(8)), None);
    }
}
