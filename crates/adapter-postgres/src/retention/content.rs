//! What a month's partition holds, and which of it stays.

use std::collections::BTreeMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use pts_domain::Timestamp;
use pts_domain::retention::{Month, MonthSurvey, is_kept, kept_types, stem, unsure_types};

use super::partition;
use crate::error::{Fault, classify};
use crate::row::{EVENT_COLUMNS, EventRow};
use crate::sql::Sql;

/// How many events are looked at together.
const CHUNK: usize = 500;

#[derive(QueryableByName)]
struct Flag {
    #[diesel(sql_type = Bool)]
    flag: bool,
}

/// Whether a month has been gone through and nothing has come into it since.
pub(super) async fn is_settled(
    connection: &AsyncPgConnection,
    month: Month,
) -> Result<bool, Fault> {
    let name = partition(month);
    // An empty month has nothing to go through.
    let rows: Vec<Flag> = Sql::once(format!(
        "SELECT coalesce((SELECT max(position) FROM platform.{name}), 0) <= \
         coalesce((SELECT max(last_position) FROM platform.retention_runs WHERE month = "
    ))
    .value::<Timestamptz, _>(month.start())
    .sql("), 0) AS flag")
    .rows(connection)
    .await
    .map_err(classify)?;
    Ok(rows.first().is_some_and(|row| row.flag))
}

/// Goes on with a condition on the alias `e`: it is of a type whose events stay, or of one of which
/// some do.
fn may_stay(sql: Sql<'_>) -> Sql<'_> {
    unsure(
        sql.sql("(e.type = ANY(")
            .value::<Array<Text>, _>(kept_types())
            .sql(") OR "),
    )
    .sql(")")
}

/// Goes on with a condition on the alias `e`: of its type some events stay.
fn unsure(sql: Sql<'_>) -> Sql<'_> {
    // As the domain's `stem` has it.
    sql.sql("array_to_string((string_to_array(e.type, '.'))[1:4], '.') = ANY(")
        .value::<Array<Text>, _>(unsure_types())
        .sql(")")
}

/// Goes on with a condition on the alias `e`: the event stays. Needs [`collect_misfits`].
pub(super) fn stays(sql: Sql<'_>) -> Sql<'_> {
    may_stay(sql).sql(
        " AND NOT EXISTS (SELECT FROM pg_temp.retention_misfits AS m \
         WHERE m.position = e.position)",
    )
}

#[derive(QueryableByName)]
struct Totals {
    #[diesel(sql_type = BigInt)]
    events: i64,
    #[diesel(sql_type = BigInt)]
    removable: i64,
    #[diesel(sql_type = BigInt)]
    types: i64,
    #[diesel(sql_type = BigInt)]
    last_position: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    oldest: Option<Timestamp>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    newest: Option<Timestamp>,
    #[diesel(sql_type = Array<Text>)]
    names: Vec<String>,
    #[diesel(sql_type = Array<BigInt>)]
    counts: Vec<i64>,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

/// Counts what a month holds: by the names of types in one pass over an index, and event by event
/// where a name does not tell.
pub(super) async fn survey(
    connection: &AsyncPgConnection,
    month: Month,
) -> Result<MonthSurvey, Fault> {
    let name = partition(month);
    let select = Sql::once(
        "WITH types AS MATERIALIZED (SELECT e.type, count(*) AS events, \
         min(e.time) AS oldest, max(e.time) AS newest, NOT ",
    );
    let rows: Vec<Totals> = may_stay(select)
        .sql(format!(
            " AS goes FROM platform.{name} AS e GROUP BY e.type), \
             named AS (SELECT type, events FROM types WHERE goes \
             ORDER BY events DESC, type LIMIT {most}) \
             SELECT coalesce(sum(events), 0)::bigint AS events, \
             coalesce(sum(events) FILTER (WHERE goes), 0)::bigint AS removable, \
             count(*) FILTER (WHERE goes) AS types, \
             min(oldest) FILTER (WHERE goes) AS oldest, max(newest) FILTER (WHERE goes) AS newest, \
             ARRAY(SELECT type FROM named ORDER BY events DESC, type) AS names, \
             ARRAY(SELECT events FROM named ORDER BY events DESC, type) AS counts, \
             coalesce((SELECT max(position) FROM platform.{name}), 0) AS last_position, \
             pg_total_relation_size('platform.{name}'::regclass) AS bytes FROM types",
            most = MonthSurvey::TYPES,
        ))
        .rows(connection)
        .await
        .map_err(classify)?;
    let Some(totals) = rows.into_iter().next() else {
        return Err(Fault::Corrupt(format!("{name} cannot be counted")));
    };
    let mut survey = MonthSurvey {
        month,
        events: count(totals.events),
        removable: count(totals.removable),
        last_position: totals.last_position,
        oldest: totals.oldest,
        newest: totals.newest,
        types: Vec::new(),
        type_count: count(totals.types),
        bytes: count(totals.bytes),
    };
    let mut types: BTreeMap<String, u64> = BTreeMap::new();
    let mut next = Some(0);
    while let Some(behind) = next {
        let (misfits, onwards) = misfits(connection, month, behind).await?;
        next = onwards;
        for event in misfits {
            survey.removable += 1;
            survey.widen(event.time, event.time);
            let name = format!("{}.*", stem(&event.event_type));
            *types.entry(name).or_default() += 1;
        }
    }
    survey.type_count += types.len() as u64;
    let named = totals.names.into_iter().zip(totals.counts);
    survey.name_types(
        named
            .map(|(name, events)| (name, count(events)))
            .chain(types),
    );
    Ok(survey)
}

/// An event of a type that may stay, and does not.
struct Misfit {
    position: i64,
    event_type: String,
    time: Timestamp,
}

/// Looks behind a position at events whose types do not tell whether they stay. Returns those that
/// do not, and from where to look on.
async fn misfits(
    connection: &AsyncPgConnection,
    month: Month,
    behind: i64,
) -> Result<(Vec<Misfit>, Option<i64>), Fault> {
    let name = partition(month);
    let select = Sql::once(format!(
        "SELECT {EVENT_COLUMNS} FROM platform.{name} AS e WHERE position > "
    ));
    // The beginning that all of them share is what an index can find.
    let rows: Vec<EventRow> = unsure(select.value::<BigInt, _>(behind).sql(
        " AND e.workspace = ANY(ARRAY(SELECT id FROM access.workspaces)) \
                 AND e.type >= 'dev.cdevents.' AND e.type < 'dev.cdevents/' AND ",
    ))
    .sql(format!(" ORDER BY position LIMIT {CHUNK}"))
    .rows(connection)
    .await
    .map_err(classify)?;
    let full = rows.len() == CHUNK;
    let (mut found, mut last) = (Vec::new(), behind);
    for row in rows {
        let stored = row.into_event()?;
        last = stored.position;
        if !is_kept(&stored.event) {
            found.push(Misfit {
                position: stored.position,
                time: stored.event.time,
                event_type: stored.event.event_type,
            });
        }
    }
    Ok((found, full.then_some(last)))
}

/// Keeps the positions of events that do not stay although others of their type do, for
/// [`stays`], until the transaction ends.
pub(super) async fn collect_misfits(
    mut connection: &AsyncPgConnection,
    month: Month,
) -> Result<(), Fault> {
    connection
        .batch_execute(
            "CREATE TEMPORARY TABLE retention_misfits (position bigint PRIMARY KEY) \
             ON COMMIT DROP",
        )
        .await
        .map_err(classify)?;
    let mut next = Some(0);
    while let Some(behind) = next {
        let (misfits, onwards) = misfits(connection, month, behind).await?;
        next = onwards;
        let positions: Vec<i64> = misfits.iter().map(|event| event.position).collect();
        Sql::once("INSERT INTO pg_temp.retention_misfits SELECT * FROM unnest(")
            .value::<Array<BigInt>, _>(positions)
            .sql(")")
            .run(connection)
            .await
            .map_err(classify)?;
    }
    connection
        .batch_execute("ANALYZE pg_temp.retention_misfits")
        .await
        .map_err(classify)
}

/// A number of things, which the database counts in signed numbers.
pub(super) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
