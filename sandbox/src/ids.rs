//! Deterministic pseudo-random numbers: ids, and the draws of the fail rate.

/// The id of number `n`: the prefix and six characters of 0-9 and a-z, such as `run_8f3k2m`. It is the same for the same seed,
/// and unique within 2,176,782,336 numbers.
pub(crate) fn named(prefix: &str, seed: u64, n: u64) -> String {
    // The prime shares no factor with SPACE, so each n maps to a number of its own.
    let mut left = n
        .checked_rem(SPACE)
        .unwrap_or(0)
        .wrapping_mul(1_000_000_007)
        .wrapping_add(mix(seed, 0) >> 1)
        .checked_rem(SPACE)
        .unwrap_or(0);
    let mut id = prefix.to_owned();
    for _ in 0..6 {
        id.push(char::from_digit(u32::try_from(left.rem_euclid(36)).unwrap_or(0), 36).unwrap_or('0'));
        left = left.div_euclid(36);
    }
    id
}

/// Number `n` of the sequence of `seed` (SplitMix64).
pub(crate) fn mix(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add(n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// 36 to the power of 6.
const SPACE: u64 = 2_176_782_336;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_depend_on_the_seed() {
        let ids = |seed| (0..10_000).map(|n| named("run_", seed, n)).collect::<Vec<_>>();
        let unique: std::collections::HashSet<String> = ids(7).into_iter().collect();
        assert_eq!(unique.len(), 10_000);
        assert!(unique.iter().all(|id| id.len() == 10));
        assert_eq!(ids(7), ids(7));
        assert_ne!(ids(7), ids(8));
        assert_eq!(named("run_", 7, 0), named("run_", 7, SPACE));
    }

    #[test]
    fn sequence_is_splitmix64() {
        // The published first outputs for seed 1234567.
        let first: Vec<u64> = (0..3).map(|n| mix(1_234_567, n)).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }
}
