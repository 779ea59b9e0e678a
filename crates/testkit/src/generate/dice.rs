//! Chance for generators: SplitMix64, small, fast, and the same on every machine for ever, so that
//! a seed in a failure report is the whole report.

/// A source of numbers that a seed decides.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The same seed gives the same numbers.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, any of them as likely as any other.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    ///
    /// # Panics
    /// If `bound` is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        // The bias of a remainder is far below what a test could notice.
        self.next() % bound
    }

    /// A number from `from` up to and not including `to`.
    pub fn range(&mut self, from: i64, to: i64) -> i64 {
        let width = u64::try_from(to - from).expect("a range that is not empty");
        from + i64::try_from(self.below(width)).expect("within the range")
    }

    /// True in so many of a hundred cases.
    pub const fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    ///
    /// # Panics
    /// If there is none.
    pub fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        let index = self.below(of.len() as u64);
        of[usize::try_from(index).expect("within the list")]
    }

    /// Puts a list in any order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            let other = usize::try_from(self.below(last as u64 + 1)).expect("within the list");
            list.swap(last, other);
        }
    }
}
