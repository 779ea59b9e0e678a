//! Chance that can be had again: the same seed gives the same numbers on every machine.

use std::time::Duration;

/// A stream of numbers (SplitMix64: tiny, and good enough to choose faults by).
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    /// The stream of a seed for one purpose; different purposes get unrelated streams.
    pub(super) fn new(seed: u64, purpose: u64) -> Self {
        let mut chance = Self(seed.wrapping_mul(0x9E6C_63D0_876A_9A35) ^ purpose);
        chance.next();
        Self(chance.next())
    }

    /// Any number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which must not be 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A place in something of that length, which must not be 0.
    pub(super) fn index(&mut self, length: usize) -> usize {
        // What is below a length fits one.
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// True so many times in a hundred.
    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A time from `least_ms` up to and with `most_ms`.
    pub(super) fn time(&mut self, least_ms: u64, most_ms: u64) -> Duration {
        Duration::from_millis(least_ms + self.below(most_ms - least_ms + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_again_and_others_for_another_purpose() {
        let drawn = |seed, purpose| {
            let mut chance = Chance::new(seed, purpose);
            [chance.next(), chance.next(), chance.next()]
        };
        assert_eq!(drawn(7, 1), drawn(7, 1));
        assert_ne!(drawn(7, 1), drawn(7, 2));
        assert_ne!(drawn(7, 1), drawn(8, 1));
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        let mut chance = Chance::new(1, 0);
        for _ in 0..1_000 {
            assert!(chance.below(3) < 3);
            let time = chance.time(5, 7);
            assert!((5..=7).contains(&time.as_millis()), "{time:?}");
        }
        assert!((0..100).all(|_| chance.percent(100)));
        assert!((0..100).all(|_| !chance.percent(0)));
    }
}
