//! When PTS was able to receive: each process says how long it was up and what it had to refuse; the
//! service was down when no process was up.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;

/// How long one process was able to receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uptime {
    /// The process, by a name that no other has.
    pub process: Uuid,
    /// Since when.
    pub from: Timestamp,
    /// The last moment of which it is known.
    pub until: Timestamp,
    /// Whether it said that it ends. One that did not may still be up, or has died.
    pub stopped: bool,
}

/// What stood in the way of receiving while a process was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hindrance {
    /// More came than could be taken.
    Overloaded,
    /// The store was away.
    StoreAway,
    /// The store failed.
    Fault,
}

impl Hindrance {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Overloaded, Self::StoreAway, Self::Fault];

    /// The name in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::StoreAway => "store_away",
            Self::Fault => "fault",
        }
    }
}

/// A time in which a process that was up refused events, or would have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The process.
    pub process: Uuid,
    /// Counts the refusals of the process, from 1.
    pub number: i64,
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Why.
    pub why: Hindrance,
    /// Events that were certainly refused.
    pub events: u64,
    /// Whether there may have been more that nobody counted.
    pub more: bool,
}

/// Why nothing was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// No process was up; the last one had said that it ends.
    Stopped,
    /// No process was up, and none had said so.
    Died,
    /// A process was up and refused.
    Refused(Hindrance),
}

/// A time of which something may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// Why.
    pub why: Why,
    /// Events that were certainly refused.
    pub events: u64,
    /// Whether that is not all, or not known to be.
    pub more: bool,
}

impl Missed {
    /// Whether nobody could be heard meanwhile, rather than somebody refused.
    pub const fn is_deaf(&self) -> bool {
        matches!(
            self.why,
            Why::Stopped | Why::Died | Why::Refused(Hindrance::StoreAway)
        )
    }
}

impl From<Refusal> for Missed {
    fn from(refusal: Refusal) -> Self {
        Self {
            from: refusal.from,
            to: refusal.until,
            why: Why::Refused(refusal.why),
            events: refusal.events,
            more: refusal.more,
        }
    }
}

/// All times of which something may be missing, in the order in which they began: when no process
/// was up, between the first that ever was and the last; and what was refused meanwhile. What was
/// before the first is not known to be missing.
pub fn missed(
    uptimes: impl IntoIterator<Item = Uptime>,
    refusals: impl IntoIterator<Item = Refusal>,
) -> Vec<Missed> {
    let mut uptimes: Vec<_> = uptimes.into_iter().collect();
    uptimes.sort_unstable_by_key(|up| (up.from, up.until, up.process));
    let mut all: Vec<_> = refusals.into_iter().map(Missed::from).collect();
    // The one that was up longest so far.
    let mut last: Option<Uptime> = None;
    for up in uptimes {
        if let Some(last) = last.filter(|last| last.until < up.from) {
            all.push(Missed {
                from: last.until,
                to: up.from,
                why: if last.stopped {
                    Why::Stopped
                } else {
                    Why::Died
                },
                events: 0,
                more: true,
            });
        }
        if last.is_none_or(|last| last.until <= up.until) {
            last = Some(up);
        }
    }
    all.sort_by_key(|missed| (missed.from, missed.to));
    all
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        crate::time::parse("2026-03-01T12:00:00Z").unwrap() + Duration::seconds(second)
    }

    fn up(process: u128, from: i64, until: i64, stopped: bool) -> Uptime {
        Uptime {
            process: Uuid::from_u128(process),
            from: at(from),
            until: at(until),
            stopped,
        }
    }

    fn down(from: i64, to: i64, why: Why) -> Missed {
        Missed {
            from: at(from),
            to: at(to),
            why,
            events: 0,
            more: true,
        }
    }

    #[test]
    fn the_service_was_down_when_no_process_was_up() {
        let check = |uptimes: &[Uptime], expected: &[Missed]| {
            assert_eq!(missed(uptimes.to_vec(), []), expected, "{uptimes:?}");
        };
        check(&[], &[]);
        check(&[up(1, 0, 9, false)], &[]);
        let (first, second) = (up(1, 0, 10, true), up(2, 15, 20, false));
        check(&[first, second], &[down(10, 15, Why::Stopped)]);
        check(&[second, up(1, 0, 10, false)], &[down(10, 15, Why::Died)]);
        check(&[first, up(2, 10, 20, false)], &[]);
        let through = up(3, 1, 30, false);
        check(&[first, second, through], &[]);
        let later = up(4, 40, 50, false);
        check(&[first, second, through, later], &[down(30, 40, Why::Died)]);
    }

    #[test]
    fn refusals_stand_in_their_order_beside_the_rest() {
        let refusal = Refusal {
            process: Uuid::from_u128(2),
            number: 1,
            from: at(5),
            until: at(7),
            why: Hindrance::StoreAway,
            events: 3,
            more: false,
        };
        let all = missed([up(1, 0, 10, false), up(2, 15, 20, false)], [refusal]);
        assert_eq!(all, [refusal.into(), down(10, 15, Why::Died)]);
    }

    proptest! {
        /// Every second between the first start and the last sign of life is one or the other.
        #[test]
        fn a_moment_is_missed_exactly_if_nobody_was_up(
            spans in prop::collection::vec((0_i64..100, 1_i64..20), 1..8)
        ) {
            let uptimes: Vec<_> = (1..)
                .zip(&spans)
                .map(|(process, (from, length))| up(process, *from, from + length, false))
                .collect();
            let first = uptimes.iter().map(|up| up.from).min().unwrap();
            let last = uptimes.iter().map(|up| up.until).max().unwrap();
            let missed = missed(uptimes.clone(), []);
            for second in 0..130 {
                let (begin, end) = (at(second), at(second + 1));
                if begin < first || end > last {
                    continue;
                }
                let was_up = uptimes.iter().any(|up| up.from <= begin && end <= up.until);
                let is_missed = missed.iter().any(|gap| gap.from <= begin && end <= gap.to);
                prop_assert_ne!(was_up, is_missed, "{}", second);
            }
        }
    }
}
