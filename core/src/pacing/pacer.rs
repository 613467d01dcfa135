//! [`Pacer`]: waits until an attempt may be sent.
//!
//! It starts no task and no thread. The first of the queue waits for the time that the limiter names; whoever wakes up admits
//! as many as may go.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep_until};

use crate::config::rate_limit::RateLimit;
use crate::models::client_usage::PacingStatus;
use crate::pacing::output_estimates::Workload;
use crate::pacing::queue::{NoRoom, Permit, Queue, Ticket, Turn, Waiter};
use crate::pipeline::deadline::{Deadline, before, saturating_add};

/// The pacer of a client and its copies.
#[derive(Clone)]
pub(crate) struct Pacer(Arc<Queue>);

impl Pacer {
    pub(crate) fn new(rate_limit: RateLimit, max_concurrency: usize) -> Self {
        Self(Arc::new(Queue::new(rate_limit, max_concurrency)))
    }

    /// Whether tokens are limited, so that calls have to estimate theirs.
    pub(crate) fn counts_tokens(&self) -> bool {
        self.0.lock().limiter.token_limit().is_some()
    }

    /// Waits until an attempt may be sent, but not beyond its deadline. If it is known that the wait is longer, this fails at
    /// once. `ticket` is the place of the call; its first attempt gets one.
    pub(crate) async fn admit(
        &self,
        ticket: &mut Option<Ticket>,
        workload: Option<&Workload>,
        deadline: Option<Deadline>,
    ) -> Result<Permit, NoRoom> {
        // A request without time for its response would be billed for nothing.
        if let Some(deadline) = deadline.filter(Deadline::has_passed) {
            return Err(NoRoom::Timeout(deadline.exceeded_message("before the request could be sent")));
        }
        let waiting = {
            let mut state = self.0.lock();
            let ticket = *ticket.get_or_insert_with(|| state.new_ticket());
            let place = state.place(ticket);
            if place == 0
                && let Ok(permit) = self.0.ask(&mut state, workload)
            {
                return Ok(permit);
            }
            let until = deadline.map(|deadline| deadline.at.saturating_duration_since(self.0.epoch));
            if let Some(no_room) = state.no_room(self.0.now(), place, until) {
                return Err(no_room);
            }
            let (decision, receiver) = oneshot::channel();
            let waiter = Waiter { ticket, workload: workload.cloned(), deadline: until, decision, waker: None };
            state.waiters.insert(place, waiter);
            Waiting { queue: &self.0, ticket, receiver }
        };
        match before(deadline.as_ref(), waiting.decided()).await {
            Ok(decision) => decision,
            Err(deadline) => Err(self.timed_out(deadline)),
        }
    }

    /// The state for [`ClientUsage`](crate::ClientUsage).
    pub(crate) fn status(&self) -> PacingStatus {
        let mut state = self.0.lock();
        let waiting = u64::try_from(state.waiters.len()).unwrap_or(u64::MAX);
        PacingStatus { waiting, ..state.limiter.status(self.0.now()) }
    }

    fn timed_out(&self, deadline: Deadline) -> NoRoom {
        let mut state = self.0.lock();
        let now = self.0.now();
        match state.limiter.reason(now) {
            Some(reason) => NoRoom::RateLimit { wait: state.limiter.earliest(now, 0).saturating_sub(now), reason },
            None => NoRoom::Timeout(
                deadline
                    .exceeded_message("while queued behind `max_concurrency`; raise `max_concurrency` or the timeout"),
            ),
        }
    }
}

/// A call in the queue. Dropping it takes it out.
struct Waiting<'a> {
    queue: &'a Arc<Queue>,
    ticket: Ticket,
    receiver: oneshot::Receiver<Result<Permit, NoRoom>>,
}

impl Waiting<'_> {
    async fn decided(mut self) -> Result<Permit, NoRoom> {
        let mut alarm = pin!(None::<Sleep>);
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(decision) = Pin::new(&mut self.receiver).poll(cx) {
                    // The sender is never dropped without a decision while this waits.
                    return Poll::Ready(decision.unwrap_or_else(|_| Err(NoRoom::Timeout("The call was lost.".into()))));
                }
                match self.queue.turn(self.ticket, cx.waker()) {
                    Turn::Send(permit) => return Poll::Ready(Ok(permit)),
                    Turn::Wait => return Poll::Pending,
                    Turn::AskAt(at) => alarm.set(Some(sleep_until(saturating_add(self.queue.epoch, at)))),
                }
                if alarm.as_mut().as_pin_mut().is_none_or(|alarm| alarm.poll(cx).is_pending()) {
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        let place = state.place(self.ticket);
        if state.waiters.get(place).is_some_and(|waiter| waiter.ticket == self.ticket) {
            state.waiters.remove(place);
            if place == 0 {
                self.queue.admit_waiting(state);
            }
        }
    }
}
