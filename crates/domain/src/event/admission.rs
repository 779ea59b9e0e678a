//! Which events of a batch are new, which are repeats, and which contradict what their identity
//! already stands for. Pure, so that every store decides alike.

use std::collections::HashMap;
use std::hash::Hash;

use uuid::Uuid;

use super::{ContentDigest, NewEvent};
use crate::Timestamp;

/// What the log already holds under an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The internal id given the first time.
    pub id: Uuid,
    /// When it was first received.
    pub received_at: Timestamp,
    /// What it said.
    pub digest: ContentDigest,
}

/// What becomes of one event of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It is new.
    Store,
    /// The same event is there already, or stands earlier in the batch.
    Repeat {
        /// The first one's internal id.
        id: Uuid,
        /// When the first one was received.
        received_at: Timestamp,
    },
    /// Its identity stands for another event.
    Conflict {
        /// The first one's internal id.
        id: Uuid,
        /// When the first one was received.
        received_at: Timestamp,
    },
}

impl Known {
    /// What the log will hold under the identity of this event, should it be the first.
    pub fn of(new: &NewEvent) -> Self {
        Self {
            id: new.id,
            received_at: new.received_at,
            digest: new.event.digest(),
        }
    }
}

/// Decides for every event of a batch, in order, given what the log holds under their identities.
/// `K` is an identity together with whatever keeps it apart from the same one elsewhere.
pub fn admit<K: Copy + Eq + Hash>(
    batch: impl IntoIterator<Item = (K, Known)>,
    known: impl Fn(K) -> Option<Known>,
) -> Vec<Admission> {
    let mut within: HashMap<K, Known> = HashMap::new();
    batch
        .into_iter()
        .map(
            |(identity, new)| match known(identity).or_else(|| within.get(&identity).copied()) {
                None => {
                    within.insert(identity, new);
                    Admission::Store
                }
                Some(first) if first.digest == new.digest => Admission::Repeat {
                    id: first.id,
                    received_at: first.received_at,
                },
                Some(first) => Admission::Conflict {
                    id: first.id,
                    received_at: first.received_at,
                },
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event::{Form, read};

    fn event(n: u128, id: &str, message: &str) -> NewEvent {
        let json = json!({"type": "x", "source": "s", "id": id, "data": {"m": message}});
        let now = crate::time::parse("2026-03-01T12:00:00Z").unwrap();
        read(json, Form::Lenient, Uuid::from_u128(n), now)
            .unwrap()
            .event
    }

    #[test]
    fn repeats_and_conflicts_are_told_apart_inside_a_batch_and_against_the_log() {
        let old = event(1, "a", "one");
        let known = Known {
            id: old.id,
            received_at: old.received_at,
            digest: old.event.digest(),
        };
        let log = HashMap::from([(old.event.identity.clone(), known)]);
        let batch = [
            event(2, "a", "one"),
            event(3, "a", "two"),
            event(4, "b", "one"),
            event(5, "b", "one"),
            event(6, "b", "two"),
        ];
        let received_at = old.received_at;
        assert_eq!(
            admit(
                batch
                    .iter()
                    .map(|new| (&new.event.identity, Known::of(new))),
                |identity| log.get(identity).copied()
            ),
            [
                Admission::Repeat {
                    id: Uuid::from_u128(1),
                    received_at
                },
                Admission::Conflict {
                    id: Uuid::from_u128(1),
                    received_at
                },
                Admission::Store,
                Admission::Repeat {
                    id: Uuid::from_u128(4),
                    received_at
                },
                Admission::Conflict {
                    id: Uuid::from_u128(4),
                    received_at
                },
            ]
        );
    }
}
