//! Replaying the log into shadow tables, in the session of one transaction.

use std::collections::BTreeSet;

use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use pts_domain::StoredEvent;
use pts_ports::Projector;

use super::{Place, load, store, store_contradictions};
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
    aggregates("deployments", &["service", "environment", "deployment_id"]),
    aggregates("services", &["service"]),
    aggregates("instances", &["service", "environment", "instance"]),
    aggregates("images", &["image", "reference"]),
    aggregates("states", &["component", "environment"]),
    aggregates("configs", &["service", "environment", "key"]),
    aggregates("incidents", &["incident_id"]),
    aggregates("runs", &["opened_position"]),
    Table {
        name: "contradictions",
        key: &["position", "ordinal"],
        aggregates: false,
    },
];

/// How many events are folded at once.
const CHUNK: i64 = 500;

/// What a replay came to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Replayed {
    pub(crate) events: u64,
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

/// Folds the whole log, as this transaction sees it, into the shadows.
pub(crate) async fn replay(
    connection: &AsyncPgConnection,
    projector: &dyn Projector,
) -> Result<Replayed, Fault> {
    let mut replayed = Replayed::default();
    let mut position = 0;
    loop {
        let events = chunk(connection, position).await?;
        let Some(last) = events.last() else {
            return Ok(replayed);
        };
        position = last.position;
        replayed.events += events.len() as u64;
        fold(connection, projector, &events).await?;
    }
}

async fn fold(
    connection: &AsyncPgConnection,
    projector: &dyn Projector,
    events: &[StoredEvent],
) -> Result<(), Fault> {
    let keys: BTreeSet<_> = events
        .iter()
        .flat_map(|stored| projector.keys(&stored.event))
        .collect();
    let mut aggregates = load(connection, Place::Shadow, &keys).await?;
    let found: Vec<_> = events
        .iter()
        .flat_map(|event| projector.fold(&mut aggregates, event))
        .collect();
    let mut writes = store(Place::Shadow, aggregates.changed())?;
    writes.extend(store_contradictions(Place::Shadow, found.iter()));
    for write in writes {
        write.run(connection).await.map_err(classify)?;
    }
    Ok(())
}

async fn chunk(connection: &AsyncPgConnection, behind: i64) -> Result<Vec<StoredEvent>, Fault> {
    let rows: Vec<EventRow> = Sql::once(format!(
        "SELECT {EVENT_COLUMNS} FROM platform.events WHERE position > "
    ))
    .value::<BigInt, _>(behind)
    .sql(" ORDER BY position LIMIT ")
    .value::<BigInt, _>(CHUNK)
    .rows(connection)
    .await
    .map_err(classify)?;
    rows.into_iter().map(EventRow::into_event).collect()
}
