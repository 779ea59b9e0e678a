//! Retention by partitions: a month that has had its time is replaced by one that holds only what
//! stays. Nothing is ever deleted from a table of the log; tables take the place of tables.

mod ahead;
mod content;
mod counted;
mod history;
mod swap;
mod thin;

use std::time::Duration;

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use pts_domain::Timestamp;
use pts_domain::retention::{Month, MonthSurvey};
use pts_ports::{MonthAhead, RetentionRun, RetentionStore, StoreError, Thinned, Thinning};

use crate::PgPool;
use crate::error::{Fault, classify};

/// For so long a swap tries to get its turn, unless told otherwise.
const PATIENCE: Duration = Duration::from_mins(1);

/// The months of `platform.events`.
pub struct PgRetention {
    pool: PgPool,
    patience: Duration,
}

impl PgRetention {
    /// Over a migrated database, whose owner the pool's role is.
    pub const fn new(pool: PgPool) -> Self {
        Self {
            pool,
            patience: PATIENCE,
        }
    }

    /// With another patience than a minute: for so long a swap tries to get its turn between long
    /// searches before it gives up.
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

#[async_trait]
impl RetentionStore for PgRetention {
    async fn survey(&self, horizon: Timestamp) -> Result<Vec<MonthSurvey>, StoreError> {
        let lease = self.pool.lease().await?;
        let result = survey(lease.connection(), horizon).await;
        lease.finish(result).await
    }

    async fn thin(&self, thinning: Thinning) -> Result<Thinned, StoreError> {
        thin::thin(self, &thinning).await
    }

    async fn history(&self, limit: usize) -> Result<Vec<RetentionRun>, StoreError> {
        history::newest(&self.pool, limit).await
    }

    async fn removed_by_source(&self, limit: usize) -> Result<Vec<(String, u64)>, StoreError> {
        history::by_source(&self.pool, limit).await
    }

    async fn ahead(&self, now: Timestamp, months: u32) -> Result<Vec<MonthAhead>, StoreError> {
        ahead::list(&self.pool, now, months).await
    }

    async fn prepare(&self, now: Timestamp, months: u32) -> Result<u32, StoreError> {
        ahead::make(&self.pool, now, months).await
    }
}

/// The name of a month's partition, without its schema. It needs no quoting.
fn partition(month: Month) -> String {
    let start = month.start();
    format!("events_{}", start.format("%Y_%m"))
}

/// The month of a partition of that name.
fn month_of(partition: &str) -> Option<Month> {
    let (year, month) = partition.strip_prefix("events_")?.split_once('_')?;
    format!("{year}-{month}").parse().ok()
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The months that have a partition, in order.
const MONTHS: &str = "SELECT c.relname::text AS name FROM pg_catalog.pg_inherits AS i \
     JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid \
     WHERE i.inhparent = 'platform.events'::regclass ORDER BY 1";

async fn survey(
    mut connection: &AsyncPgConnection,
    horizon: Timestamp,
) -> Result<Vec<MonthSurvey>, Fault> {
    begin(connection, "READ ONLY").await?;
    let names: Vec<Name> = crate::sql::Sql::once(MONTHS)
        .rows(connection)
        .await
        .map_err(classify)?;
    let mut found = Vec::new();
    for month in names.iter().filter_map(|row| month_of(&row.name)) {
        if month.is_behind(horizon) && !content::is_settled(connection, month).await? {
            found.push(content::survey(connection, month).await?);
        }
    }
    connection
        .batch_execute("ROLLBACK")
        .await
        .map_err(classify)?;
    Ok(found)
}

/// Begins a transaction without the limits that requests have, but with one on waiting for others.
async fn begin(mut connection: &AsyncPgConnection, kind: &str) -> Result<(), Fault> {
    connection
        .batch_execute(&format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED {kind}; SET LOCAL statement_timeout = 0; \
             SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = '5s'; \
             SET LOCAL work_mem = '64MB'"
        ))
        .await
        .map_err(classify)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_named_after_its_month_and_only_such_are_looked_at() {
        for month in ["1971-06", "2025-01", "9998-12"] {
            let month: Month = month.parse().unwrap();
            assert_eq!(month_of(&partition(month)), Some(month));
        }
        assert_eq!(partition("2025-01".parse().unwrap()), "events_2025_01");
        for other in [
            "events_2025_01_thinned",
            "events_old",
            "other_2025_01",
            "events_2025_1",
        ] {
            assert_eq!(month_of(other), None, "{other}");
        }
    }
}
