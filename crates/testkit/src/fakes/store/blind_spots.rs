//! Blind spots in memory. It has no clock: whatever was written down counts as written just now.

use std::collections::BTreeMap;

use async_trait::async_trait;
use pts_domain::Timestamp;
use pts_domain::access::Workspace;
use pts_domain::blind::{Expectation, Refusal, Reporter, Uptime};
use pts_ports::{BlindSpots, Received, StoreError};
use uuid::Uuid;

use super::MemoryStore;

/// What is known of them.
#[derive(Default)]
pub(super) struct Blind {
    uptimes: BTreeMap<Uuid, Uptime>,
    refusals: BTreeMap<(Uuid, i64), Refusal>,
    reporters: BTreeMap<(Workspace, String), Reporter>,
    expected: BTreeMap<(Workspace, String), Expectation>,
}

#[async_trait]
impl BlindSpots for MemoryStore {
    async fn report(&self, uptime: Uptime, refusals: &[Refusal]) -> Result<(), StoreError> {
        let mut state = self.open()?;
        let blind = &mut state.blind;
        let known = blind.uptimes.entry(uptime.process).or_insert(uptime);
        known.until = known.until.max(uptime.until);
        known.stopped |= uptime.stopped;
        for refusal in refusals {
            let key = (refusal.process, refusal.number);
            blind.refusals.entry(key).or_insert(*refusal);
        }
        Ok(())
    }

    async fn received(&self, _since: Option<Timestamp>) -> Result<Received, StoreError> {
        let state = self.open()?;
        Ok(Received {
            uptimes: state.blind.uptimes.values().copied().collect(),
            refusals: state.blind.refusals.values().copied().collect(),
        })
    }

    async fn keep_reporters(&self, reporters: &[(Workspace, Reporter)]) -> Result<(), StoreError> {
        let mut state = self.open()?;
        for (workspace, reporter) in reporters {
            let key = (workspace.clone(), reporter.source.clone());
            let known = state.blind.reporters.get(&key);
            if known.is_none_or(|known| known.heard_at < reporter.heard_at) {
                state.blind.reporters.insert(key, reporter.clone());
            }
        }
        Ok(())
    }

    async fn reporters(
        &self,
        _since: Option<Timestamp>,
    ) -> Result<Vec<(Workspace, Reporter)>, StoreError> {
        Ok(placed(&self.open()?.blind.reporters))
    }

    async fn expect(
        &self,
        workspace: &Workspace,
        expectation: &Expectation,
        most: u64,
    ) -> Result<bool, StoreError> {
        let mut state = self.open()?;
        let expected = &mut state.blind.expected;
        let key = (workspace.clone(), expectation.source.clone());
        let room = (expected.len() as u64) < most || expected.contains_key(&key);
        if room {
            expected.insert(key, expectation.clone());
        }
        Ok(room)
    }

    async fn unexpect(&self, workspace: &Workspace, source: &str) -> Result<bool, StoreError> {
        let key = (workspace.clone(), source.to_owned());
        Ok(self.open()?.blind.expected.remove(&key).is_some())
    }

    async fn expectations(&self) -> Result<Vec<(Workspace, Expectation)>, StoreError> {
        Ok(placed(&self.open()?.blind.expected))
    }

    async fn forget(&self, before: Timestamp) -> Result<(), StoreError> {
        let mut state = self.open()?;
        let blind = &mut state.blind;
        blind.uptimes.retain(|_, up| up.until >= before);
        blind.refusals.retain(|_, refusal| refusal.until >= before);
        blind.reporters.retain(|_, one| one.heard_at >= before);
        Ok(())
    }
}

/// Everything, each beside where it belongs.
fn placed<T: Clone>(all: &BTreeMap<(Workspace, String), T>) -> Vec<(Workspace, T)> {
    all.iter()
        .map(|((workspace, _), one)| (workspace.clone(), one.clone()))
        .collect()
}
