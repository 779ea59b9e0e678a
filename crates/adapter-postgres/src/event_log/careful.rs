//! The sure way into the log: a transaction of five trips to the server, which takes the head first
//! and reads everything under its lock. It is taken when the quick way (see `writer`) finds that
//! something is not as it remembers: another process appends, an old event is sent again, a partition
//! is missing, a connection broke.
//!
//! 1. Begin, and lock the head: from here on nobody else appends.
//! 2. Read, together: the head, what the log holds of the batch's identities, and how far the projections
//!    have come, which are held from here on.
//! 3. Have the projections follow to the head, and read the aggregates.
//! 4. Write, together: the events, the aggregates that changed, what did not fit, the head.
//! 5. Commit, and wait for the disk.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Array, BigInt, Bytea, Integer, Text, Timestamptz, Uuid};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use pts_domain::event::{ContentDigest, Known};
use pts_domain::projection::Contradiction;
use pts_domain::{Identity, Timestamp};
use pts_ports::{Appended, Projector, StoreError};

use super::incoming::{self, Identities, Incoming, placed};
use super::partitions::Partitions;
use super::writer::Stored;
use super::{partitions, rows};
use crate::PgPool;
use crate::error::{Fault, classify, lacks_partition, three_together, together};
use crate::pool::Tries;
use crate::project::{self, Place, Rooms};
use crate::row::{Number, fresh_stamp};
use crate::sql::Sql;

// All that an append looks for has a key, and the plans of its statements are kept: they must not
// be what was good while the tables were empty.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; \
     SET LOCAL enable_seqscan = off; \
     SELECT position FROM platform.log_head FOR UPDATE";

/// Why an append did not succeed.
enum Failure {
    /// Nothing was stored.
    Undone(Fault),
    /// There is no partition for an event; nothing was stored.
    NoPartition(DieselError),
    /// The answer to COMMIT did not come.
    Unknown(String),
}

/// Appends a batch; it is safe on disk when this returns. What it repeats is so if anything in it was
/// new; the head before it is returned to tell.
pub(super) async fn append(
    pool: &PgPool,
    partitions: &Partitions,
    projector: &dyn Projector,
    batch: &mut [Incoming],
) -> Result<(Vec<Appended>, i64), StoreError> {
    let mut tries = Tries::default();
    let mut partitions_missing = false;
    loop {
        partitions.ensure(pool, batch).await?;
        match attempt(pool, projector, batch).await {
            Ok(appended) => return Ok(appended),
            Err(Failure::NoPartition(_)) if !partitions_missing => {
                partitions_missing = true;
                partitions.forget();
            }
            Err(Failure::NoPartition(error)) => return Err(Fault::Failed(error).into()),
            // Nothing was stored: the same again is the same.
            Err(Failure::Undone(fault)) if tries.again(&fault, pool) => {}
            Err(Failure::Undone(fault)) => return Err(fault.into()),
            Err(Failure::Unknown(reason)) => {
                return Err(StoreError::Unavailable {
                    reason,
                    maybe_done: true,
                });
            }
        }
    }
}

async fn attempt(
    pool: &PgPool,
    projector: &dyn Projector,
    batch: &mut [Incoming],
) -> Result<(Vec<Appended>, i64), Failure> {
    let lease = pool.lease().await.map_err(Failure::Undone)?;
    let limit = pool.statement_timeout();
    let writing = write(lease.connection(), projector, batch);
    let appended = match tokio::time::timeout(limit, writing).await {
        Ok(Ok(appended)) => appended,
        Ok(Err(Fault::Failed(error))) if lacks_partition(&error) => {
            return Err(Failure::NoPartition(error));
        }
        Ok(Err(fault)) => return Err(Failure::Undone(lease.fail(fault).await)),
        Err(_) => {
            let why = "the database took too long to append";
            return Err(Failure::Undone(Fault::Busy(why.into())));
        }
    };
    let mut connection = lease.connection();
    let committing = connection.batch_execute("COMMIT");
    match tokio::time::timeout(limit, committing).await {
        Ok(Ok(())) => {
            lease.give_back();
            Ok(appended)
        }
        Ok(Err(error)) => match lease.fail(classify(error)).await {
            Fault::Broken(reason) => Err(Failure::Unknown(reason)),
            fault => Err(Failure::Undone(fault)),
        },
        Err(_) => Err(Failure::Unknown(
            "the database took too long to commit".into(),
        )),
    }
}

/// Everything but the commit.
async fn write(
    connection: &AsyncPgConnection,
    projector: &dyn Projector,
    batch: &mut [Incoming],
) -> Result<(Vec<Appended>, i64), Fault> {
    let mut shared = connection;
    shared.batch_execute(BEGIN).await.map_err(classify)?;
    let keys = project::keys(projector, incoming::events(&*batch));
    let (head, projected, known) = three_together(
        head(connection),
        project::hold(connection),
        known(connection, batch),
    )
    .await?;
    if projected.position < head {
        project::follow(connection, projector, projected, head).await?;
    }
    let mut rooms = project::load(connection, Place::Live, &keys).await?;
    let admissions = incoming::admitted(batch, &known);
    incoming::place(batch, &admissions, head);
    let stored = placed(batch);
    let found: Vec<Vec<Contradiction>> = stored
        .iter()
        .map(|incoming| projector.fold(rooms.of(incoming.workspace), &incoming.event))
        .collect();
    if let Some(last) = stored.last() {
        store(connection, &stored, last, &rooms, &found).await?;
    }
    Ok((incoming::outcomes(batch, admissions, found), head))
}

async fn head(connection: &AsyncPgConnection) -> Result<i64, Fault> {
    let rows: Vec<Number> = Sql::kept("SELECT position AS number FROM platform.log_head")
        .rows(connection)
        .await
        .map_err(classify)?;
    match rows.first() {
        Some(row) => Ok(row.number),
        None => Err(Fault::Corrupt("platform.log_head is empty".into())),
    }
}

#[derive(QueryableByName)]
struct KnownRow {
    #[diesel(sql_type = Integer)]
    workspace: i32,
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = Text)]
    event_id: String,
    #[diesel(sql_type = Uuid)]
    id: uuid::Uuid,
    #[diesel(sql_type = Timestamptz)]
    received_at: Timestamp,
    #[diesel(sql_type = Bytea)]
    digest: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    position: i64,
}

/// The statement that looks up which of these identities the log holds.
pub(crate) fn lookup(batch: &[Incoming]) -> Sql<'_> {
    let identities = || batch.iter().map(|incoming| &incoming.event.event.identity);
    let sources: Vec<&str> = identities()
        .map(|identity| identity.source.as_str())
        .collect();
    let ids: Vec<&str> = identities().map(|identity| identity.id.as_str()).collect();
    let workspaces: Vec<i32> = batch.iter().map(|incoming| incoming.workspace).collect();
    // One probe of the index for each, whatever the planner thinks of the table's size; and of none that
    // begins with the workspace (see the migration).
    Sql::kept(
        "SELECT e.workspace, e.source, e.event_id, e.id, e.received_at, e.digest, e.position \
         FROM unnest(",
    )
        .value::<Array<Integer>, _>(workspaces)
        .sql(", ")
        .value::<Array<Text>, _>(sources)
        .sql(", ")
        .value::<Array<Text>, _>(ids)
        .sql(
            ") AS sought (workspace, source, event_id) CROSS JOIN LATERAL (\
             SELECT * FROM platform.events AS e \
             WHERE e.workspace IS NOT DISTINCT FROM sought.workspace AND e.source = sought.source AND e.event_id = sought.event_id \
             AND e.received_at >= ",
        )
        .value::<Timestamptz, _>(partitions::identities_since(batch))
        .sql(" LIMIT 1) AS e")
}

/// What the log holds of these identities now.
pub(super) async fn look_up(
    connection: &AsyncPgConnection,
    batch: &[Incoming],
) -> Result<Identities<Stored>, Fault> {
    let rows = lookup(batch).rows(connection).await.map_err(classify)?;
    stored(rows)
}

async fn known(
    connection: &AsyncPgConnection,
    batch: &[Incoming],
) -> Result<Identities<Known>, Fault> {
    let rows = lookup(batch).rows(connection).await.map_err(classify)?;
    Ok(known_of(stored(rows)?))
}

/// What admission has to know of what is stored.
pub(super) fn known_of(stored: Identities<Stored>) -> Identities<Known> {
    let each = stored.into_iter().map(|(workspace, stored)| {
        let known = stored.into_iter();
        let known = known.map(|(identity, stored)| (identity, stored.known));
        (workspace, known.collect())
    });
    each.collect()
}

fn stored(rows: Vec<KnownRow>) -> Result<Identities<Stored>, Fault> {
    let mut all = Identities::default();
    for row in rows {
        let digest = row
            .digest
            .try_into()
            .map_err(|_| Fault::Corrupt(format!("event {}: its digest is not 16 bytes", row.id)))?;
        let identity = Identity {
            source: row.source,
            id: row.event_id,
        };
        let known = Known {
            id: row.id,
            received_at: row.received_at,
            digest: ContentDigest(digest),
        };
        let position = row.position;
        let ours: &mut HashMap<_, _> = all.entry(row.workspace).or_default();
        ours.insert(identity, Stored { position, known });
    }
    Ok(all)
}

async fn store(
    connection: &AsyncPgConnection,
    stored: &[&Incoming],
    last: &Incoming,
    rooms: &Rooms,
    found: &[Vec<Contradiction>],
) -> Result<(), Fault> {
    let attributes = rows::attributes(stored);
    let mut writes = vec![
        rows::insert(stored, &attributes),
        Sql::kept("UPDATE platform.log_head SET position = ")
            .value::<BigInt, _>(last.event.position)
            .sql(", stamp = ")
            .value::<BigInt, _>(fresh_stamp())
            .sql(", durable = ")
            .value::<BigInt, _>(last.event.position),
        project::now_at(last.event.position),
    ];
    writes.extend(project::store(Place::Live, rooms.changed())?);
    let found = stored.iter().zip(found).flat_map(|(incoming, found)| {
        let found = found.iter();
        found.map(|one| (incoming.workspace, one))
    });
    writes.extend(project::store_contradictions(Place::Live, found));
    let writes = writes.into_iter().map(|write| write.run(connection));
    together(writes).await?;
    Ok(())
}
