//! What appends remember of the log between them; good for one epoch.

use std::collections::HashSet;
use std::sync::Arc;

use pts_domain::Timestamp;
use pts_domain::event::Known;
use pts_domain::projection::{Aggregate, Contradiction};
use pts_ports::{Projector, StoreError};

use super::cache::Cache;
use super::reader::Reader;
use super::recent::{Recent, Stored};
use super::{Incoming, Progress};
use crate::PgPool;
use crate::event_log::careful::known_of;
use crate::event_log::incoming::{self, Identities};
use crate::event_log::partitions;
use crate::project::{self, Key, Reached, Rooms};
use crate::row::{Head, fresh_stamp};

/// The memory.
pub(super) struct Memory {
    pub(super) reader: Reader,
    pub(super) epoch: u64,
    generation: u64,
    /// When the newest event was received, as far as this is known.
    newest: Option<Timestamp>,
    /// Where the last append, committed or under way, leaves the head.
    pub(super) head: Option<Head>,
    pub(super) cache: Cache,
    behind: Behind,
    recent: Recent,
    /// For so many appends more, identities are looked up first.
    pub(super) ask: u32,
    /// So many appends more go the sure way.
    pub(super) yielding: u32,
}

impl Memory {
    pub(super) fn new(pool: PgPool) -> Self {
        Self {
            reader: Reader::new(pool),
            epoch: 0,
            generation: 0,
            newest: None,
            head: None,
            cache: Cache::default(),
            behind: Behind::default(),
            recent: Recent::new(),
            ask: 0,
            yielding: 0,
        }
    }

    /// Learns where the log ends, and of events that were received after those of a batch. `None` if the
    /// projections have not come there: they say nothing that could be built on.
    pub(super) async fn look(&mut self, batch: &[Incoming]) -> Result<Option<Head>, StoreError> {
        let (head, reached) = self.reader.ends().await?;
        if reached.position < head.position {
            return Ok(None);
        }
        let newest = batch
            .iter()
            .map(|incoming| incoming.event.received_at)
            .max();
        let later = self
            .reader
            .received_later(newest.unwrap_or_default())
            .await?;
        self.newest = self.newest.max(later);
        self.head = Some(head);
        self.behind.reached = Some(reached);
        Ok(Some(head))
    }

    /// Begins a new epoch, if there is one.
    pub(super) fn settle(&mut self, now: Progress) {
        if self.epoch != now.epoch {
            self.epoch = now.epoch;
            self.forget();
            // Some of these were on their way, or not yet on disk.
            self.recent.clear();
        }
    }

    /// Forgets what was stored while another connection was there to make it safe: if the database
    /// went down with it, some of that may be gone.
    pub(super) fn reconnected(&mut self, generation: u64) {
        if self.generation != generation {
            self.generation = generation;
            self.forget();
            self.recent.clear();
        }
    }

    /// Forgets what somebody else's append makes wrong. What is stored stays stored.
    pub(super) fn forget(&mut self) {
        self.head = None;
        self.cache.clear();
        self.behind = Behind::default();
    }

    pub(super) fn remember(&mut self, incoming: &Incoming) {
        self.newest = self.newest.max(Some(incoming.event.received_at));
        let stored = Stored {
            position: incoming.event.position,
            known: incoming.known,
        };
        let identity = &incoming.event.event.identity;
        self.recent.insert(incoming.workspace, identity, stored);
    }

    /// What is remembered of an identity, if the log would know it too.
    fn recalled(&self, incoming: &Incoming) -> Option<Stored> {
        let identity = &incoming.event.event.identity;
        let stored = self.recent.get(incoming.workspace, identity)?;
        let since = partitions::known_since(incoming.event.received_at);
        (stored.known.received_at >= since).then_some(stored)
    }

    /// The last position of an append that holds one of these identities and is not committed.
    pub(super) fn under_way(&self, batch: &[Incoming], committed: i64) -> Option<i64> {
        batch
            .iter()
            .filter_map(|incoming| self.recalled(incoming))
            .map(|stored| stored.position)
            .filter(|position| *position > committed)
            .max()
    }

    /// What the log holds of the batch's identities, as far as memory and, where neither that nor the
    /// unique index of a partition reaches, a look-up tell; and the last position among them.
    pub(super) async fn known(
        &mut self,
        batch: &[Incoming],
    ) -> Result<(Identities<Known>, i64), StoreError> {
        let mut found = Identities::default();
        if self.ask > 0 || partitions::reach_elsewhere(batch, self.newest) {
            self.ask = self.ask.saturating_sub(1);
            found = self.reader.identities(batch).await?;
        }
        for incoming in batch {
            if let Some(stored) = self.recalled(incoming) {
                let identity = incoming.event.event.identity.clone();
                let ours = found.entry(incoming.workspace).or_default();
                ours.insert(identity, stored);
            }
        }
        let all = found.values().flat_map(|ours| ours.values());
        let seen = all.map(|stored| stored.position).max();
        Ok((known_of(found), seen.unwrap_or(0)))
    }

    /// Folds new events into the aggregates, which are written later; returns what did not fit.
    pub(super) async fn project(
        &mut self,
        projector: &dyn Projector,
        stored: &[&Incoming],
    ) -> Result<Vec<Vec<Contradiction>>, StoreError> {
        let keys = project::keys(projector, incoming::events(stored.iter().copied()));
        let missing = self.cache.missing(&keys);
        let mut rooms = if missing.is_empty() {
            Rooms::default()
        } else {
            self.reader.aggregates(&missing).await?
        };
        for (workspace, aggregate) in self.cache.take(keys) {
            rooms.of(workspace).know(aggregate);
        }
        let mut found = Vec::with_capacity(stored.len());
        for incoming in stored {
            let ours = rooms.of(incoming.workspace);
            let contradictions = projector.fold(ours, &incoming.event);
            let all = contradictions.iter().cloned();
            let all = all.map(|one| (incoming.workspace, one));
            self.behind.contradictions.extend(all);
            found.push(contradictions);
        }
        for (workspace, aggregate) in rooms.changed() {
            self.behind.changed((workspace, aggregate.key()));
        }
        self.behind.events += stored.len();
        self.cache.put(rooms);
        Ok(found)
    }

    /// Drops what was not used lately, if there is too much.
    pub(super) fn thin(&mut self) {
        if self.cache.is_full() {
            let behind = &self.behind;
            self.cache.thin(|key| behind.holds(key));
        }
    }

    /// How many events the projections are behind what is remembered.
    pub(super) fn events_behind(&self) -> usize {
        self.behind.events
    }

    /// Takes out what the projections lack, up to the last append.
    pub(super) fn take_load(&mut self) -> Option<Load> {
        let (head, from) = self.head.zip(self.behind.reached)?;
        if head.position == from.position {
            return None;
        }
        self.behind.leaving = std::mem::take(&mut self.behind.dirty);
        self.behind.events = 0;
        let aggregates = self.behind.leaving.iter();
        Some(Load {
            epoch: self.epoch,
            from,
            to: Reached {
                position: head.position,
                stamp: fresh_stamp(),
            },
            aggregates: aggregates
                .filter_map(|key| Some((key.0, Arc::clone(self.cache.get(key)?))))
                .collect(),
            contradictions: std::mem::take(&mut self.behind.contradictions),
        })
    }

    /// Takes note that a load is written.
    pub(super) fn delivered(&mut self, load: &Load) {
        if self.epoch == load.epoch && self.behind.reached == Some(load.from) {
            self.behind.reached = Some(load.to);
            self.behind.leaving.clear();
        }
    }
}

/// What appends have changed and the projections lack.
#[derive(Default)]
struct Behind {
    /// Where the projections are.
    reached: Option<Reached>,
    events: usize,
    dirty: HashSet<Key>,
    /// On its way there.
    leaving: HashSet<Key>,
    contradictions: Vec<(i32, Contradiction)>,
}

impl Behind {
    fn changed(&mut self, key: Key) {
        self.dirty.insert(key);
    }

    fn holds(&self, key: &Key) -> bool {
        self.dirty.contains(key) || self.leaving.contains(key)
    }
}

/// What the projections lack, up to a position.
pub(super) struct Load {
    pub(super) epoch: u64,
    pub(super) from: Reached,
    pub(super) to: Reached,
    pub(super) aggregates: Vec<(i32, Arc<Aggregate>)>,
    pub(super) contradictions: Vec<(i32, Contradiction)>,
}
