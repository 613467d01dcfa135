//! The retry loop. It is not generic and does not decode: see [`operation`](crate::api::operation).

use tokio::time::{Instant, sleep_until};
use tracing::{debug, info};

use crate::error::{Error, ErrorKind, ErrorParts};
use crate::http::transport::Transport;
use crate::models::bill::Bill;
use crate::models::client_usage::ClientUsage;
use crate::models::response_metadata::ResponseMetadata;
use crate::pacing::limit::Seconds;
use crate::pacing::limiter::Used;
use crate::pacing::pacer::Pacer;
use crate::pacing::queue::Permit;
use crate::pacing::waiters::{NotAdmitted, Ticket};
use crate::pipeline::attempt;
use crate::pipeline::attempt_error::AttemptError;
use crate::pipeline::budget::{Reservation, RetryAfterGate, RetryBudget, RetryCost};
use crate::pipeline::counters::Counters;
use crate::pipeline::deadline::saturating_add;
use crate::pipeline::request::Request;
use crate::pipeline::response::RawResponse;
use crate::pipeline::retry::{FailedAttempt, FailureClass, RetryDecision, RetryStop, add_jitter, retries_used};
use crate::redacted::Redacted;

/// What a client and its copies share.
pub(crate) struct Pipeline {
    transport: Transport,
    pacer: Pacer,
    budget: RetryBudget,
    gate: RetryAfterGate,
    counters: Counters,
    max_response_bytes: usize,
}

/// A success that is not decoded yet. Its permit is held until then, because the response says how many tokens it used.
pub(crate) struct Success {
    pub(crate) response: RawResponse,
    pub(crate) metadata: ResponseMetadata,
    pub(crate) permit: Permit,
}

impl Pipeline {
    pub(crate) fn new(transport: Transport, pacer: Pacer, retry_budget: bool, max_response_bytes: usize) -> Self {
        Self {
            transport,
            pacer,
            budget: RetryBudget::new(retry_budget),
            gate: RetryAfterGate::default(),
            counters: Counters::default(),
            max_response_bytes,
        }
    }

    pub(crate) fn pacer(&self) -> &Pacer {
        &self.pacer
    }

    /// What was done so far.
    pub(crate) fn usage(&self) -> ClientUsage {
        ClientUsage { pacing: self.pacer.status(), ..self.counters.snapshot() }
    }

    /// Executes a call: waits for a permit, sends, reads, and on a failure ends the permit, waits and starts again.
    /// [`succeeded`](Self::succeeded) or [`failed`](Self::failed) ends the call.
    pub(crate) async fn execute(&self, request: &mut Request) -> Result<Success, Error> {
        self.counters.call_started();
        let mut call = CallState::default();
        loop {
            let mut permit =
                match self.pacer.admit(&mut call.ticket, request.workload.as_deref(), request.deadline).await {
                    Ok(permit) => permit,
                    Err(not_admitted) => return Err(call.not_admitted(not_admitted, request)),
                };
            self.counters.attempt_started();
            call.attempts = call.attempts.saturating_add(1);
            let attempt = match self.attempt(request, &permit).await {
                Ok(response) => Ok(response),
                Err(error) => {
                    let failed = call.record_failure(&error);
                    self.note_failure(&mut permit, &failed);
                    Err((error, failed))
                }
            };
            permit.return_connection().await;
            let (error, failed) = match attempt {
                Ok(response) => {
                    self.budget.record_success(call.retry_cost);
                    let (response, metadata) = call.into_success(response, request);
                    return Ok(Success { response, metadata, permit });
                }
                Err(failure) => failure,
            };
            permit.end(None);
            match self.wait_to_retry(request, &failed, &call).await {
                Ok(reservation) => call.retry_cost = reservation.commit(),
                Err(stop) => {
                    debug!(attempts = call.attempts, reason = ?stop, "not retried");
                    return Err(call.into_error(error, request, Some(stop), stop.words().map(str::to_owned)));
                }
            }
            call.last = Some(error);
        }
    }

    /// Ends a call whose response was decoded.
    pub(crate) fn succeeded(&self, mut permit: Permit, request: &Request, bill: &Bill) {
        self.counters.call_succeeded(bill);
        permit.set_used(bill.total_tokens.map_or(Used::Unknown, Used::Tokens));
        permit.end(request.workload.as_deref().zip(bill.output_tokens));
    }

    /// Tells the pacer what a failed attempt says of the rate limit.
    fn note_failure(&self, permit: &mut Permit, failed: &FailedAttempt) {
        permit.set_used(used(failed));
        if failed.is_throttled() {
            self.counters.rate_limited();
            permit.rate_limited(failed.pause().map(|pause| (pause, add_jitter(pause, jitter()))));
        }
    }

    /// Ends a call that failed.
    pub(crate) fn failed(&self) {
        self.counters.call_failed();
    }

    async fn attempt(&self, request: &mut Request, permit: &Permit) -> Result<RawResponse, AttemptError> {
        let deadline = request.attempt_deadline();
        let response = attempt::send(&self.transport, request, permit.send_listener(), deadline).await?;
        attempt::read(response, self.max_response_bytes, &request.settings.api_key, deadline).await
    }

    /// Waits until a failed attempt may be retried, and returns the reserved cost. The error is the reason why it is not
    /// retried.
    async fn wait_to_retry(
        &self,
        request: &Request,
        failed: &FailedAttempt,
        call: &CallState,
    ) -> Result<Reservation<'_>, RetryStop> {
        let now = Instant::now();
        if let Some(delay) = failed.gate_duration() {
            self.gate.close_until(saturating_add(now, delay));
        }
        let remaining = request.deadline.map(|deadline| deadline.at.saturating_duration_since(now));
        let retries = retries_used(call.attempts, call.unprocessed_attempts);
        let delay = match request.policy.decide(failed, retries, jitter(), remaining) {
            RetryDecision::RetryAfter(delay) => delay,
            // The pacer holds it back.
            RetryDecision::WhenAdmitted => return self.budget.reserve(RetryCost::Scheduled).ok_or(RetryStop::Budget),
            RetryDecision::Stop(stop) => return Err(stop),
        };
        let reservation = self.budget.reserve(retry_cost(failed)).ok_or(RetryStop::Budget)?;
        let kind = call.last_kind.as_str();
        info!(attempt = call.attempts, delay_ms = delay.as_millis(), kind, status = failed.status, "retrying");
        let mut retry_at = saturating_add(now, delay);
        loop {
            if let Some(opens_at) = self.gate.closed_until(retry_at).filter(|_| failed.waits_at_gate()) {
                let now = Instant::now();
                retry_at = saturating_add(now, add_jitter(opens_at.saturating_duration_since(now), jitter()));
            }
            if request.deadline.is_some_and(|deadline| retry_at >= deadline.at) {
                return Err(RetryStop::Deadline);
            }
            sleep_until(retry_at).await;
            if !failed.waits_at_gate() || self.gate.closed_until(Instant::now()).is_none() {
                return Ok(reservation);
            }
        }
    }
}

/// The progress of a call.
#[derive(Default)]
struct CallState {
    /// The place in the queue of the pacer.
    ticket: Option<Ticket>,
    attempts: u32,
    unprocessed_attempts: u32,
    may_have_run: bool,
    /// What the last retry withdrew from the budget.
    retry_cost: u32,
    last_kind: ErrorKind,
    last: Option<AttemptError>,
}

impl CallState {
    fn record_failure(&mut self, error: &AttemptError) -> FailedAttempt {
        let failed = error.failed_attempt();
        self.unprocessed_attempts = self.unprocessed_attempts.saturating_add(u32::from(failed.is_unprocessed()));
        self.may_have_run |= failed.class.may_have_run();
        self.last_kind = error.kind();
        let request_id = error.request_id();
        let kind = self.last_kind.as_str();
        debug!(attempt = self.attempts, kind, status = failed.status, request_id, "attempt failed");
        failed
    }

    fn into_success(self, mut response: RawResponse, request: &Request) -> (RawResponse, ResponseMetadata) {
        let metadata = ResponseMetadata {
            attempts: self.attempts,
            request_id: response.request_id(),
            idempotency_key: request.idempotency_key().to_owned(),
            elapsed: request.started.elapsed(),
            headers: Redacted(std::mem::take(&mut response.headers)),
        };
        debug!(attempt = self.attempts, request_id = metadata.request_id, "attempt succeeded");
        (response, metadata)
    }

    /// The error of a call that the pacer did not admit: of its last attempt, if there was one.
    fn not_admitted(mut self, not_admitted: NotAdmitted, request: &Request) -> Error {
        let (wait, reason, is_configured) = match not_admitted {
            NotAdmitted::Timeout(message) => {
                let stop = self.last.is_some().then_some(RetryStop::Deadline);
                let error = self.last.take().unwrap_or(AttemptError::Timeout { message, sent: false });
                return self.into_error(error, request, stop, stop.and_then(RetryStop::words).map(str::to_owned));
            }
            NotAdmitted::RateLimit { wait, reason, is_configured } => (wait, reason, is_configured),
            NotAdmitted::Lost => {
                return Error::new(ErrorKind::Internal, "Internal SDK error: the call was lost. Please report it.");
            }
        };
        let limit = request.deadline.map_or_else(String::new, |deadline| format!(" ({} s)", Seconds(deadline.limit)));
        let reason = match wait {
            Some(wait) => format!("{reason}, and the wait of {} s would end after `timeout`{limit}", Seconds(wait)),
            None => format!("{reason}, and it had no room before `timeout`{limit} elapsed"),
        };
        let error = match self.last.take() {
            Some(error) => self.into_error(error, request, Some(RetryStop::RateLimit), Some(reason)),
            None => Error::from(ErrorParts {
                kind: ErrorKind::RateLimit,
                message: match is_configured {
                    true => format!("Not sent: {reason}. Raise `timeout`, or start fewer calls at once."),
                    false => format!(
                        "Not sent: {reason}. Raise `timeout`, start fewer calls at once, or set `rate_limit` to your plan."
                    ),
                },
                retry_stopped_by: RetryStop::RateLimit.name(),
                is_retryable: true,
                idempotency_key: Some(request.idempotency_key().to_owned()),
                elapsed: request.started.elapsed(),
                ..ErrorParts::default()
            }),
        };
        let parts = error.into_parts();
        Error::from(ErrorParts { retry_after: parts.retry_after.max(wait), ..parts })
    }

    /// The error of the last attempt, completed with what is known of the call. `reason` is why it is not retried.
    fn into_error(
        self,
        error: AttemptError,
        request: &Request,
        stop: Option<RetryStop>,
        reason: Option<String>,
    ) -> Error {
        let is_retryable = request.policy.is_retryable(&error.failed_attempt());
        let mut parts = error.into_parts();
        if let Some(reason) = reason {
            parts.message = format!("{} (not retried: {reason})", parts.message);
        }
        Error::from(ErrorParts {
            is_retryable,
            retry_stopped_by: stop.and_then(RetryStop::name),
            attempts: self.attempts,
            may_have_run: self.may_have_run,
            idempotency_key: Some(request.idempotency_key().to_owned()),
            elapsed: request.started.elapsed(),
            ..parts
        })
    }
}

/// What a retry withdraws from the budget.
fn retry_cost(failed: &FailedAttempt) -> RetryCost {
    if failed.is_throttled() {
        RetryCost::Throttled
    } else if failed.is_unprocessed() {
        RetryCost::Unprocessed
    } else {
        RetryCost::Failure
    }
}

/// What a failed attempt used of the rate limit.
fn used(failed: &FailedAttempt) -> Used {
    match failed.class {
        FailureClass::NotSent => Used::Nothing,
        FailureClass::Permanent { may_have_run: false } if failed.status.is_none() => Used::Nothing,
        FailureClass::Unprocessed | FailureClass::Throttled | FailureClass::Permanent { may_have_run: false } => {
            Used::Request
        }
        FailureClass::ServerError | FailureClass::Ambiguous | FailureClass::Permanent { may_have_run: true } => {
            Used::Failed
        }
    }
}

/// A random number from 0 to 1. It comes from the operating system, so that forked processes draw different ones.
fn jitter() -> f64 {
    getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::retry::FailureClass;

    #[test]
    fn retry_cost_table() {
        let cost = |class, status| {
            let failed = FailedAttempt { class, status, retry_after: None, should_retry: None };
            retry_cost(&failed) as u32
        };
        assert_eq!(cost(FailureClass::Throttled, Some(429)), 5);
        assert_eq!(cost(FailureClass::Throttled, Some(408)), 14);
        assert_eq!(cost(FailureClass::ServerError, Some(503)), 14);
        assert_eq!(cost(FailureClass::NotSent, None), 14);
        assert_eq!(cost(FailureClass::Unprocessed, None), 1);
    }
}
