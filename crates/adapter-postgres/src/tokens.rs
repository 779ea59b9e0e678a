//! Tokens in `access.tokens`.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Timestamptz, Uuid as SqlUuid};
use pts_domain::Timestamp;
use pts_domain::access::{Network, Scope, Token, TokenKind, Workspace};
use pts_ports::{StoreError, TokenQuery, TokenStore};
use uuid::Uuid;

use crate::PgPool;
use crate::schema::tokens;
use crate::sql::Sql;

/// How long looking a token up may take. Every request waits for it now and then, and whoever must be
/// told that the database stands still shall be told soon.
const FOUND_WITHIN: Duration = Duration::from_millis(1_900);

/// The token store.
#[derive(Debug, Clone)]
pub struct PgTokenStore {
    pool: PgPool,
}

impl PgTokenStore {
    /// A store over a migrated database.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }
}

#[derive(QueryableByName, Selectable, Insertable)]
#[diesel(table_name = tokens, check_for_backend(diesel::pg::Pg))]
struct Row {
    id: Uuid,
    name: String,
    kind: String,
    hash: Vec<u8>,
    scopes: Vec<String>,
    issued_by: Option<Uuid>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    roles: Vec<String>,
    workspace: Option<String>,
    networks: Vec<String>,
    subject: Option<String>,
    last_used_at: Option<Timestamp>,
}

impl From<Token> for Row {
    fn from(token: Token) -> Self {
        Self {
            id: token.id,
            name: token.name,
            kind: token.kind.as_str().to_owned(),
            hash: token.hash.to_vec(),
            scopes: token.scopes.iter().map(ToString::to_string).collect(),
            issued_by: token.issued_by,
            created_at: token.created_at,
            expires_at: token.expires_at,
            revoked_at: token.revoked_at,
            roles: token.roles.into_iter().collect(),
            workspace: token.workspace.map(Into::into),
            networks: token.networks.iter().map(ToString::to_string).collect(),
            subject: token.subject,
            last_used_at: token.last_used_at,
        }
    }
}

impl TryFrom<Row> for Token {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let id = row.id;
        let corrupt = |what: &str| StoreError::Corrupt(format!("token {id}: {what}"));
        let scopes: Result<BTreeSet<Scope>, _> =
            row.scopes.iter().map(|scope| scope.parse()).collect();
        let workspace = row.workspace.map(Workspace::try_from).transpose();
        let networks: Result<Vec<Network>, _> =
            row.networks.into_iter().map(Network::try_from).collect();
        Ok(Self {
            id,
            name: row.name,
            kind: TokenKind::ALL
                .into_iter()
                .find(|known| known.as_str() == row.kind)
                .ok_or_else(|| corrupt("its kind is unknown"))?,
            hash: row
                .hash
                .try_into()
                .map_err(|_| corrupt("its hash is not 32 bytes"))?,
            scopes: scopes.map_err(|why| corrupt(&why))?,
            issued_by: row.issued_by,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            roles: row.roles.into_iter().collect(),
            workspace: workspace.map_err(|why| corrupt(&why))?,
            networks: networks.map_err(|why| corrupt(&why))?,
            subject: row.subject,
            last_used_at: row.last_used_at,
        })
    }
}

#[async_trait]
impl TokenStore for PgTokenStore {
    async fn insert(&self, token: Token) -> Result<(), StoreError> {
        let row = Row::from(token);
        self.pool
            .execute(move || Sql::query(diesel::insert_into(tokens::table).values(row)))
            .await?;
        Ok(())
    }

    async fn find(&self, hash: [u8; 32]) -> Result<Option<Token>, StoreError> {
        let finding = self.pool.load_first(|| {
            let of_hash = tokens::table.filter(tokens::hash.eq(hash.to_vec()));
            Sql::kept_query(of_hash.select(Row::as_select()))
        });
        let rows: Vec<Row> = tokio::time::timeout(FOUND_WITHIN, finding)
            .await
            .map_err(|_| StoreError::unavailable("the database does not answer"))??;
        rows.into_iter().next().map(Token::try_from).transpose()
    }

    async fn list(&self, limit: usize) -> Result<Vec<Token>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows: Vec<Row> = self
            .pool
            .load_first(|| {
                // By name, bearer tokens come before sessions.
                let newest = (tokens::kind, tokens::created_at.desc(), tokens::id.desc());
                let sql = tokens::table.order(newest).limit(limit);
                Sql::query(sql.select(Row::as_select()))
            })
            .await?;
        rows.into_iter().map(Token::try_from).collect()
    }

    async fn sign_ins(&self, at: Timestamp, limit: usize) -> Result<Vec<Token>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows: Vec<Row> = self
            .pool
            .load_first(move || {
                let a_person = tokens::kind
                    .eq(TokenKind::Session.as_str())
                    .or(tokens::subject.is_not_null());
                let lasts = tokens::expires_at.is_null().or(tokens::expires_at.gt(at));
                let good = tokens::table
                    .filter(tokens::revoked_at.is_null())
                    .filter(a_person)
                    .filter(lasts);
                let newest = (tokens::created_at.desc(), tokens::id.desc());
                let sql = good.order(newest).limit(limit);
                Sql::query(sql.select(Row::as_select()))
            })
            .await?;
        rows.into_iter().map(Token::try_from).collect()
    }

    async fn search(&self, query: &TokenQuery, limit: usize) -> Result<Vec<Token>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows: Vec<Row> = self
            .pool
            .load_first(|| {
                let mut wanted = tokens::table.into_boxed();
                if let Some(id) = query.id {
                    wanted = wanted.filter(tokens::id.eq(id));
                }
                if let Some(name) = &query.name {
                    wanted = wanted.filter(tokens::name.eq(name.clone()));
                }
                if let Some(of_kind) = query.kind {
                    wanted = wanted.filter(tokens::kind.eq(of_kind.as_str()));
                }
                if let Some(workspace) = &query.workspace {
                    let name = workspace.as_str().to_owned();
                    wanted = wanted.filter(tokens::workspace.eq(Some(name)));
                }
                if let Some(at) = query.live_at {
                    let lives = tokens::revoked_at
                        .is_null()
                        .or(tokens::revoked_at.gt(Some(at)));
                    let lasts = tokens::expires_at
                        .is_null()
                        .or(tokens::expires_at.gt(Some(at)));
                    // Where it is not null, the comparison is not null either.
                    wanted = wanted.filter(lives.assume_not_null().and(lasts.assume_not_null()));
                }
                if let Some((made, id)) = query.behind {
                    let tie = tokens::created_at.eq(made).and(tokens::id.lt(id));
                    wanted = wanted.filter(tokens::created_at.lt(made).or(tie));
                }
                let newest = (tokens::created_at.desc(), tokens::id.desc());
                Sql::query(wanted.order(newest).limit(limit).select(Row::as_select()))
            })
            .await?;
        rows.into_iter().map(Token::try_from).collect()
    }

    async fn used(&self, uses: &[(Uuid, Timestamp)]) -> Result<(), StoreError> {
        let (ids, times): (Vec<_>, Vec<_>) = uses.iter().copied().unzip();
        // One after the other, and around those that another process writes at this moment: two
        // that note the same tokens never wait for each other.
        let statement = move || {
            Sql::kept("WITH due AS (SELECT t.id, u.at FROM access.tokens t JOIN unnest(")
                .value::<Array<SqlUuid>, _>(ids.clone())
                .sql(", ")
                .value::<Array<Timestamptz>, _>(times.clone())
                .sql(
                    ") AS u(id, at) ON u.id = t.id \
                 WHERE t.last_used_at IS NULL OR t.last_used_at <= u.at - interval '1 minute' \
                 ORDER BY t.id FOR UPDATE OF t SKIP LOCKED) \
                 UPDATE access.tokens t SET last_used_at = due.at FROM due WHERE t.id = due.id",
                )
        };
        self.pool.execute(statement).await?;
        Ok(())
    }

    async fn revoke(&self, id: Uuid, at: Timestamp) -> Result<bool, StoreError> {
        // The sessions go with the token that issued them, and what is revoked stays as it is.
        let statement = move || {
            let kept = sql::<Nullable<Timestamptz>>("coalesce(revoked_at, ")
                .bind::<Timestamptz, _>(at)
                .sql(")");
            let family = tokens::id.eq(id).or(tokens::issued_by.eq(Some(id)));
            Sql::query(
                diesel::update(tokens::table.filter(family)).set(tokens::revoked_at.eq(kept)),
            )
        };
        Ok(self.pool.execute(statement).await? > 0)
    }
}
