//! Elevations in memory, and what previews are confirmed with.

use std::cmp::Reverse;

use async_trait::async_trait;
use pts_domain::Timestamp;
use pts_domain::access::{Confirmation, Elevation, Step};
use pts_domain::filter::{Cursor, Page};
use pts_ports::{Confirmations, ElevationQuery, Elevations, StoreError};
use uuid::Uuid;

use super::MemoryStore;

fn after(elevation: &Elevation) -> Cursor {
    Cursor::Name(vec![elevation.id.to_string()])
}

#[async_trait]
impl Elevations for MemoryStore {
    async fn request(&self, elevation: Elevation) -> Result<(), StoreError> {
        let mut state = self.open()?;
        if state
            .elevations
            .iter()
            .any(|known| known.id == elevation.id)
        {
            return Err(StoreError::Other("an elevation of this id is there".into()));
        }
        state.elevations.push(elevation);
        Ok(())
    }

    async fn step(&self, id: Uuid, before: usize, step: Step) -> Result<bool, StoreError> {
        let mut state = self.open()?;
        let mut known = state.elevations.iter_mut();
        match known.find(|known| known.id == id) {
            Some(known) if known.steps.len() == before => {
                known.steps.push(step);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn get(&self, id: Uuid) -> Result<Option<Elevation>, StoreError> {
        let state = self.open()?;
        let mut known = state.elevations.iter();
        Ok(known.find(|known| known.id == id).cloned())
    }

    async fn search(
        &self,
        query: &ElevationQuery,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Elevation>, StoreError> {
        let behind: Option<Uuid> = match &cursor {
            Some(Cursor::Name(parts)) => parts.first().and_then(|id| id.parse().ok()),
            _ => None,
        };
        let state = self.open()?;
        let fits = |one: &&Elevation| query.fits(one) && behind.is_none_or(|id| one.id < id);
        let mut found: Vec<_> = state.elevations.iter().filter(fits).cloned().collect();
        found.sort_by_key(|one| Reverse(one.id));
        found.truncate(limit.saturating_add(1));
        Ok(Page::cut(found, limit, after))
    }

    async fn current(&self, now: Timestamp, limit: usize) -> Result<Vec<Elevation>, StoreError> {
        let state = self.open()?;
        let open = state.elevations.iter().filter(|one| now < one.over_by());
        let mut open: Vec<_> = open.cloned().collect();
        open.sort_by_key(|one| Reverse(one.over_by()));
        open.truncate(limit);
        Ok(open)
    }
}

#[async_trait]
impl Confirmations for MemoryStore {
    async fn keep(&self, confirmation: Confirmation, now: Timestamp) -> Result<(), StoreError> {
        let mut state = self.open()?;
        state.confirmations.retain(|known| now < known.expires_at);
        state.confirmations.push(confirmation);
        Ok(())
    }

    async fn find(&self, hash: [u8; 32]) -> Result<Option<Confirmation>, StoreError> {
        let state = self.open()?;
        let mut known = state.confirmations.iter();
        Ok(known.find(|known| known.hash == hash).cloned())
    }

    async fn spend(&self, hash: [u8; 32], at: Timestamp) -> Result<bool, StoreError> {
        let mut state = self.open()?;
        let mut known = state.confirmations.iter_mut();
        let known = known.find(|known| known.hash == hash);
        let good = known.filter(|known| known.used_at.is_none() && at < known.expires_at);
        Ok(good.map(|known| known.used_at = Some(at)).is_some())
    }
}
