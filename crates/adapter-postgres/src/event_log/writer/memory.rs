//! What appends remember of the log between them; good for one epoch.

use std::collections::{BTreeSet, HashMap};

use pts_domain::event::Known;
use pts_domain::projection::{Aggregates, Contradiction};
use pts_domain::{Identity, Timestamp};
use pts_ports::{Projector, StoreError};

use super::cache::Cache;
use super::reader::Reader;
use super::recent::{Recent, Stored};
use super::{Incoming, Progress};
use crate::PgPool;
use crate::error::Fault;
use crate::event_log::partitions;
use crate::project::{self, Place};
use crate::row::Head;
use crate::sql::{Raw, Sql};

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
            recent: Recent::new(),
            ask: 0,
            yielding: 0,
        }
    }

    /// Learns where the log ends, and of events that were received after those of a batch.
    pub(super) async fn look(&mut self, batch: &[Incoming]) -> Result<Head, StoreError> {
        let head = self.reader.head().await?;
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
        Ok(head)
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
    }

    pub(super) fn remember(&mut self, incoming: &Incoming) {
        self.newest = self.newest.max(Some(incoming.event.received_at));
        let stored = Stored {
            position: incoming.event.position,
            known: incoming.known,
        };
        self.recent.insert(&incoming.event.event.identity, stored);
    }

    /// What is remembered of an identity, if the log would know it too.
    fn recalled(&self, incoming: &Incoming) -> Option<Stored> {
        let stored = self.recent.get(&incoming.event.event.identity)?;
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
    ) -> Result<(HashMap<Identity, Known>, i64), StoreError> {
        let mut found = HashMap::new();
        if self.ask > 0 || partitions::reach_elsewhere(batch, self.newest) {
            self.ask = self.ask.saturating_sub(1);
            found = self.reader.identities(batch).await?;
        }
        for incoming in batch {
            if let Some(stored) = self.recalled(incoming) {
                found.insert(incoming.event.event.identity.clone(), stored);
            }
        }
        let seen = found.values().map(|stored| stored.position).max();
        let known = found
            .into_iter()
            .map(|(identity, stored)| (identity, stored.known))
            .collect();
        Ok((known, seen.unwrap_or(0)))
    }

    /// Folds new events into the aggregates; returns what to write of them.
    pub(super) async fn project(
        &mut self,
        projector: &dyn Projector,
        stored: &[&Incoming],
    ) -> Result<(Vec<Raw>, Vec<Vec<Contradiction>>), StoreError> {
        let keys: BTreeSet<_> = stored
            .iter()
            .flat_map(|incoming| projector.keys(&incoming.event.event))
            .collect();
        let missing = self.cache.missing(&keys);
        let mut aggregates = if missing.is_empty() {
            Aggregates::default()
        } else {
            self.reader.aggregates(&missing).await?
        };
        for aggregate in self.cache.take(keys) {
            aggregates.know(aggregate);
        }
        let found: Vec<_> = stored
            .iter()
            .map(|incoming| projector.fold(&mut aggregates, &incoming.event))
            .collect();
        let steps = steps(&aggregates, &found)?;
        self.cache.put(aggregates);
        Ok((steps, found))
    }
}

fn steps(aggregates: &Aggregates, found: &[Vec<Contradiction>]) -> Result<Vec<Raw>, Fault> {
    let mut writes = project::store(Place::Live, aggregates.changed())?;
    writes.extend(project::store_contradictions(
        Place::Live,
        found.iter().flatten(),
    ));
    let raw = writes.iter().map(Sql::raw);
    raw.collect::<Result<_, _>>().map_err(Fault::Failed)
}
