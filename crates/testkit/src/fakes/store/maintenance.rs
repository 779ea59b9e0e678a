//! Looking after a log in memory.

use std::collections::{BTreeSet, HashSet};
use std::slice::from_ref;

use async_trait::async_trait;
use pts_domain::access::Workspace;
use pts_domain::projection::{AggregateKey, AggregateKind};
use pts_ports::{Difference, Maintenance, Projector, RebuildReport, StoreError, VerifyReport};

use super::{MemoryStore, Projected, State};

/// How many differences or faults a report holds.
const MOST: usize = 1_000;

#[async_trait]
impl Maintenance for MemoryStore {
    async fn rebuild(&self) -> Result<RebuildReport, StoreError> {
        let mut state = self.open()?;
        state.projected = state.replay(self.shared.projector.as_ref());
        Ok(RebuildReport {
            events: state.events.len() as u64,
            aggregates: state.projected.aggregates.len() as u64,
        })
    }

    async fn check(&self) -> Result<Vec<Difference>, StoreError> {
        let state = self.open()?;
        let replayed = state.replay(self.shared.projector.as_ref());
        Ok(differences(&state.projected, &replayed))
    }

    async fn verify(&self) -> Result<VerifyReport, StoreError> {
        let state = self.open()?;
        let mut faults = Vec::new();
        let mut identities = HashSet::new();
        let places = (1..).filter(|place| !state.retained.removed.contains(place));
        let events = state.events.iter().zip(&state.origins);
        for (place, (stored, origin)) in places.zip(events) {
            let identity = (origin.workspace.clone(), stored.event.identity.clone());
            if stored.position != place {
                faults.push(format!("{place}: the position is {}", stored.position));
            }
            if !identities.insert(identity.clone()) {
                faults.push(format!("{place}: the identity is there twice"));
            }
            let known = state.known.get(&identity);
            if known.is_none_or(|known| known.digest != stored.event.digest()) {
                faults.push(format!("{place}: the content is not what was written"));
            }
        }
        faults.truncate(MOST);
        Ok(VerifyReport {
            events: state.events.len() as u64,
            head: state.head(),
            faults,
        })
    }
}

impl State {
    fn replay(&self, projector: &dyn Projector) -> Projected {
        let mut replayed = Projected::default();
        // One by one, while living through it went batch by batch: the same must come out.
        for (event, origin) in self.events.iter().zip(&self.origins) {
            replayed.fold(projector, from_ref(event), from_ref(origin));
        }
        replayed
    }
}

fn differences(live: &Projected, replayed: &Projected) -> Vec<Difference> {
    let keys: BTreeSet<_> = live
        .aggregates
        .keys()
        .chain(replayed.aggregates.keys())
        .collect();
    let mut found: Vec<_> = keys
        .into_iter()
        .filter_map(|key| {
            let kind = match (live.aggregates.get(key), replayed.aggregates.get(key)) {
                (None, _) => "missing",
                (_, None) => "unexpected",
                (Some(live), Some(replayed)) if live != replayed => "different",
                _ => return None,
            };
            Some(Difference {
                projection: projection(key).to_owned(),
                key: format!("{key:?}"),
                kind: kind.to_owned(),
            })
        })
        .collect();
    if live.contradictions != replayed.contradictions {
        found.push(Difference {
            projection: "platform.contradictions".to_owned(),
            key: "all".to_owned(),
            kind: "different".to_owned(),
        });
    }
    found.truncate(MOST);
    found
}

fn projection((_, key): &(Workspace, AggregateKey)) -> &'static str {
    match key.kind() {
        AggregateKind::Deployment => "platform.deployments",
        AggregateKind::Service => "platform.services",
        AggregateKind::Instance => "platform.instances",
        AggregateKind::Image => "platform.images",
        AggregateKind::State => "platform.states",
        AggregateKind::Config => "platform.configs",
        AggregateKind::Incident => "platform.incidents",
        AggregateKind::Run => "platform.runs",
    }
}
