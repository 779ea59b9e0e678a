//! Rounds, medians and ratios.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How many rounds a scenario runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rounds(usize);

impl Rounds {
    /// With fewer, one disturbed round moves the median.
    pub(crate) const FEWEST: usize = 5;

    pub(crate) fn new(rounds: usize) -> Result<Self> {
        if rounds < Self::FEWEST {
            bail!(
                "{rounds} rounds: at least {} are needed for a median",
                Self::FEWEST
            );
        }
        Ok(Self(rounds))
    }

    /// For a first look, not for the page.
    pub(crate) fn few(rounds: usize) -> Self {
        Self(rounds.max(1))
    }

    /// Lets the subject and its peer take turns, each going first every other round, after one
    /// round of both that warms caches and is not counted.
    pub(crate) fn alternate<T>(
        self,
        mut subject: impl FnMut() -> Result<T>,
        mut peer: impl FnMut() -> Result<T>,
    ) -> Result<Comparison<T>> {
        subject()?;
        peer()?;
        let mut comparison = Comparison {
            subject: Vec::new(),
            peer: Vec::new(),
        };
        for round in 0..self.0 {
            if round % 2 == 0 {
                comparison.subject.push(subject()?);
                comparison.peer.push(peer()?);
            } else {
                comparison.peer.push(peer()?);
                comparison.subject.push(subject()?);
            }
        }
        Ok(comparison)
    }

    pub(crate) fn count(self) -> usize {
        self.0
    }
}

/// What each round gave, the subject and its peer side by side.
#[derive(Debug)]
pub(crate) struct Comparison<T> {
    pub(crate) subject: Vec<T>,
    pub(crate) peer: Vec<T>,
}

impl<T> Comparison<T> {
    /// The median, over the rounds, of the subject's figure over its peer's in the same round.
    pub(crate) fn ratio(&self, figure: impl Fn(&T) -> f64) -> f64 {
        let ratios = self
            .subject
            .iter()
            .zip(&self.peer)
            .map(|(one, two)| figure(one) / figure(two));
        median(ratios.collect())
    }
}

/// The median of what the rounds gave.
pub(crate) fn median_of<T>(rounds: &[T], figure: impl Fn(&T) -> f64) -> f64 {
    median(rounds.iter().map(figure).collect())
}

fn median(mut figures: Vec<f64>) -> f64 {
    assert!(!figures.is_empty(), "a median of nothing");
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    if figures.len().is_multiple_of(2) {
        f64::midpoint(figures[middle - 1], figures[middle])
    } else {
        figures[middle]
    }
}

/// The times of many repetitions within one round.
#[derive(Debug)]
pub(crate) struct Latencies {
    sorted: Vec<Duration>,
    total: Duration,
}

impl Latencies {
    /// Does something `times` times and keeps how long each took.
    pub(crate) fn of(times: usize, mut each: impl FnMut() -> Result<()>) -> Result<Self> {
        let mut sorted = Vec::with_capacity(times);
        let started = Instant::now();
        for _ in 0..times {
            let one = Instant::now();
            each()?;
            sorted.push(one.elapsed());
        }
        let total = started.elapsed();
        sorted.sort_unstable();
        Ok(Self { sorted, total })
    }

    /// Takes times that somebody else took, one after another.
    pub(crate) fn taken(mut times: Vec<Duration>) -> Self {
        let total = times.iter().sum();
        times.sort_unstable();
        Self {
            sorted: times,
            total,
        }
    }

    /// The time, in seconds, that `percent` of 100 repetitions stayed within (nearest rank).
    pub(crate) fn percentile_s(&self, percent: usize) -> f64 {
        let rank = (self.sorted.len() * percent).div_ceil(100).max(1);
        self.sorted[rank - 1].as_secs_f64()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.sorted.len()
    }

    /// Repetitions a second.
    #[allow(clippy::cast_precision_loss)] // Nobody repeats anything 2^52 times.
    pub(crate) fn rate(&self) -> f64 {
        self.sorted.len() as f64 / self.total.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_disturbed_round_does_not_move_the_median() {
        assert!((median(vec![3.0, 900.0, 1.0, 2.0, 2.5]) - 2.5).abs() < 1e-9);
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
    }

    #[test]
    fn the_ratio_compares_within_a_round() {
        // Both are slowed tenfold in one round: the ratio stays.
        let comparison = Comparison {
            subject: vec![2.0, 20.0, 2.0],
            peer: vec![1.0, 10.0, 1.0],
        };
        assert!((comparison.ratio(|&figure| figure) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn subject_and_peer_take_turns_after_a_round_that_does_not_count() {
        let order = std::cell::RefCell::new(String::new());
        let mark = |letter| {
            order.borrow_mut().push(letter);
            Ok(order.borrow().len())
        };
        let comparison = Rounds::new(5)
            .expect("five rounds")
            .alternate(|| mark('s'), || mark('p'))
            .expect("nothing fails");
        assert_eq!(*order.borrow(), "spsppsspps".to_owned() + "sp");
        assert_eq!(comparison.subject, [3, 6, 7, 10, 11]);
        assert_eq!(comparison.peer, [4, 5, 8, 9, 12]);
    }

    #[test]
    fn few_rounds_are_refused() {
        assert!(Rounds::new(4).is_err());
    }

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let sorted = (1..=200).map(Duration::from_secs).collect();
        let latencies = Latencies {
            sorted,
            total: Duration::from_secs(100),
        };
        for (percent, expected) in [(50, 100.0), (99, 198.0), (100, 200.0), (0, 1.0)] {
            assert!(
                (latencies.percentile_s(percent) - expected).abs() < 1e-9,
                "{percent}"
            );
        }
        assert!((latencies.rate() - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_failing_repetition_ends_the_measurement() {
        let mut done = 0;
        let result = Latencies::of(10, || {
            done += 1;
            if done == 3 {
                bail!("no")
            }
            Ok(())
        });
        assert!(result.is_err());
        assert_eq!(done, 3);
    }
}
