//! Quarantine in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pts_domain::Timestamp;
use pts_domain::access::Workspace;
use pts_domain::accounting::{Outcome, UNKNOWN, day_of};
use pts_domain::blind::Concern;
use pts_domain::filter::{Cursor, Page};
use pts_domain::quarantine::{
    Fingerprint, Item, LATELY, NewItem, Room, State as ItemState, Verdict, admit, tidy,
};
use pts_ports::{Finding, Quarantine, QuarantineQuery, StoreError};
use uuid::Uuid;

use super::{MemoryStore, State};

/// Items, and which of them wait.
#[derive(Default)]
pub(super) struct Ward {
    items: BTreeMap<Uuid, Item>,
    /// Where they belong.
    of: HashMap<Uuid, Workspace>,
    waiting: HashMap<Workspace, HashMap<Fingerprint, Uuid>>,
}

impl Ward {
    fn room(&self, sender: Uuid, now: Timestamp) -> Room {
        let waiting = || {
            let ids = self.waiting.values().flat_map(HashMap::values);
            ids.filter_map(|id| self.items.get(id))
        };
        let lately = |item: &&Item| item.sender == sender && item.received_at > now - LATELY;
        Room {
            waiting: waiting().count() as u64,
            bytes: waiting().map(|item| item.bytes).sum(),
            lately: self.items.values().filter(lately).count() as u64,
        }
    }

    /// An item no longer waits.
    fn settle(&mut self, id: Uuid, state: ItemState, at: Timestamp) -> Option<&mut Item> {
        for waiting in self.waiting.values_mut() {
            waiting.retain(|_, waiting| *waiting != id);
        }
        let item = self.items.get_mut(&id)?;
        (item.state, item.changed_at, item.text) = (state, at, None);
        Some(item)
    }

    /// One of a workspace.
    fn get(&self, workspace: &Workspace, id: Uuid) -> Option<&Item> {
        self.of.get(&id).filter(|of| *of == workspace)?;
        self.items.get(&id)
    }

    /// All of a workspace.
    fn all(&self, workspace: &Workspace) -> impl Iterator<Item = &Item> {
        self.items
            .values()
            .filter(move |item| self.of.get(&item.id) == Some(workspace))
    }

    fn waits(&self, workspace: &Workspace, id: Uuid) -> bool {
        self.get(workspace, id)
            .is_some_and(|item| item.state == ItemState::Waiting)
    }
}

fn source(item: &Item) -> String {
    item.source.clone().unwrap_or_else(|| UNKNOWN.to_owned())
}

impl State {
    fn count(&mut self, of: &Workspace, item: &Item, at: Timestamp, outcome: Outcome) {
        let line = self
            .books
            .line(of, day_of(at), Some(item.sender), &source(item));
        *line.of_mut(outcome) += 1;
    }
}

#[async_trait]
impl Quarantine for MemoryStore {
    fn within(&self, workspace: &Workspace) -> Arc<dyn Quarantine> {
        self.seen_from(workspace)
    }

    async fn anything_waits(&self) -> Result<bool, StoreError> {
        let state = self.open()?;
        let waits = state
            .ward
            .waiting
            .values()
            .any(|waiting| !waiting.is_empty());
        Ok(waits)
    }

    async fn keep(
        &self,
        batch: Vec<NewItem>,
        _within: Duration,
    ) -> Result<Vec<Verdict>, StoreError> {
        let mut state = self.open()?;
        let Some(first) = batch.first() else {
            return Ok(Vec::new());
        };
        let room = state.ward.room(first.sender, first.received_at);
        let here = &self.workspace;
        let waiting = state.ward.waiting.entry(here.clone()).or_default();
        let (verdicts, _) = admit(&batch, waiting, room);
        for (new, verdict) in batch.into_iter().zip(&verdicts) {
            let fingerprint = new.fingerprint();
            let item = Item::from(new);
            if *verdict != Verdict::NoRoom {
                state.count(here, &item, item.received_at, verdict.outcome());
            }
            match verdict {
                Verdict::NoRoom => {}
                Verdict::Again(id) => {
                    let known = state.ward.items.get_mut(id).expect("it waits");
                    known.times += 1;
                    known.last_at = known.last_at.max(item.received_at);
                }
                Verdict::Kept => {
                    let waiting = state.ward.waiting.entry(here.clone()).or_default();
                    waiting.insert(fingerprint, item.id);
                    state.ward.of.insert(item.id, here.clone());
                    state.ward.items.insert(item.id, item);
                }
            }
        }
        Ok(verdicts)
    }

    async fn waiting(&self, concern: &Concern, most: u64) -> Result<u64, StoreError> {
        let state = self.open()?;
        let count = state.ward.all(&self.workspace).filter(|item| {
            let window = &concern.window;
            let type_fits = |name: &str| concern.types.iter().any(|pattern| pattern.fits(name));
            item.state == ItemState::Waiting
                && window.clip(item.received_at, item.received_at).is_some()
                && (concern.source.is_none()
                    || item.source.is_none()
                    || concern.source == item.source)
                && (concern.types.is_empty() || item.event_type.as_deref().is_none_or(type_fits))
        });
        Ok(most.min(count.count() as u64))
    }

    async fn items(
        &self,
        query: &QuarantineQuery,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Item>, StoreError> {
        let state = self.open()?;
        let begin = match &cursor {
            Some(Cursor::Name(parts)) => parts.first().and_then(|id| id.parse::<Uuid>().ok()),
            _ => None,
        };
        let behind = |item: &&Item| match begin {
            None => true,
            Some(begin) if query.oldest_first => item.id > begin,
            Some(begin) => item.id < begin,
        };
        let mut found: Vec<_> = state
            .ward
            .all(&self.workspace)
            .filter(|item| query.fits(item))
            .filter(behind)
            .cloned()
            .collect();
        if !query.oldest_first {
            found.reverse();
        }
        found.truncate(limit + 1);
        for item in &mut found {
            item.text = None;
        }
        Ok(Page::cut(found, limit, |item| {
            Cursor::Name(vec![item.id.to_string()])
        }))
    }

    async fn get(&self, ids: &[Uuid]) -> Result<Vec<Item>, StoreError> {
        let state = self.open()?;
        let found = ids.iter();
        let found = found.filter_map(|id| state.ward.get(&self.workspace, *id));
        Ok(found.cloned().collect())
    }

    async fn settle(
        &self,
        findings: Vec<(Uuid, Finding)>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut state = self.open()?;
        for (id, finding) in findings {
            let Some(item) = state.ward.get(&self.workspace, id).cloned() else {
                continue;
            };
            let (event, repeated) = match finding {
                Finding::Bad { errors } => {
                    if let Some(item) = state.ward.items.get_mut(&id)
                        && item.state == ItemState::Waiting
                    {
                        (item.errors, item.changed_at) = (tidy(&errors), at);
                    }
                    continue;
                }
                Finding::Stored { event } => (event, false),
                Finding::Repeated { event } => (event, true),
            };
            if item.state == ItemState::Replayed {
                continue;
            }
            if let Some(item) = state.ward.settle(id, ItemState::Replayed, at) {
                (item.replayed_as, item.reason) = (Some(event), None);
            }
            let line = state.books.line(
                &self.workspace,
                day_of(item.received_at),
                Some(item.sender),
                &source(&item),
            );
            line.quarantined -= 1;
            if repeated {
                state.count(&self.workspace, &item, at, Outcome::Repeated);
            }
        }
        Ok(())
    }

    async fn discard(
        &self,
        ids: Vec<Uuid>,
        reason: String,
        at: Timestamp,
    ) -> Result<Vec<Uuid>, StoreError> {
        let mut state = self.open()?;
        let mut gone = Vec::new();
        for id in ids {
            if state.ward.waits(&self.workspace, id)
                && let Some(item) = state.ward.settle(id, ItemState::Discarded, at)
            {
                item.reason = Some(reason.clone());
                gone.push(id);
            }
        }
        Ok(gone)
    }

    async fn expire(
        &self,
        waits_since: Timestamp,
        remembered_since: Timestamp,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut state = self.open()?;
        let ward = &mut state.ward;
        ward.items.retain(|_, item| {
            item.state == ItemState::Waiting || item.changed_at >= remembered_since
        });
        let late: Vec<_> = ward
            .items
            .values()
            .filter(|item| item.state == ItemState::Waiting && item.received_at < waits_since)
            .map(|item| item.id)
            .collect();
        for id in &late {
            if let Some(item) = ward.settle(*id, ItemState::Discarded, at) {
                item.reason = Some(pts_domain::quarantine::WAITED_TOO_LONG.to_owned());
            }
        }
        Ok(late.len() as u64)
    }
}
