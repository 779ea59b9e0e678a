//! Accounts in `platform.accounting`: lines that are added to, in the same order by everybody, and
//! the log behind the place up to which it is counted.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Date, Integer, Nullable, Text, Uuid};
use futures::TryFutureExt as _;
use pts_domain::access::Workspace;
use pts_domain::accounting::{Counts, Line, Outcome};
use pts_ports::{Account, AccountQuery, Accounting, Counted, Handover, StoreError};

use crate::PgPool;
use crate::error::{Fault, classify};
use crate::row::Number;
use crate::sql::Sql;
use crate::transaction::Transaction;
use crate::workspaces::{Confined, Room};

/// Events behind the counted ones that are counted while somebody waits.
const MOST_AT_ONCE: i64 = 500_000;

/// The accounts of a database.
#[derive(Debug, Clone)]
pub struct PgAccounting {
    pool: PgPool,
    confined: Confined,
}

impl PgAccounting {
    /// Accounts of a migrated database.
    pub fn new(pool: PgPool) -> Self {
        let confined = Confined::new(pool.clone());
        Self { pool, confined }
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

/// What is added to a line, or taken off it.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) workspace: i32,
    pub(crate) day: NaiveDate,
    pub(crate) sender: Option<uuid::Uuid>,
    pub(crate) source: String,
    pub(crate) repeated: i64,
    pub(crate) quarantined: i64,
    pub(crate) refused: i64,
}

impl Change {
    /// So many more, or less, of one outcome.
    pub(crate) fn of(
        workspace: i32,
        (day, sender, source): (NaiveDate, Option<uuid::Uuid>, &str),
        outcome: Outcome,
        number: i64,
    ) -> Self {
        let only = |wanted| if outcome == wanted { number } else { 0 };
        Self {
            workspace,
            day,
            sender,
            source: source.to_owned(),
            repeated: only(Outcome::Repeated),
            quarantined: only(Outcome::Quarantined),
            refused: only(Outcome::Refused),
        }
    }
}

/// The statement that carries changes out. Everybody locks lines in this order, so nobody waits for
/// somebody who waits for them.
pub(crate) fn carry_out(changes: &[Change]) -> Sql<'_> {
    fn of<'a, V>(changes: &'a [Change], value: impl Fn(&'a Change) -> V) -> Vec<V> {
        changes.iter().map(value).collect()
    }
    Sql::kept(
        "INSERT INTO platform.accounting AS line \
         (workspace, day, sender, source, repeated, quarantined, refused) \
         SELECT workspace, day, sender, source, sum(repeated), sum(quarantined), sum(refused) \
         FROM unnest(",
    )
    .value::<Array<Integer>, _>(of(changes, |change| change.workspace))
    .sql(", ")
    .value::<Array<Date>, _>(of(changes, |change| change.day))
    .sql(", ")
    .value::<Array<Nullable<Uuid>>, _>(of(changes, |change| change.sender))
    .sql(", ")
    .value::<Array<Text>, _>(of(changes, |change| change.source.as_str()))
    .sql(", ")
    .value::<Array<BigInt>, _>(of(changes, |change| change.repeated))
    .sql(", ")
    .value::<Array<BigInt>, _>(of(changes, |change| change.quarantined))
    .sql(", ")
    .value::<Array<BigInt>, _>(of(changes, |change| change.refused))
    .sql(
        ") AS change (workspace, day, sender, source, repeated, quarantined, refused) \
         GROUP BY workspace, day, sender, source \
         ORDER BY workspace, day, sender, source COLLATE \"C\" \
         ON CONFLICT (workspace, day, sender, source) DO UPDATE SET \
         repeated = line.repeated + excluded.repeated, \
         quarantined = line.quarantined + excluded.quarantined, \
         refused = line.refused + excluded.refused",
    )
}

/// Notes a handover; changes nothing if it, or a later one, has been noted.
fn note(handover: &Handover) -> Sql<'_> {
    Sql::kept("INSERT INTO platform.handovers AS before (process, number, at) VALUES (")
        .value::<Uuid, _>(handover.process)
        .sql(", ")
        .value::<BigInt, _>(handover.number)
        .sql(
            ", now()) ON CONFLICT (process) DO UPDATE SET number = excluded.number, \
             at = excluded.at WHERE before.number < excluded.number",
        )
}

/// Forgets processes that are over for long.
const TIDY: &str = "DELETE FROM platform.handovers WHERE at < now() - interval '30 days'";

/// Holds the place up to which the log is counted; nothing where another holds it.
const PLACE: &str = "SELECT position AS number FROM platform.accounted FOR UPDATE SKIP LOCKED";

#[derive(QueryableByName)]
struct Progress {
    #[diesel(sql_type = BigInt)]
    until: i64,
    #[diesel(sql_type = BigInt)]
    head: i64,
}

/// Counts a stretch of the log behind a place, and moves the place.
pub(crate) fn stretch(place: i64, most: i64) -> Sql<'static> {
    Sql::once("WITH head AS MATERIALIZED (SELECT position AS head, least(position, ")
        .value::<BigInt, _>(place.saturating_add(most))
        .sql(
            ") AS until FROM platform.log_head), \
         counted AS (INSERT INTO platform.accounting AS line \
         (workspace, day, sender, source, stored) \
         SELECT e.workspace, (e.received_at AT TIME ZONE 'UTC')::date AS day, e.sender, e.source, \
         count(*) \
         FROM platform.events AS e WHERE e.position > ",
        )
        .value::<BigInt, _>(place)
        .sql(" AND e.position <= ")
        .value::<BigInt, _>(place.saturating_add(most))
        .sql(
            " GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 \
         ON CONFLICT (workspace, day, sender, source) DO UPDATE SET stored = line.stored + excluded.stored), \
         moved AS (UPDATE platform.accounted SET position = head.until FROM head \
         WHERE head.until > position) \
         SELECT until, head FROM head",
        )
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Uuid>)]
    sender: Option<uuid::Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    source: Option<String>,
    #[diesel(sql_type = BigInt)]
    stored: i64,
    #[diesel(sql_type = BigInt)]
    repeated: i64,
    #[diesel(sql_type = BigInt)]
    quarantined: i64,
    #[diesel(sql_type = BigInt)]
    refused: i64,
    #[diesel(sql_type = BigInt)]
    all_stored: i64,
    #[diesel(sql_type = BigInt)]
    all_repeated: i64,
    #[diesel(sql_type = BigInt)]
    all_quarantined: i64,
    #[diesel(sql_type = BigInt)]
    all_refused: i64,
    #[diesel(sql_type = BigInt)]
    all_lines: i64,
    #[diesel(sql_type = BigInt)]
    uncounted: i64,
}

/// The lines that were asked for, each with the sums of all; one row without a source where there
/// are none. One statement: what is counted and what is not yet are seen at the same moment.
pub(crate) fn lines<'a>(room: Room<'_>, query: &'a AccountQuery, limit: i64) -> Sql<'a> {
    let fresh = Sql::once(format!(
        "WITH place AS MATERIALIZED (SELECT a.position AS done, h.position AS head, \
         least(h.position, a.position + {MOST_AT_ONCE}) AS until \
         FROM platform.accounted AS a CROSS JOIN platform.log_head AS h), \
         fresh AS MATERIALIZED (SELECT e.sender, e.source, count(*) AS stored \
         FROM platform.events AS e \
         WHERE e.position > (SELECT done FROM place) AND e.position <= (SELECT until FROM place) AND "
    ));
    let fresh = room.only(fresh, "e.workspace");
    // By position alone, and all of it: an index on sources would find too much that is counted.
    let fresh = days(fresh, query, "(e.received_at AT TIME ZONE 'UTC')::date").sql(
        " GROUP BY e.sender, e.source), \
         line AS (SELECT sender, source, sum(stored)::bigint AS stored, \
         sum(repeated)::bigint AS repeated, sum(quarantined)::bigint AS quarantined, \
         sum(refused)::bigint AS refused FROM (\
         SELECT sender, source, stored, 0 AS repeated, 0 AS quarantined, 0 AS refused \
         FROM fresh AS e WHERE true",
    );
    let booked = narrow(fresh, query).sql(
        " UNION ALL SELECT sender, source, stored, repeated, quarantined, refused \
         FROM platform.accounting AS e WHERE ",
    );
    let booked = room.only(booked, "e.workspace");
    let sum = |name: &str| format!("coalesce(sum({name}) OVER (), 0)::bigint AS all_{name}");
    narrow(days(booked, query, "e.day"), query)
        .sql(format!(
            ") AS one GROUP BY sender, source), \
             there AS (SELECT * FROM line \
             WHERE (stored, repeated, quarantined, refused) <> (0, 0, 0, 0)) \
             SELECT sender, source, coalesce(stored, 0) AS stored, \
             coalesce(repeated, 0) AS repeated, coalesce(quarantined, 0) AS quarantined, \
             coalesce(refused, 0) AS refused, {}, {}, {}, {}, \
             count(source) OVER () AS all_lines, place.head - place.until AS uncounted \
             FROM place LEFT JOIN there ON true \
             ORDER BY coalesce(stored + repeated + quarantined + refused, 0) DESC, sender, source \
             LIMIT ",
            sum("stored"),
            sum("repeated"),
            sum("quarantined"),
            sum("refused")
        ))
        .value::<BigInt, _>(limit)
}

/// Adds `AND …` for the days.
fn days<'a>(mut sql: Sql<'a>, query: &'a AccountQuery, day: &str) -> Sql<'a> {
    if let Some(first) = query.days.first {
        sql = sql.sql(format!(" AND {day} >= ")).value::<Date, _>(first);
    }
    if let Some(last) = query.days.last {
        sql = sql.sql(format!(" AND {day} <= ")).value::<Date, _>(last);
    }
    sql
}

/// Adds `AND …` for the sender and the source.
fn narrow<'a>(mut sql: Sql<'a>, query: &'a AccountQuery) -> Sql<'a> {
    if let Some(sender) = query.sender {
        sql = sql.sql(" AND e.sender = ").value::<Uuid, _>(sender);
    }
    if let Some(source) = &query.source {
        sql = sql
            .sql(" AND e.source = ")
            .value::<Text, _>(source.as_str());
    }
    sql
}

#[async_trait]
impl Accounting for PgAccounting {
    fn within(&self, workspace: &Workspace) -> Arc<dyn Accounting> {
        Arc::new(Self {
            confined: self.confined.within(workspace),
            ..self.clone()
        })
    }

    async fn add(&self, handover: &Handover) -> Result<(), StoreError> {
        let mut changes = Vec::with_capacity(handover.lines.len());
        for (workspace, line) in &handover.lines {
            changes.push(Change {
                workspace: self.pool.number_for(workspace).await?,
                day: handover.day,
                sender: line.sender,
                source: line.source.clone(),
                repeated: signed(line.counts.repeated),
                quarantined: signed(line.counts.quarantined),
                refused: signed(line.counts.refused),
            });
        }
        let transaction = Transaction::begin(&self.pool, self.pool.statement_timeout()).await?;
        let connection = transaction.connection();
        let work = async {
            if note(handover).run(connection).await? == 0 {
                return Ok(());
            }
            if handover.number == 1 {
                Sql::once(TIDY).run(connection).await?;
            }
            carry_out(&changes).run(connection).await.map(|_| ())
        };
        let work = transaction.wait(work.map_err(classify)).await;
        transaction.end(work).await
    }

    async fn count(&self, most: i64) -> Result<Counted, StoreError> {
        let transaction = Transaction::begin(&self.pool, self.pool.statement_timeout()).await?;
        let connection = transaction.connection();
        let work = async {
            let place: Vec<Number> = Sql::kept(PLACE).rows(connection).await.map_err(classify)?;
            let Some(place) = place.first() else {
                return Ok(Counted::ByAnother);
            };
            let counting = stretch(place.number, most).rows(connection);
            let progress: Vec<Progress> = counting.await.map_err(classify)?;
            match progress.first() {
                Some(progress) if progress.until < progress.head => Ok(Counted::Further),
                Some(_) => Ok(Counted::All),
                None => Err(Fault::Corrupt("platform.log_head is empty".into())),
            }
        };
        let work = transaction.wait(work).await;
        transaction.end(work).await
    }

    async fn account(&self, query: &AccountQuery, limit: usize) -> Result<Account, StoreError> {
        let mut account = Account {
            totals: Counts::default(),
            lines: Vec::new(),
            all_lines: 0,
            uncounted: 0,
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        // NUL is in no source, and the database takes none.
        if query
            .source
            .as_ref()
            .is_some_and(|source| source.contains('\0'))
        {
            return Ok(account);
        }
        let room = self.confined.room().await?;
        let rows: Vec<Row> = room.load(|| lines(room, query, limit)).await?;
        for row in rows {
            account.totals = counts([
                row.all_stored,
                row.all_repeated,
                row.all_quarantined,
                row.all_refused,
            ]);
            account.all_lines = unsigned(row.all_lines);
            account.uncounted = unsigned(row.uncounted);
            if let Some(source) = row.source {
                account.lines.push(Line {
                    sender: row.sender,
                    source,
                    counts: counts([row.stored, row.repeated, row.quarantined, row.refused]),
                });
            }
        }
        Ok(account)
    }
}

fn counts([stored, repeated, quarantined, refused]: [i64; 4]) -> Counts {
    Counts {
        stored: unsigned(stored),
        repeated: unsigned(repeated),
        quarantined: unsigned(quarantined),
        refused: unsigned(refused),
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
