//! Quarantine in `platform.quarantine`. Whoever changes what waits holds the one row that says how
//! much room there is; so the bounds hold, and so of several that keep the same, one does.

mod keep;
mod list;
mod room;
mod row;
mod settle;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use diesel::sql_types::{Array, Timestamptz, Uuid};
use pts_domain::Timestamp;
use pts_domain::access::Workspace;
use pts_domain::accounting::{Outcome, UNKNOWN, day_of};
use pts_domain::blind::Concern;
use pts_domain::filter::{Cursor, Page};
use pts_domain::quarantine::{Item, NewItem, Verdict, WAITED_TOO_LONG};
use pts_ports::{Finding, Quarantine, QuarantineQuery, StoreError};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use row::{ITEM_COLUMNS, Row};

use crate::PgPool;
use crate::accounting::Change;
use crate::error::classify;
use crate::row::Number;
use crate::sql::Sql;
use crate::transaction::Transaction;
use crate::workspaces::Confined;

/// Items that are discarded, and those that are forgotten, in one go.
const GO: i64 = 1_000;

/// The quarantine of a database.
#[derive(Debug, Clone)]
pub struct PgQuarantine {
    pool: PgPool,
    confined: Confined,
    /// One at a time waits for the row that all wait for: the connections are for others.
    turn: Arc<Semaphore>,
}

impl PgQuarantine {
    /// The quarantine of a migrated database.
    pub fn new(pool: PgPool) -> Self {
        Self {
            confined: Confined::new(pool.clone()),
            pool,
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// The same, asking for one workspace in a session of another.
    #[cfg(test)]
    pub(crate) fn astray(&self, asks_for: &Workspace, session: &Workspace) -> Self {
        Self {
            confined: self.confined.astray(asks_for, session),
            ..self.clone()
        }
    }
}

/// How a change of the account is written.
fn line(
    workspace: i32,
    (at, sender, source): (Timestamp, uuid::Uuid, Option<&str>),
    outcome: Outcome,
    number: i64,
) -> Change {
    let source = source.unwrap_or(UNKNOWN);
    Change::of(
        workspace,
        (day_of(at), Some(sender), source),
        outcome,
        number,
    )
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[async_trait]
impl Quarantine for PgQuarantine {
    fn within(&self, workspace: &Workspace) -> Arc<dyn Quarantine> {
        Arc::new(Self {
            confined: self.confined.within(workspace),
            ..self.clone()
        })
    }

    async fn anything_waits(&self) -> Result<bool, StoreError> {
        let rows: Vec<Number> = self
            .pool
            .load(|| {
                Sql::kept(
                    "SELECT count(*) AS number FROM (SELECT FROM platform.quarantine \
                     WHERE state = 'waiting' LIMIT 1) AS one",
                )
            })
            .await?;
        Ok(rows.first().is_some_and(|row| row.number > 0))
    }

    async fn keep(
        &self,
        batch: Vec<NewItem>,
        within: Duration,
    ) -> Result<Vec<Verdict>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let until = Instant::now() + within;
        let turn = tokio::time::timeout_at(until, self.turn.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            let why = "too much is put aside at the same time";
            return Err(StoreError::unavailable(why));
        };
        let number = tokio::time::timeout_at(until, self.confined.number()).await;
        let number = number
            .map_err(|_| StoreError::unavailable("the database took too long to answer"))??;
        let left = until.saturating_duration_since(Instant::now());
        let transaction = Transaction::begin(&self.pool, left).await?;
        let work = keep::keep(transaction.connection(), number, &batch);
        let work = transaction.wait(work).await;
        transaction.end(work).await
    }

    async fn items(
        &self,
        query: &QuarantineQuery,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Item>, StoreError> {
        let behind = match &cursor {
            Some(Cursor::Name(parts)) => parts.first().and_then(|id| id.parse().ok()),
            _ => None,
        };
        // NUL is in no source, and the database takes none.
        if query
            .source
            .as_ref()
            .is_some_and(|source| source.contains('\0'))
        {
            return Ok(Page::cut(Vec::new(), limit, after));
        }
        let most = signed(limit.saturating_add(1) as u64);
        let room = self.confined.room().await?;
        let rows: Vec<Row> = room.load(|| list::page(room, query, behind, most)).await?;
        let items: Result<Vec<_>, _> = rows.into_iter().map(Item::try_from).collect();
        Ok(Page::cut(items?, limit, after))
    }

    async fn waiting(&self, concern: &Concern, most: u64) -> Result<u64, StoreError> {
        let most = signed(most);
        let room = self.confined.room().await?;
        let rows: Vec<Number> = room.load(|| list::waiting(room, concern, most)).await?;
        let counted = rows.first().map_or(0, |row| row.number);
        Ok(u64::try_from(counted).unwrap_or(0))
    }

    async fn get(&self, ids: &[uuid::Uuid]) -> Result<Vec<Item>, StoreError> {
        let room = self.confined.room().await?;
        let rows: Vec<Row> = room
            .load(|| {
                let sql = Sql::once(format!(
                    "SELECT {ITEM_COLUMNS}, item FROM platform.quarantine WHERE id = ANY("
                ))
                .value::<Array<Uuid>, _>(ids)
                .sql(") AND ");
                room.only(sql, "workspace")
            })
            .await?;
        let items: Result<Vec<_>, _> = rows.into_iter().map(Item::try_from).collect();
        Ok(items?)
    }

    async fn settle(
        &self,
        findings: Vec<(uuid::Uuid, Finding)>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let number = self.confined.number().await?;
        let transaction = Transaction::begin(&self.pool, self.pool.statement_timeout()).await?;
        let work = settle::settle(transaction.connection(), number, &findings, at);
        let work = transaction.wait(work).await;
        transaction.end(work).await
    }

    async fn discard(
        &self,
        ids: Vec<uuid::Uuid>,
        reason: String,
        at: Timestamp,
    ) -> Result<Vec<uuid::Uuid>, StoreError> {
        let room = self.confined.room().await?;
        let transaction = Transaction::begin(&self.pool, self.pool.statement_timeout()).await?;
        let which = Sql::once("id = ANY(")
            .value::<Array<Uuid>, _>(ids)
            .sql(") AND ");
        let which = room.only(which, "workspace");
        let work = settle::give_up(transaction.connection(), &reason, at, which);
        let work = transaction.wait(work).await;
        transaction.end(work).await
    }

    async fn expire(
        &self,
        waits_since: Timestamp,
        remembered_since: Timestamp,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let transaction = Transaction::begin(&self.pool, self.pool.statement_timeout()).await?;
        let connection = transaction.connection();
        let work = async {
            Sql::once(
                "DELETE FROM platform.quarantine WHERE id IN (SELECT id FROM platform.quarantine \
                 WHERE state <> 'waiting' AND changed_at < ",
            )
            .value::<Timestamptz, _>(remembered_since)
            .sql(format!(" LIMIT {GO})"))
            .run(connection)
            .await
            .map_err(classify)?;
            let late = Sql::once(
                "id IN (SELECT id FROM platform.quarantine WHERE state = 'waiting' \
                 AND received_at < ",
            )
            .value::<Timestamptz, _>(waits_since)
            .sql(format!(" ORDER BY received_at LIMIT {GO})"));
            settle::give_up(connection, WAITED_TOO_LONG, at, late).await
        };
        let work = transaction.wait(work).await;
        let gone = transaction.end(work).await?;
        Ok(gone.len() as u64)
    }
}

fn after(item: &Item) -> Cursor {
    Cursor::Name(vec![item.id.to_string()])
}
