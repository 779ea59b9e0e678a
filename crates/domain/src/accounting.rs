//! What became of everything that was sent: every event that was received is stored, repeated,
//! quarantined or refused, and nothing else. What was received is never counted by itself: it is
//! the sum, so the numbers cannot disagree.

use std::ops::{Add, AddAssign};

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;

/// Stands for the source of what does not say whose it is.
pub const UNKNOWN: &str = "(unknown)";
/// Stands for the sources for which there was no room.
pub const OTHER: &str = "(other)";

/// Bytes of a source's or a type's name, as far as events may have them.
const LONGEST_NAME: usize = 512;

/// What became of one event that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is in the log.
    Stored,
    /// It was there already, in the log or in quarantine.
    Repeated,
    /// It is not valid and was put aside.
    Quarantined,
    /// It was not taken: a conflict, an overload, or not valid and nowhere to put it.
    Refused,
}

impl Outcome {
    /// Every outcome there is.
    pub const ALL: [Self; 4] = [
        Self::Stored,
        Self::Repeated,
        Self::Quarantined,
        Self::Refused,
    ];

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Repeated => "repeated",
            Self::Quarantined => "quarantined",
            Self::Refused => "refused",
        }
    }
}

/// How many events had which outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// In the log, or removed from it by retention since.
    pub stored: u64,
    /// There already.
    pub repeated: u64,
    /// Put aside, and not replayed since.
    pub quarantined: u64,
    /// Not taken.
    pub refused: u64,
}

impl Counts {
    /// So many of one outcome.
    pub fn of(outcome: Outcome, number: u64) -> Self {
        let mut counts = Self::default();
        *counts.of_mut(outcome) = number;
        counts
    }

    /// Everything that was received.
    pub const fn received(&self) -> u64 {
        let accepted = self.stored.saturating_add(self.repeated);
        accepted
            .saturating_add(self.quarantined)
            .saturating_add(self.refused)
    }

    /// How many had this outcome.
    pub const fn get(&self, outcome: Outcome) -> u64 {
        match outcome {
            Outcome::Stored => self.stored,
            Outcome::Repeated => self.repeated,
            Outcome::Quarantined => self.quarantined,
            Outcome::Refused => self.refused,
        }
    }

    /// How many had this outcome, to change it.
    pub const fn of_mut(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Stored => &mut self.stored,
            Outcome::Repeated => &mut self.repeated,
            Outcome::Quarantined => &mut self.quarantined,
            Outcome::Refused => &mut self.refused,
        }
    }

    /// Whether nothing was received.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        for outcome in Outcome::ALL {
            let sum = self.of_mut(outcome);
            *sum = sum.saturating_add(more.get(outcome));
        }
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(mut self, more: Self) -> Self {
        self += more;
        self
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Self::add)
    }
}

/// What became of what one sender sent under one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The token; none for what was stored before tokens were remembered.
    pub sender: Option<Uuid>,
    /// The source, or [`UNKNOWN`] or [`OTHER`].
    pub source: String,
    /// What became of it.
    pub counts: Counts,
}

/// The day, in UTC, under which a moment is counted.
pub fn day_of(moment: Timestamp) -> NaiveDate {
    moment.date_naive()
}

/// A period in whole days, both ends included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Days {
    /// The first day; without it there is no beginning.
    pub first: Option<NaiveDate>,
    /// The last day; without it there is no end.
    pub last: Option<NaiveDate>,
}

impl Days {
    /// The days that a period touches. Its end belongs to it only if something of the end's day
    /// does: up to midnight is up to the day before.
    pub fn touched(since: Option<Timestamp>, until: Option<Timestamp>) -> Self {
        Self {
            first: since.map(day_of),
            last: until.map(|until| day_of(until - chrono::Duration::microseconds(1))),
        }
    }

    /// Whether a day belongs to it.
    pub fn hold(&self, day: NaiveDate) -> bool {
        self.first.is_none_or(|first| first <= day) && self.last.is_none_or(|last| day <= last)
    }
}

/// A name as an event may have one, out of something that may be no event.
pub(crate) fn usable_name(text: &str) -> Option<&str> {
    let usable = !text.trim().is_empty()
        && text.len() <= LONGEST_NAME
        && !text.chars().any(char::is_control);
    usable.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_the_days_it_touches() {
        let at = |text: &str| Some(crate::time::parse(text).unwrap());
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let days = Days::touched(at("2026-03-01T23:59:59Z"), at("2026-03-03T00:00:00Z"));
        assert_eq!(days.first, Some(day("2026-03-01")));
        assert_eq!(days.last, Some(day("2026-03-02")));
        assert!(days.hold(day("2026-03-02")) && !days.hold(day("2026-03-03")));
        let open = Days::touched(None, at("2026-03-03T00:00:01+02:00"));
        assert!(open.hold(day("1970-01-01")) && !open.hold(day("2026-03-03")));
    }
}
