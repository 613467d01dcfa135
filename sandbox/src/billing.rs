//! What was billed, per key, and what `GET /sandbox/stats` says of it.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::caller::{Caller, Digest};

/// The state of a sandbox's books; also the JSON of `GET /sandbox/stats`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// All keys together. `requests` counts those without an accepted key too.
    #[serde(flatten)]
    pub total: Tally,
    /// Each key, under its prefix and the first 8 hexadecimal digits of its SHA-256: `bak_maker_…3f2a9c1d`. Past
    /// 10,000 keys, new ones count under `others`.
    pub keys: BTreeMap<String, Tally>,
}

/// Counters. None of them ever goes down or wraps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Tally {
    /// Requests to the run endpoint, whatever was answered.
    pub requests: u64,
    /// Runs that were billed: first answers with 200.
    pub billed_runs: u64,
    /// Stored answers given again, which bill nothing.
    pub replays: u64,
    /// Billed tokens of prompts and contexts.
    pub input_tokens: u64,
    /// Billed tokens of outputs.
    pub output_tokens: u64,
    /// The price of all billed tokens, in billionths of a US dollar: exact, the spec's prices are whole numbers of it.
    pub cost_nano_usd: u64,
}

/// The books.
#[derive(Default)]
pub(crate) struct Bill {
    total: Tally,
    keys: HashMap<Digest, (Caller, Tally)>,
    others: Tally,
}

const MOST_KEYS: usize = 10_000;

impl Bill {
    /// Adds a request without an accepted key.
    pub(crate) fn add_unknown(&mut self) {
        self.total.add(&Tally { requests: 1, ..Tally::default() });
    }

    /// Adds `what` to a key's tally.
    pub(crate) fn add(&mut self, caller: &Caller, what: &Tally) {
        self.total.add(what);
        let full = self.keys.len() >= MOST_KEYS;
        match self.keys.get_mut(&caller.id) {
            Some((_, tally)) => tally.add(what),
            None if full => self.others.add(what),
            None => {
                self.keys.insert(caller.id, (*caller, *what));
            }
        }
    }

    /// A copy to show.
    pub(crate) fn stats(&self) -> Stats {
        let mut keys: BTreeMap<String, Tally> = BTreeMap::new();
        for (caller, tally) in self.keys.values() {
            keys.entry(caller.redacted()).or_default().add(tally);
        }
        if self.others != Tally::default() {
            keys.insert("others".to_owned(), self.others);
        }
        Stats { total: self.total, keys }
    }
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.billed_runs = self.billed_runs.saturating_add(other.billed_runs);
        self.replays = self.replays.saturating_add(other.replays);
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.cost_nano_usd = self.cost_nano_usd.saturating_add(other.cost_nano_usd);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::HeaderMap;
    use hyper::header::AUTHORIZATION;

    #[test]
    fn memory_is_bounded() {
        let mut bill = Bill::default();
        for n in 0..MOST_KEYS + 5 {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, format!("Bearer bak_{n}").parse().unwrap());
            let caller = Caller::of(&headers).unwrap();
            bill.add(&caller, &Tally { requests: 2, ..Tally::default() });
        }
        let stats = bill.stats();
        assert_eq!(bill.keys.len(), MOST_KEYS);
        assert_eq!((stats.total.requests, stats.keys["others"].requests), (20_010, 10));
    }
}
