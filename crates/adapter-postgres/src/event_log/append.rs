//! The one way into the log: a transaction of four trips to the server.
//!
//! 1. Begin, and lock the head: from here on nobody else appends.
//! 2. Read, together: the head, what the log holds of the batch's identities, the aggregates.
//! 3. Write, together: the events, the aggregates that changed, what did not fit, the head.
//! 4. Commit.

use std::collections::{BTreeSet, HashMap};

use diesel::QueryableByName;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Array, BigInt, Bool, Bytea, Jsonb, Nullable, Text, Timestamptz, Uuid};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures::future::{try_join_all, try_join3};
use pts_domain::event::{Admission, ContentDigest, Known, NewEvent, admit};
use pts_domain::projection::{Aggregates, Contradiction};
use pts_domain::{Identity, StoredEvent, Timestamp};
use pts_ports::{Appended, Projector, StoreError};
use serde_json::Value;

use super::{PgEventLog, partitions};
use crate::error::{Fault, classify, lacks_partition};
use crate::pool::Tries;
use crate::project::{self, Place};
use crate::row::Number;
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

impl PgEventLog {
    pub(super) async fn append_batch(
        &self,
        batch: Vec<NewEvent>,
    ) -> Result<Vec<Appended>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let mut tries = Tries::default();
        let mut partitions_missing = false;
        loop {
            self.partitions.ensure(&self.pool, &batch).await?;
            match self.try_append(&batch).await {
                Ok(appended) => return Ok(appended),
                Err(Failure::NoPartition(_)) if !partitions_missing => {
                    partitions_missing = true;
                    self.partitions.forget();
                }
                Err(Failure::NoPartition(error)) => return Err(Fault::Failed(error).into()),
                // Nothing was stored: the same again is the same.
                Err(Failure::Undone(fault)) if tries.again(&fault, &self.pool) => {}
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

    async fn try_append(&self, batch: &[NewEvent]) -> Result<Vec<Appended>, Failure> {
        let lease = self.pool.lease().await.map_err(Failure::Undone)?;
        let limit = self.pool.statement_timeout();
        let writing = write(lease.connection(), self.projector.as_ref(), batch);
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
}

/// Everything but the commit.
async fn write(
    connection: &AsyncPgConnection,
    projector: &dyn Projector,
    batch: &[NewEvent],
) -> Result<Vec<Appended>, Fault> {
    let mut shared = connection;
    shared.batch_execute(BEGIN).await.map_err(classify)?;
    let keys: BTreeSet<_> = batch
        .iter()
        .flat_map(|new| projector.keys(&new.event))
        .collect();
    let (head, known, mut aggregates) = try_join3(
        head(connection),
        known(connection, batch),
        project::load(connection, Place::Live, &keys),
    )
    .await?;
    let admissions = admit(batch, &known);
    let (stored, senders) = place(batch, &admissions, head);
    let found: Vec<Vec<Contradiction>> = stored
        .iter()
        .map(|event| projector.fold(&mut aggregates, event))
        .collect();
    if !stored.is_empty() {
        store(connection, &stored, &senders, &aggregates, &found).await?;
    }
    let mut stored = stored.iter().zip(found);
    let appended = admissions.into_iter().map(|admission| match admission {
        Admission::Repeat { id, received_at } => Ok(Appended::Repeat { id, received_at }),
        Admission::Conflict { id, received_at } => Ok(Appended::Conflict { id, received_at }),
        Admission::Store => match stored.next() {
            Some((event, contradictions)) => Ok(Appended::Stored {
                position: event.position,
                contradictions,
            }),
            None => Err(Fault::Corrupt(
                "fewer events were stored than admitted".into(),
            )),
        },
    });
    appended.collect()
}

/// The admitted events in their places behind the head, and the tokens they came with.
fn place(
    batch: &[NewEvent],
    admissions: &[Admission],
    head: i64,
) -> (Vec<StoredEvent>, Vec<Option<uuid::Uuid>>) {
    let admitted = batch.iter().zip(admissions);
    admitted
        .filter(|(_, admission)| matches!(admission, Admission::Store))
        .zip(head + 1..)
        .map(|((new, _), position)| {
            let stored = StoredEvent {
                position,
                id: new.id,
                received_at: new.received_at,
                event: new.event.clone(),
            };
            (stored, new.sender)
        })
        .unzip()
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
}

/// The statement that looks up which of these identities the log holds.
pub(crate) fn lookup<'a>(batch: &'a [NewEvent]) -> Sql<'a> {
    let sources: Vec<&'a str> = of(batch, |new| new.event.identity.source.as_str());
    let ids: Vec<&'a str> = of(batch, |new| new.event.identity.id.as_str());
    // One probe of the index for each, whatever the planner thinks of the table's size.
    Sql::kept("SELECT e.source, e.event_id, e.id, e.received_at, e.digest FROM unnest(")
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

async fn known(
    connection: &AsyncPgConnection,
    batch: &[NewEvent],
) -> Result<HashMap<Identity, Known>, Fault> {
    let rows: Vec<KnownRow> = lookup(batch).rows(connection).await.map_err(classify)?;
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
            Ok((identity, known))
        })
        .collect()
}

async fn store(
    connection: &AsyncPgConnection,
    stored: &[StoredEvent],
    senders: &[Option<uuid::Uuid>],
    aggregates: &Aggregates,
    found: &[Vec<Contradiction>],
) -> Result<(), Fault> {
    let attributes: Vec<_> = of(stored, |e| Value::Object(e.event.attributes.clone()));
    let last = stored.last().map_or(0, |event| event.position);
    let mut writes = vec![
        insert(stored, senders, &attributes),
        Sql::kept("UPDATE platform.log_head SET position = ").value::<BigInt, _>(last),
    ];
    writes.extend(project::store(Place::Live, aggregates.changed())?);
    writes.extend(project::store_contradictions(
        Place::Live,
        found.iter().flatten(),
    ));
    let writes = writes.into_iter().map(|write| write.run(connection));
    try_join_all(writes).await.map_err(classify)?;
    Ok(())
}

fn insert<'a>(
    stored: &'a [StoredEvent],
    senders: &'a [Option<uuid::Uuid>],
    attributes: &'a [Value],
) -> Sql<'a> {
    let digests: Vec<Vec<u8>> = of(stored, |e| e.event.digest().0.to_vec());
    let attributes: Vec<&Value> = attributes.iter().collect();
    Sql::kept(
        "INSERT INTO platform.events (position, id, source, event_id, type, subject, \"time\", \
         time_given, received_at, service, environment, data, attributes, digest, sender) \
         SELECT * FROM unnest(",
    )
    .value::<Array<BigInt>, _>(of(stored, |e| e.position))
    .sql(", ")
    .value::<Array<Uuid>, _>(of(stored, |e| e.id))
    .sql(", ")
    .value::<Array<Text>, _>(of(stored, |e| e.event.identity.source.as_str()))
    .sql(", ")
    .value::<Array<Text>, _>(of(stored, |e| e.event.identity.id.as_str()))
    .sql(", ")
    .value::<Array<Text>, _>(of(stored, |e| e.event.event_type.as_str()))
    .sql(", ")
    .value::<Array<Nullable<Text>>, _>(of(stored, |e| e.event.subject.as_deref()))
    .sql(", ")
    .value::<Array<Timestamptz>, _>(of(stored, |e| e.event.time))
    .sql(", ")
    .value::<Array<Bool>, _>(of(stored, |e| e.event.time_given))
    .sql(", ")
    .value::<Array<Timestamptz>, _>(of(stored, |e| e.received_at))
    .sql(", ")
    .value::<Array<Nullable<Text>>, _>(of(stored, |e| e.event.service()))
    .sql(", ")
    .value::<Array<Nullable<Text>>, _>(of(stored, |e| e.event.environment()))
    .sql(", ")
    .value::<Array<Jsonb>, _>(of(stored, |e| &e.event.data))
    .sql(", ")
    .value::<Array<Jsonb>, _>(attributes)
    .sql(", ")
    .value::<Array<Bytea>, _>(digests)
    .sql(", ")
    .value::<Array<Nullable<Uuid>>, _>(senders)
    .sql(")")
}

/// One column of a set of rows.
fn of<'a, T, V>(rows: &'a [T], value: impl Fn(&'a T) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
}
