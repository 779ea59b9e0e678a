//! The chain: each entry's hash is that of the hash before it and of what the entry says, so that
//! whoever changes one entry has to change all that follow.

use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Hash, Record};
use crate::event::digest_value;

/// What is hashed begins with this: an entry's hash is the hash of nothing else.
const ENTRY: &[u8] = b"pts-audit-entry-1";

/// Where a chain ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of its last entry; 0 for a chain without one.
    pub sequence: i64,
    /// That entry's hash.
    pub hash: Hash,
}

/// A record in its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number; the first one's is 1, and there are no holes.
    pub sequence: i64,
    /// The hash of the entry before it.
    pub previous: Hash,
    /// Its own, which names everything up to it.
    pub hash: Hash,
    /// What it says.
    pub record: Record,
}

impl Head {
    /// The end of a chain that has no entry.
    pub const START: Self = Self {
        sequence: 0,
        hash: Hash::NONE,
    };

    /// Adds a record to the chain, and moves its end there.
    pub fn seal(&mut self, record: Record) -> Entry {
        let (sequence, previous) = (self.sequence + 1, self.hash);
        let hash = hash(previous, sequence, &record);
        *self = Self { sequence, hash };
        Entry {
            sequence,
            previous,
            hash,
            record,
        }
    }
}

/// The hash of an entry in a place.
pub(super) fn hash(previous: Hash, sequence: i64, record: &Record) -> Hash {
    let mut hash = Sha256::new();
    hash.update(previous.0);
    hash.update(canonical(sequence, record));
    Hash(hash.finalize().into())
}

/// What an entry says, in the one way in which it can be written as bytes: each part with its length
/// or as one that has a fixed one, and what may be missing behind a byte that tells.
fn canonical(sequence: i64, record: &Record) -> Vec<u8> {
    let Record {
        id,
        at,
        last_at,
        times,
        actor,
        action,
        input,
        effect,
        outcome,
        reason,
        request_id,
        address,
        workspace,
        intent,
    } = record;
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(ENTRY);
    out.extend_from_slice(&sequence.to_be_bytes());
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(&at.timestamp_micros().to_be_bytes());
    out.extend_from_slice(&last_at.timestamp_micros().to_be_bytes());
    out.extend_from_slice(&times.to_be_bytes());
    text(&mut out, actor.kind.as_str());
    optional(
        &mut out,
        actor.id.as_ref().map(Uuid::as_bytes),
        |out, id| {
            out.extend_from_slice(id);
        },
    );
    text(&mut out, &actor.name);
    optional(&mut out, actor.subject.as_deref(), text);
    text(&mut out, action);
    optional(&mut out, input.as_ref(), |out, input| {
        out.extend_from_slice(&input.0);
    });
    text(&mut out, effect.as_str());
    text(&mut out, outcome.as_str());
    optional(&mut out, reason.as_deref(), text);
    optional(&mut out, request_id.as_deref(), text);
    let address = address.map(|address| address.to_string());
    optional(&mut out, address.as_deref(), text);
    optional(&mut out, workspace.as_deref(), text);
    optional(&mut out, intent.as_ref().map(Uuid::as_bytes), |out, id| {
        out.extend_from_slice(id);
    });
    out
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u64).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn optional<T: ?Sized>(out: &mut Vec<u8>, value: Option<&T>, write: impl Fn(&mut Vec<u8>, &T)) {
    match value {
        None => out.push(0),
        Some(value) => {
            out.push(1);
            write(out, value);
        }
    }
}

/// SHA-256 of an action's input, independent of how its JSON was written: whoever has the input can
/// tell that it was this one, and nobody can tell the input from it who does not.
pub fn input_digest(input: &Value) -> Hash {
    Hash(digest_value(input))
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::record;
    use super::super::{Actor, Effect, Outcome};
    use super::*;

    #[test]
    fn a_chain_has_no_holes_and_each_entry_names_the_one_before() {
        let mut head = Head::START;
        let one = head.seal(record(1));
        let two = head.seal(record(2));
        assert_eq!((one.sequence, one.previous), (1, Hash::NONE));
        assert_eq!((two.sequence, two.previous), (2, one.hash));
        assert_eq!((head.sequence, head.hash), (2, two.hash));
    }

    #[test]
    fn the_bytes_are_what_they_always_were() {
        // Chains of earlier versions have to be verified by later ones.
        let mut head = Head::START;
        head.seal(record(1));
        let known = "f0e2dfc9d4700df693717eb28963f555d5246deef04daa5ffbe2ae6fdb6cca12";
        assert_eq!(head.hash.to_string(), known);
    }

    #[test]
    fn whatever_is_different_has_another_hash() {
        let plain = record(1);
        let later = plain.at + chrono::Duration::microseconds(1);
        let others = [
            Record {
                id: Uuid::from_u128(99),
                ..plain.clone()
            },
            Record {
                at: later,
                ..plain.clone()
            },
            Record {
                last_at: later,
                ..plain.clone()
            },
            Record {
                times: 2,
                ..plain.clone()
            },
            Record {
                actor: Actor::itself(),
                ..plain.clone()
            },
            Record {
                actor: Actor {
                    subject: Some(String::new()),
                    ..plain.actor.clone()
                },
                ..plain.clone()
            },
            Record {
                action: "x".into(),
                ..plain.clone()
            },
            Record {
                input: None,
                ..plain.clone()
            },
            Record {
                effect: Effect::Write,
                ..plain.clone()
            },
            Record {
                outcome: Outcome::Denied,
                ..plain.clone()
            },
            Record {
                reason: None,
                ..plain.clone()
            },
            Record {
                request_id: Some(String::new()),
                ..plain.clone()
            },
            Record {
                address: None,
                ..plain.clone()
            },
            Record {
                workspace: Some("other".into()),
                ..plain.clone()
            },
            Record {
                intent: Some(Uuid::nil()),
                ..plain.clone()
            },
        ];
        let mut hashes: Vec<_> = others.iter().map(|one| hash(Hash::NONE, 1, one)).collect();
        hashes.push(hash(Hash::NONE, 1, &plain));
        hashes.push(hash(Hash::NONE, 2, &plain));
        hashes.push(hash(Hash([1; 32]), 1, &plain));
        let all = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), all);
    }

    #[test]
    fn an_input_has_one_digest_however_it_is_written() {
        let one: Value = serde_json::from_str(r#"{"a":1,"b":[2.0]}"#).unwrap();
        let two: Value = serde_json::from_str(r#"{"b":[2],"a":1e0}"#).unwrap();
        assert_eq!(input_digest(&one), input_digest(&two));
        assert_ne!(input_digest(&one), input_digest(&Value::Null));
    }
}
