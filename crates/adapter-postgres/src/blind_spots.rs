//! Blind spots: a row for each process that was up, each time it refused, each source that reports
//! and each that is expected to. Read as a whole at the start of a process, and then only what is new.

use std::collections::HashMap;

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Jsonb, Text, Timestamptz, Uuid};
use futures::TryFutureExt as _;
use pts_domain::Timestamp;
use pts_domain::access::Workspace;
use pts_domain::blind::{Expectation, Hindrance, Refusal, Reporter, Uptime};
use pts_ports::{BlindSpots, Received, StoreError};
use serde_json::Value;

use crate::PgPool;
use crate::error::classify;
use crate::sql::Sql;
use crate::transaction::Transaction;

/// Rows of one kind that are read at the most.
const MOST: usize = 10_000;

/// The blind spots of a service over a database.
#[derive(Debug, Clone)]
pub struct PgBlindSpots {
    pool: PgPool,
}

impl PgBlindSpots {
    /// Those of a migrated database.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }
}

#[derive(QueryableByName)]
struct UptimeRow {
    #[diesel(sql_type = Uuid)]
    process: uuid::Uuid,
    #[diesel(sql_type = Timestamptz)]
    began_at: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    until: Timestamp,
    #[diesel(sql_type = Bool)]
    stopped: bool,
}

#[derive(QueryableByName)]
struct RefusalRow {
    #[diesel(sql_type = Uuid)]
    process: uuid::Uuid,
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Timestamptz)]
    began_at: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    until: Timestamp,
    #[diesel(sql_type = Text)]
    why: String,
    #[diesel(sql_type = BigInt)]
    events: i64,
    #[diesel(sql_type = Bool)]
    more: bool,
}

#[derive(QueryableByName)]
struct ExpectationRow {
    #[diesel(sql_type = Integer)]
    workspace: i32,
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = BigInt)]
    every_s: i64,
    #[diesel(sql_type = Timestamptz)]
    since: Timestamp,
}

impl From<UptimeRow> for Uptime {
    fn from(row: UptimeRow) -> Self {
        Self {
            process: row.process,
            from: row.began_at,
            until: row.until,
            stopped: row.stopped,
        }
    }
}

impl TryFrom<RefusalRow> for Refusal {
    type Error = StoreError;

    fn try_from(row: RefusalRow) -> Result<Self, StoreError> {
        let mut known = Hindrance::ALL.into_iter();
        let why = known.find(|why| why.as_str() == row.why).ok_or_else(|| {
            StoreError::Corrupt(format!("refusal {}/{}: its cause", row.process, row.number))
        })?;
        Ok(Self {
            process: row.process,
            number: row.number,
            from: row.began_at,
            until: row.until,
            why,
            events: u64::try_from(row.events).unwrap_or(0),
            more: row.more,
        })
    }
}

impl TryFrom<ExpectationRow> for Expectation {
    type Error = StoreError;

    fn try_from(row: ExpectationRow) -> Result<Self, StoreError> {
        let corrupt = |_| StoreError::Corrupt(format!("what is expected of {}", row.source));
        Ok(Self {
            every_s: u32::try_from(row.every_s).map_err(corrupt)?,
            since: row.since,
            source: row.source,
        })
    }
}

/// The rows that were written at a moment or later, or all; the latest by a column.
fn written(columns: &str, table: &str, since: Option<Timestamp>, latest_by: &str) -> Sql<'static> {
    let mut sql = Sql::once(format!("SELECT {columns} FROM platform.{table}"));
    if let Some(since) = since {
        sql = sql
            .sql(" WHERE written_at >= ")
            .value::<Timestamptz, _>(since);
    }
    sql.sql(format!(" ORDER BY {latest_by} DESC LIMIT {MOST}"))
}

fn write_uptime(uptime: &Uptime) -> Sql<'static> {
    Sql::kept("INSERT INTO platform.uptimes AS known (process, began_at, until, stopped) VALUES (")
        .value::<Uuid, _>(uptime.process)
        .sql(", ")
        .value::<Timestamptz, _>(uptime.from)
        .sql(", ")
        .value::<Timestamptz, _>(uptime.until)
        .sql(", ")
        .value::<Bool, _>(uptime.stopped)
        .sql(
            ") ON CONFLICT (process) DO UPDATE SET \
             until = greatest(known.until, excluded.until), \
             stopped = known.stopped OR excluded.stopped, written_at = excluded.written_at",
        )
}

fn write_refusals(refusals: &[Refusal]) -> Sql<'static> {
    fn of<V>(refusals: &[Refusal], value: impl Fn(&Refusal) -> V) -> Vec<V> {
        refusals.iter().map(value).collect()
    }
    let events = |refusal: &Refusal| i64::try_from(refusal.events).unwrap_or(i64::MAX);
    Sql::kept(
        "INSERT INTO platform.refusals (process, number, began_at, until, why, events, more) \
         SELECT * FROM unnest(",
    )
    .value::<Array<Uuid>, _>(of(refusals, |refusal| refusal.process))
    .sql(", ")
    .value::<Array<BigInt>, _>(of(refusals, |refusal| refusal.number))
    .sql(", ")
    .value::<Array<Timestamptz>, _>(of(refusals, |refusal| refusal.from))
    .sql(", ")
    .value::<Array<Timestamptz>, _>(of(refusals, |refusal| refusal.until))
    .sql(", ")
    .value::<Array<Text>, _>(of(refusals, |refusal| refusal.why.as_str()))
    .sql(", ")
    .value::<Array<BigInt>, _>(of(refusals, events))
    .sql(", ")
    .value::<Array<Bool>, _>(of(refusals, |refusal| refusal.more))
    .sql(") ON CONFLICT DO NOTHING")
}

fn write_reporters(mut reporters: Vec<(i32, &Reporter)>) -> Result<Sql<'static>, StoreError> {
    // Everybody locks rows in this order, so nobody waits for somebody who waits for them.
    reporters.sort_unstable_by(|(of_a, a), (of_b, b)| (of_a, &a.source).cmp(&(of_b, &b.source)));
    let (workspaces, sorted): (Vec<i32>, Vec<_>) = reporters.into_iter().unzip();
    let docs: Result<Vec<Value>, _> = sorted.iter().map(serde_json::to_value).collect();
    let docs = docs.map_err(|error| StoreError::Other(Box::new(error)))?;
    let sources: Vec<_> = sorted.iter().map(|one| one.source.clone()).collect();
    let heard: Vec<_> = sorted.iter().map(|one| one.heard_at).collect();
    Ok(Sql::kept(
        "INSERT INTO platform.reporters AS known (workspace, source, heard_at, doc) \
         SELECT * FROM unnest(",
    )
    .value::<Array<Integer>, _>(workspaces)
    .sql(", ")
    .value::<Array<Text>, _>(sources)
    .sql(", ")
    .value::<Array<Timestamptz>, _>(heard)
    .sql(", ")
    .value::<Array<Jsonb>, _>(docs)
    .sql(
        ") ON CONFLICT (workspace, source) DO UPDATE SET heard_at = excluded.heard_at, \
         doc = excluded.doc, written_at = excluded.written_at \
         WHERE known.heard_at < excluded.heard_at",
    ))
}

#[derive(QueryableByName)]
struct ReporterRow {
    #[diesel(sql_type = Integer)]
    workspace: i32,
    #[diesel(sql_type = Jsonb)]
    doc: Value,
}

fn named(names: &HashMap<i32, Workspace>, number: i32) -> Result<Workspace, StoreError> {
    let name = names.get(&number).cloned();
    name.ok_or_else(|| StoreError::Corrupt(format!("the workspace {number} has no name")))
}

#[async_trait]
impl BlindSpots for PgBlindSpots {
    async fn report(&self, uptime: Uptime, refusals: &[Refusal]) -> Result<(), StoreError> {
        let transaction = Transaction::begin(&self.pool, self.pool.statement_timeout()).await?;
        let connection = transaction.connection();
        let work = async {
            write_uptime(&uptime).run(connection).await?;
            if !refusals.is_empty() {
                write_refusals(refusals).run(connection).await?;
            }
            Ok(())
        };
        let work = transaction.wait(work.map_err(classify)).await;
        transaction.end(work).await
    }

    async fn received(&self, since: Option<Timestamp>) -> Result<Received, StoreError> {
        let uptimes: Vec<UptimeRow> = self
            .pool
            .load_first(|| {
                let columns = "process, began_at, until, stopped";
                written(columns, "uptimes", since, "until")
            })
            .await?;
        let refusals: Vec<RefusalRow> = self
            .pool
            .load_first(|| {
                let columns = "process, number, began_at, until, why, events, more";
                written(columns, "refusals", since, "until")
            })
            .await?;
        let refusals: Result<_, _> = refusals.into_iter().map(Refusal::try_from).collect();
        Ok(Received {
            uptimes: uptimes.into_iter().map(Uptime::from).collect(),
            refusals: refusals?,
        })
    }

    async fn keep_reporters(&self, reporters: &[(Workspace, Reporter)]) -> Result<(), StoreError> {
        if reporters.is_empty() {
            return Ok(());
        }
        let mut numbered = Vec::with_capacity(reporters.len());
        for (workspace, reporter) in reporters {
            numbered.push((self.pool.number_for(workspace).await?, reporter));
        }
        let statement = write_reporters(numbered)?;
        self.pool.execute(|| statement).await?;
        Ok(())
    }

    async fn reporters(
        &self,
        since: Option<Timestamp>,
    ) -> Result<Vec<(Workspace, Reporter)>, StoreError> {
        let rows: Vec<ReporterRow> = self
            .pool
            .load_first(|| written("workspace, doc", "reporters", since, "heard_at"))
            .await?;
        let names = self.pool.names().await?;
        rows.into_iter()
            .map(|row| {
                let reporter = serde_json::from_value(row.doc)
                    .map_err(|error| StoreError::Corrupt(format!("a reporter: {error}")))?;
                Ok((named(&names, row.workspace)?, reporter))
            })
            .collect()
    }

    async fn expect(
        &self,
        workspace: &Workspace,
        expectation: &Expectation,
        most: u64,
    ) -> Result<bool, StoreError> {
        let number = self.pool.number_for(workspace).await?;
        let Expectation {
            source,
            every_s,
            since,
        } = expectation.clone();
        let statement = move || {
            Sql::once(
                "INSERT INTO platform.expectations (workspace, source, every_s, since) SELECT ",
            )
            .value::<Integer, _>(number)
            .sql(", ")
            .value::<Text, _>(source.clone())
            .sql(", ")
            .value::<BigInt, _>(i64::from(every_s))
            .sql(", ")
            .value::<Timestamptz, _>(since)
            .sql(
                " WHERE (SELECT count(*) FROM platform.expectations \
                     WHERE (workspace, source) <> (",
            )
            .value::<Integer, _>(number)
            .sql(", ")
            .value::<Text, _>(source)
            .sql(")) < ")
            .value::<BigInt, _>(i64::try_from(most).unwrap_or(i64::MAX))
            .sql(
                " ON CONFLICT (workspace, source) DO UPDATE SET every_s = excluded.every_s, \
                     since = excluded.since",
            )
        };
        Ok(self.pool.execute(statement).await? > 0)
    }

    async fn unexpect(&self, workspace: &Workspace, source: &str) -> Result<bool, StoreError> {
        let number = self.pool.number_for(workspace).await?;
        let source = source.to_owned();
        let statement = move || {
            Sql::once("DELETE FROM platform.expectations WHERE workspace = ")
                .value::<Integer, _>(number)
                .sql(" AND source = ")
                .value::<Text, _>(source)
        };
        Ok(self.pool.execute(statement).await? > 0)
    }

    async fn expectations(&self) -> Result<Vec<(Workspace, Expectation)>, StoreError> {
        let rows: Vec<ExpectationRow> = self
            .pool
            .load_first(|| {
                Sql::kept(format!(
                    "SELECT e.workspace, e.source, e.every_s, e.since \
                     FROM platform.expectations AS e \
                     JOIN access.workspaces AS w ON w.id = e.workspace \
                     ORDER BY w.name, e.source LIMIT {MOST}"
                ))
            })
            .await?;
        let names = self.pool.names().await?;
        rows.into_iter()
            .map(|row| Ok((named(&names, row.workspace)?, Expectation::try_from(row)?)))
            .collect()
    }

    async fn forget(&self, before: Timestamp) -> Result<(), StoreError> {
        for (table, column) in [
            ("uptimes", "until"),
            ("refusals", "until"),
            ("reporters", "heard_at"),
        ] {
            let statement = move || {
                Sql::once(format!("DELETE FROM platform.{table} WHERE {column} < "))
                    .value::<Timestamptz, _>(before)
            };
            self.pool.execute(statement).await?;
        }
        Ok(())
    }
}
