//! [`Pacer`]: waits until an attempt may be sent.
//!
//! It starts no task and no thread. Each call in the queue has a timer of its own. A call that wakes admits all calls of the
//! queue that the limiter allows, in order.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep_until};

use crate::config::rate_limit::RateLimit;
use crate::models::client_usage::PacingStatus;
use crate::pacing::output_estimates::Workload;
use crate::pacing::queue::{Decision, Permit, Queue, QueuePoll};
use crate::pacing::waiters::{NotAdmitted, Ticket, Waiter};
use crate::pipeline::deadline::{Deadline, before, saturating_add};

/// The pacer of a client and its copies.
#[derive(Clone)]
pub(crate) struct Pacer {
    queue: Arc<Queue>,
    /// Whether tokens are limited, so that calls have to estimate theirs. A learned limit has none.
    pub(crate) counts_tokens: bool,
}

impl Pacer {
    pub(crate) fn new(rate_limit: RateLimit, max_concurrency: usize) -> Self {
        let counts_tokens = rate_limit.quota().is_some_and(|quota| quota.tokens.is_some());
        Self { queue: Arc::new(Queue::new(rate_limit, max_concurrency)), counts_tokens }
    }

    /// Waits until an attempt may be sent, but not beyond its deadline. If it is known that the wait is longer, this fails at
    /// once. `ticket` is the place of the call; its first attempt gets one.
    pub(crate) async fn admit(
        &self,
        ticket: &mut Option<Ticket>,
        workload: Option<&Workload>,
        deadline: Option<Deadline>,
    ) -> Result<Permit, NotAdmitted> {
        // A request without time for its response would be billed for nothing.
        if let Some(deadline) = deadline.filter(Deadline::has_passed) {
            return Err(NotAdmitted::Timeout(deadline.exceeded_message("before the request could be sent")));
        }
        let waiting = {
            let mut state = self.queue.lock();
            let ticket = *ticket.get_or_insert_with(|| state.new_ticket());
            let place = state.waiters.place(ticket);
            if place == 0
                && let Ok(permit) = self.queue.try_admit(&mut state, workload)
            {
                return Ok(permit);
            }
            let ends_at = deadline.map(|deadline| deadline.at.saturating_duration_since(self.queue.epoch));
            let now = self.queue.now();
            if let Some(not_admitted) = state.not_admitted(now, place, workload, ends_at) {
                return Err(not_admitted);
            }
            let (sender, receiver) = oneshot::channel();
            let (workload, sender) = (workload.cloned(), Some(sender));
            state.insert(now, Waiter { ticket, workload, deadline: ends_at, sender, waker: None });
            Waiting { queue: &self.queue, ticket, receiver }
        };
        // Boxed, because most calls do not wait, and every call has room for the future.
        match Box::pin(before(deadline.as_ref(), waiting.decided())).await {
            Ok(decision) => decision,
            Err(deadline) => Err(self.timed_out(workload, deadline)),
        }
    }

    /// The state for [`ClientUsage`](crate::ClientUsage).
    pub(crate) fn status(&self) -> PacingStatus {
        let mut state = self.queue.lock();
        let waiting = u64::try_from(state.waiters.len()).unwrap_or(u64::MAX);
        PacingStatus { waiting, ..state.limiter.status(self.queue.now()) }
    }

    fn timed_out(&self, workload: Option<&Workload>, deadline: Deadline) -> NotAdmitted {
        let mut state = self.queue.lock();
        let now = self.queue.now();
        let tokens = state.tokens(workload);
        let earliest = state.limiter.earliest(now, 0, tokens);
        let is_limited = earliest > now || !state.limiter.is_full();
        match state.limiter.reason(now).filter(|_| is_limited) {
            Some(reason) => {
                let wait = Some(state.limiter.wait(now, earliest)).filter(|wait| !wait.is_zero());
                NotAdmitted::RateLimit { wait, reason, is_configured: state.limiter.is_configured() }
            }
            None => NotAdmitted::Timeout(
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
    receiver: oneshot::Receiver<Decision>,
}

impl Waiting<'_> {
    async fn decided(mut self) -> Decision {
        let mut alarm = pin!(None::<Sleep>);
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(decision) = Pin::new(&mut self.receiver).poll(cx) {
                    return Poll::Ready(decision.unwrap_or(Err(NotAdmitted::Lost)));
                }
                match self.queue.poll(self.ticket, cx.waker()) {
                    QueuePoll::Admitted(permit) => return Poll::Ready(Ok(permit)),
                    QueuePoll::Wait => return Poll::Pending,
                    QueuePoll::PollAt(at) => alarm.set(Some(sleep_until(saturating_add(self.queue.epoch, at)))),
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
        let is_first = state.waiters.place(self.ticket) == 0 && state.waiters.get_mut(self.ticket).is_some();
        state.waiters.cancel(self.ticket);
        if is_first {
            self.queue.admit_waiting(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use tokio::task::{JoinHandle, yield_now};
    use tokio::time::{Instant, advance};

    use crate::models::catalog::Quota;
    use crate::pacing::limiter::Used;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn limited(requests: u64) -> Pacer {
        let quota = Quota { requests: Some(requests), tokens: None, per: S(60) };
        Pacer::new(RateLimit::Custom(quota), 1_000_000)
    }

    fn end(mut permit: Permit, used: Used) {
        permit.set_used(used);
        permit.end(None);
    }

    /// An attempt that is sent at once, and ends.
    fn send(permit: Permit) {
        permit.send_listener().started();
        end(permit, Used::Tokens(1));
    }

    /// A call that sends its number when its attempt is sent.
    fn call(pacer: &Pacer, number: usize, sent: &tokio::sync::mpsc::UnboundedSender<usize>) -> JoinHandle<()> {
        let (pacer, sent) = (pacer.clone(), sent.clone());
        tokio::spawn(async move {
            let permit = pacer.admit(&mut None, None, None).await.unwrap();
            sent.send(number).unwrap();
            send(permit);
        })
    }

    fn deadline(seconds: u64) -> Option<Deadline> {
        Deadline::from_now("timeout", S(seconds))
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_waiters_leave_in_order_and_can_be_cancelled() {
        let pacer = limited(30);
        let (sender, mut sent) = tokio::sync::mpsc::unbounded_channel();
        let calls: Vec<_> = (0..10_000).map(|number| call(&pacer, number, &sender)).collect();
        let start = Instant::now();
        for number in 0..300 {
            assert_eq!(sent.recv().await, Some(number));
            let window = u32::try_from(number / 30).unwrap();
            assert_eq!(start.elapsed().as_millis(), (Duration::from_millis(60_250) * window).as_millis(), "{number}");
        }
        assert_eq!(pacer.status().waiting, 9_700);
        // From the back, from the front and from the middle.
        for call in calls.iter().rev().take(3_000).chain(calls.iter().take(3_000)).chain(&calls) {
            call.abort();
        }
        for call in calls {
            let _ = call.await;
        }
        assert_eq!((pacer.status().waiting, pacer.status().in_flight), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn waiters_are_polled_a_few_times_only() {
        let pacer = limited(10);
        let polls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let calls: Vec<_> = (0..500)
            .map(|_| {
                let (pacer, polls) = (pacer.clone(), Arc::clone(&polls));
                tokio::spawn(async move {
                    let mut admitted = Box::pin(async move { send(pacer.admit(&mut None, None, None).await.unwrap()) });
                    poll_fn(|cx| {
                        polls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        admitted.as_mut().poll(cx)
                    })
                    .await;
                })
            })
            .collect();
        for call in calls {
            call.await.unwrap();
        }
        // First, as the first of the queue, and admitted.
        let polls = polls.load(std::sync::atomic::Ordering::Relaxed);
        assert!(polls <= 500 * 4, "{polls}");
    }

    /// Such as a call in a stream that its reader does not poll for a while.
    #[tokio::test(start_paused = true)]
    async fn first_call_that_is_not_polled_holds_back_no_other() {
        let pacer = limited(2);
        for _ in 0..2 {
            send(pacer.admit(&mut None, None, None).await.unwrap());
        }
        let mut ticket = None;
        let mut not_polled = Box::pin(pacer.admit(&mut ticket, None, None));
        // Nobody is woken by it.
        let mut never_woken = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(not_polled.as_mut().poll(&mut never_woken).is_pending());
        let start = Instant::now();
        send(pacer.admit(&mut None, None, None).await.unwrap());
        assert_eq!(start.elapsed().as_millis(), 60_300);
        // It has its permit already.
        assert!(not_polled.as_mut().poll(&mut never_woken).is_ready());
    }

    #[tokio::test(start_paused = true)]
    async fn retry_goes_before_calls_that_came_later() {
        let pacer = limited(1);
        let mut ticket = None;
        send(pacer.admit(&mut ticket, None, None).await.unwrap());
        let (sender, mut sent) = tokio::sync::mpsc::unbounded_channel();
        for number in [1, 2] {
            drop(call(&pacer, number, &sender));
        }
        yield_now().await;
        let start = Instant::now();
        send(pacer.admit(&mut ticket, None, None).await.unwrap());
        assert_eq!(start.elapsed().as_millis(), 60_250);
        assert_eq!((sent.recv().await, sent.recv().await), (Some(1), Some(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn call_that_cannot_make_its_deadline_fails_at_once() {
        let pacer = limited(2);
        for _ in 0..2 {
            send(pacer.admit(&mut None, None, None).await.unwrap());
        }
        advance(S(10)).await;
        let start = Instant::now();
        // Two fit into the next window, two into the one after it.
        for (timeout, wait) in [(50, Some(50_250)), (51, None), (51, None), (51, Some(110_500)), (110, Some(110_500))] {
            let waiting = pacer.clone();
            let mut admitted =
                Box::pin(async move { waiting.admit(&mut None, None, deadline(timeout)).await.map(drop) });
            let first = poll_fn(|cx| Poll::Ready(admitted.as_mut().poll(cx))).await;
            match (first, wait) {
                (Poll::Ready(Err(NotAdmitted::RateLimit { wait, reason, .. })), Some(expected)) => {
                    assert_eq!(wait, Some(Duration::from_millis(expected)));
                    assert_eq!(reason, "the rate limit in force is 2 requests per 60 s (`rate_limit`)");
                }
                // It stays in the queue.
                (Poll::Pending, None) => std::mem::forget(admitted),
                (decision, _) => panic!("{decision:?} {timeout}"),
            }
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    /// Retries that enter the queue before a call can make it too late.
    #[tokio::test(start_paused = true)]
    async fn call_that_retries_push_back_fails_soon() {
        let pacer = limited(1);
        let mut older = None;
        send(pacer.admit(&mut older, None, None).await.unwrap());
        let waiting = pacer.clone();
        let newer = tokio::spawn(async move { waiting.admit(&mut None, None, deadline(100)).await.map(drop) });
        yield_now().await;
        let retrying = pacer.clone();
        let retry = tokio::spawn(async move { retrying.admit(&mut older, None, deadline(100)).await.map(drop) });
        let start = Instant::now();
        match newer.await.unwrap() {
            Err(NotAdmitted::RateLimit { wait, .. }) => assert_eq!(wait, Some(Duration::from_millis(120_400))),
            decision => panic!("{decision:?}"),
        }
        assert_eq!(start.elapsed().as_millis(), 100);
        retry.await.unwrap().unwrap();
        assert_eq!(start.elapsed().as_millis(), 60_250);
    }

    #[tokio::test(start_paused = true)]
    async fn gate_tells_waiting_calls_that_they_are_too_late() {
        let pacer = Pacer::new(RateLimit::Auto, 1);
        let permit = pacer.admit(&mut None, None, None).await.unwrap();
        permit.send_listener().started();
        let waiting: Vec<_> = [30, 600]
            .into_iter()
            .map(|timeout| {
                let pacer = pacer.clone();
                tokio::spawn(async move { pacer.admit(&mut None, None, deadline(timeout)).await.map(drop) })
            })
            .collect();
        yield_now().await;
        let start = Instant::now();
        permit.rate_limited(Some((S(60), S(61))));
        end(permit, Used::Request);
        let mut waiting = waiting.into_iter();
        match waiting.next().unwrap().await.unwrap() {
            Err(NotAdmitted::RateLimit { wait, reason, .. }) => {
                assert_eq!((wait, start.elapsed()), (Some(S(60)), Duration::ZERO));
                assert_eq!(reason, "the service responded with 429 and asks to wait for 60 s");
            }
            decision => panic!("{decision:?}"),
        }
        waiting.next().unwrap().await.unwrap().unwrap();
        assert_eq!(start.elapsed(), S(61));
    }

    #[tokio::test(start_paused = true)]
    async fn unsent_and_cancelled_attempts_take_nothing_of_the_limit() {
        let pacer = limited(1);
        drop(pacer.admit(&mut None, None, None).await.unwrap());
        assert_eq!(pacer.status().requests_in_window, 0);
        let permit = pacer.admit(&mut None, None, None).await.unwrap();
        // A waiter that is admitted and cancelled at the same moment.
        let (sender, mut sent) = tokio::sync::mpsc::unbounded_channel();
        let (gone, next) = (call(&pacer, 1, &sender), call(&pacer, 2, &sender));
        yield_now().await;
        end(permit, Used::Nothing);
        gone.abort();
        assert_eq!(sent.recv().await, Some(2));
        next.await.unwrap();
        assert_eq!(pacer.status().requests_in_window, 1);
        let start = Instant::now();
        // Sent, and then dropped: it may have run.
        let permit = pacer.admit(&mut None, None, None).await.unwrap();
        permit.send_listener().started();
        drop(permit);
        assert_eq!((start.elapsed().as_millis(), pacer.status().requests_in_window), (60_250, 1));
    }
}
