//! The audit in memory. Errors that a test has in store for other ports do not reach it: it is written
//! beside what the test is about.

use std::collections::BTreeMap;
use std::sync::MutexGuard;
use std::time::Duration;

use async_trait::async_trait;
use pts_domain::audit::{AuditFilter, Checkpoint, Entry, Head, KeyId, Record, Stored};
use pts_domain::filter::{Cursor, Page};
use pts_ports::{AuditLog, KeptCheckpoint, StoreError};

use super::{MemoryStore, State};

/// The chain, and what was signed of it.
pub(super) struct Audit {
    entries: Vec<Entry>,
    end: Head,
    checkpoints: BTreeMap<(i64, KeyId), Checkpoint>,
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            end: Head::START,
            checkpoints: BTreeMap::new(),
        }
    }
}

impl MemoryStore {
    /// Everything in the audit, in its order.
    pub fn audited(&self) -> Vec<Entry> {
        self.lock().audit.entries.clone()
    }

    /// Changes the audit behind its back: as the owner of a database could.
    pub fn tamper_with_audit(&self, change: impl FnOnce(&mut Vec<Entry>, &mut Head)) {
        let mut state = self.lock();
        let Audit { entries, end, .. } = &mut state.audit;
        change(entries, end);
    }

    fn open_audit(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.lock();
        if state.faults.away || state.faults.audit_away {
            return Err(StoreError::unavailable("it was switched off"));
        }
        Ok(state)
    }
}

#[async_trait]
impl AuditLog for MemoryStore {
    async fn append(&self, records: Vec<Record>, _within: Duration) -> Result<Head, StoreError> {
        let mut state = self.open_audit()?;
        let audit = &mut state.audit;
        for record in records {
            if (audit.entries.iter()).all(|entry| entry.record.id != record.id) {
                audit.entries.push(audit.end.seal(record));
            }
        }
        Ok(audit.end)
    }

    async fn end(&self) -> Result<Option<Head>, StoreError> {
        Ok(Some(self.open_audit()?.audit.end))
    }

    async fn entries(
        &self,
        filter: &AuditFilter,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Entry>, StoreError> {
        let state = self.open_audit()?;
        let is_behind = |entry: &&Entry| match cursor {
            Some(Cursor::Position(sequence)) => entry.sequence < sequence,
            _ => true,
        };
        let newest_first = state.audit.entries.iter().rev();
        let wanted = newest_first.filter(|entry| filter.fits(entry));
        let some = wanted.filter(is_behind).take(limit.saturating_add(1));
        Ok(Page::cut(some.cloned().collect(), limit, |entry| {
            Cursor::Position(entry.sequence)
        }))
    }

    async fn stretch(&self, behind: Option<i64>, limit: usize) -> Result<Vec<Stored>, StoreError> {
        let state = self.open_audit()?;
        let further = (state.audit.entries.iter())
            .filter(|entry| behind.is_none_or(|behind| behind < entry.sequence));
        let some = further.take(limit).cloned().map(|entry| Stored {
            sequence: entry.sequence,
            previous: Some(entry.previous),
            hash: Some(entry.hash),
            record: Some(entry.record),
        });
        Ok(some.collect())
    }

    async fn keep_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let mut state = self.open_audit()?;
        let place = (checkpoint.sequence, checkpoint.key.clone());
        let kept = state.audit.checkpoints.entry(place);
        kept.or_insert_with(|| checkpoint.clone());
        Ok(())
    }

    async fn checkpoints(
        &self,
        behind: Option<i64>,
        limit: usize,
    ) -> Result<Vec<KeptCheckpoint>, StoreError> {
        let state = self.open_audit()?;
        let mut further = (state.audit.checkpoints.values())
            .filter(|one| behind.is_none_or(|behind| behind < one.sequence))
            .peekable();
        let mut some: Vec<KeptCheckpoint> = Vec::new();
        while let Some(next) = further.next_if(|next| {
            let last = some.last().map(|last| last.sequence);
            some.len() < limit || last == Some(next.sequence)
        }) {
            some.push(KeptCheckpoint {
                sequence: next.sequence,
                checkpoint: Some(next.clone()),
            });
        }
        Ok(some)
    }

    async fn unguarded(&self) -> Result<Vec<String>, StoreError> {
        self.open_audit().map(|_| Vec::new())
    }

    async fn last_checkpoint(&self, key: Option<KeyId>) -> Result<Option<Checkpoint>, StoreError> {
        let state = self.open_audit()?;
        let newest_first = state.audit.checkpoints.values().rev();
        let mut fitting = newest_first.filter(|one| key.as_ref().is_none_or(|key| one.key == *key));
        Ok(fitting.next().cloned())
    }
}
