//! What waits to be written down. However much is refused, what is kept of it is bounded, and counted
//! exactly.

use std::collections::HashMap;
use std::mem;
use std::net::IpAddr;

use pts_domain::audit::{Actor, Effect, Record};

/// So many refusals are told apart; what is beyond is counted as one.
const MOST_TOLD: usize = 10_000;
/// So many outcomes may wait. Each was announced by an entry that could be written.
const MOST_OUTCOMES: usize = 10_000;
/// What stands for everybody and everything that is not told apart.
const OTHERS: &str = "(others)";

/// Acts that are the same to whoever reads of them.
#[derive(PartialEq, Eq, Hash)]
struct Kind {
    actor: Actor,
    action: String,
    effect: Effect,
    reason: Option<String>,
    address: Option<IpAddr>,
    workspace: Option<String>,
}

impl Kind {
    fn of(record: &Record) -> Self {
        Self {
            actor: record.actor.clone(),
            action: record.action.clone(),
            effect: record.effect,
            reason: record.reason.clone(),
            address: record.address,
            workspace: record.workspace.clone(),
        }
    }
}

/// What waits.
#[derive(Default)]
pub(super) struct Pending {
    outcomes: Vec<Record>,
    refused: HashMap<Kind, Record>,
    others: Option<Record>,
}

impl Pending {
    /// Puts an outcome down; `false` if there is no room.
    pub(super) fn put_down(&mut self, record: Record) -> bool {
        let fits = self.outcomes.len() < MOST_OUTCOMES;
        if fits {
            self.outcomes.push(record);
        }
        fits
    }

    /// Counts a refusal.
    pub(super) fn count(&mut self, record: Record) {
        let kind = Kind::of(&record);
        if let Some(known) = self.refused.get_mut(&kind) {
            again(known, &record);
        } else if self.refused.len() < MOST_TOLD {
            self.refused.insert(kind, record);
        } else if let Some(others) = &mut self.others {
            again(others, &record);
        } else {
            self.others = Some(Record {
                actor: Actor {
                    name: OTHERS.to_owned(),
                    ..Actor::unknown()
                },
                action: OTHERS.to_owned(),
                input: None,
                request_id: None,
                address: None,
                workspace: None,
                reason: Some("more was refused than can be told apart".to_owned()),
                ..record
            });
        }
    }

    /// Takes everything, in the order in which it happened.
    pub(super) fn take(&mut self) -> Vec<Record> {
        let Self {
            outcomes,
            refused,
            others,
        } = mem::take(self);
        let mut all = outcomes;
        all.extend(refused.into_values());
        all.extend(others);
        all.sort_by_key(|record| (record.at, record.id));
        all
    }

    /// How many acts wait.
    pub(super) fn acts(&self) -> u64 {
        let refused = self.refused.values().chain(&self.others);
        let refused: u64 = refused.map(|record| record.times).sum();
        refused + self.outcomes.len() as u64
    }
}

/// Once more the same. Of which request it was, and with which input, is told of the first alone.
fn again(known: &mut Record, record: &Record) {
    known.times += record.times;
    known.last_at = known.last_at.max(record.last_at);
    known.at = known.at.min(record.at);
    if known.input != record.input {
        known.input = None;
    }
}

#[cfg(test)]
mod tests {
    use pts_domain::Timestamp;
    use pts_domain::audit::Outcome;
    use uuid::Uuid;

    use super::super::Act;
    use super::*;

    fn refused(n: u32, address: u32) -> Record {
        let at = Timestamp::from_timestamp_secs(i64::from(n)).unwrap();
        let act = Act::by(Actor::unknown(), "access.authenticate", Effect::Read);
        let record = act.record(Uuid::from_u128(n.into()), at, Outcome::Denied, None);
        Record {
            address: Some(IpAddr::from(address.to_be_bytes())),
            request_id: Some(format!("r-{n}")),
            ..record
        }
    }

    #[test]
    fn what_repeats_itself_is_one_entry_with_its_number() {
        let mut pending = Pending::default();
        for n in 1..=5 {
            pending.count(refused(n, n % 2));
        }
        assert_eq!(pending.acts(), 5);
        let taken = pending.take();
        let told: Vec<_> = taken
            .iter()
            .map(|one| (one.times, one.request_id.as_deref()))
            .collect();
        assert_eq!(told, [(3, Some("r-1")), (2, Some("r-2"))]);
        assert_eq!(taken[0].last_at.timestamp(), 5);
        assert_eq!((pending.acts(), pending.take()), (0, Vec::new()));
    }

    #[test]
    fn a_flood_takes_bounded_room_and_is_counted_exactly() {
        let mut pending = Pending::default();
        let flood = u32::try_from(MOST_TOLD).unwrap() * 3;
        for n in 0..flood {
            pending.count(refused(n, n));
        }
        assert_eq!(pending.acts(), u64::from(flood));
        let taken = pending.take();
        assert_eq!(taken.len(), MOST_TOLD + 1);
        assert_eq!(
            taken.iter().map(|one| one.times).sum::<u64>(),
            u64::from(flood)
        );
        let others = taken.iter().find(|one| one.action == OTHERS).unwrap();
        assert_eq!(others.times, u64::from(flood) * 2 / 3);
    }
}
