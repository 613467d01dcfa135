//! The service without HTTP: one call, from its key and body to its response.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::body::Bytes;
use axum::http::HeaderMap;

use crate::auth::ApiKey;
use crate::body::BodyReader;
use crate::config::Options;
use crate::counter::Exhausted;
use crate::digest::{Digest, digest};
use crate::idempotency::{self, IdempotencyStore, Lookup};
use crate::ids;
use crate::kits::tokens;
use crate::ledger::{Ledger, Stats, UsageTotals};
use crate::limits::Limits;
use crate::plan::Plan;
use crate::request::RunRequest;
use crate::response::{ApiError, Output, Run, Usage};

/// The service. All connections share one.
pub(crate) struct Service {
    pub(crate) options: Options,
    pub(crate) bodies: BodyReader,
    started: Instant,
    runs: AtomicU64,
    responses: AtomicU64,
    /// Held for a few map operations per call, never for work that grows with the body.
    state: Mutex<State>,
}

struct State {
    idempotency: IdempotencyStore,
    limits: Limits,
    ledger: Ledger,
    /// The number of calls that reached the fail rate.
    failure_draws: u64,
}

/// A 200 of the run endpoint.
pub(crate) struct CompletedRun {
    pub(crate) body: Bytes,
    pub(crate) kit: &'static str,
    pub(crate) tokens: u64,
    /// Whether it is a stored response.
    pub(crate) replayed: bool,
}

impl Service {
    pub(crate) fn new(options: Options) -> Self {
        let (runs, responses) = (AtomicU64::new(0), AtomicU64::new(0));
        let bodies = BodyReader::new(options.body_timeout);
        let state = State {
            idempotency: IdempotencyStore::default(),
            limits: Limits::new(&options),
            ledger: Ledger::default(),
            failure_draws: 0,
        };
        Self { options, bodies, started: Instant::now(), runs, responses, state: Mutex::new(state) }
    }

    /// Reads the API key, and counts the request.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Result<ApiKey, ApiError> {
        let api_key = ApiKey::from_headers(headers);
        let mut state = self.state();
        match &api_key {
            Ok(api_key) => state.ledger.add(api_key, &UsageTotals { requests: 1, ..UsageTotals::default() }),
            Err(_) => state.ledger.add_unknown(),
        }
        api_key
    }

    /// Runs one call. Checks in this order: 400 by field, replay or 422, 429, the fail rate.
    ///
    /// The run is billed and stored before this returns: a client that disconnects before the response is billed, and gets the
    /// stored response when it retries with the same Idempotency-Key. `received_at` is when the head of the request
    /// arrived.
    pub(crate) fn run(
        &self,
        api_key: &ApiKey,
        headers: &HeaderMap,
        body: &[u8],
        received_at: Instant,
    ) -> Result<CompletedRun, ApiError> {
        let request = RunRequest::read(body)?;
        let kit = request.kit;
        let key = if self.options.idempotency { idempotency::key_of(headers)? } else { None };
        let idempotency = key.map(|key| (digest(&[&api_key.id, key.as_bytes()]), digest(&[body])));

        // The text depends on the request alone, so it is written before the lock is taken, and dropped if the call fails or is
        // replayed.
        let text = kit.write(&request.prompt, &request.context, request.max_tokens);
        let input_tokens = tokens(&request.prompt).saturating_add(tokens(&request.context));
        let output_tokens = tokens(&text);
        let total_tokens = input_tokens.saturating_add(output_tokens);
        let latency = received_at.elapsed().saturating_add(self.options.latency);
        let run = Run {
            id: ids::named("run_", self.options.seed, self.runs.fetch_add(1, Ordering::Relaxed)),
            kit: kit.id,
            status: "completed",
            output: Output { text },
            usage: Usage { input_tokens, output_tokens, total_tokens },
            latency_ms: u64::try_from(latency.as_millis()).unwrap_or(u64::MAX),
        };
        let response = serde_json::to_vec(&run).map(Bytes::from).map_err(|_| ApiError::internal())?;
        let charge = UsageTotals {
            billed_runs: 1,
            input_tokens,
            output_tokens,
            cost_nano_usd: total_tokens.saturating_mul(kit.nano_usd_per_token),
            ..UsageTotals::default()
        };
        let (body, replayed) = self.settle(api_key, idempotency, response, total_tokens, &charge)?;
        Ok(CompletedRun { body, kit: kit.id, tokens: total_tokens, replayed })
    }

    /// A snapshot of the ledger.
    pub(crate) fn stats(&self) -> Stats {
        self.state().ledger.stats()
    }

    /// A new id for the `x-request-id` header.
    pub(crate) fn request_id(&self) -> String {
        ids::named("req_", self.options.seed, self.responses.fetch_add(1, Ordering::Relaxed))
    }

    /// Does in one step what must be atomic, so that of several calls with one Idempotency-Key exactly one is billed.
    /// `idempotency` has the digests of key and body. Returns the response, and whether it is a stored one.
    fn settle(
        &self,
        api_key: &ApiKey,
        idempotency: Option<(Digest, Digest)>,
        response: Bytes,
        tokens: u64,
        charge: &UsageTotals,
    ) -> Result<(Bytes, bool), ApiError> {
        let mut guard = self.state();
        let state = &mut *guard;
        if let Some((key, request)) = &idempotency {
            match state.idempotency.get(key, request) {
                Lookup::Miss => {}
                Lookup::Conflict => return Err(ApiError::key_reused()),
                Lookup::Hit(stored) => {
                    state.ledger.add(api_key, &UsageTotals { replays: 1, ..UsageTotals::default() });
                    return Ok((stored, true));
                }
            }
        }

        let plan = self.options.plan.unwrap_or(api_key.plan);
        if let Err(exhausted) = state.limits.admit(api_key.id, plan, self.started.elapsed(), tokens) {
            state.ledger.add(api_key, &UsageTotals { rate_limited: 1, ..UsageTotals::default() });
            return Err(self.rate_limited(plan, &exhausted));
        }

        let draw = state.failure_draws;
        state.failure_draws = draw.wrapping_add(1);
        if should_fail(self.options.seed, draw, self.options.fail_rate) {
            return Err(ApiError::internal());
        }

        state.ledger.add(api_key, charge);
        if let Some((key, request)) = idempotency {
            state.idempotency.put(key, request, response.clone());
        }
        Ok((response, false))
    }

    fn rate_limited(&self, plan: Plan, exhausted: &Exhausted) -> ApiError {
        let (quota, plan, after) = (&exhausted.quota, plan.name(), exhausted.retry_after());
        let length = self.options.window_length.as_secs_f64();
        let message = format!("over the {quota} per {length} s of plan {plan}; retry after {after} s");
        ApiError::rate_limited(message, after)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether call number `draw` fails: the same for the same seed, and true for `rate` of all calls.
fn should_fail(seed: u64, draw: u64, rate: f64) -> bool {
    let unit = (ids::mix(seed, draw) >> 11) as f64 / (1_u64 << 53) as f64;
    unit < rate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fail_rate_is_met_and_depends_on_the_seed() {
        for (rate, min, max) in [(0.0, 0, 0), (0.1, 900, 1_100), (0.5, 4_800, 5_200), (1.0, 10_000, 10_000)] {
            for seed in [0, 1, u64::MAX] {
                let count = (0..10_000).filter(|&draw| should_fail(seed, draw, rate)).count();
                assert!((min..=max).contains(&count), "{rate} {seed} {count}");
            }
        }
        let first = |seed| (0..64).map(|draw| should_fail(seed, draw, 0.5)).collect::<Vec<_>>();
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }
}
