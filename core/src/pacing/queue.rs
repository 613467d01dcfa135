//! [`Queue`]: the attempts of a client that wait, first come, first served; and the [`Permit`] of each that may be sent.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use crate::config::rate_limit::RateLimit;
use crate::http::tracked_body::SendListener;
use crate::pacing::limiter::{Admission, Limiter, Used};
use crate::pacing::output_estimates::Workload;
use crate::pacing::state::State;
use crate::pacing::waiters::{NotAdmitted, Ticket};

/// Scheduler yields before an attempt ends for others that wait for it, so that the HTTP library can return the connection
/// to its pool first. With 1 there were up to 20 % more connections than attempts, with 4 a few.
const POOL_RETURN_YIELDS: u8 = 8;

/// How much later than the first of the queue the others poll.
const POLL_DELAY: Duration = Duration::from_millis(50);

/// The queue of a client and its copies.
pub(crate) struct Queue {
    /// Times are durations since then.
    pub(crate) epoch: Instant,
    state: Mutex<State<Permit>>,
}

/// What a call in the queue waits for.
pub(crate) type Decision = Result<Permit, NotAdmitted>;

/// What a call in the queue has to do.
pub(crate) enum QueuePoll {
    /// Send its attempt.
    Admitted(Permit),
    /// Poll again at this time.
    PollAt(Duration),
    /// Wait until it is told a decision, or woken.
    Wait,
}

impl Queue {
    pub(crate) fn new(rate_limit: RateLimit, max_concurrency: usize) -> Self {
        let limiter = Limiter::new(rate_limit, u64::try_from(max_concurrency).unwrap_or(u64::MAX));
        Self { epoch: Instant::now(), state: Mutex::new(State::new(limiter)) }
    }

    pub(crate) fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State<Permit>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits an attempt, or tells when the limiter may do so.
    pub(crate) fn try_admit(
        self: &Arc<Self>,
        state: &mut State<Permit>,
        workload: Option<&Workload>,
    ) -> Result<Permit, Admission> {
        let tokens = state.tokens(workload);
        match state.limiter.admit(self.now(), tokens) {
            Admission::Now => {
                let flight = Flight { queue: Arc::clone(self), tokens: tokens.likely, sent_at: AtomicU64::new(UNSENT) };
                Ok(Permit { flight: Arc::new(flight), used: Used::Nothing, ended: false })
            }
            wait => Err(wait),
        }
    }

    /// What the call with this ticket has to do. `waker` wakes it when that changes.
    ///
    /// The first of the queue admits the others at the same time. Those poll again a little later, because a first call that
    /// is not polled, such as one in a stream that is not read, would hold back all others.
    pub(crate) fn poll(self: &Arc<Self>, ticket: Ticket, waker: &Waker) -> QueuePoll {
        self.reject_late(self.lock());
        let mut state = self.lock();
        let place = state.waiters.place(ticket);
        let Some(waiter) = state.waiters.get_mut(ticket) else {
            // It was decided, and is about to be told.
            return QueuePoll::Wait;
        };
        waiter.waker = Some(waker.clone());
        let workload = waiter.workload.clone();
        let review_at = state.review_at;
        let poll_at = if place == 0 {
            match self.try_admit(&mut state, workload.as_ref()) {
                Ok(permit) => {
                    state.waiters.pop_first();
                    self.admit_waiting(state);
                    return QueuePoll::Admitted(permit);
                }
                Err(Admission::At(at)) => Some(at),
                Err(Admission::Now | Admission::WhenAnotherEnds) => None,
            }
        } else {
            let now = self.now();
            let tokens = state.tokens(workload.as_ref());
            let earliest = state.limiter.earliest(now, place, tokens);
            if earliest <= now {
                self.admit_waiting(state);
            }
            (earliest > now).then(|| earliest.saturating_add(POLL_DELAY))
        };
        match poll_at.into_iter().chain(review_at).min() {
            Some(at) => QueuePoll::PollAt(at),
            None => QueuePoll::Wait,
        }
    }

    /// Admits as many calls of the queue as may go. The first of the rest is woken, to poll at its time.
    pub(crate) fn admit_waiting(self: &Arc<Self>, mut state: MutexGuard<'_, State<Permit>>) {
        let mut admitted = Vec::new();
        while let Some(first) = state.waiters.first_mut() {
            let workload = first.workload.take();
            match self.try_admit(&mut state, workload.as_ref()) {
                Ok(permit) => admitted.push((state.waiters.pop_first(), permit)),
                Err(_) => {
                    if let Some(first) = state.waiters.first_mut() {
                        first.workload = workload;
                    }
                    break;
                }
            }
        }
        let first = state.waiters.first_mut().and_then(|first| first.waker.take());
        self.reject_late(state);
        if let Some(waker) = first {
            waker.wake();
        }
        for (waiter, permit) in admitted {
            if let Some(sender) = waiter.and_then(|waiter| waiter.sender) {
                // A call that is cancelled at this moment drops its permit, which admits the next.
                let _ = sender.send(Ok(permit));
            }
        }
    }

    /// Tells the calls of the queue that cannot make their deadline any more, if limiter or queue have changed since the last
    /// time.
    fn reject_late(&self, mut state: MutexGuard<'_, State<Permit>>) {
        let now = self.now();
        if !state.needs_review(now) {
            return;
        }
        let mut rejected = Vec::new();
        for waiter in state.waiters.take() {
            let place = state.waiters.len();
            match state.not_admitted(now, place, waiter.workload.as_ref(), waiter.deadline) {
                Some(not_admitted) => rejected.push((waiter.sender, not_admitted)),
                None => state.waiters.insert(waiter),
            }
        }
        let first = state.waiters.first_mut().and_then(|first| first.waker.take());
        drop(state);
        if let Some(waker) = first {
            waker.wake();
        }
        for (sender, not_admitted) in rejected {
            if let Some(sender) = sender {
                let _ = sender.send(Err(not_admitted));
            }
        }
    }
}

/// The right to send one attempt. Dropping it ends the attempt with what is known of it: if it was sent and no more is known,
/// it may have used all that was reserved.
pub(crate) struct Permit {
    flight: Arc<Flight>,
    used: Used,
    ended: bool,
}

/// What an attempt and the connection that sends it share.
struct Flight {
    queue: Arc<Queue>,
    /// Reserved tokens.
    tokens: u64,
    /// When its body began to be sent, in nanoseconds since the epoch; [`UNSENT`] before, [`RETURNED`] if it never will be.
    /// It changes under the lock of the state.
    sent_at: AtomicU64,
}

const UNSENT: u64 = u64::MAX;
const RETURNED: u64 = u64::MAX - 1;

impl Permit {
    /// Is told when the body begins to be sent.
    pub(crate) fn send_listener(&self) -> Arc<dyn SendListener> {
        Arc::clone(&self.flight) as _
    }

    /// The service rejected the attempt with 429: see [`Limiter::rate_limited`].
    pub(crate) fn rate_limited(&self, retry_after: Option<(Duration, Duration)>) {
        let queue = &self.flight.queue;
        let mut state = queue.lock();
        let now = queue.now();
        let sent_at = self.flight.sent_at().unwrap_or(now);
        state.limiter.rate_limited(now, sent_at, retry_after);
    }

    /// What the attempt used, as far as it is known before its end.
    pub(crate) fn set_used(&mut self, used: Used) {
        self.used = used;
    }

    /// To be awaited before [`end`](Self::end), so that the connection of the attempt is idle again when the next one starts.
    pub(crate) async fn return_connection(&self) {
        if self.flight.queue.lock().limiter.is_full() {
            // The HTTP library returns the connection in a task of its own. An attempt that starts before that would open
            // one more connection: up to twice as many as permits, and more than the process may have open files.
            for _ in 0..POOL_RETURN_YIELDS {
                tokio::task::yield_now().await;
            }
        }
    }

    /// The attempt ended. `learn` has what the estimate of further requests is learned from: the request, and the tokens of
    /// its output.
    pub(crate) fn end(mut self, learn: Option<(&Workload, u64)>) {
        self.end_once(learn);
    }

    fn end_once(&mut self, learn: Option<(&Workload, u64)>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let queue = &self.flight.queue;
        let mut state = queue.lock();
        let used = match (self.flight.sent_at(), self.used) {
            (Some(_), Used::Nothing) => Used::Unknown,
            (None, Used::Nothing) => {
                self.flight.sent_at.store(RETURNED, Ordering::Release);
                Used::Nothing
            }
            // A request without a body is never seen to be sent.
            (None, used) => {
                self.flight.mark_sent(&mut state, queue.now());
                used
            }
            (Some(_), used) => used,
        };
        state.limiter.ended(|| queue.now(), self.flight.sent_at(), self.flight.tokens, used);
        if let Some((workload, output_tokens)) = learn {
            state.outputs.record(workload, output_tokens);
        }
        queue.admit_waiting(state);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.end_once(None);
    }
}

impl Flight {
    fn sent_at(&self) -> Option<Duration> {
        Some(self.sent_at.load(Ordering::Acquire)).filter(|nanos| *nanos < RETURNED).map(Duration::from_nanos)
    }

    fn mark_sent(&self, state: &mut State<Permit>, now: Duration) {
        let nanos = u64::try_from(now.as_nanos()).unwrap_or(0);
        match self.sent_at.compare_exchange(UNSENT, nanos, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => state.limiter.sent(now),
            // The connection took it just before it was cancelled, and tells it just after.
            Err(RETURNED) => {
                self.sent_at.store(nanos, Ordering::Release);
                state.limiter.sent_after_return(now);
            }
            Err(_) => {}
        }
    }
}

impl SendListener for Flight {
    fn started(&self) {
        let mut state = self.queue.lock();
        self.mark_sent(&mut state, self.queue.now());
    }
}
