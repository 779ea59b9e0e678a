//! The event log in memory.

use std::cmp::Reverse;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _};
use pts_domain::access::Workspace;
use pts_domain::event::{Admission, Known, NewEvent, admit};
use pts_domain::filter::{Cursor, EventFilter, Page};
use pts_domain::projection::Contradiction;
use pts_domain::{Event, Identity, StoredEvent};
use pts_ports::{Appended, EventLog, Projector, StoreError, Stretch, Tail, Written};
use tokio::sync::watch;
use uuid::Uuid;

use super::{MemoryStore, Origin, State};

/// How much of the log one look at its tail goes through: little, so that readers meet the case.
const SCAN: usize = 50;
/// Events of a stretch, for the same reason.
const STRETCH: usize = 7;

#[async_trait]
impl EventLog for MemoryStore {
    fn within(&self, workspace: &Workspace) -> Arc<dyn EventLog> {
        self.seen_from(workspace)
    }

    async fn write(&self, batch: Vec<NewEvent>) -> Result<Written, StoreError> {
        let mut state = self.open()?;
        let outcomes = state.append(self.shared.projector.as_ref(), batch);
        match state.faults.after_append.pop_front() {
            Some(error) => Err(error),
            None => Ok(Written::safe(outcomes)),
        }
    }

    async fn get(&self, id: Uuid) -> Result<Option<StoredEvent>, StoreError> {
        let state = self.open()?;
        let place = state.places.get(&id).copied();
        let ours = place.filter(|at| state.origins[*at].workspace == self.workspace);
        Ok(ours.map(|at| state.events[at].clone()))
    }

    async fn search(
        &self,
        filter: &EventFilter,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<StoredEvent>, StoreError> {
        let state = self.open()?;
        let place = |event: &StoredEvent| (event.event.time.timestamp_micros(), event.position);
        let begin = match cursor {
            Some(Cursor::Event(micros, position)) => Some((micros, position)),
            _ => None,
        };
        let mut found: Vec<_> = state
            .events_of(&self.workspace, 0)
            .filter_map(|(event, ours)| ours.then_some(event))
            .filter(|event| begin.is_none_or(|begin| place(event) < begin))
            .filter(|event| filter.fits(event))
            .collect();
        found.sort_by_key(|event| Reverse(place(event)));
        let found = found.into_iter().take(limit + 1).cloned().collect();
        Ok(Page::cut(found, limit, Cursor::after))
    }

    async fn stretch(
        &self,
        filter: &EventFilter,
        up_to: i64,
        cursor: Option<Cursor>,
    ) -> Result<Stretch, StoreError> {
        self.open()?.faults.before_stretch()?;
        let mut found = Vec::new();
        let mut cursor = cursor;
        loop {
            let page = self.search(filter, cursor, STRETCH).await?;
            found.extend(page.items.into_iter().filter(|e| e.position <= up_to));
            cursor = page.next;
            if cursor.is_none() || !found.is_empty() {
                break;
            }
        }
        Ok(Stretch {
            events: found.into_iter().map(Into::into).collect(),
            next: cursor,
        })
    }

    async fn after(
        &self,
        position: i64,
        filter: &EventFilter,
        limit: usize,
    ) -> Result<Tail, StoreError> {
        let state = self.open()?;
        let mut tail = Tail {
            events: Vec::new(),
            scanned_to: position,
        };
        let behind = state
            .events
            .partition_point(|event| event.position <= position);
        for (event, ours) in state.events_of(&self.workspace, behind).take(SCAN) {
            if tail.events.len() == limit {
                break;
            }
            tail.scanned_to = event.position;
            if ours && filter.fits(event) {
                tail.events.push(event.clone());
            }
        }
        Ok(tail)
    }

    async fn head(&self) -> Result<i64, StoreError> {
        Ok(self.open()?.head())
    }

    async fn announce(&self, position: i64) -> Result<(), StoreError> {
        drop(self.open()?);
        self.shared.announced.send_replace(position);
        Ok(())
    }

    async fn announced(&self) -> Result<BoxStream<'static, i64>, StoreError> {
        drop(self.open()?);
        let mut heard = self.shared.announced.subscribe();
        heard.mark_unchanged();
        let next = |mut heard: watch::Receiver<i64>| async move {
            heard.changed().await.ok()?;
            let position = *heard.borrow_and_update();
            Some((position, heard))
        };
        Ok(stream::unfold(heard, next).boxed())
    }

    async fn contradictions(
        &self,
        about: Option<String>,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Contradiction>, StoreError> {
        let state = self.open()?;
        let begin = match cursor {
            Some(Cursor::Position(place)) => Some(place),
            _ => None,
        };
        // Their own numbers, as one event may have several.
        let ours = state.projected.contradictions.iter();
        let ours = ours.filter_map(|(of, found)| (*of == self.workspace).then_some(found));
        let numbered: Vec<_> = (1_i64..).zip(ours).collect();
        let found = numbered
            .into_iter()
            .rev()
            .filter(|(place, _)| begin.is_none_or(|begin| *place < begin))
            .filter(|(_, found)| about.as_ref().is_none_or(|about| found.about == *about))
            .take(limit + 1)
            .map(|(place, found)| (place, found.clone()))
            .collect();
        let page = Page::cut(found, limit, |(place, _)| Cursor::Position(*place));
        Ok(Page {
            items: page.items.into_iter().map(|(_, found)| found).collect(),
            next: page.next,
        })
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.open().map(|_| ())
    }
}

impl State {
    pub(super) fn head(&self) -> i64 {
        let last = self.events.last().map_or(0, |event| event.position);
        last.max(self.retained.removed.last().copied().unwrap_or(0))
    }

    fn append(&mut self, projector: &dyn Projector, batch: Vec<NewEvent>) -> Vec<Appended> {
        let admissions = admit(
            batch
                .iter()
                .map(|new| ((&new.workspace, &new.event.identity), Known::of(new))),
            |(workspace, identity): (&Workspace, &Identity)| {
                let key = (workspace.clone(), identity.clone());
                self.known.get(&key).copied()
            },
        );
        let mut position = self.head();
        let admitted = batch.iter().zip(&admissions);
        let origins: Vec<_> = admitted
            .filter(|(_, admission)| matches!(admission, Admission::Store))
            .map(|(new, _)| Origin {
                workspace: new.workspace.clone(),
                sender: new.sender,
            })
            .collect();
        let stored: Vec<_> = batch
            .into_iter()
            .zip(&admissions)
            .filter(|(_, admission)| matches!(admission, Admission::Store))
            .map(|(new, _)| {
                position += 1;
                StoredEvent {
                    position,
                    id: new.id,
                    received_at: new.received_at,
                    event: new.event,
                }
            })
            .collect();
        let mut outcomes = stored
            .iter()
            .zip(self.projected.fold(projector, &stored, &origins))
            .map(|(event, contradictions)| Appended::Stored {
                position: event.position,
                contradictions,
            })
            .collect::<Vec<_>>()
            .into_iter();
        for (event, origin) in stored.into_iter().zip(origins) {
            self.keep(event, origin);
        }
        admissions
            .into_iter()
            .map(|admission| match admission {
                Admission::Store => outcomes.next().expect("one outcome per stored event"),
                Admission::Repeat { id, received_at } => Appended::Repeat { id, received_at },
                Admission::Conflict { id, received_at } => Appended::Conflict { id, received_at },
            })
            .collect()
    }

    /// The events behind a place, each with whether it belongs to the workspace.
    fn events_of(
        &self,
        workspace: &Workspace,
        behind: usize,
    ) -> impl Iterator<Item = (&StoredEvent, bool)> {
        let all = self.events.iter().zip(&self.origins).skip(behind);
        all.map(move |(event, origin)| (event, origin.workspace == *workspace))
    }

    fn keep(&mut self, stored: StoredEvent, origin: Origin) {
        let Event { identity, .. } = &stored.event;
        let known = Known {
            id: stored.id,
            received_at: stored.received_at,
            digest: stored.event.digest(),
        };
        let key = (origin.workspace.clone(), identity.clone());
        self.known.insert(key, known);
        self.origins.push(origin);
        self.places.insert(stored.id, self.events.len());
        self.events.push(stored);
    }
}
