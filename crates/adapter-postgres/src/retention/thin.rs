//! Thinning one month, in one transaction: the replacement is built beside the partition while
//! everything goes on, and takes its place in the last few milliseconds.

use std::time::Instant;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Bytea, Nullable, Timestamptz, Uuid};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use pts_domain::retention::{Month, MonthSurvey, RemovalDigest, SHORTEST};
use pts_ports::{RetentionRun, StoreError, Thinned, Thinning};

use super::content::{collect_misfits, count, stays, survey};
use super::swap::{Swap, Swapped};
use super::{PgRetention, begin, counted, history, partition};
use crate::error::{Fault, classify, is_full_disk};
use crate::sql::Sql;

/// Of all that thin at the same time, one does.
const ONE_AT_A_TIME: &str = "SELECT pg_try_advisory_xact_lock(7020100, 2) AS flag";

#[derive(QueryableByName)]
struct Flag {
    #[diesel(sql_type = Bool)]
    flag: bool,
}

/// What a transaction came to before its end.
enum Ready {
    /// Everything is there but the commit.
    Commit(Box<RetentionRun>, Instant),
    /// It has been rolled back.
    Changed,
}

pub(super) async fn thin(
    retention: &PgRetention,
    thinning: &Thinning,
) -> Result<Thinned, StoreError> {
    counted::count_to(retention, thinning.survey.last_position).await?;
    let lease = retention.pool.lease().await?;
    let ready = match prepare(lease.connection(), retention, thinning).await {
        Ok(ready) => ready,
        Err(fault) => {
            let fault = lease.fail(fault).await;
            return Err(needs_room(fault, &thinning.survey).into());
        }
    };
    let Ready::Commit(run, locked) = ready else {
        lease.give_back();
        return Ok(Thinned::Changed);
    };
    let mut connection = lease.connection();
    match connection.batch_execute("COMMIT").await {
        Ok(()) => {
            lease.give_back();
            Ok(Thinned::Done {
                run,
                locked: locked.elapsed(),
            })
        }
        Err(error) => Err(match lease.fail(classify(error)).await {
            Fault::Broken(reason) => StoreError::Unavailable {
                reason,
                maybe_done: true,
            },
            fault => fault.into(),
        }),
    }
}

async fn prepare(
    mut connection: &AsyncPgConnection,
    retention: &PgRetention,
    thinning: &Thinning,
) -> Result<Ready, Fault> {
    let begun = Instant::now();
    let month = thinning.survey.month;
    begin(connection, "").await?;
    if !is(connection, Sql::once(ONE_AT_A_TIME)).await? {
        return Err(Fault::Busy(
            "another process is thinning the log at the moment".into(),
        ));
    }
    refuse_if_young(connection, month).await?;
    if !is_there(connection, month).await? {
        return changed(connection).await;
    }
    // Searches and appends go on under this lock; vacuuming and other changes of the table do not,
    // so that the swap has nobody of that kind to wait for.
    let name = partition(month);
    connection
        .batch_execute(&format!(
            "LOCK TABLE ONLY platform.{name} IN SHARE UPDATE EXCLUSIVE MODE"
        ))
        .await
        .map_err(classify)?;
    let found = survey(connection, month).await?;
    if !found.is_as_seen_by(&thinning.survey) {
        return changed(connection).await;
    }
    let mut run = RetentionRun {
        id: thinning.id,
        at: thinning.at,
        who: thinning.who,
        horizon: thinning.horizon,
        month,
        removed: found.removable,
        kept: found.kept(),
        freed_bytes: 0,
        first_removed: None,
        last_removed: None,
        oldest: found.oldest,
        newest: found.newest,
        digest: RemovalDigest::default().finish(),
        duration_ms: 0,
    };
    if run.removed == 0 {
        run.duration_ms = millis(begun);
        history::record(connection, &run, found.last_position).await?;
        return Ok(Ready::Commit(Box::new(run), Instant::now()));
    }
    collect_misfits(connection, month).await?;
    let swap = Swap::of(&found);
    swap.build(connection).await?;
    take_stock(connection, &found, &mut run).await?;
    run.freed_bytes = found.bytes.saturating_sub(swap.bytes(connection).await?);
    run.duration_ms = millis(begun);
    history::record(connection, &run, found.last_position).await?;
    record_sources(connection, &found, &run).await?;
    match swap.carry_out(connection, retention.patience).await? {
        Swapped::Done { locked } => Ok(Ready::Commit(Box::new(run), locked)),
        Swapped::Changed => changed(connection).await,
    }
}

/// Says what a full disk means here: until the swap there are both, the month and what stays of it.
fn needs_room(fault: Fault, found: &MonthSurvey) -> Fault {
    match fault {
        Fault::Busy(reason) if is_full_disk(&reason) => {
            let stays = found.bytes.saturating_sub(found.freed_about());
            Fault::Busy(format!(
                "the disk is full, and what stays of {} needs about {} MiB of it before anything \
                 is freed: {reason}",
                found.month,
                (stays >> 20) + 1
            ))
        }
        other => other,
    }
}

async fn changed(mut connection: &AsyncPgConnection) -> Result<Ready, Fault> {
    connection
        .batch_execute("ROLLBACK")
        .await
        .map_err(classify)?;
    Ok(Ready::Changed)
}

/// A program's clock that runs ahead must not cost a month: the database's has to agree.
async fn refuse_if_young(connection: &AsyncPgConnection, month: Month) -> Result<(), Fault> {
    let days = SHORTEST.num_days();
    let old = Sql::once("SELECT ")
        .value::<Timestamptz, _>(month.end())
        .sql(format!(" <= now() - interval '{days} days' AS flag"));
    if is(connection, old).await? {
        return Ok(());
    }
    Err(Fault::Busy(format!(
        "by the database's clock {month} is not over for {days} days: nothing is removed while the \
         clocks do not agree"
    )))
}

async fn is_there(connection: &AsyncPgConnection, month: Month) -> Result<bool, Fault> {
    let name = partition(month);
    let there = Sql::once(format!(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_inherits \
         WHERE inhrelid = to_regclass('platform.{name}') \
         AND inhparent = 'platform.events'::regclass) AS flag"
    ));
    is(connection, there).await
}

async fn is(connection: &AsyncPgConnection, question: Sql<'_>) -> Result<bool, Fault> {
    let rows: Vec<Flag> = question.rows(connection).await.map_err(classify)?;
    Ok(rows.first().is_some_and(|row| row.flag))
}

#[derive(QueryableByName)]
struct Stock {
    #[diesel(sql_type = BigInt)]
    removed: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    first: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    last: Option<i64>,
    #[diesel(sql_type = Bytea)]
    digest: Vec<u8>,
}

/// Goes on with where the events are that go.
fn what_goes<'a>(sql: Sql<'a>, found: &MonthSurvey) -> Sql<'a> {
    let name = partition(found.month);
    let sql = sql
        .sql(format!(" FROM platform.{name} AS e WHERE e.position <= "))
        .value::<BigInt, _>(found.last_position)
        .sql(" AND NOT (");
    stays(sql).sql(")")
}

/// What goes, counted and hashed as [`RemovalDigest`] says.
async fn take_stock(
    connection: &AsyncPgConnection,
    found: &MonthSurvey,
    run: &mut RetentionRun,
) -> Result<(), Fault> {
    let blocks = Sql::once(format!(
        "SELECT coalesce(sum(b.events), 0)::bigint AS removed, min(b.first) AS first, \
         max(b.last) AS last, sha256(coalesce(string_agg(b.digest, ''::bytea ORDER BY b.number), \
         ''::bytea)) AS digest FROM (SELECT e.position / {block} AS number, count(*) AS events, \
         min(e.position) AS first, max(e.position) AS last, \
         sha256(string_agg(int8send(e.position) || e.digest, ''::bytea ORDER BY e.position)) \
         AS digest",
        block = RemovalDigest::BLOCK
    ));
    let rows: Vec<Stock> = what_goes(blocks, found)
        .sql(" GROUP BY 1) AS b")
        .rows(connection)
        .await
        .map_err(classify)?;
    let stock = rows.into_iter().next();
    let Some(stock) = stock.filter(|stock| count(stock.removed) == found.removable) else {
        return Err(Fault::Corrupt(format!(
            "{}: what goes is not what was counted",
            found.month
        )));
    };
    run.first_removed = stock.first;
    run.last_removed = stock.last;
    run.digest = stock
        .digest
        .try_into()
        .map_err(|_| Fault::Corrupt("SHA-256 has 32 bytes".into()))?;
    Ok(())
}

async fn record_sources(
    connection: &AsyncPgConnection,
    found: &MonthSurvey,
    run: &RetentionRun,
) -> Result<(), Fault> {
    let counts =
        Sql::once("INSERT INTO platform.retention_removed (run_id, source, events) SELECT ")
            .value::<Uuid, _>(run.id)
            .sql(", e.source, count(*)");
    what_goes(counts, found)
        .sql(" GROUP BY e.source")
        .run(connection)
        .await
        .map_err(classify)?;
    Ok(())
}

fn millis(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}
