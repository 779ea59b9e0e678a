//! The audit in `access.audit_entries`: a chain that grows under the lock on the row that says where
//! it ends, so that all processes together append one.

mod append;
mod checkpoints;
mod guards;
mod read;
mod row;

use std::time::Duration;

use async_trait::async_trait;
use pts_domain::audit::{AuditFilter, Checkpoint, Entry, Head, KeyId, Record, Stored};
use pts_domain::filter::{Cursor, Page};
use pts_ports::{AuditLog, KeptCheckpoint, StoreError};

use crate::PgPool;
use crate::transaction::Transaction;

/// The audit of a database.
#[derive(Debug, Clone)]
pub struct PgAuditLog {
    pool: PgPool,
}

impl PgAuditLog {
    /// The audit of a migrated database.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl AuditLog for PgAuditLog {
    async fn append(&self, records: Vec<Record>, within: Duration) -> Result<Head, StoreError> {
        let transaction = Transaction::begin(&self.pool, within).await?;
        let appending = append::append(transaction.connection(), records);
        let head = transaction.wait(appending).await;
        transaction.end(head).await
    }

    async fn end(&self) -> Result<Option<Head>, StoreError> {
        append::end(&self.pool).await
    }

    async fn entries(
        &self,
        filter: &AuditFilter,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Entry>, StoreError> {
        read::entries(&self.pool, filter, cursor, limit).await
    }

    async fn stretch(&self, behind: Option<i64>, limit: usize) -> Result<Vec<Stored>, StoreError> {
        read::stretch(&self.pool, behind, limit).await
    }

    async fn keep_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        checkpoints::keep(&self.pool, checkpoint.clone()).await
    }

    async fn checkpoints(
        &self,
        behind: Option<i64>,
        limit: usize,
    ) -> Result<Vec<KeptCheckpoint>, StoreError> {
        checkpoints::list(&self.pool, behind, limit).await
    }

    async fn unguarded(&self) -> Result<Vec<String>, StoreError> {
        guards::missing(&self.pool).await
    }

    async fn last_checkpoint(&self, key: Option<KeyId>) -> Result<Option<Checkpoint>, StoreError> {
        checkpoints::last(&self.pool, key).await
    }
}
