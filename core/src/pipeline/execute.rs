//! The retry loop. It is not generic and does not decode: see [`operation`](crate::api::operation).

use tokio::time::{Instant, sleep_until};
use tracing::{debug, info};

use crate::error::{Error, ErrorKind, ErrorParts};
use crate::http::transport::Transport;
use crate::models::response_metadata::ResponseMetadata;
use crate::pipeline::attempt;
use crate::pipeline::attempt_error::AttemptError;
use crate::pipeline::budget::{Reservation, RetryAfterGate, RetryBudget, RetryCost};
use crate::pipeline::deadline::saturating_add;
use crate::pipeline::permits::Permits;
use crate::pipeline::request::Request;
use crate::pipeline::response::RawResponse;
use crate::pipeline::retry::{FailedAttempt, RetryDecision, RetryStop, add_jitter, retries_used};
use crate::redacted::Redacted;

/// What a client and its copies share.
pub(crate) struct Pipeline {
    transport: Transport,
    permits: Permits,
    budget: RetryBudget,
    gate: RetryAfterGate,
    max_response_bytes: usize,
}

impl Pipeline {
    pub(crate) fn new(transport: Transport, max_concurrency: usize, max_response_bytes: usize) -> Self {
        Self {
            transport,
            permits: Permits::new(max_concurrency),
            budget: RetryBudget::default(),
            gate: RetryAfterGate::default(),
            max_response_bytes,
        }
    }

    /// Executes a call: acquires a permit, sends, reads, releases the permit, and on a failure waits and starts again.
    pub(crate) async fn execute(&self, request: &mut Request) -> Result<(RawResponse, ResponseMetadata), Error> {
        let mut call = CallState::default();
        loop {
            let permit = match self.permits.acquire(request.deadline).await {
                Ok(permit) => permit,
                Err(message) => {
                    let stop = call.last.is_some().then_some(RetryStop::Deadline);
                    let error = call.last.take().unwrap_or(AttemptError::Timeout { message, sent: false });
                    return Err(call.into_error(error, request, stop));
                }
            };
            call.attempts = call.attempts.saturating_add(1);
            let attempt = self.attempt(request).await;
            self.permits.release(permit).await;
            let error = match attempt {
                Ok(response) => {
                    self.budget.record_success(call.retry_cost);
                    return Ok(call.into_success(response, request));
                }
                Err(error) => error,
            };
            let failed = call.record_failure(&error);
            match self.wait_to_retry(request, &failed, &call).await {
                Ok(reservation) => call.retry_cost = reservation.commit(),
                Err(stop) => {
                    debug!(attempts = call.attempts, reason = ?stop, "not retried");
                    return Err(call.into_error(error, request, Some(stop)));
                }
            }
            call.last = Some(error);
        }
    }

    async fn attempt(&self, request: &mut Request) -> Result<RawResponse, AttemptError> {
        let deadline = request.attempt_deadline();
        let response = attempt::send(&self.transport, request, deadline).await?;
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

    /// The error of the last attempt, completed with what is known of the call.
    fn into_error(self, error: AttemptError, request: &Request, stop: Option<RetryStop>) -> Error {
        let is_retryable = request.policy.is_retryable(&error.failed_attempt());
        let mut parts = error.into_parts();
        if let Some(words) = stop.and_then(RetryStop::words) {
            parts.message = format!("{} (not retried: {words})", parts.message);
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
