//! The event log on PostgreSQL.

mod careful;
mod contradictions;
mod export;
mod filter;
mod incoming;
mod order;
mod partitions;
mod rows;
mod search;
mod tail;
mod writer;

/// The statements, for tests of their plans.
#[cfg(test)]
pub(crate) mod statements {
    pub(crate) use super::careful::lookup;
    pub(crate) use super::export::statement as export;
    pub(crate) use super::incoming::Incoming;
    pub(crate) use super::search::page;
    pub(crate) use super::tail::stretch;
}

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{Bool, Text};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use pts_domain::StoredEvent;
use pts_domain::event::NewEvent;
use pts_domain::filter::{Cursor, EventFilter, Page};
use pts_domain::projection::Contradiction;
use pts_ports::{EventLog, Projector, StoreError, Stretch, Tail, Written};
use uuid::Uuid;

use crate::PgPool;
use crate::row::Number;
use crate::sql::Sql;
pub(crate) use writer::Writer;

/// How far the log is safe.
const SAFE: &str = "SELECT greatest(h.durable, d.position) AS number \
     FROM platform.log_head AS h CROSS JOIN platform.log_durable AS d";

/// Where processes over one database tell each other how far the log is safe.
const CHANNEL: &str = "pts_log";

/// How long the answer to "could you commit?" may take.
const READY_WITHIN: Duration = Duration::from_millis(1_900);

/// The event log in `platform.events`.
pub struct PgEventLog {
    pool: PgPool,
    writer: Arc<Writer>,
}

impl PgEventLog {
    /// A log over a migrated database; `projector` decides what each append changes.
    pub fn new(pool: PgPool, projector: Arc<dyn Projector>) -> Self {
        Self {
            writer: Arc::new(Writer::new(pool.clone(), projector)),
            pool,
        }
    }
}

impl PgEventLog {
    pub(crate) fn parts(&self) -> (PgPool, Arc<Writer>) {
        (self.pool.clone(), Arc::clone(&self.writer))
    }

    /// Brings the projections to where the log is. Whoever reads them does so by itself; a service that
    /// starts or stops saves others the wait.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database cannot be asked.
    pub async fn settle(&self) -> Result<(), StoreError> {
        self.writer.current().await
    }

    /// How many appends went the quick way, from memory and in one trip, and how many the sure way,
    /// which reads everything first. Both are right; many of the second are slow.
    pub fn appends(&self) -> (u64, u64) {
        self.writer.ways()
    }
}

#[derive(QueryableByName)]
struct Writable {
    #[diesel(sql_type = Bool)]
    writable: bool,
}

#[async_trait]
impl EventLog for PgEventLog {
    async fn write(&self, batch: Vec<NewEvent>) -> Result<Written, StoreError> {
        self.writer.write(batch).await
    }

    async fn get(&self, id: Uuid) -> Result<Option<StoredEvent>, StoreError> {
        search::by_id(&self.pool, id).await
    }

    async fn search(
        &self,
        filter: &EventFilter,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<StoredEvent>, StoreError> {
        search::newest(&self.pool, filter, cursor, limit).await
    }

    async fn stretch(
        &self,
        filter: &EventFilter,
        up_to: i64,
        cursor: Option<Cursor>,
    ) -> Result<Stretch, StoreError> {
        export::stretch(&self.pool, filter, up_to, cursor).await
    }

    async fn after(
        &self,
        position: i64,
        filter: &EventFilter,
        limit: usize,
    ) -> Result<Tail, StoreError> {
        tail::after(self, position, filter, limit).await
    }

    async fn head(&self) -> Result<i64, StoreError> {
        let rows: Vec<Number> = self.pool.load(|| Sql::kept(SAFE)).await?;
        match rows.first() {
            Some(row) => Ok(row.number),
            None => Err(StoreError::Corrupt("platform.log_durable is empty".into())),
        }
    }

    async fn announce(&self, position: i64) -> Result<(), StoreError> {
        let told = self.pool.execute(move || {
            Sql::kept("SELECT pg_catalog.pg_notify('pts_log', ")
                .value::<Text, _>(position.to_string())
                .sql(")")
        });
        told.await.map(|_| ())
    }

    async fn announced(&self) -> Result<BoxStream<'static, i64>, StoreError> {
        let (client, driver, heard) = self.pool.listen(CHANNEL).await?;
        let open = (client, driver, heard);
        let stream = stream::unfold(open, |(client, driver, mut heard)| async move {
            heard.changed().await.ok()?;
            let position = *heard.borrow_and_update();
            Some((position, (client, driver, heard)))
        });
        Ok(stream.boxed())
    }

    async fn contradictions(
        &self,
        about: Option<String>,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Contradiction>, StoreError> {
        self.writer.current().await?;
        contradictions::newest(&self.pool, about.as_deref(), cursor, limit).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        let asking = self.pool.load_first(|| {
            Sql::kept(
                "SELECT current_setting('transaction_read_only') = 'off' AS writable \
                 FROM platform.log_head",
            )
        });
        let rows: Vec<Writable> = tokio::time::timeout(READY_WITHIN, asking)
            .await
            .map_err(|_| StoreError::unavailable("the database does not answer"))??;
        match rows.first() {
            Some(row) if row.writable => Ok(()),
            Some(_) => Err(StoreError::unavailable("the database takes no writes")),
            None => Err(StoreError::Corrupt("platform.log_head is empty".into())),
        }
    }
}
