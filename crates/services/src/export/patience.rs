//! How long the reader of an export is waited for. It may stop for a while, and it may be slow; it may
//! not be so slow for so long that it keeps a place which others wait for.

use std::time::Duration;

/// The longest stop.
const LONGEST: Duration = Duration::from_mins(1);
/// What a reader must take in the long run: a stretch of usual events in half a minute.
const SLOWEST_BYTES_PER_S: u32 = 64 * 1024;

/// What is left of it. Waiting uses it up; what is taken gives back the time that it may take.
#[derive(Debug)]
pub(super) struct Patience {
    left: Duration,
}

impl Patience {
    /// All of it.
    pub(super) fn new() -> Self {
        Self { left: LONGEST }
    }

    /// How long the reader may be waited for now.
    pub(super) fn left(&self) -> Duration {
        self.left
    }

    /// So many bytes were taken, after so long.
    pub(super) fn taken(&mut self, bytes: usize, waited: Duration) {
        let micros = (bytes as u64).saturating_mul(1_000_000) / u64::from(SLOWEST_BYTES_PER_S);
        let earned = Duration::from_micros(micros);
        let left = self.left.saturating_sub(waited).saturating_add(earned);
        self.left = left.min(LONGEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    /// What a reader takes in a second that takes as little as it may.
    const LEAST: usize = SLOWEST_BYTES_PER_S as usize;

    #[test]
    fn who_is_fast_enough_is_waited_for_again_and_again() {
        let mut patience = Patience::new();
        for _ in 0..10_000 {
            patience.taken(LEAST, SECOND);
        }
        assert_eq!(patience.left(), LONGEST);
        // A stop of almost all of it is made up for by reading on.
        patience.taken(0, LONGEST.saturating_sub(SECOND));
        assert_eq!(patience.left(), SECOND);
        patience.taken(LEAST * 30, SECOND);
        assert_eq!(patience.left(), SECOND * 30);
    }

    #[test]
    fn who_takes_a_little_now_and_then_is_given_up() {
        let mut patience = Patience::new();
        let (wait, mut taken) = (SECOND * 3, 0);
        // As long as it comes back in time.
        while patience.left() >= wait {
            taken += 1;
            patience.taken(LEAST, wait);
        }
        assert_eq!(taken, 29);
    }
}
