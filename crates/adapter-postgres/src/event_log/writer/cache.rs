//! Aggregates as the last append left them, so that the next one need not read them again. Good for
//! as long as the head of the log carries our stamp.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use pts_domain::projection::Aggregate;

use crate::project::{Key, Rooms};

/// From so many on, those that were not used lately are dropped.
const MANY: usize = 8_192;

/// The memory: `None` is an aggregate that is known not to be there yet. Shared with what is being
/// written, which is copied only if it changes meanwhile.
#[derive(Default)]
pub(super) struct Cache {
    young: HashMap<Key, Option<Arc<Aggregate>>>,
    old: HashMap<Key, Option<Arc<Aggregate>>>,
}

impl Cache {
    /// Those of the keys that must be read.
    pub(super) fn missing(&self, keys: &BTreeSet<Key>) -> BTreeSet<Key> {
        keys.iter()
            .filter(|key| !self.young.contains_key(key) && !self.old.contains_key(key))
            .cloned()
            .collect()
    }

    /// Takes aggregates out, to be given back with [`Cache::put`].
    pub(super) fn take(&mut self, keys: BTreeSet<Key>) -> Vec<(i32, Aggregate)> {
        let mut taken = Vec::with_capacity(keys.len());
        for key in keys {
            let found = self.young.remove(&key).or_else(|| self.old.remove(&key));
            match found.flatten() {
                Some(aggregate) => taken.push((key.0, Arc::unwrap_or_clone(aggregate))),
                None => {
                    self.young.insert(key, None);
                }
            }
        }
        taken
    }

    /// Takes over what an append left.
    pub(super) fn put(&mut self, rooms: Rooms) {
        for (key, aggregate) in rooms.into_all() {
            self.young.insert(key, Some(Arc::new(aggregate)));
        }
    }

    /// Whether it has grown so much that it should be thinned when that is safe.
    pub(super) fn is_full(&self) -> bool {
        self.young.len() >= MANY
    }

    /// One as it is now.
    pub(super) fn get(&self, key: &Key) -> Option<&Arc<Aggregate>> {
        let found = self.young.get(key).or_else(|| self.old.get(key));
        found.and_then(Option::as_ref)
    }

    /// Drops what was not used since the last time, but for what is to be kept: what an append has
    /// changed and nobody has written yet is nowhere else.
    pub(super) fn thin(&mut self, keep: impl Fn(&Key) -> bool) {
        let dropped = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
        let kept = dropped.into_iter().filter(|(key, _)| keep(key));
        self.old.extend(kept);
    }

    pub(super) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}
