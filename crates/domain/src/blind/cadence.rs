//! How often a source usually reports, learned from the pauses between its reports.
//!
//! Pauses are weighed by how long they took: the question is in which pause a moment usually falls.
//! A source that sends a hundred events in a minute and then nothing for an hour is one that pauses
//! for an hour. What is old counts for less, so that a source may change its ways.

use std::array::from_fn;

use serde::{Deserialize, Serialize};

/// Classes of pauses: 1 s to 2 s, 2 s to 4 s, and so on up to some weeks.
const CLASSES: usize = 22;
/// After so many seconds a pause counts for half.
const HALF_LIFE_S: f64 = 7.0 * 86_400.0;
/// So many pauses, at least, make a habit.
const HABIT: f64 = 8.0;
/// So long must have been listened, at least.
const LISTENED_S: f64 = 60.0;
/// The part of the time that may lie in pauses far longer than usual.
const MOST_ODD: f64 = 0.1;
/// No period is shorter: who reports all the time is not missed after a hiccup.
const SHORTEST_S: f64 = 5.0;

/// What is known of the pauses of a source.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Cadence {
    /// Seconds spent in the pauses of each class.
    spent_s: [f64; CLASSES],
    /// How many there were.
    pauses: [f64; CLASSES],
}

impl Cadence {
    /// Takes note of a pause, in seconds. Those shorter than a second are no pauses.
    pub fn learn(&mut self, pause_s: f64) {
        if !pause_s.is_finite() || pause_s < 1.0 {
            return;
        }
        let fade = (-pause_s / HALF_LIFE_S).exp2();
        for number in self.spent_s.iter_mut().chain(&mut self.pauses) {
            *number *= fade;
        }
        let class = (0..CLASSES).rev().find(|class| pause_s >= floor(*class));
        let class = class.unwrap_or(0);
        self.spent_s[class] += pause_s;
        self.pauses[class] += 1.0;
    }

    /// The usual pause in seconds; `None` while too little is known, or where there is nothing usual
    /// about it.
    pub fn period_s(&self) -> Option<f64> {
        let all: f64 = self.spent_s.iter().sum();
        if all < LISTENED_S {
            return None;
        }
        let mut spent = 0.0;
        let middle = self.spent_s.iter().position(|class| {
            spent += class;
            spent >= all / 2.0
        })?;
        // A pause at the edge of two classes is now in the one, now in the other.
        let near = middle.saturating_sub(1)..=(middle + 1).min(CLASSES - 1);
        if self.pauses[near].iter().sum::<f64>() < HABIT {
            return None;
        }
        let mean: [f64; CLASSES] = from_fn(|class| self.spent_s[class] / self.pauses[class]);
        let period = mean[middle];
        let odd = (0..CLASSES).filter(|&class| {
            self.pauses[class] > 0.0 && mean[class] > super::TOLERANCE * period.max(SHORTEST_S)
        });
        let odd_s: f64 = odd.map(|class| self.spent_s[class]).sum();
        (odd_s <= MOST_ODD * all).then(|| period.max(SHORTEST_S))
    }
}

/// The shortest pause of a class.
fn floor(class: usize) -> f64 {
    (0..class).fold(1.0, |floor, _| floor * 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(pauses: impl IntoIterator<Item = f64>) -> Option<f64> {
        let mut cadence = Cadence::default();
        pauses.into_iter().for_each(|pause| cadence.learn(pause));
        cadence.period_s()
    }

    fn near(found: Option<f64>, expected: f64) {
        let found = found.expect("a habit");
        assert!(
            (found / expected - 1.0).abs() < 0.1,
            "{found} for {expected}"
        );
    }

    #[test]
    fn a_regular_source_has_its_period() {
        for period in [5.0, 10.0, 30.0, 60.0, 64.0, 3_600.0, 86_400.0] {
            near(after(vec![period; 20]), period);
        }
        // Around the edge of a class, a little early and a little late.
        let jitter = (0..40).map(|n| if n % 2 == 0 { 63.0 } else { 65.5 });
        near(after(jitter), 64.0);
        assert_eq!(after(vec![1.0; 100]), Some(5.0), "never less than that");
    }

    #[test]
    fn too_little_is_no_habit() {
        assert_eq!(after([]), None);
        assert_eq!(after(vec![60.0; 7]), None);
        assert_eq!(after(vec![2.0; 20]), None, "less than a minute");
        assert_eq!(after([f64::NAN, 0.5, -1.0, f64::INFINITY]), None);
    }

    #[test]
    fn bursts_with_long_pauses_between_are_no_habit_of_seconds() {
        let burst = || std::iter::repeat_n(2.0, 30);
        let day = (0..3).flat_map(|_| burst().chain([3_600.0]));
        assert_eq!(after(day), None);
        // Every hour, long enough: that is the habit.
        let days = (0..48).flat_map(|_| burst().chain([3_600.0]));
        near(after(days), 3_600.0);
        // Working hours, every minute, and the night off: nothing that is missed at night.
        let week = (0..5).flat_map(|_| std::iter::repeat_n(60.0, 480).chain([57_600.0]));
        assert_eq!(after(week), None);
    }

    #[test]
    fn one_outage_does_not_spoil_a_habit_and_a_new_habit_takes_over() {
        let usual = || std::iter::repeat_n(10.0, 8_640);
        near(after(usual().chain([3_600.0]).chain(usual())), 10.0);
        let changed = usual().chain(std::iter::repeat_n(3_600.0, 24 * 14));
        near(after(changed), 3_600.0);
    }
}
