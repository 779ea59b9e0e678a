//! Verifying the log: every event is looked at, as of one moment.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use pts_ports::VerifyReport;

use super::holes::Holes;
use super::{MOST, begin};
use crate::error::{Fault, classify};
use crate::row::{EVENT_COLUMNS, EventRow, Number};
use crate::sql::Sql;

/// How many events are looked at together.
const CHUNK: usize = 500;

pub(super) async fn verify(mut connection: &AsyncPgConnection) -> Result<VerifyReport, Fault> {
    begin(connection, "ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let mut report = VerifyReport::default();
    let heads: Vec<Number> = numbers(
        connection,
        "SELECT position AS number FROM platform.log_head",
    )
    .await?;
    match heads.into_iter().next() {
        Some(head) => report.head = head.number,
        None => report.faults.push("platform.log_head is empty".into()),
    }
    let mut holes = removed(connection).await?;
    events(connection, &mut report, &mut holes).await?;
    report.faults.extend(holes.faults());
    for statement in [TWICE, UNPROTECTED] {
        let faults: Vec<Line> = Sql::once(statement)
            .sql(" LIMIT ")
            .value::<BigInt, _>(i64::try_from(MOST).unwrap_or(i64::MAX))
            .rows(connection)
            .await
            .map_err(classify)?;
        report.faults.extend(faults.into_iter().map(|row| row.line));
    }
    report.faults.truncate(MOST);
    connection
        .batch_execute("ROLLBACK")
        .await
        .map_err(classify)?;
    Ok(report)
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// Identities that are there twice within the time for which they are remembered: the month of
/// receipt and the one before.
const TWICE: &str = "SELECT position || ': its identity is that of ' || earlier || ' too' AS line \
     FROM (SELECT position, received_at, \
     lag(position) OVER same AS earlier, lag(received_at) OVER same AS earlier_at \
     FROM platform.events WINDOW same AS (PARTITION BY source, event_id ORDER BY position)) AS e \
     WHERE date_trunc('month', received_at - interval '8 days', 'UTC') \
     <= date_trunc('month', earlier_at, 'UTC') \
     ORDER BY position";

#[derive(QueryableByName)]
struct Removed {
    #[diesel(sql_type = BigInt)]
    first: i64,
    #[diesel(sql_type = BigInt)]
    last: i64,
    #[diesel(sql_type = BigInt)]
    events: i64,
}

/// What retention says that it removed.
async fn removed(connection: &AsyncPgConnection) -> Result<Holes, Fault> {
    let rows: Vec<Removed> = Sql::once(
        "SELECT first_removed AS first, last_removed AS last, removed AS events \
         FROM platform.retention_runs WHERE removed > 0",
    )
    .rows(connection)
    .await
    .map_err(classify)?;
    let records = rows
        .into_iter()
        .map(|row| (row.first, row.last, row.events));
    Ok(Holes::of(records.collect()))
}

/// Tables of the log that let themselves be changed, or let an identity in twice.
const UNPROTECTED: &str = "SELECT t.name || ': ' || needed.what AS line FROM \
     (SELECT 'platform.events'::regclass AS oid, 'platform.events' AS name, false AS partition \
     UNION ALL SELECT c.oid, 'platform.' || c.relname, true FROM pg_catalog.pg_inherits AS i \
     JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid \
     WHERE i.inhparent = 'platform.events'::regclass \
     UNION ALL SELECT name::regclass, name, false FROM unnest(ARRAY[\
     'platform.retention_runs', 'platform.retention_removed']) AS records (name)) AS t \
     CROSS JOIN (VALUES \
     ('kept', 27, 'nothing refuses UPDATE and DELETE'), \
     ('not truncated', 34, 'nothing refuses TRUNCATE'), \
     ('identity', 0, 'no index keeps identities unique')) AS needed (name, fires, what) \
     WHERE CASE WHEN needed.name = 'identity' THEN t.partition AND NOT EXISTS (\
     SELECT FROM pg_catalog.pg_index AS x WHERE x.indrelid = t.oid AND x.indisunique \
     AND x.indisvalid AND x.indpred IS NULL AND ARRAY(\
     SELECT a.attname::text FROM unnest(x.indkey) WITH ORDINALITY AS k (attnum, n) \
     JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.attnum \
     ORDER BY k.n) = ARRAY['source', 'event_id']) \
     ELSE NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS g \
     WHERE g.tgrelid = t.oid AND g.tgenabled IN ('O', 'A') \
     AND g.tgtype & needed.fires = needed.fires AND g.tgqual IS NULL \
     AND g.tgfoid = 'platform.refuse_change'::regproc) END \
     ORDER BY t.name, needed.name";

async fn numbers(
    connection: &AsyncPgConnection,
    statement: &'static str,
) -> Result<Vec<Number>, Fault> {
    Sql::once(statement)
        .rows(connection)
        .await
        .map_err(classify)
}

/// Positions without holes up to the head, but for those that retention made, and every event as it
/// was written.
async fn events(
    connection: &AsyncPgConnection,
    report: &mut VerifyReport,
    holes: &mut Holes,
) -> Result<(), Fault> {
    let mut position = 0;
    loop {
        let rows = chunk(connection, position).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            report.events += 1;
            let (first, last) = (position + 1, row.event.envelope.position - 1);
            if first <= last && !holes.found(first, last) {
                report.faults.push(format!(
                    "{}: the event before it is at {position}",
                    row.event.envelope.position
                ));
            }
            position = row.event.envelope.position;
            if let Err(what) = look_at(row) {
                report.faults.push(format!("{position}: {what}"));
            }
            report.faults.truncate(MOST);
        }
    }
    let behind = (position + 1, report.head);
    if position > report.head || (position < report.head && !holes.found(behind.0, behind.1)) {
        report.faults.push(format!(
            "{position}: it is the last event and the head is at {}",
            report.head
        ));
    }
    Ok(())
}

/// An event with the columns that were copied out of its data.
#[derive(QueryableByName)]
struct Row {
    #[diesel(embed)]
    event: EventRow,
    #[diesel(sql_type = diesel::sql_types::Nullable<Text>)]
    service: Option<String>,
    #[diesel(sql_type = diesel::sql_types::Nullable<Text>)]
    environment: Option<String>,
}

fn look_at(row: Row) -> Result<(), String> {
    let (stored, digest) = row
        .event
        .into_parts()
        .map_err(|fault| format!("{fault:?}"))?;
    if stored.event.digest() != digest {
        return Err("its content is not what was written".into());
    }
    if stored.event.service() != row.service.as_deref()
        || stored.event.environment() != row.environment.as_deref()
    {
        return Err("its service or environment is not the one in its data".into());
    }
    Ok(())
}

async fn chunk(connection: &AsyncPgConnection, behind: i64) -> Result<Vec<Row>, Fault> {
    Sql::once(format!(
        "SELECT {EVENT_COLUMNS}, service, environment FROM platform.events WHERE position > "
    ))
    .value::<BigInt, _>(behind)
    .sql(" ORDER BY position LIMIT ")
    .value::<BigInt, _>(i64::try_from(CHUNK).unwrap_or(i64::MAX))
    .rows(connection)
    .await
    .map_err(classify)
}
