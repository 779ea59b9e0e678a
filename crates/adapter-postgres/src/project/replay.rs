//! Folding the log into tables of projections, in the session of one transaction: all of it into
//! shadows, or what the live ones have not seen yet.

use std::ops::Range;

use diesel::QueryableByName;
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Integer};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use pts_domain::StoredEvent;
use pts_domain::projection::Contradiction;
use pts_ports::Projector;

use super::{Place, keys, load, store, store_contradictions};
use crate::error::{Fault, classify};
use crate::row::{EVENT_COLUMNS, EventRow};
use crate::sql::Sql;

/// A table that is worked out from the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    /// Without its schema.
    pub(crate) name: &'static str,
    /// The columns of its primary key.
    pub(crate) key: &'static [&'static str],
    /// Whether its rows are aggregates.
    pub(crate) aggregates: bool,
}

const fn aggregates(name: &'static str, key: &'static [&'static str]) -> Table {
    Table {
        name,
        key,
        aggregates: true,
    }
}

/// All of them.
pub(crate) const TABLES: &[Table] = &[
    aggregates(
        "deployments",
        &["service", "environment", "deployment_id", "workspace"],
    ),
    aggregates("services", &["service", "workspace"]),
    aggregates(
        "instances",
        &["service", "environment", "instance", "workspace"],
    ),
    aggregates("images", &["image", "reference", "workspace"]),
    aggregates("states", &["component", "environment", "workspace"]),
    aggregates("configs", &["service", "environment", "key", "workspace"]),
    aggregates("incidents", &["incident_id", "workspace"]),
    aggregates("runs", &["opened_position", "workspace"]),
    Table {
        name: "contradictions",
        key: &["position", "ordinal"],
        aggregates: false,
    },
];

/// An event beside its workspace's number.
type Placed = (i32, StoredEvent);

/// How many events are folded at once.
const CHUNK: i64 = 500;

/// What a replay came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Replayed {
    pub(crate) events: u64,
    /// The last position that was folded.
    pub(crate) position: i64,
}

/// Makes empty shadows of all tables; they are gone with the transaction.
pub(crate) async fn shadow_tables(mut connection: &AsyncPgConnection) -> Result<(), Fault> {
    for Table { name, key, .. } in TABLES {
        let key = key.join(", ");
        connection
            .batch_execute(&format!(
                "CREATE TEMPORARY TABLE {name} (LIKE platform.{name}, PRIMARY KEY ({key})) \
                 ON COMMIT DROP"
            ))
            .await
            .map_err(classify)?;
    }
    Ok(())
}

/// Folds what stands behind a position of the log, as this transaction sees it, into tables that know
/// what stands before it.
pub(crate) async fn replay(
    connection: &AsyncPgConnection,
    projector: &dyn Projector,
    place: Place,
    stretch: Range<i64>,
) -> Result<Replayed, Fault> {
    let mut replayed = Replayed {
        events: 0,
        position: stretch.start,
    };
    loop {
        let events = chunk(connection, replayed.position..stretch.end).await?;
        let Some(last) = events.last() else {
            return Ok(replayed);
        };
        replayed.position = last.1.position;
        replayed.events += events.len() as u64;
        fold_all(connection, projector, place, &events).await?;
    }
}

/// After so many events that the database refuses to project, and none that it took, it is not the
/// events.
const REFUSALS: usize = 3;

/// Folds events together; where the database refuses what comes of it, one by one, so that an event
/// whose consequences it cannot hold holds up no other. That one is said not to fit.
async fn fold_all(
    connection: &AsyncPgConnection,
    projector: &dyn Projector,
    place: Place,
    events: &[Placed],
) -> Result<(), Fault> {
    let Err(mut error) = try_fold(connection, projector, place, events).await? else {
        return Ok(());
    };
    let (events_in_it, why) = (events.len(), error.to_string());
    tracing::warn!(
        events = events_in_it,
        error = why,
        "the database refuses projections: one by one"
    );
    let (mut any, mut refused) = (false, Vec::new());
    for event in events {
        match try_fold(connection, projector, place, std::slice::from_ref(event)).await? {
            Ok(wrote) => any |= wrote,
            Err(why) => {
                refused.push((event.0, not_projected(&event.1, &why)));
                error = why;
            }
        }
        if !any && refused.len() > REFUSALS {
            return Err(Fault::Failed(error));
        }
    }
    if let Some(kept) = store_contradictions(place, each(&refused)) {
        kept.run(connection).await.map_err(classify)?;
    }
    Ok(())
}

fn not_projected(event: &StoredEvent, why: &DieselError) -> Contradiction {
    Contradiction {
        position: event.position,
        event_id: event.id,
        time: event.event.time,
        about: "projections".into(),
        code: "not_projected".into(),
        message: format!("the database refuses what this event changes: {why}"),
    }
}

/// Folds events, or leaves everything as it was and says why the database refuses it.
async fn try_fold(
    mut connection: &AsyncPgConnection,
    projector: &dyn Projector,
    place: Place,
    events: &[Placed],
) -> Result<Result<bool, DieselError>, Fault> {
    connection
        .batch_execute("SAVEPOINT folded")
        .await
        .map_err(classify)?;
    let (end, outcome) = match fold(connection, projector, place, events).await {
        Ok(wrote) => ("RELEASE SAVEPOINT folded", Ok(wrote)),
        Err(Fault::Failed(error)) => ("ROLLBACK TO SAVEPOINT folded", Err(error)),
        Err(fault) => return Err(fault),
    };
    connection.batch_execute(end).await.map_err(classify)?;
    Ok(outcome)
}

/// Returns whether anything was written.
async fn fold(
    connection: &AsyncPgConnection,
    projector: &dyn Projector,
    place: Place,
    events: &[Placed],
) -> Result<bool, Fault> {
    let all = events.iter();
    let all = all.map(|(workspace, stored)| (*workspace, &stored.event));
    let mut rooms = load(connection, place, &keys(projector, all)).await?;
    let mut found = Vec::new();
    for (workspace, event) in events {
        let ours = projector.fold(rooms.of(*workspace), event);
        found.extend(ours.into_iter().map(|one| (*workspace, one)));
    }
    let mut writes = store(place, rooms.changed())?;
    writes.extend(store_contradictions(place, each(&found)));
    let any = !writes.is_empty();
    for write in writes {
        write.run(connection).await.map_err(classify)?;
    }
    Ok(any)
}

fn each(found: &[(i32, Contradiction)]) -> impl Iterator<Item = (i32, &Contradiction)> {
    found.iter().map(|(workspace, one)| (*workspace, one))
}

/// An event with its workspace.
#[derive(QueryableByName)]
struct Row {
    #[diesel(embed)]
    event: EventRow,
    #[diesel(sql_type = Integer)]
    workspace: i32,
}

async fn chunk(connection: &AsyncPgConnection, stretch: Range<i64>) -> Result<Vec<Placed>, Fault> {
    let rows: Vec<Row> = Sql::once(format!(
        "SELECT {EVENT_COLUMNS}, workspace FROM platform.events WHERE position > "
    ))
    .value::<BigInt, _>(stretch.start)
    .sql(" AND position < ")
    .value::<BigInt, _>(stretch.end)
    .sql(" ORDER BY position LIMIT ")
    .value::<BigInt, _>(CHUNK)
    .rows(connection)
    .await
    .map_err(classify)?;
    let rows = rows.into_iter();
    rows.map(|row| Ok((row.workspace, row.event.into_event()?)))
        .collect()
}
