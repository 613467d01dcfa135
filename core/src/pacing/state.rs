//! [`State`]: what the calls of a client share while they wait for a permit.

use std::time::Duration;

use crate::pacing::limiter::Limiter;
use crate::pacing::output_estimates::{OutputEstimates, TokenEstimate, Workload};
use crate::pacing::waiters::{NotAdmitted, Ticket, Waiter, Waiters};

/// How long after an insertion before others their deadlines are checked: once for many.
const REVIEW_DELAY: Duration = Duration::from_millis(100);

/// The limiter of a client, and the calls that wait for a permit `P`.
pub(crate) struct State<P> {
    pub(crate) limiter: Limiter,
    pub(crate) outputs: OutputEstimates,
    pub(crate) waiters: Waiters<Result<P, NotAdmitted>>,
    next_ticket: u64,
    /// The revision of the limiter for which the deadlines of the queue were checked.
    reviewed: u64,
    /// When they are checked again, because calls were inserted before others.
    pub(crate) review_at: Option<Duration>,
}

impl<P> State<P> {
    pub(crate) fn new(limiter: Limiter) -> Self {
        Self {
            limiter,
            outputs: OutputEstimates::default(),
            waiters: Waiters::new(),
            next_ticket: 0,
            reviewed: 0,
            review_at: None,
        }
    }

    pub(crate) fn new_ticket(&mut self) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket = self.next_ticket.saturating_add(1);
        ticket
    }

    /// Adds a call to the queue.
    pub(crate) fn insert(&mut self, now: Duration, waiter: Waiter<Result<P, NotAdmitted>>) {
        if self.waiters.place(waiter.ticket) < self.waiters.len() {
            self.review_at.get_or_insert(now.saturating_add(REVIEW_DELAY));
        }
        self.waiters.insert(waiter);
    }

    /// Whether calls of the queue may have become too late.
    pub(crate) fn needs_review(&mut self, now: Duration) -> bool {
        let revision = self.limiter.revision();
        let is_changed = std::mem::replace(&mut self.reviewed, revision) != revision;
        let is_due = self.review_at.take_if(|at| *at <= now).is_some();
        (is_changed || is_due) && self.waiters.len() > 0
    }

    /// The estimated tokens of a call; 0 if they are not limited.
    pub(crate) fn tokens(&self, workload: Option<&Workload>) -> TokenEstimate {
        match (self.limiter.token_limit(), workload) {
            (Some(limit), Some(workload)) => self.outputs.tokens(workload, limit),
            _ => TokenEstimate::default(),
        }
    }

    /// Why the call at `place` cannot be sent before its deadline, if that is known.
    pub(crate) fn not_admitted(
        &mut self,
        now: Duration,
        place: usize,
        workload: Option<&Workload>,
        deadline: Option<Duration>,
    ) -> Option<NotAdmitted> {
        deadline?;
        let tokens = self.tokens(workload);
        let earliest = self.limiter.earliest(now, place, tokens);
        deadline.filter(|deadline| earliest >= *deadline && earliest > now)?;
        let reason = self.limiter.reason(now)?;
        let (wait, is_configured) = (Some(self.limiter.wait(now, earliest)), self.limiter.is_configured());
        Some(NotAdmitted::RateLimit { wait, reason, is_configured })
    }
}
