//! A signed word on where the chain was at a moment. Kept somewhere else than the chain, it shows that
//! an end was cut off or that everything was written anew.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Hash, Head, KeyId, PublicKey, Signature, SigningKey};
use crate::{Timestamp, time};

/// What is signed begins with this: the key says nothing else.
const CHECKPOINT: &[u8] = b"pts-audit-checkpoint-1";

/// A signed head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The number of the last entry.
    pub sequence: i64,
    /// Its hash, which names every entry up to it.
    pub hash: Hash,
    /// When it was signed.
    pub at: Timestamp,
    /// By which key.
    pub key: KeyId,
    /// What that key says of all this.
    pub signature: Signature,
}

impl Checkpoint {
    /// Signs the end of a chain. `None` never happens with a key that was made.
    pub fn sign(head: Head, at: Timestamp, key: &SigningKey) -> Option<Self> {
        let at = time::to_micros(at);
        let id = key.public().id();
        let signature = key.sign(&message(head, at, &id))?;
        Some(Self {
            sequence: head.sequence,
            hash: head.hash,
            at,
            key: id,
            signature,
        })
    }

    /// Whether it is as that key signed it.
    pub fn is_by(&self, key: &PublicKey) -> bool {
        self.key == key.id()
            && key.verifies(&message(self.head(), self.at, &self.key), &self.signature)
    }

    /// Where the chain was.
    pub const fn head(&self) -> Head {
        Head {
            sequence: self.sequence,
            hash: self.hash,
        }
    }
}

fn message(head: Head, at: Timestamp, key: &KeyId) -> Vec<u8> {
    let mut out = CHECKPOINT.to_vec();
    out.extend_from_slice(&head.sequence.to_be_bytes());
    out.extend_from_slice(&head.hash.0);
    out.extend_from_slice(&at.timestamp_micros().to_be_bytes());
    out.extend_from_slice(key.0.as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_good_as_it_was_signed_and_not_otherwise() {
        let key = SigningKey::from_seed(&[7; 32]).unwrap();
        let head = Head {
            sequence: 5,
            hash: Hash([5; 32]),
        };
        let signed = Checkpoint::sign(head, Timestamp::UNIX_EPOCH, &key).unwrap();
        let written = serde_json::to_string(&signed).unwrap();
        let read: Checkpoint = serde_json::from_str(&written).unwrap();
        assert!(read.is_by(&key.public()), "{written}");
        let other = SigningKey::from_seed(&[8; 32]).unwrap();
        assert!(!read.is_by(&other.public()));
        let changed = [
            Checkpoint {
                sequence: 4,
                ..read.clone()
            },
            Checkpoint {
                hash: Hash([6; 32]),
                ..read.clone()
            },
            Checkpoint {
                at: read.at + chrono::Duration::microseconds(1),
                ..read.clone()
            },
            Checkpoint {
                key: other.public().id(),
                ..read.clone()
            },
        ];
        for one in changed {
            assert!(!one.is_by(&key.public()), "{one:?}");
        }
    }
}
