//! [`Ledger`]: what was billed per key, as `GET /sandbox/stats` returns it.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::auth::ApiKey;
use crate::digest::Digest;

/// A snapshot of the ledger; also the JSON of `GET /sandbox/stats`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// All keys together. `requests` also counts requests without an accepted key.
    #[serde(flatten)]
    pub total: UsageTotals,
    /// Each key, by its prefix and the first 8 hexadecimal digits of its SHA-256: `bak_maker_…3f2a9c1d`. After 10,000 keys,
    /// new ones are counted as `others`.
    pub keys: BTreeMap<String, UsageTotals>,
}

/// Counters. They never decrease or wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UsageTotals {
    /// Requests to the run endpoint, whatever the response.
    pub requests: u64,
    /// Billed runs: responses with 200, without replays.
    pub billed_runs: u64,
    /// Replayed responses, which are not billed.
    pub replays: u64,
    /// Responses with 429.
    pub rate_limited: u64,
    /// Billed tokens of prompts and contexts.
    pub input_tokens: u64,
    /// Billed tokens of outputs.
    pub output_tokens: u64,
    /// The price of all billed tokens, in billionths of a US dollar. It is exact.
    pub cost_nano_usd: u64,
}

/// What was billed.
#[derive(Default)]
pub(crate) struct Ledger {
    total: UsageTotals,
    keys: HashMap<Digest, (ApiKey, UsageTotals)>,
    others: UsageTotals,
}

const MAX_KEYS: usize = 10_000;

impl Ledger {
    /// Adds a request without an accepted key.
    pub(crate) fn add_unknown(&mut self) {
        self.total.add(&UsageTotals { requests: 1, ..UsageTotals::default() });
    }

    /// Adds `usage` to the totals of a key.
    pub(crate) fn add(&mut self, key: &ApiKey, usage: &UsageTotals) {
        self.total.add(usage);
        let full = self.keys.len() >= MAX_KEYS;
        match self.keys.get_mut(&key.id) {
            Some((_, totals)) => totals.add(usage),
            None if full => self.others.add(usage),
            None => {
                self.keys.insert(key.id, (*key, *usage));
            }
        }
    }

    /// A snapshot.
    pub(crate) fn stats(&self) -> Stats {
        let mut keys: BTreeMap<String, UsageTotals> = BTreeMap::new();
        for (key, totals) in self.keys.values() {
            keys.entry(key.redacted()).or_default().add(totals);
        }
        if self.others != UsageTotals::default() {
            keys.insert("others".to_owned(), self.others);
        }
        Stats { total: self.total, keys }
    }
}

impl UsageTotals {
    fn add(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.billed_runs = self.billed_runs.saturating_add(other.billed_runs);
        self.replays = self.replays.saturating_add(other.replays);
        self.rate_limited = self.rate_limited.saturating_add(other.rate_limited);
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.cost_nano_usd = self.cost_nano_usd.saturating_add(other.cost_nano_usd);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderMap;
    use axum::http::header::AUTHORIZATION;

    #[test]
    fn memory_is_bounded() {
        let mut ledger = Ledger::default();
        for n in 0..MAX_KEYS + 5 {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, format!("Bearer bak_{n}").parse().unwrap());
            let key = ApiKey::from_headers(&headers).unwrap();
            ledger.add(&key, &UsageTotals { requests: 2, ..UsageTotals::default() });
        }
        let stats = ledger.stats();
        assert_eq!(ledger.keys.len(), MAX_KEYS);
        assert_eq!((stats.total.requests, stats.keys["others"].requests), (20_010, 10));
    }
}
