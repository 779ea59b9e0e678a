//! What previews are confirmed with, in `access.confirmations`.

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{Bytea, Nullable, Text, Timestamptz, Uuid};
use pts_domain::Timestamp;
use pts_domain::access::Confirmation;
use pts_ports::{Confirmations, StoreError};

use crate::PgPool;
use crate::sql::Sql;

/// The confirmations of a database.
#[derive(Debug, Clone)]
pub struct PgConfirmations {
    pool: PgPool,
}

impl PgConfirmations {
    /// Those of a migrated database.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Bytea)]
    hash: Vec<u8>,
    #[diesel(sql_type = Uuid)]
    principal: uuid::Uuid,
    #[diesel(sql_type = Text)]
    action: String,
    #[diesel(sql_type = Bytea)]
    input: Vec<u8>,
    #[diesel(sql_type = Bytea)]
    state: Vec<u8>,
    #[diesel(sql_type = Timestamptz)]
    made_at: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    expires_at: Timestamp,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    used_at: Option<Timestamp>,
}

impl TryFrom<Row> for Confirmation {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let whole = |bytes: Vec<u8>| {
            let whole = <[u8; 32]>::try_from(bytes);
            whole.map_err(|_| StoreError::Corrupt("a confirmation's digest".to_owned()))
        };
        Ok(Self {
            hash: whole(row.hash)?,
            principal: row.principal,
            action: row.action,
            input: whole(row.input)?,
            state: whole(row.state)?,
            made_at: row.made_at,
            expires_at: row.expires_at,
            used_at: row.used_at,
        })
    }
}

#[async_trait]
impl Confirmations for PgConfirmations {
    async fn keep(&self, confirmation: Confirmation, now: Timestamp) -> Result<(), StoreError> {
        let forget = move || {
            Sql::kept("DELETE FROM access.confirmations WHERE expires_at <= ")
                .value::<Timestamptz, _>(now)
        };
        self.pool.execute(forget).await?;
        let keep = move || {
            let kept = confirmation;
            Sql::kept(
                "INSERT INTO access.confirmations \
                 (hash, principal, action, input, state, made_at, expires_at, used_at) VALUES (",
            )
            .value::<Bytea, _>(kept.hash.to_vec())
            .sql(", ")
            .value::<Uuid, _>(kept.principal)
            .sql(", ")
            .value::<Text, _>(kept.action)
            .sql(", ")
            .value::<Bytea, _>(kept.input.to_vec())
            .sql(", ")
            .value::<Bytea, _>(kept.state.to_vec())
            .sql(", ")
            .value::<Timestamptz, _>(kept.made_at)
            .sql(", ")
            .value::<Timestamptz, _>(kept.expires_at)
            .sql(", ")
            .value::<Nullable<Timestamptz>, _>(kept.used_at)
            .sql(")")
        };
        self.pool.execute(keep).await?;
        Ok(())
    }

    async fn find(&self, hash: [u8; 32]) -> Result<Option<Confirmation>, StoreError> {
        let rows: Vec<Row> = self
            .pool
            .load_first(|| {
                Sql::kept(
                    "SELECT hash, principal, action, input, state, made_at, expires_at, used_at \
                     FROM access.confirmations WHERE hash = ",
                )
                .value::<Bytea, _>(hash.to_vec())
            })
            .await?;
        rows.into_iter()
            .next()
            .map(Confirmation::try_from)
            .transpose()
    }

    async fn spend(&self, hash: [u8; 32], at: Timestamp) -> Result<bool, StoreError> {
        let statement = move || {
            Sql::kept("UPDATE access.confirmations SET used_at = ")
                .value::<Timestamptz, _>(at)
                .sql(" WHERE used_at IS NULL AND hash = ")
                .value::<Bytea, _>(hash.to_vec())
                .sql(" AND expires_at > ")
                .value::<Timestamptz, _>(at)
        };
        Ok(self.pool.execute(statement).await? > 0)
    }
}
