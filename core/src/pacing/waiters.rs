//! [`Waiters`]: the list of calls that wait, in the order of their tickets. `T` is what a call waits for.

use std::collections::VecDeque;
use std::task::Waker;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::pacing::output_estimates::Workload;

/// The place of a call in the queue. Its retries keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(pub(crate) u64);

/// A call that waits.
pub(crate) struct Waiter<T> {
    pub(crate) ticket: Ticket,
    pub(crate) workload: Option<Workload>,
    pub(crate) deadline: Option<Duration>,
    /// `None` once the call is cancelled. Its entry is removed later, so that a cancellation moves no others.
    pub(crate) sender: Option<oneshot::Sender<T>>,
    /// Wakes the call when it becomes the first.
    pub(crate) waker: Option<Waker>,
}

/// Why a call was not admitted.
#[derive(Debug)]
pub(crate) enum NotAdmitted {
    /// A deadline passed in the queue of `max_concurrency`; the message of a timeout.
    Timeout(String),
    /// The rate limit makes it wait beyond its deadline.
    RateLimit {
        /// How long it would have to wait from now on. `None` if that depends on attempts in flight.
        wait: Option<Duration>,
        /// The limit in force, or the 429, as the start of a sentence.
        reason: String,
        /// Whether the option `rate_limit` has the limit.
        is_configured: bool,
    },
    /// The queue forgot the call, which is a bug.
    Lost,
}

/// Calls that wait, the oldest first.
pub(crate) struct Waiters<T> {
    list: VecDeque<Waiter<T>>,
    cancelled: usize,
}

impl<T> Waiters<T> {
    pub(crate) fn new() -> Self {
        Self { list: VecDeque::new(), cancelled: 0 }
    }

    /// The number of calls that wait.
    pub(crate) fn len(&self) -> usize {
        self.list.len().saturating_sub(self.cancelled)
    }

    /// Adds a call in the order of its ticket.
    pub(crate) fn insert(&mut self, waiter: Waiter<T>) {
        let at = self.position(waiter.ticket);
        self.list.insert(at, waiter);
    }

    /// How many calls are before this one. It is exact for the first and for the newest; cancelled calls can make it less.
    pub(crate) fn place(&self, ticket: Ticket) -> usize {
        let before = self.position(ticket);
        if before == 0 { 0 } else { before.saturating_sub(self.cancelled).max(usize::from(self.has_before(before))) }
    }

    pub(crate) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Waiter<T>> {
        let at = self.position(ticket);
        self.list.get_mut(at).filter(|waiter| waiter.ticket == ticket && waiter.sender.is_some())
    }

    pub(crate) fn first_mut(&mut self) -> Option<&mut Waiter<T>> {
        self.remove_cancelled_at_front();
        self.list.front_mut()
    }

    pub(crate) fn pop_first(&mut self) -> Option<Waiter<T>> {
        self.remove_cancelled_at_front();
        self.list.pop_front()
    }

    /// Removes a call that was cancelled, if it still waits.
    pub(crate) fn cancel(&mut self, ticket: Ticket) {
        let Some(waiter) = self.get_mut(ticket) else { return };
        (waiter.sender, waiter.waker, waiter.workload) = (None, None, None);
        self.cancelled = self.cancelled.saturating_add(1);
        self.remove_cancelled_at_front();
        if self.cancelled > self.list.len().div_euclid(2) {
            self.list.retain(|waiter| waiter.sender.is_some());
            self.cancelled = 0;
        }
    }

    /// Removes all calls.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = Waiter<T>> + use<T> {
        std::mem::replace(self, Self::new()).list.into_iter().filter(|waiter| waiter.sender.is_some())
    }

    fn remove_cancelled_at_front(&mut self) {
        while self.list.front().is_some_and(|waiter| waiter.sender.is_none()) {
            self.list.pop_front();
            self.cancelled = self.cancelled.saturating_sub(1);
        }
    }

    /// Whether one of the first `count` entries still waits. The first entry does, except in between two changes.
    fn has_before(&self, count: usize) -> bool {
        self.list.iter().take(count).any(|waiter| waiter.sender.is_some())
    }

    /// Where the call is, or would be inserted. Most calls are the newest.
    fn position(&self, ticket: Ticket) -> usize {
        match self.list.back() {
            Some(last) if last.ticket >= ticket => self.list.partition_point(|waiter| waiter.ticket < ticket),
            _ => self.list.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(waiters: &mut Waiters<()>, ticket: u64) {
        let (sender, _) = oneshot::channel();
        waiters.insert(Waiter {
            ticket: Ticket(ticket),
            workload: None,
            deadline: None,
            sender: Some(sender),
            waker: None,
        });
    }

    #[test]
    fn calls_leave_in_the_order_of_their_tickets() {
        let mut waiters = Waiters::new();
        for ticket in [3, 4, 1, 5, 2] {
            insert(&mut waiters, ticket);
        }
        assert_eq!([1, 2, 5, 6].map(|ticket| waiters.place(Ticket(ticket))), [0, 1, 4, 5]);
        waiters.cancel(Ticket(2));
        waiters.cancel(Ticket(2));
        waiters.cancel(Ticket(9));
        assert_eq!((waiters.len(), waiters.place(Ticket(6))), (4, 4));
        assert!(waiters.get_mut(Ticket(2)).is_none() && waiters.get_mut(Ticket(3)).is_some());
        assert_eq!(waiters.place(Ticket(3)), 1, "there is one before it");
        let mut left = || waiters.pop_first().map(|waiter| waiter.ticket.0);
        assert_eq!([left(), left(), left(), left(), left()], [Some(1), Some(3), Some(4), Some(5), None]);
        assert_eq!((waiters.len(), waiters.cancelled), (0, 0));
    }

    #[test]
    fn cancelled_calls_take_no_memory_for_long() {
        let mut waiters = Waiters::new();
        for ticket in 0..10_000 {
            insert(&mut waiters, ticket);
        }
        // In an order that looks random.
        for n in 0..10_000_u64 {
            let ticket = n.wrapping_mul(7_919) % 10_000;
            waiters.cancel(Ticket(ticket));
            assert!(waiters.list.len() <= 2 * (waiters.len() + 1), "{n}");
            assert_eq!(waiters.len() as u64, 9_999 - n);
        }
        assert!(waiters.first_mut().is_none() && waiters.take().next().is_none());
    }
}
