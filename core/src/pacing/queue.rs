//! [`Queue`]: the attempts of a client that wait, first come, first served; and the [`Permit`] of each that may be sent.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::config::rate_limit::RateLimit;
use crate::http::tracked_body::SendListener;
use crate::pacing::limiter::{Admission, Limiter, Used};
use crate::pacing::output_estimates::{OutputEstimates, TokenEstimate, Workload};

/// Scheduler yields before an attempt ends for others that wait for it, so that the HTTP library can return the connection
/// to its pool first. With 1 there were up to 20 % more connections than attempts, with 4 a few.
const POOL_RETURN_YIELDS: u8 = 8;

/// The queue of a client and its copies.
pub(crate) struct Queue {
    /// Times are durations since then.
    pub(crate) epoch: Instant,
    state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) limiter: Limiter,
    outputs: OutputEstimates,
    /// By ticket, so that the retry of a call goes before the calls that came after it.
    pub(crate) waiters: VecDeque<Waiter>,
    next_ticket: u64,
    /// The revision of the limiter for which the deadlines of the queue were checked.
    reviewed: u64,
}

/// The place of a call in the queue. Its retries keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

pub(crate) struct Waiter {
    pub(crate) ticket: Ticket,
    pub(crate) workload: Option<Workload>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) decision: oneshot::Sender<Result<Permit, NoRoom>>,
    /// Wakes it when it becomes the first of the queue.
    pub(crate) waker: Option<Waker>,
}

/// Why a call was not admitted.
#[derive(Debug)]
pub(crate) enum NoRoom {
    /// A deadline passed in the queue of `max_concurrency`; the message of a timeout.
    Timeout(String),
    /// The rate limit makes it wait beyond its deadline.
    RateLimit {
        /// How long it would have to wait from now on. `None` if that depends on attempts in flight.
        wait: Option<Duration>,
        /// The limit and the wait.
        reason: String,
    },
}

/// What a call in the queue has to do.
pub(crate) enum Turn {
    /// Send its attempt.
    Send(Permit),
    /// Ask again at this time.
    AskAt(Duration),
    /// Wait until it is told a decision, or becomes the first of the queue.
    Wait,
}

impl Queue {
    pub(crate) fn new(rate_limit: RateLimit, max_concurrency: usize) -> Self {
        let state = State {
            limiter: Limiter::new(rate_limit, u64::try_from(max_concurrency).unwrap_or(u64::MAX)),
            outputs: OutputEstimates::default(),
            waiters: VecDeque::new(),
            next_ticket: 0,
            reviewed: 0,
        };
        Self { epoch: Instant::now(), state: Mutex::new(state) }
    }

    pub(crate) fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the limiter for an attempt.
    pub(crate) fn ask(self: &Arc<Self>, state: &mut State, workload: Option<&Workload>) -> Result<Permit, Admission> {
        let tokens = state.tokens(workload);
        match state.limiter.admit(self.now(), tokens) {
            Admission::Now => {
                let flight = Flight { queue: Arc::clone(self), tokens: tokens.likely, sent_at: AtomicU64::new(UNSENT) };
                Ok(Permit { flight: Arc::new(flight), ended: false })
            }
            wait => Err(wait),
        }
    }

    /// What the call with this ticket has to do. `waker` wakes it when that changes.
    pub(crate) fn turn(self: &Arc<Self>, ticket: Ticket, waker: &Waker) -> Turn {
        let mut state = self.lock();
        let place = state.place(ticket);
        let Some(waiter) = state.waiters.get_mut(place).filter(|waiter| waiter.ticket == ticket) else {
            // It was decided, and is about to be told.
            return Turn::Wait;
        };
        waiter.waker = Some(waker.clone());
        if place > 0 {
            return Turn::Wait;
        }
        let workload = waiter.workload.take();
        let answer = self.ask(&mut state, workload.as_ref());
        match answer {
            Ok(permit) => {
                state.waiters.pop_front();
                self.admit_waiting(state);
                Turn::Send(permit)
            }
            Err(wait) => {
                if let Some(first) = state.waiters.front_mut() {
                    first.workload = workload;
                }
                self.refuse_hopeless(state);
                match wait {
                    Admission::At(at) => Turn::AskAt(at),
                    Admission::Now | Admission::AfterAnother => Turn::Wait,
                }
            }
        }
    }

    /// Admits as many calls of the queue as may go. The first of the rest is woken to set its alarm.
    pub(crate) fn admit_waiting(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        if state.waiters.is_empty() {
            return;
        }
        let mut admitted = Vec::new();
        while let Some(first) = state.waiters.pop_front() {
            match self.ask(&mut state, first.workload.as_ref()) {
                Ok(permit) => admitted.push((first.decision, permit)),
                Err(_) => {
                    state.waiters.push_front(first);
                    break;
                }
            }
        }
        let first = state.waiters.front_mut().and_then(|first| first.waker.take());
        self.refuse_hopeless(state);
        if let Some(waker) = first {
            waker.wake();
        }
        for (sender, permit) in admitted {
            // A call that is cancelled at this moment drops its permit, which admits the next.
            let _ = sender.send(Ok(permit));
        }
    }

    /// Tells the calls of the queue that cannot make their deadline any more, if the limiter has changed since the last time.
    fn refuse_hopeless(&self, mut state: MutexGuard<'_, State>) {
        let revision = state.limiter.revision();
        if std::mem::replace(&mut state.reviewed, revision) == revision || state.waiters.is_empty() {
            return;
        }
        let now = self.now();
        let mut refused = Vec::new();
        let mut kept = VecDeque::with_capacity(state.waiters.len());
        for waiter in std::mem::take(&mut state.waiters) {
            match state.no_room(now, kept.len(), waiter.workload.as_ref(), waiter.deadline) {
                Some(no_room) => refused.push((waiter.decision, no_room)),
                None => kept.push_back(waiter),
            }
        }
        state.waiters = kept;
        let first = state.waiters.front_mut().and_then(|first| first.waker.take());
        drop(state);
        if let Some(waker) = first {
            waker.wake();
        }
        for (sender, no_room) in refused {
            let _ = sender.send(Err(no_room));
        }
    }
}

impl State {
    pub(crate) fn new_ticket(&mut self) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket = self.next_ticket.saturating_add(1);
        ticket
    }

    /// How many calls are before this one in the queue.
    pub(crate) fn place(&self, ticket: Ticket) -> usize {
        // Most calls are the newest.
        match self.waiters.back() {
            Some(last) if last.ticket >= ticket => self.waiters.partition_point(|waiter| waiter.ticket < ticket),
            _ => self.waiters.len(),
        }
    }

    /// Whether the maximum of attempts is in flight.
    fn is_full(&self) -> bool {
        self.limiter.is_full()
    }

    /// The estimated tokens of a call; 0 if they are not limited.
    pub(crate) fn tokens(&self, workload: Option<&Workload>) -> TokenEstimate {
        match (self.limiter.token_limit(), workload) {
            (Some(limit), Some(workload)) => self.outputs.tokens(workload, limit),
            _ => TokenEstimate::default(),
        }
    }

    /// Why the call at `place` cannot be sent before its deadline, if that is known.
    pub(crate) fn no_room(
        &mut self,
        now: Duration,
        place: usize,
        workload: Option<&Workload>,
        deadline: Option<Duration>,
    ) -> Option<NoRoom> {
        deadline?;
        let tokens = self.tokens(workload);
        let earliest = self.limiter.earliest(now, place, tokens);
        deadline.filter(|deadline| earliest >= *deadline && earliest > now)?;
        let reason = self.limiter.reason(now)?;
        Some(NoRoom::RateLimit { wait: Some(self.limiter.wait(now, earliest)), reason })
    }
}

/// The right to send one attempt. Dropping it tells the limiter that the attempt ended and, if it was sent, that it may have
/// used all that was reserved.
pub(crate) struct Permit {
    flight: Arc<Flight>,
    ended: bool,
}

/// What an attempt and the connection that sends it share.
struct Flight {
    queue: Arc<Queue>,
    /// Reserved tokens.
    tokens: u64,
    /// When its body began to be sent, in nanoseconds since the epoch; [`UNSENT`] before, [`RETURNED`] if it never will be.
    /// It changes under the lock of the state, and once.
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

    /// The attempt ended. `workload` and `output_tokens` are what the estimate of further requests is learned from.
    pub(crate) async fn end(mut self, used: Used, learn: Option<(&Workload, u64)>) {
        if !self.end_unless(State::is_full, used, learn) {
            // The HTTP library returns the connection in a task of its own. An attempt that starts before that would open
            // one more connection: up to twice as many as permits, and more than the process may have open files.
            for _ in 0..POOL_RETURN_YIELDS {
                tokio::task::yield_now().await;
            }
            self.end_unless(|_| false, used, learn);
        }
    }

    /// Ends the attempt, once, and returns true; or false if `not_yet` says so.
    fn end_unless(&mut self, not_yet: fn(&State) -> bool, used: Used, learn: Option<(&Workload, u64)>) -> bool {
        if self.ended {
            return true;
        }
        let queue = &self.flight.queue;
        let mut state = queue.lock();
        if not_yet(&state) {
            return false;
        }
        self.ended = true;
        let now = queue.now();
        let used = match (self.flight.sent_at(), used) {
            (Some(_), Used::Nothing) => Used::Unknown,
            (None, Used::Nothing) => {
                self.flight.sent_at.store(RETURNED, Ordering::Release);
                used
            }
            // A request without a body is never seen to be sent.
            (None, _) => {
                self.flight.mark_sent(&mut state, now);
                used
            }
            (Some(_), _) => used,
        };
        state.limiter.ended(now, self.flight.tokens, used);
        if let Some((workload, output_tokens)) = learn {
            state.outputs.record(workload, output_tokens);
        }
        queue.admit_waiting(state);
        true
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.end_unless(|_| false, Used::Nothing, None);
    }
}

impl Flight {
    fn sent_at(&self) -> Option<Duration> {
        Some(self.sent_at.load(Ordering::Acquire)).filter(|nanos| *nanos < RETURNED).map(Duration::from_nanos)
    }

    fn mark_sent(&self, state: &mut State, now: Duration) {
        let nanos = u64::try_from(now.as_nanos()).unwrap_or(0);
        if self.sent_at.compare_exchange(UNSENT, nanos, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            state.limiter.sent(now);
        }
    }
}

impl SendListener for Flight {
    fn started(&self) {
        let mut state = self.queue.lock();
        self.mark_sent(&mut state, self.queue.now());
    }
}
