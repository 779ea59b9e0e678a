//! The records of what was removed.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bytea, Nullable, Text, Timestamptz, Uuid};
use diesel_async::AsyncPgConnection;
use pts_domain::Timestamp;
use pts_domain::retention::Month;
use pts_ports::{Remover, RetentionRun, StoreError};

use super::content::count;
use super::partition;
use crate::PgPool;
use crate::error::{Fault, classify};
use crate::sql::Sql;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Uuid)]
    id: uuid::Uuid,
    #[diesel(sql_type = Timestamptz)]
    at: Timestamp,
    #[diesel(sql_type = Text)]
    who: String,
    #[diesel(sql_type = Timestamptz)]
    horizon: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    month: Timestamp,
    #[diesel(sql_type = BigInt)]
    removed: i64,
    #[diesel(sql_type = BigInt)]
    kept: i64,
    #[diesel(sql_type = BigInt)]
    freed_bytes: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    first_removed: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    last_removed: Option<i64>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    oldest: Option<Timestamp>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    newest: Option<Timestamp>,
    #[diesel(sql_type = Bytea)]
    digest: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    duration_ms: i64,
}

impl Row {
    fn into_run(self) -> Result<RetentionRun, Fault> {
        let corrupt = |what: &str| Fault::Corrupt(format!("retention run {}: {what}", self.id));
        let who = [Remover::Command, Remover::Schedule]
            .into_iter()
            .find(|who| who.as_str() == self.who)
            .ok_or_else(|| corrupt("nobody is known who could have done it"))?;
        let digest = <[u8; 32]>::try_from(self.digest.as_slice())
            .map_err(|_| corrupt("its digest is not 32 bytes"))?;
        Ok(RetentionRun {
            id: self.id,
            at: self.at,
            who,
            horizon: self.horizon,
            month: Month::of(self.month),
            removed: count(self.removed),
            kept: count(self.kept),
            freed_bytes: count(self.freed_bytes),
            first_removed: self.first_removed,
            last_removed: self.last_removed,
            oldest: self.oldest,
            newest: self.newest,
            digest,
            duration_ms: count(self.duration_ms),
        })
    }
}

pub(super) async fn newest(pool: &PgPool, limit: usize) -> Result<Vec<RetentionRun>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<Row> = pool
        .load(|| {
            Sql::once(
                "SELECT id, at, who, horizon, month, removed, kept, freed_bytes, first_removed, \
                 last_removed, oldest, newest, digest, duration_ms FROM platform.retention_runs \
                 ORDER BY at DESC, id DESC LIMIT ",
            )
            .value::<BigInt, _>(limit)
        })
        .await?;
    let runs: Result<Vec<_>, _> = rows.into_iter().map(Row::into_run).collect();
    Ok(runs?)
}

#[derive(QueryableByName)]
struct Source {
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = BigInt)]
    events: i64,
}

pub(super) async fn by_source(
    pool: &PgPool,
    limit: usize,
) -> Result<Vec<(String, u64)>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<Source> = pool
        .load(|| {
            Sql::once(
                "SELECT source, sum(events)::bigint AS events FROM platform.retention_removed \
                 GROUP BY source ORDER BY 2 DESC, 1 LIMIT ",
            )
            .value::<BigInt, _>(limit)
        })
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.source, count(row.events)))
        .collect())
}

/// Writes a record, in the transaction of what it is about.
pub(super) async fn record(
    connection: &AsyncPgConnection,
    run: &RetentionRun,
    last_position: i64,
) -> Result<(), Fault> {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    Sql::once(
        "INSERT INTO platform.retention_runs (id, at, who, horizon, month, partition, removed, \
         kept, freed_bytes, first_removed, last_removed, oldest, newest, last_position, digest, \
         duration_ms) VALUES (",
    )
    .value::<Uuid, _>(run.id)
    .sql(", ")
    .value::<Timestamptz, _>(run.at)
    .sql(", ")
    .value::<Text, _>(run.who.as_str())
    .sql(", ")
    .value::<Timestamptz, _>(run.horizon)
    .sql(", ")
    .value::<Timestamptz, _>(run.month.start())
    .sql(", ")
    .value::<Text, _>(partition(run.month))
    .sql(", ")
    .value::<BigInt, _>(signed(run.removed))
    .sql(", ")
    .value::<BigInt, _>(signed(run.kept))
    .sql(", ")
    .value::<BigInt, _>(signed(run.freed_bytes))
    .sql(", ")
    .value::<Nullable<BigInt>, _>(run.first_removed)
    .sql(", ")
    .value::<Nullable<BigInt>, _>(run.last_removed)
    .sql(", ")
    .value::<Nullable<Timestamptz>, _>(run.oldest)
    .sql(", ")
    .value::<Nullable<Timestamptz>, _>(run.newest)
    .sql(", ")
    .value::<BigInt, _>(last_position)
    .sql(", ")
    .value::<Bytea, _>(run.digest.to_vec())
    .sql(", ")
    .value::<BigInt, _>(signed(run.duration_ms))
    .sql(")")
    .run(connection)
    .await
    .map_err(classify)?;
    Ok(())
}
