//! Clocks that tests wind themselves.

use std::sync::{Mutex, PoisonError};

use chrono::Duration;
use pts_domain::{Timestamp, time};
use pts_ports::Clock;

/// A clock that stands still until somebody sets it.
pub struct FixedClock(Mutex<Timestamp>);

impl FixedClock {
    /// A clock that shows this time.
    pub fn at(now: Timestamp) -> Self {
        Self(Mutex::new(time::to_micros(now)))
    }

    /// Sets it.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = time::to_micros(now);
    }

    /// Moves it.
    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock that goes on by the same step whenever somebody looks at it: no two looks agree.
pub struct StepClock {
    next: Mutex<Timestamp>,
    step: Duration,
}

impl StepClock {
    /// A clock that shows `first` at the first look and `step` more at each later one.
    pub fn from(first: Timestamp, step: Duration) -> Self {
        Self {
            next: Mutex::new(time::to_micros(first)),
            step,
        }
    }
}

impl Clock for StepClock {
    fn now(&self) -> Timestamp {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let now = *next;
        *next += self.step;
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_shows_what_it_was_set_to() {
        let start = time::parse("2026-03-01T12:00:00Z").unwrap();
        let fixed = FixedClock::at(start);
        fixed.advance(Duration::seconds(5));
        assert_eq!(fixed.now(), start + Duration::seconds(5));
        fixed.set(start);
        assert_eq!(fixed.now(), start);
        let step = StepClock::from(start, Duration::seconds(1));
        assert_eq!(step.now(), start);
        assert_eq!(step.now(), start + Duration::seconds(1));
    }
}
