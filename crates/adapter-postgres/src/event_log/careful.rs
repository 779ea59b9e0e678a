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

use std::collections::{BTreeSet, HashMap};

use diesel::QueryableByName;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Array, BigInt, Bytea, Text, Timestamptz, Uuid};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use pts_domain::event::{ContentDigest, Known, admit};
use pts_domain::projection::{Aggregates, Contradiction};
use pts_domain::{Identity, Timestamp};
use pts_ports::{Appended, Projector, StoreError};

use super::incoming::{self, Incoming, placed};
use super::partitions::Partitions;
use super::writer::Stored;
use super::{partitions, rows};
use crate::PgPool;
use crate::error::{Fault, classify, lacks_partition, three_together, together};
use crate::pool::Tries;
use crate::project::{self, Place};
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
    let keys: BTreeSet<_> = batch
        .iter()
        .flat_map(|incoming| projector.keys(&incoming.event.event))
        .collect();
    let (head, projected, known) = three_together(
        head(connection),
        project::hold(connection),
        known(connection, batch),
    )
    .await?;
    if projected.position < head {
        project::follow(connection, projector, projected, head).await?;
    }
    let mut aggregates = project::load(connection, Place::Live, &keys).await?;
    let admissions = admit(
        batch
            .iter()
            .map(|incoming| (&incoming.event.event.identity, incoming.known)),
        &known,
    );
    incoming::place(batch, &admissions, head);
    let stored = placed(batch);
    let found: Vec<Vec<Contradiction>> = stored
        .iter()
        .map(|incoming| projector.fold(&mut aggregates, &incoming.event))
        .collect();
    if let Some(last) = stored.last() {
        store(connection, &stored, last, &aggregates, &found).await?;
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
    // One probe of the index for each, whatever the planner thinks of the table's size.
    Sql::kept("SELECT e.source, e.event_id, e.id, e.received_at, e.digest, e.position FROM unnest(")
        .value::<Array<Text>, _>(sources)
        .sql(", ")
        .value::<Array<Text>, _>(ids)
        .sql(
            ") AS sought (source, event_id) CROSS JOIN LATERAL (\
             SELECT * FROM platform.events AS e \
             WHERE e.source = sought.source AND e.event_id = sought.event_id \
             AND e.received_at >= ",
        )
        .value::<Timestamptz, _>(partitions::identities_since(batch))
        .sql(" LIMIT 1) AS e")
}

/// What the log holds of these identities now.
pub(super) async fn look_up(
    connection: &AsyncPgConnection,
    batch: &[Incoming],
) -> Result<HashMap<Identity, Stored>, Fault> {
    let rows = lookup(batch).rows(connection).await.map_err(classify)?;
    stored(rows)
}

async fn known(
    connection: &AsyncPgConnection,
    batch: &[Incoming],
) -> Result<HashMap<Identity, Known>, Fault> {
    let rows = lookup(batch).rows(connection).await.map_err(classify)?;
    let stored = stored(rows)?.into_iter();
    Ok(stored
        .map(|(identity, stored)| (identity, stored.known))
        .collect())
}

fn stored(rows: Vec<KnownRow>) -> Result<HashMap<Identity, Stored>, Fault> {
    rows.into_iter()
        .map(|row| {
            let digest = row.digest.try_into().map_err(|_| {
                Fault::Corrupt(format!("event {}: its digest is not 16 bytes", row.id))
            })?;
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
            Ok((identity, Stored { position, known }))
        })
        .collect()
}

async fn store(
    connection: &AsyncPgConnection,
    stored: &[&Incoming],
    last: &Incoming,
    aggregates: &Aggregates,
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
    writes.extend(project::store(Place::Live, aggregates.changed())?);
    writes.extend(project::store_contradictions(
        Place::Live,
        found.iter().flatten(),
    ));
    let writes = writes.into_iter().map(|write| write.run(connection));
    together(writes).await?;
    Ok(())
}
