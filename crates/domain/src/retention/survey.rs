//! What a month holds that would go: what somebody decides on, and what that decision is bound to.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{Fate, Month, fate, is_kept, stem};
use crate::{StoredEvent, Timestamp};

/// How often a type is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeCount {
    /// The type.
    pub event_type: String,
    /// Its events.
    pub events: u64,
}

/// What one month of the log holds, and what of it would go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthSurvey {
    /// The month of receipt.
    pub month: Month,
    /// Events in it.
    pub events: u64,
    /// Those of them that would go.
    pub removable: u64,
    /// The last position in it; 0 for an empty one. The log only grows: a month that has the same
    /// last position holds the same events, or fewer.
    pub last_position: i64,
    /// When the first of those that would go happened.
    pub oldest: Option<Timestamp>,
    /// When the last of those that would go happened.
    pub newest: Option<Timestamp>,
    /// The most frequent types of those that would go. Types of which some events stay are counted
    /// by their [`stem`], followed by `.*`.
    pub types: Vec<TypeCount>,
    /// How many types would go altogether.
    pub type_count: u64,
    /// Bytes that the month takes on the disk, with its indexes.
    pub bytes: u64,
}

impl MonthSurvey {
    /// How many types a survey names.
    pub const TYPES: usize = 10;

    /// The survey of a month whose events these are, in the order of the log.
    pub fn of<'a>(
        month: Month,
        events: impl IntoIterator<Item = &'a StoredEvent>,
        bytes: u64,
    ) -> Self {
        let mut survey = Self {
            month,
            events: 0,
            removable: 0,
            last_position: 0,
            oldest: None,
            newest: None,
            types: Vec::new(),
            type_count: 0,
            bytes,
        };
        let mut types: BTreeMap<String, u64> = BTreeMap::new();
        for StoredEvent {
            position, event, ..
        } in events
        {
            survey.events += 1;
            survey.last_position = survey.last_position.max(*position);
            if is_kept(event) {
                continue;
            }
            survey.removable += 1;
            survey.widen(event.time, event.time);
            let name = match fate(&event.event_type) {
                Fate::Unsure => format!("{}.*", stem(&event.event_type)),
                Fate::Kept | Fate::Removed => event.event_type.clone(),
            };
            *types.entry(name).or_default() += 1;
        }
        survey.type_count = types.len() as u64;
        survey.name_types(types);
        survey
    }

    /// Takes note of when more of those that would go happened.
    pub fn widen(&mut self, oldest: Timestamp, newest: Timestamp) {
        self.oldest = Some(self.oldest.map_or(oldest, |known| known.min(oldest)));
        self.newest = Some(self.newest.map_or(newest, |known| known.max(newest)));
    }

    /// Names the most frequent of these types; of equally frequent ones the first by name.
    pub fn name_types(&mut self, types: impl IntoIterator<Item = (String, u64)>) {
        self.types = types
            .into_iter()
            .map(|(event_type, events)| TypeCount { event_type, events })
            .collect();
        self.types.sort_by(|one, other| {
            let by_count = other.events.cmp(&one.events);
            by_count.then_with(|| one.event_type.cmp(&other.event_type))
        });
        self.types.truncate(Self::TYPES);
    }

    /// Whether this is the month as another survey saw it.
    pub fn is_as_seen_by(&self, other: &Self) -> bool {
        let seen = |survey: &Self| (survey.events, survey.removable, survey.last_position);
        self.month == other.month && seen(self) == seen(other)
    }

    /// Events that stay.
    pub const fn kept(&self) -> u64 {
        self.events - self.removable
    }

    /// About how many bytes would be freed: the share of what goes.
    pub fn freed_about(&self) -> u64 {
        let share = u128::from(self.bytes) * u128::from(self.removable);
        let freed = share / u128::from(self.events.max(1));
        u64::try_from(freed).unwrap_or(self.bytes)
    }
}

/// The text with which somebody confirms that exactly this may go. It changes with every event that
/// comes into one of these months or goes from it, and with the months.
pub fn confirmation(months: &[MonthSurvey]) -> String {
    let mut hash = Sha256::new();
    for survey in months.iter().filter(|survey| survey.removable > 0) {
        hash.update(survey.month.to_string());
        hash.update(survey.events.to_be_bytes());
        hash.update(survey.removable.to_be_bytes());
        hash.update(survey.last_position.to_be_bytes());
    }
    let hex = hex::encode(&hash.finalize()[..6]);
    format!("{}-{}-{}", &hex[..4], &hex[4..8], &hex[8..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey(month: &str) -> MonthSurvey {
        MonthSurvey {
            month: month.parse().unwrap(),
            events: 10,
            removable: 4,
            last_position: 99,
            oldest: None,
            newest: None,
            types: Vec::new(),
            type_count: 1,
            bytes: 1_000,
        }
    }

    #[test]
    fn a_confirmation_is_bound_to_what_goes_and_to_nothing_else() {
        let one = survey("2025-01");
        let text = confirmation(std::slice::from_ref(&one));
        assert_eq!(text.len(), 14);
        let changed = [
            vec![],
            vec![survey("2025-02")],
            vec![one.clone(), survey("2025-02")],
            vec![MonthSurvey {
                events: 11,
                ..one.clone()
            }],
            vec![MonthSurvey {
                removable: 5,
                ..one.clone()
            }],
            vec![MonthSurvey {
                last_position: 100,
                ..one.clone()
            }],
        ];
        for months in changed {
            assert_ne!(confirmation(&months), text, "{months:?}");
        }
        let nothing = MonthSurvey {
            removable: 0,
            ..survey("2024-12")
        };
        let same = MonthSurvey {
            bytes: 2_000,
            ..one
        };
        assert_eq!(confirmation(&[nothing, same]), text);
    }

    #[test]
    fn what_would_be_freed_is_the_share_of_what_goes() {
        assert_eq!(survey("2025-01").freed_about(), 400);
        assert_eq!(survey("2025-01").kept(), 6);
        let empty = MonthSurvey {
            events: 0,
            removable: 0,
            ..survey("2025-01")
        };
        assert_eq!(empty.freed_about(), 0);
    }
}
