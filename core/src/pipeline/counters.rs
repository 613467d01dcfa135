//! [`Counters`]: what a client has done, for [`ClientUsage`].

use std::sync::atomic::{AtomicU64, Ordering};

use crate::models::bill::Bill;
use crate::models::client_usage::ClientUsage;

/// Counts since the client was created.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    calls: AtomicU64,
    attempts: AtomicU64,
    runs: AtomicU64,
    failures: AtomicU64,
    rate_limited: AtomicU64,
    input_tokens: AtomicU64,
    output_tokens: AtomicU64,
    total_tokens: AtomicU64,
    runs_with_unknown_usage: AtomicU64,
    nano_usd: AtomicU64,
}

impl Counters {
    pub(crate) fn call_started(&self) {
        add(&self.calls, 1);
    }

    pub(crate) fn attempt_started(&self) {
        add(&self.attempts, 1);
    }

    pub(crate) fn rate_limited(&self) {
        add(&self.rate_limited, 1);
    }

    pub(crate) fn call_failed(&self) {
        add(&self.failures, 1);
    }

    pub(crate) fn call_succeeded(&self, bill: &Bill) {
        add(&self.runs, 1);
        add(&self.input_tokens, bill.input_tokens.unwrap_or(0));
        add(&self.output_tokens, bill.output_tokens.unwrap_or(0));
        match bill.total_tokens {
            Some(tokens) => add(&self.total_tokens, tokens),
            None => add(&self.runs_with_unknown_usage, 1),
        }
        add(&self.nano_usd, bill.cost.map_or(0, |cost| cost.nano_usd()));
    }

    /// The counts, without the state of the pacer.
    pub(crate) fn snapshot(&self) -> ClientUsage {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ClientUsage {
            calls: get(&self.calls),
            attempts: get(&self.attempts),
            runs: get(&self.runs),
            failures: get(&self.failures),
            rate_limited: get(&self.rate_limited),
            input_tokens: get(&self.input_tokens),
            output_tokens: get(&self.output_tokens),
            total_tokens: get(&self.total_tokens),
            runs_with_unknown_usage: get(&self.runs_with_unknown_usage),
            cost: crate::models::cost::Cost::from_nano_usd(get(&self.nano_usd)),
            ..ClientUsage::default()
        }
    }
}

/// Adds without overflow: the service can claim any number of tokens.
fn add(counter: &AtomicU64, amount: u64) {
    if amount != 0 {
        let _ = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| Some(count.saturating_add(amount)));
    }
}
