//! The service without its sockets: one call, from its head and body to its answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};

use crate::answer::{Output, Refusal, Run, Usage};
use crate::billing::{Bill, Stats, Tally};
use crate::caller::{Caller, Digest, digest};
use crate::idempotency::{self, Answers, Known};
use crate::kits::tokens;
use crate::limits::Limits;
use crate::request::RunRequest;
use crate::{Options, ids};

/// The service. One for all connections.
pub(crate) struct Service {
    pub(crate) options: Options,
    started: Instant,
    runs: AtomicU64,
    answers: AtomicU64,
    /// Held for a few map operations per call, never for work that grows with the body.
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    answers: Answers,
    limits: Limits,
    bill: Bill,
    /// Calls that came as far as the fail rate.
    rolls: u64,
}

/// Where a request goes.
pub(crate) enum Route {
    Run(Caller),
    Stats,
}

/// A 200 of the run endpoint.
pub(crate) struct Done {
    pub(crate) body: Bytes,
    pub(crate) kit: &'static str,
    pub(crate) tokens: u64,
    /// Whether it is a stored answer given again.
    pub(crate) replayed: bool,
}

impl Service {
    pub(crate) fn new(options: Options) -> Self {
        let (runs, answers) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { options, started: Instant::now(), runs, answers, books: Mutex::default() }
    }

    /// What the head alone decides: 404, 405, 401. Counts the request.
    pub(crate) fn route(&self, head: &Parts) -> Result<Route, Refusal> {
        match (head.uri.path(), &head.method) {
            ("/v1/kits/run", &Method::POST) => {}
            ("/v1/kits/run", _) => return Err(Refusal::method_not_allowed("POST")),
            ("/sandbox/stats", &Method::GET) => return Ok(Route::Stats),
            ("/sandbox/stats", _) => return Err(Refusal::method_not_allowed("GET")),
            _ => return Err(Refusal::not_found()),
        }
        let caller = Caller::of(&head.headers);
        let mut books = self.books();
        match &caller {
            Ok(caller) => books.bill.add(caller, &Tally { requests: 1, ..Tally::default() }),
            Err(_) => books.bill.add_unknown(),
        }
        caller.map(Route::Run)
    }

    /// One run: 400 by field, then replay or 422, then 429, then the fail rate, then the answer.
    ///
    /// The run is billed and stored before this returns: a caller who goes away without the answer was billed, and
    /// gets that answer if he asks again under the same Idempotency-Key. `since` is when the request's head came.
    pub(crate) fn run(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
        body: &[u8],
        since: Instant,
    ) -> Result<Done, Refusal> {
        let request = RunRequest::read(body)?;
        let kit = request.kit;
        let key = if self.options.idempotency { idempotency::key_of(headers)? } else { None };
        let memory = key.map(|key| (digest(&[&caller.id, key.as_bytes()]), digest(&[body])));

        // The text depends on nothing but the request, so it is written before the lock is taken, and thrown away
        // if the call is refused or was answered before.
        let text = kit.write(&request.prompt, &request.context, request.max_tokens);
        let input_tokens = tokens(&request.prompt).saturating_add(tokens(&request.context));
        let output_tokens = tokens(&text);
        let total_tokens = input_tokens.saturating_add(output_tokens);
        let latency = since.elapsed().saturating_add(self.options.latency);
        let run = Run {
            id: ids::named("run_", self.options.seed, self.runs.fetch_add(1, Ordering::Relaxed)),
            kit: kit.id,
            status: "completed",
            output: Output { text },
            usage: Usage { input_tokens, output_tokens, total_tokens },
            latency_ms: u64::try_from(latency.as_millis()).unwrap_or(u64::MAX),
        };
        let answer = serde_json::to_vec(&run).map(Bytes::from).map_err(|_| Refusal::internal())?;
        let charge = Tally {
            billed_runs: 1,
            input_tokens,
            output_tokens,
            cost_nano_usd: total_tokens.saturating_mul(kit.nano_usd_per_token),
            ..Tally::default()
        };
        let (body, replayed) = self.settle(caller, memory, answer, total_tokens, &charge)?;
        Ok(Done { body, kit: kit.id, tokens: total_tokens, replayed })
    }

    /// The books as they are.
    pub(crate) fn stats(&self) -> Stats {
        self.books().bill.stats()
    }

    /// A new id for the `x-request-id` header.
    pub(crate) fn request_id(&self) -> String {
        ids::named("req_", self.options.seed, self.answers.fetch_add(1, Ordering::Relaxed))
    }

    /// What must be one step, so that of calls under one Idempotency-Key exactly one is billed. `memory` is the
    /// digests of key and body. The answer to give, and whether it is a stored one.
    fn settle(
        &self,
        caller: &Caller,
        memory: Option<(Digest, Digest)>,
        answer: Bytes,
        tokens: u64,
        charge: &Tally,
    ) -> Result<(Bytes, bool), Refusal> {
        let mut guard = self.books();
        let books = &mut *guard;
        if let Some((key, request)) = &memory {
            match books.answers.get(key, request) {
                Known::New => {}
                Known::Reused => return Err(Refusal::key_reused()),
                Known::Answered(stored) => {
                    books.bill.add(caller, &Tally { replays: 1, ..Tally::default() });
                    return Ok((stored, true));
                }
            }
        }

        let plan = self.options.plan.unwrap_or(caller.plan);
        books.limits.admit(caller.id, plan, self.started.elapsed(), tokens).map_err(|exhausted| {
            let (plan, quota, after) = (plan.name(), exhausted.quota, exhausted.retry_after);
            Refusal::rate_limited(format!("over the {quota} per minute of plan {plan}; retry after {after} s"), after)
        })?;

        let roll = books.rolls;
        books.rolls = roll.wrapping_add(1);
        if fails(self.options.seed, roll, self.options.fail_rate) {
            return Err(Refusal::internal());
        }

        books.bill.add(caller, charge);
        if let Some((key, request)) = memory {
            books.answers.put(key, request, answer.clone());
        }
        Ok((answer, false))
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether call number `roll` fails: the same for the same seed, and true for `rate` of all calls.
fn fails(seed: u64, roll: u64, rate: f64) -> bool {
    let unit = (ids::mix(seed, roll) >> 11) as f64 / (1_u64 << 53) as f64;
    unit < rate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fail_rate() {
        for (rate, least, most) in [(0.0, 0, 0), (0.1, 900, 1_100), (0.5, 4_800, 5_200), (1.0, 10_000, 10_000)] {
            for seed in [0, 1, u64::MAX] {
                let count = (0..10_000).filter(|&roll| fails(seed, roll, rate)).count();
                assert!((least..=most).contains(&count), "{rate} {seed} {count}");
            }
        }
        let first = |seed| (0..64).map(|roll| fails(seed, roll, 0.5)).collect::<Vec<_>>();
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }
}
