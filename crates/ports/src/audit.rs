//! Where it is kept who did what.

use std::time::Duration;

use async_trait::async_trait;
use pts_domain::audit::{AuditFilter, Checkpoint, Entry, Head, KeyId, Record, Stored};
use pts_domain::filter::{Cursor, Page};

use crate::StoreError;

/// A checkpoint as it stands in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCheckpoint {
    /// The entry that it is about.
    pub sequence: i64,
    /// What it says; nothing if that cannot be read.
    pub checkpoint: Option<Checkpoint>,
}

/// The audit: one chain, however many processes append to it.
///
/// Nothing in it is ever changed or removed, and the store itself MUST refuse to.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Appends records at the end of the chain, in order and all or none, as [`Head::seal`] does it,
    /// and returns after COMMIT where the chain ends. Each is [tidy](Record::tidy). One whose id is in
    /// the chain already is passed over, so that the same again is safe after an answer that was lost.
    /// MUST NOT take longer than `within`.
    async fn append(&self, records: Vec<Record>, within: Duration) -> Result<Head, StoreError>;

    /// Where the chain ends; nothing if the store does not know any more.
    async fn end(&self) -> Result<Option<Head>, StoreError>;

    /// Entries that fit, newest first. `cursor` is one that an earlier page of the same filter
    /// returned ([`Cursor::Position`] of a number).
    async fn entries(
        &self,
        filter: &AuditFilter,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Entry>, StoreError>;

    /// The chain as it stands there, in the order of numbers: about `limit` entries behind that number,
    /// and all that share the last one's. Whatever somebody wrote there is given, too.
    async fn stretch(&self, behind: Option<i64>, limit: usize) -> Result<Vec<Stored>, StoreError>;

    /// Keeps a checkpoint. One that is there already stays as it is.
    async fn keep_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), StoreError>;

    /// Checkpoints in the order of the entries that they are about: about `limit` of them behind that
    /// entry, and all that share the last one's.
    async fn checkpoints(
        &self,
        behind: Option<i64>,
        limit: usize,
    ) -> Result<Vec<KeptCheckpoint>, StoreError>;

    /// What is missing or other than it must be of that by which the store refuses changes: what keeps
    /// everybody but its owner from them, and its owner from a slip. Whoever owns it can take it away,
    /// and should not be able to do so unnoticed. In words, each about one thing.
    async fn unguarded(&self) -> Result<Vec<String>, StoreError>;

    /// The checkpoint of the last entry that was signed, by that key or by any.
    async fn last_checkpoint(&self, key: Option<KeyId>) -> Result<Option<Checkpoint>, StoreError>;
}

/// Somewhere else than the store, where checkpoints are told: what is there, whoever owns the database
/// cannot take back.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait CheckpointSink: Send + Sync {
    /// What it is, in a word for people.
    fn name(&self) -> &'static str;

    /// Adds checkpoints, in the order of the entries that they are about, and returns when all of them
    /// are safe there. After an error, and after an answer that was lost, the same come again.
    async fn export(&self, checkpoints: &[Checkpoint]) -> Result<(), StoreError>;

    /// Of those that are there and were signed by that key, the one of the last entry; nothing if none
    /// ever came there.
    async fn last(&self, key: &KeyId) -> Result<Option<Checkpoint>, StoreError>;
}
