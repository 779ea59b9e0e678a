//! A store in memory: every port of storage over one mutex. The decisions are the domain's, so it
//! cannot drift from what the real store does; what is left is lists and sorting.

mod accounting;
mod audit;
mod blind_spots;
mod elevations;
mod log;
mod maintenance;
mod projections;
mod quarantine;
mod retention;
mod tokens;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use pts_domain::access::{Confirmation, Elevation, Token, Workspace};
use pts_domain::event::Known;
use pts_domain::projection::{Aggregate, AggregateKey, Aggregates, Contradiction};
use pts_domain::{Identity, StoredEvent};
use pts_ports::{Projector, StoreError};
use tokio::sync::watch;
use uuid::Uuid;

/// An event log with its projections and tokens, gone when it is dropped; seen from one workspace.
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
    workspace: Workspace,
}

struct Shared {
    projector: Arc<dyn Projector>,
    state: Mutex<State>,
    announced: watch::Sender<i64>,
}

/// Where an event belongs, and the token that it came with.
#[derive(Clone)]
struct Origin {
    workspace: Workspace,
    sender: Option<Uuid>,
}

#[derive(Default)]
struct State {
    /// In the order of the log.
    events: Vec<StoredEvent>,
    /// Where they came from, in the same order.
    origins: Vec<Origin>,
    known: HashMap<(Workspace, Identity), Known>,
    places: HashMap<Uuid, usize>,
    projected: Projected,
    tokens: Vec<Token>,
    elevations: Vec<Elevation>,
    confirmations: Vec<Confirmation>,
    books: accounting::Books,
    blind: blind_spots::Blind,
    ward: quarantine::Ward,
    retained: retention::Retained,
    audit: audit::Audit,
    faults: Faults,
}

/// Everything that was worked out from the log.
#[derive(Default, Clone, PartialEq)]
struct Projected {
    aggregates: BTreeMap<(Workspace, AggregateKey), Aggregate>,
    /// In the order in which they were found.
    contradictions: Vec<(Workspace, Contradiction)>,
}

#[derive(Default)]
struct Faults {
    away: bool,
    audit_away: bool,
    next: VecDeque<StoreError>,
    after_append: VecDeque<StoreError>,
    /// What everybody sees who is confined to anything.
    astray: Option<Workspace>,
    /// So many stretches may still be read.
    stretches: Option<usize>,
}

impl MemoryStore {
    /// An empty store whose appends are folded by `projector`.
    pub fn new(projector: Arc<dyn Projector>) -> Self {
        Self {
            shared: Arc::new(Shared {
                projector,
                state: Mutex::default(),
                announced: watch::Sender::new(0),
            }),
            workspace: Workspace::default(),
        }
    }

    /// The same store, seen from another workspace.
    fn seen_from(&self, workspace: &Workspace) -> Arc<Self> {
        let astray = self.lock().faults.astray.clone();
        Arc::new(Self {
            shared: Arc::clone(&self.shared),
            workspace: astray.unwrap_or_else(|| workspace.clone()),
        })
    }

    /// From here on everybody sees this workspace, whatever they are confined to: a store that confines
    /// nobody, for tests that must notice it.
    pub fn lead_astray(&self, to: Workspace) {
        self.lock().faults.astray = Some(to);
    }

    /// `false`: everything fails with [`StoreError::Unavailable`] and nothing is stored, until it
    /// is `true` again.
    pub fn set_available(&self, available: bool) {
        self.lock().faults.away = !available;
    }

    /// `false`: the audit alone takes nothing and tells nothing, until it is `true` again.
    pub fn set_audit_available(&self, available: bool) {
        self.lock().faults.audit_away = !available;
    }

    /// The next call of any port but the audit fails with this error and does nothing. Called more than once,
    /// the errors are used up in order.
    pub fn fail_next(&self, error: StoreError) {
        self.lock().faults.next.push_back(error);
    }

    /// The next append is done and then fails with this error: its answer was lost on the way.
    pub fn fail_after_next_append(&self, error: StoreError) {
        self.lock().faults.after_append.push_back(error);
    }

    /// After so many stretches the next one fails, once: an export breaks off.
    pub fn fail_after_stretches(&self, stretches: usize) {
        self.lock().faults.stretches = Some(stretches);
    }

    /// Forgets an aggregate of the usual workspace's projections, so that they are no longer what the log gives.
    pub fn tamper_with_projection(&self, key: &AggregateKey) {
        let key = (Workspace::default(), key.clone());
        self.lock().projected.aggregates.remove(&key);
    }

    /// Changes a stored event behind the log's back.
    ///
    /// # Panics
    /// If there is no event at this position.
    pub fn tamper_with_event(&self, position: i64, change: impl FnOnce(&mut StoredEvent)) {
        let mut state = self.lock();
        let stored = state.events.iter_mut();
        let mut stored = stored.filter(|stored| stored.position == position);
        change(stored.next().expect("an event at this position"));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .expect("a projector panicked before")
    }

    /// The state, unless the store shall fail.
    fn open(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let mut state = self.lock();
        if let Some(error) = state.faults.next.pop_front() {
            return Err(error);
        }
        if state.faults.away {
            return Err(StoreError::unavailable("it was switched off"));
        }
        Ok(state)
    }
}

impl Faults {
    fn before_stretch(&mut self) -> Result<(), StoreError> {
        let Some(left) = self.stretches.take() else {
            return Ok(());
        };
        self.stretches = match left {
            0 => return Err(StoreError::unavailable("it was to fail here")),
            left => Some(left - 1),
        };
        Ok(())
    }
}

impl Projected {
    /// Folds events as a store must: each workspace for itself, and only the aggregates that the
    /// projector asks for are loaded. Returns the contradictions of each event.
    fn fold(
        &mut self,
        projector: &dyn Projector,
        events: &[StoredEvent],
        origins: &[Origin],
    ) -> Vec<Vec<Contradiction>> {
        let mut found = vec![Vec::new(); events.len()];
        let workspaces: BTreeSet<_> = origins.iter().map(|origin| &origin.workspace).collect();
        for workspace in workspaces {
            let placed = events.iter().zip(origins).enumerate();
            let ours: Vec<_> = placed
                .filter(|(_, (_, origin))| origin.workspace == *workspace)
                .map(|(place, (event, _))| (place, event))
                .collect();
            let keys = ours
                .iter()
                .flat_map(|(_, event)| projector.keys(&event.event));
            let keys = keys.map(|key| (workspace.clone(), key));
            let loaded = keys.filter_map(|key| self.aggregates.get(&key).cloned());
            let mut aggregates = Aggregates::loaded(loaded);
            for (place, event) in ours {
                found[place] = projector.fold(&mut aggregates, event);
            }
            for changed in aggregates.changed() {
                let key = (workspace.clone(), changed.key());
                self.aggregates.insert(key, changed.clone());
            }
        }
        let all = origins.iter().zip(&found);
        let all = all.flat_map(|(origin, found)| {
            let found = found.iter().cloned();
            found.map(|one| (origin.workspace.clone(), one))
        });
        self.contradictions.extend(all);
        found
    }
}
