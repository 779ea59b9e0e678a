//! Identities that were stored lately, in memory: a sender that repeats itself does so soon, and is
//! told without a trip to the database. Bounded: the oldest are forgotten first.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};

use pts_domain::Identity;
use pts_domain::event::Known;

/// So many are remembered: at 100 bytes each, less than 8 MiB.
const MOST: usize = 65_536;

/// An identity in its workspace as 128 bits of two hashes with keys of this process. That two identities share them
/// is as likely as that two random ids are the same.
type Key = (u64, u64);

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(in crate::event_log) struct Stored {
    pub(in crate::event_log) position: i64,
    pub(in crate::event_log) known: Known,
}

/// The memory.
pub(super) struct Recent {
    hashers: (RandomState, RandomState),
    stored: HashMap<Key, Stored>,
    order: VecDeque<Key>,
    most: usize,
}

impl Recent {
    pub(super) fn new() -> Self {
        Self {
            hashers: (RandomState::new(), RandomState::new()),
            stored: HashMap::new(),
            order: VecDeque::new(),
            most: MOST,
        }
    }

    pub(super) fn get(&self, workspace: i32, identity: &Identity) -> Option<Stored> {
        self.stored.get(&self.key(workspace, identity)).copied()
    }

    pub(super) fn insert(&mut self, workspace: i32, identity: &Identity, stored: Stored) {
        let key = self.key(workspace, identity);
        if self.stored.insert(key, stored).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > self.most {
            if let Some(oldest) = self.order.pop_front() {
                self.stored.remove(&oldest);
            }
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.stored.clear();
        self.order.clear();
    }

    fn key(&self, workspace: i32, identity: &Identity) -> Key {
        (
            self.hashers.0.hash_one((workspace, identity)),
            self.hashers.1.hash_one((workspace, identity)),
        )
    }
}

#[cfg(test)]
mod tests {
    use pts_domain::event::ContentDigest;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_oldest_are_forgotten_first() {
        let mut recent = Recent {
            most: 3,
            ..Recent::new()
        };
        let identity = |n: u32| Identity {
            source: "s".into(),
            id: n.to_string(),
        };
        for n in 1..=5 {
            let known = Known {
                id: Uuid::from_u128(n.into()),
                received_at: pts_domain::Timestamp::default(),
                digest: ContentDigest([0; 16]),
            };
            let position = n.into();
            recent.insert(0, &identity(n), Stored { position, known });
        }
        let found: Vec<_> = (1..=5)
            .map(|n| recent.get(0, &identity(n)).map(|stored| stored.position))
            .collect();
        assert_eq!(found, [None, None, Some(3), Some(4), Some(5)]);
        assert!(
            recent.get(1, &identity(5)).is_none(),
            "of another workspace"
        );
        recent.clear();
        assert!(recent.get(0, &identity(5)).is_none());
    }
}
