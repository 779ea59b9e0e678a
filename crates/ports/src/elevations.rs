//! Where it is kept who asked to be allowed more for a while, and what became of it.

use async_trait::async_trait;
use pts_domain::Timestamp;
use pts_domain::access::{Elevation, Holder, Step, Workspace};
use pts_domain::filter::{Cursor, Page};
use uuid::Uuid;

use crate::StoreError;

/// Which requests are wanted. Everything that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ElevationQuery {
    /// Of this holder.
    pub holder: Option<Holder>,
    /// In this workspace, and made by somebody who is bound to it.
    pub workspace: Option<Workspace>,
    /// Made at this moment or later.
    pub since: Option<Timestamp>,
    /// Made before this moment.
    pub until: Option<Timestamp>,
    /// That may still be waiting or active at this moment, judged by the request alone.
    pub open_at: Option<Timestamp>,
}

impl ElevationQuery {
    /// Whether a request is wanted.
    pub fn fits(&self, elevation: &Elevation) -> bool {
        self.holder
            .as_ref()
            .is_none_or(|holder| *holder == elevation.holder)
            && (self.workspace.is_none() || self.workspace == elevation.workspace)
            && self
                .since
                .is_none_or(|since| since <= elevation.requested_at)
            && self
                .until
                .is_none_or(|until| elevation.requested_at < until)
            && self.open_at.is_none_or(|now| now < elevation.over_by())
    }
}

/// Keeps requests and the steps after them, for good: neither is ever changed or removed.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Elevations: Send + Sync {
    /// Keeps a request that nothing has happened to yet.
    async fn request(&self, elevation: Elevation) -> Result<(), StoreError>;

    /// Keeps a step of a request as the one behind `before` others. `false`, and nothing is kept, if
    /// there are not exactly so many: of several at the same time, one is kept.
    async fn step(&self, id: Uuid, before: usize, step: Step) -> Result<bool, StoreError>;

    /// The request of that id, with its steps in order.
    async fn get(&self, id: Uuid) -> Result<Option<Elevation>, StoreError>;

    /// Requests that fit, with their steps, the newest id first. `cursor` is one that an earlier page
    /// of the same query returned ([`Cursor::Name`] of an id).
    async fn search(
        &self,
        query: &ElevationQuery,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Elevation>, StoreError>;

    /// Every request that may be active at `now` or later, with its steps, at most `limit`, those
    /// that end last first. Asked every second by every process: MUST NOT take longer the more there
    /// are that are over.
    async fn current(&self, now: Timestamp, limit: usize) -> Result<Vec<Elevation>, StoreError>;
}
