//! Looking after the log and what was worked out from it.

mod check;
mod holes;
mod rebuild;
mod verify;

use std::sync::Arc;

use async_trait::async_trait;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use pts_ports::{Difference, Maintenance, Projector, RebuildReport, StoreError, VerifyReport};

use crate::PgPool;
use crate::error::{Fault, classify};

/// How many differences or faults a report holds.
const MOST: usize = 1_000;

/// Upkeep of a database.
pub struct PgMaintenance {
    pool: PgPool,
    projector: Arc<dyn Projector>,
}

impl PgMaintenance {
    /// Upkeep of a migrated database; `projector` is what its log is appended with.
    pub fn new(pool: PgPool, projector: Arc<dyn Projector>) -> Self {
        Self { pool, projector }
    }
}

#[async_trait]
impl Maintenance for PgMaintenance {
    async fn rebuild(&self) -> Result<RebuildReport, StoreError> {
        let lease = self.pool.lease().await?;
        let result = rebuild::rebuild(lease.connection(), self.projector.as_ref()).await;
        lease.finish(result).await
    }

    async fn check(&self) -> Result<Vec<Difference>, StoreError> {
        let lease = self.pool.lease().await?;
        let result = check::check(lease.connection(), self.projector.as_ref()).await;
        lease.finish(result).await
    }

    async fn verify(&self) -> Result<VerifyReport, StoreError> {
        let lease = self.pool.lease().await?;
        let result = verify::verify(lease.connection()).await;
        lease.finish(result).await
    }
}

/// Begins a transaction without the limits that requests have. The log keeps its tables until it
/// ends: this transaction may see the log as of its first statement, and retention puts tables in
/// its place that were not there then.
async fn begin(mut connection: &AsyncPgConnection, kind: &str) -> Result<(), Fault> {
    connection
        .batch_execute(&format!(
            "BEGIN {kind}; SET LOCAL statement_timeout = 0; \
             SET LOCAL idle_in_transaction_session_timeout = 0; \
             SET LOCAL work_mem = '64MB'; LOCK TABLE platform.events IN ACCESS SHARE MODE"
        ))
        .await
        .map_err(classify)
}
