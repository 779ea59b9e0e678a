//! What a promise is tested on.

use std::any::Any;
use std::sync::Arc;

use pts_domain::StoredEvent;
use pts_domain::access::Workspace;
use pts_domain::event::NewEvent;
use pts_domain::projection::{Aggregate, Aggregates, Contradiction};
use pts_ports::{
    Accounting, Appended, AuditLog, BlindSpots, Confirmations, Elevations, EventLog, Maintenance,
    Projections, Projector, Quarantine, RetentionStore, TokenStore,
};

use crate::fakes::DomainProjector;

/// Who may do what, and who may for a while.
type Rights = (
    Arc<dyn TokenStore>,
    Arc<dyn Elevations>,
    Arc<dyn Confirmations>,
);

/// What is noted beside the log.
type Records = (
    Arc<dyn Accounting>,
    Arc<dyn Quarantine>,
    Arc<dyn BlindSpots>,
    Arc<dyn AuditLog>,
);

/// An empty store behind its ports, folding with [`DomainProjector`] or what behaves like it.
pub struct Harness {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// What is read from it.
    pub projections: Arc<dyn Projections>,
    /// Its upkeep.
    pub maintenance: Arc<dyn Maintenance>,
    /// Its tokens.
    pub tokens: Arc<dyn TokenStore>,
    /// Who asked to be allowed more for a while.
    pub elevations: Arc<dyn Elevations>,
    /// What previews are confirmed with.
    pub confirmations: Arc<dyn Confirmations>,
    /// Its accounts.
    pub accounting: Arc<dyn Accounting>,
    /// What is no event.
    pub quarantine: Arc<dyn Quarantine>,
    /// What it could not see.
    pub blind_spots: Arc<dyn BlindSpots>,
    /// Who did what.
    pub audit: Arc<dyn AuditLog>,
    /// What goes from it.
    pub retention: Arc<dyn RetentionStore>,
    kept: Vec<Box<dyn Any>>,
}

impl Harness {
    /// Around one store that is all of it.
    pub fn of<S>(store: Arc<S>) -> Self
    where
        S: EventLog
            + Projections
            + Maintenance
            + TokenStore
            + Elevations
            + Confirmations
            + Accounting
            + Quarantine
            + BlindSpots
            + AuditLog
            + RetentionStore
            + 'static,
    {
        Self {
            log: store.clone(),
            projections: store.clone(),
            maintenance: store.clone(),
            tokens: store.clone(),
            elevations: store.clone(),
            confirmations: store.clone(),
            accounting: store.clone(),
            quarantine: store.clone(),
            blind_spots: store.clone(),
            audit: store.clone(),
            retention: store,
            kept: Vec::new(),
        }
    }

    /// Around several that are one store together.
    pub fn new(
        log: Arc<dyn EventLog>,
        projections: Arc<dyn Projections>,
        maintenance: Arc<dyn Maintenance>,
        (tokens, elevations, confirmations): Rights,
        (accounting, quarantine, blind_spots, audit): Records,
        retention: Arc<dyn RetentionStore>,
    ) -> Self {
        Self {
            log,
            projections,
            maintenance,
            tokens,
            elevations,
            confirmations,
            accounting,
            quarantine,
            blind_spots,
            audit,
            retention,
            kept: Vec::new(),
        }
    }

    /// The same store, seen from a workspace.
    pub fn within(&self, workspace: &Workspace) -> Self {
        Self {
            log: self.log.within(workspace),
            projections: self.projections.within(workspace),
            maintenance: self.maintenance.clone(),
            tokens: self.tokens.clone(),
            elevations: self.elevations.clone(),
            confirmations: self.confirmations.clone(),
            accounting: self.accounting.within(workspace),
            quarantine: self.quarantine.within(workspace),
            blind_spots: self.blind_spots.clone(),
            audit: self.audit.clone(),
            retention: self.retention.clone(),
            kept: Vec::new(),
        }
    }

    /// Keeps something alive as long as the store is needed, such as its database.
    pub fn keeping(mut self, thing: impl Any) -> Self {
        self.kept.push(Box::new(thing));
        self
    }

    /// Appends a batch that must work.
    pub async fn append(&self, batch: Vec<NewEvent>) -> Vec<Appended> {
        let count = batch.len();
        let outcomes = self.log.append(batch).await.expect("the append works");
        assert_eq!(outcomes.len(), count, "one result per event");
        outcomes
    }

    /// The whole log, read through its tail.
    pub async fn everything(&self) -> Vec<StoredEvent> {
        let mut events = Vec::new();
        let mut position = 0;
        loop {
            let tail = self
                .log
                .after(position, &pts_domain::filter::EventFilter::default(), 500)
                .await
                .expect("the tail can be read");
            if tail.scanned_to == position {
                assert!(tail.events.is_empty(), "the end of the log has no events");
                return events;
            }
            position = tail.scanned_to;
            events.extend(tail.events);
        }
    }

    /// What the log means, folded here and now.
    pub async fn model(&self) -> Model {
        Model::of(&self.everything().await)
    }
}

/// The aggregates and contradictions of a log, worked out in memory from nothing.
pub struct Model {
    /// In the order of their keys.
    pub aggregates: Vec<Aggregate>,
    /// In the order in which they came up.
    pub contradictions: Vec<Contradiction>,
}

impl Model {
    fn of(log: &[StoredEvent]) -> Self {
        let mut aggregates = Aggregates::default();
        let contradictions = log
            .iter()
            .flat_map(|event| DomainProjector.fold(&mut aggregates, event))
            .collect();
        Self {
            aggregates: aggregates.all().cloned().collect(),
            contradictions,
        }
    }

    /// Those aggregates that `pick` takes.
    pub fn every<T>(&self, pick: impl Fn(&Aggregate) -> Option<&T>) -> Vec<T>
    where
        T: Clone,
    {
        self.aggregates.iter().filter_map(pick).cloned().collect()
    }
}

/// Makes a store and holds it to a promise, on a runtime of its own with two threads.
///
/// # Panics
/// If the promise is broken.
pub fn hold<H: Into<Option<Harness>>>(
    make: impl Future<Output = H>,
    promise: impl AsyncFnOnce(Harness),
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        if let Some(harness) = make.await.into() {
            promise(harness).await;
        }
    });
}
