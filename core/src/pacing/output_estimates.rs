//! [`OutputEstimates`]: how many tokens the output of a request will have, learned from responses.

use std::collections::VecDeque;

use crate::models::kit::Kit;

/// What a request will use of a limit of tokens, as far as it is known before.
#[derive(Debug, Clone)]
pub struct Workload {
    /// The kit that it runs on.
    pub kit: Kit,
    /// Estimated tokens of prompt and context.
    pub input_tokens: u64,
    /// The request's own maximum of output tokens.
    pub max_tokens: Option<u32>,
    /// The same, or else the kit's maximum, if it is known.
    pub max_output_tokens: Option<u32>,
}

/// Responses after which the estimate is learned, and not the maximum.
const ENOUGH: usize = 20;
/// The last responses that an estimate is learned from.
const SAMPLES: usize = 100;
/// Responses after which it is learned again.
const INTERVAL: usize = 10;
/// Kits and settings that are learned. The one that was used the longest time ago makes room for a new one.
const MAX_SETTINGS: usize = 64;

/// The output of the last responses, by kit and `max_tokens`. The setting that was used last is the last one.
#[derive(Debug, Default)]
pub(crate) struct OutputEstimates(Vec<Setting>);

#[derive(Debug)]
struct Setting {
    kit: Kit,
    max_tokens: Option<u32>,
    samples: VecDeque<u64>,
    /// Responses since it was learned.
    new_samples: usize,
    /// The 90th percentile and the maximum, once there are enough.
    learned: Option<(u64, u64)>,
}

/// The estimated tokens of an attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TokenEstimate {
    /// What is reserved: few attempts use more.
    pub(crate) likely: u64,
    /// What has to be free: hardly any attempt uses more.
    pub(crate) at_most: u64,
}

impl OutputEstimates {
    /// The estimated tokens of a request: its input, and the learned output or else its maximum. `limit` is the number of
    /// tokens that a window allows. A request whose maximum is not known, or is more than that, is admitted alone.
    pub(crate) fn tokens(&self, workload: &Workload, limit: u64) -> TokenEstimate {
        let learned = self.find(workload).and_then(|setting| setting.learned);
        let (likely, at_most) = learned.unwrap_or_else(|| {
            let output = workload.max_output_tokens.map_or(limit, u64::from);
            (output, output)
        });
        let total = |output: u64| workload.input_tokens.saturating_add(output);
        TokenEstimate { likely: total(likely), at_most: total(at_most) }
    }

    /// Learns from the output of a response.
    pub(crate) fn record(&mut self, workload: &Workload, output_tokens: u64) {
        let found = self.0.iter().position(|setting| setting.is_of(workload));
        let mut setting = found.map_or_else(|| Setting::new(workload), |at| self.0.remove(at));
        if found.is_none() && self.0.len() >= MAX_SETTINGS {
            self.0.remove(0);
        }
        if setting.samples.len() >= SAMPLES {
            setting.samples.pop_front();
        }
        setting.samples.push_back(output_tokens);
        setting.new_samples = setting.new_samples.saturating_add(1);
        if setting.samples.len() >= ENOUGH && (setting.learned.is_none() || setting.new_samples >= INTERVAL) {
            setting.new_samples = 0;
            let mut sorted: Vec<u64> = setting.samples.iter().copied().collect();
            sorted.sort_unstable();
            let likely = sorted.get(sorted.len().saturating_mul(9).div_euclid(10)).copied();
            setting.learned = likely.zip(sorted.last().copied());
        }
        self.0.push(setting);
    }

    fn find(&self, workload: &Workload) -> Option<&Setting> {
        self.0.iter().find(|setting| setting.is_of(workload))
    }
}

impl Setting {
    fn new(workload: &Workload) -> Self {
        let (kit, max_tokens) = (workload.kit.clone(), workload.max_tokens);
        Self { kit, max_tokens, samples: VecDeque::new(), new_samples: 0, learned: None }
    }

    fn is_of(&self, workload: &Workload) -> bool {
        self.max_tokens == workload.max_tokens && self.kit == workload.kit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(kit: &str, max_tokens: Option<u32>) -> Workload {
        let kit = Kit::from(kit);
        let max_output_tokens = max_tokens.or(kit.info().map(|info| info.max_tokens));
        Workload { kit, input_tokens: 10, max_tokens, max_output_tokens }
    }

    #[test]
    fn maximum_counts_until_the_output_is_learned() {
        let mut estimates = OutputEstimates::default();
        let table = [
            ("text-gen", Some(500), 510),
            ("text-gen", None, 4_106),
            ("summarizer", None, 16_394),
            ("summarizer", Some(16_000), 16_010),
            ("new-kit", None, 15_010),
            ("new-kit", Some(5), 15),
        ];
        for (kit, max_tokens, tokens) in table {
            let estimate = estimates.tokens(&workload(kit, max_tokens), 15_000);
            assert_eq!((estimate.likely, estimate.at_most), (tokens, tokens), "{kit} {max_tokens:?}");
        }
        let tokens = |estimates: &OutputEstimates, max_tokens| {
            let estimate = estimates.tokens(&workload("text-gen", max_tokens), 15_000);
            (estimate.likely, estimate.at_most)
        };
        for output in 1..20 {
            estimates.record(&workload("text-gen", None), output);
        }
        assert_eq!(tokens(&estimates, None), (4_106, 4_106));
        estimates.record(&workload("text-gen", None), 20);
        assert_eq!(tokens(&estimates, None), (10 + 19, 10 + 20), "the 90th percentile and the maximum of 1 to 20");
        assert_eq!(tokens(&estimates, Some(500)), (510, 510), "another setting");
    }

    #[test]
    fn estimate_follows_the_last_responses_and_memory_is_bounded() {
        let mut estimates = OutputEstimates::default();
        for output in [vec![1_000; 100], vec![8; 100]].concat() {
            estimates.record(&workload("text-gen", None), output);
        }
        assert_eq!(estimates.tokens(&workload("text-gen", None), 15_000).likely, 18);
        for n in 0..1_000 {
            estimates.record(&workload("text-gen", Some(n)), 1);
            estimates.record(&workload("text-gen", None), 8);
        }
        assert_eq!(estimates.0.len(), MAX_SETTINGS);
        assert_eq!(estimates.0.last().map(|setting| setting.samples.len()), Some(SAMPLES), "it is in use");
    }
}
