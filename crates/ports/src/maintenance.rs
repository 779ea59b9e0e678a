//! Looking after the log and what was worked out from it.

use async_trait::async_trait;

use crate::StoreError;

/// What a rebuild did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RebuildReport {
    /// Events replayed.
    pub events: u64,
    /// Aggregates written.
    pub aggregates: u64,
}

/// One place where the live projections are not what the log gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which projection, such as `platform.deployments`.
    pub projection: String,
    /// Which row.
    pub key: String,
    /// `missing`, `unexpected` or `different`, seen from the live projections.
    pub kind: String,
}

/// What looking through the log found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Events looked at.
    pub events: u64,
    /// The last position.
    pub head: i64,
    /// What is wrong, a line each, with the position; at most a thousand lines.
    pub faults: Vec<String>,
}

/// Upkeep of a store. None of these runs while the service takes part: they are commands.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Maintenance: Send + Sync {
    /// Drops the projections and replays the log, in one transaction: readers see the old ones
    /// until the new ones are complete, appends wait.
    async fn rebuild(&self) -> Result<RebuildReport, StoreError>;

    /// Replays the log beside the live projections and returns where they differ, at most a
    /// thousand places. Changes nothing.
    async fn check(&self) -> Result<Vec<Difference>, StoreError>;

    /// Looks through the whole log: positions without holes up to the head, every event's content
    /// as it was written, identities unique, and the log still protected against change.
    async fn verify(&self) -> Result<VerifyReport, StoreError>;
}
