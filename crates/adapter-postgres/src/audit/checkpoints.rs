//! Checkpoints in `access.audit_checkpoints`.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bytea, Text, Timestamptz};
use pts_domain::Timestamp;
use pts_domain::audit::{Checkpoint, Hash, KeyId, Signature};
use pts_ports::{KeptCheckpoint, StoreError};

use super::read::oldest_first;
use crate::PgPool;
use crate::sql::Sql;

const SELECT: &str = "SELECT sequence, key, hash, at, signature FROM access.audit_checkpoints";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    sequence: i64,
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = Bytea)]
    hash: Vec<u8>,
    #[diesel(sql_type = Timestamptz)]
    at: Timestamp,
    #[diesel(sql_type = Bytea)]
    signature: Vec<u8>,
}

impl Row {
    fn checkpoint(self) -> Option<Checkpoint> {
        Some(Checkpoint {
            sequence: self.sequence,
            hash: Hash::of_bytes(&self.hash)?,
            at: self.at,
            key: KeyId(self.key),
            signature: Signature(self.signature.try_into().ok()?),
        })
    }
}

pub(super) async fn keep(pool: &PgPool, checkpoint: Checkpoint) -> Result<(), StoreError> {
    pool.execute(move || {
        Sql::kept(
            "INSERT INTO access.audit_checkpoints (sequence, key, hash, at, signature) VALUES (",
        )
        .value::<BigInt, _>(checkpoint.sequence)
        .sql(", ")
        .value::<Text, _>(checkpoint.key.0)
        .sql(", ")
        .value::<Bytea, _>(checkpoint.hash.0.to_vec())
        .sql(", ")
        .value::<Timestamptz, _>(checkpoint.at)
        .sql(", ")
        .value::<Bytea, _>(checkpoint.signature.0.to_vec())
        .sql(") ON CONFLICT (sequence, key) DO NOTHING")
    })
    .await?;
    Ok(())
}

pub(super) async fn list(
    pool: &PgPool,
    behind: Option<i64>,
    limit: usize,
) -> Result<Vec<KeptCheckpoint>, StoreError> {
    let rows: Vec<Row> = pool.load(|| oldest_first(SELECT, behind, limit)).await?;
    let kept = rows.into_iter().map(|row| KeptCheckpoint {
        sequence: row.sequence,
        checkpoint: row.checkpoint(),
    });
    Ok(kept.collect())
}

pub(super) async fn last(
    pool: &PgPool,
    key: Option<KeyId>,
) -> Result<Option<Checkpoint>, StoreError> {
    let rows: Vec<Row> = pool
        .load_first(|| {
            let mut sql = Sql::kept(SELECT);
            if let Some(key) = &key {
                sql = sql.sql(" WHERE key = ").value::<Text, _>(key.0.as_str());
            }
            sql.sql(" ORDER BY sequence DESC LIMIT 1")
        })
        .await?;
    let row = rows.into_iter().next();
    row.map(|row| {
        let sequence = row.sequence;
        let corrupt = || StoreError::Corrupt(format!("the checkpoint of audit entry {sequence}"));
        row.checkpoint().ok_or_else(corrupt)
    })
    .transpose()
}
