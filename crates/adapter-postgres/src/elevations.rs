//! Elevations: a row for each request and one for each step after it, which are only ever added.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid};
use pts_domain::Timestamp;
use pts_domain::access::{Elevation, Scope, Step, StepKind, Workspace};
use pts_domain::filter::{Cursor, Page};
use pts_ports::{ElevationQuery, Elevations, StoreError};
use serde_json::Value;

use crate::PgPool;
use crate::sql::Sql;

/// How long it may take to find out what is open. Requests wait for it now and then, and whoever must
/// be told that the database stands still shall be told soon.
const FOUND_WITHIN: Duration = Duration::from_millis(1_900);

const WITH_STEPS: &str = "SELECT asked.id, asked.holder, asked.name, asked.workspace, asked.scopes, \
     asked.reason, asked.minutes, asked.needed, asked.requested_at, asked.decide_by, \
     coalesce((SELECT jsonb_agg(jsonb_build_object('what', step.what, 'by', step.holder, \
     'name', step.name, 'reason', step.reason, 'at', step.at) ORDER BY step.number) \
     FROM access.elevation_steps AS step WHERE step.elevation = asked.id), '[]') AS steps \
     FROM access.elevations AS asked";

/// The elevations of a database.
#[derive(Debug, Clone)]
pub struct PgElevations {
    pool: PgPool,
}

impl PgElevations {
    /// Those of a migrated database.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Uuid)]
    id: uuid::Uuid,
    #[diesel(sql_type = Text)]
    holder: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    workspace: Option<String>,
    #[diesel(sql_type = Array<Text>)]
    scopes: Vec<String>,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Integer)]
    minutes: i32,
    #[diesel(sql_type = Integer)]
    needed: i32,
    #[diesel(sql_type = Timestamptz)]
    requested_at: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    decide_by: Timestamp,
    #[diesel(sql_type = Jsonb)]
    steps: Value,
}

impl TryFrom<Row> for Elevation {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let id = row.id;
        let corrupt = |what: String| StoreError::Corrupt(format!("elevation {id}: {what}"));
        let scopes: Result<BTreeSet<Scope>, _> =
            row.scopes.iter().map(|scope| scope.parse()).collect();
        let workspace = row.workspace.map(Workspace::try_from).transpose();
        let steps: Vec<Step> =
            serde_json::from_value(row.steps).map_err(|error| corrupt(error.to_string()))?;
        let number =
            |number: i32| u32::try_from(number).map_err(|error| corrupt(error.to_string()));
        Ok(Self {
            id,
            holder: row.holder.parse().map_err(corrupt)?,
            name: row.name,
            workspace: workspace.map_err(corrupt)?,
            scopes: scopes.map_err(corrupt)?,
            reason: row.reason,
            minutes: number(row.minutes)?,
            needed: number(row.needed)?,
            requested_at: row.requested_at,
            decide_by: row.decide_by,
            steps,
        })
    }
}

fn whole(rows: Vec<Row>) -> Result<Vec<Elevation>, StoreError> {
    rows.into_iter().map(Elevation::try_from).collect()
}

const fn what(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Approved => "approved",
        StepKind::Denied => "denied",
        StepKind::Ended => "ended",
    }
}

fn signed(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn small(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn after(elevation: &Elevation) -> Cursor {
    Cursor::Name(vec![elevation.id.to_string()])
}

/// A page of what fits, behind another.
fn page(query: &ElevationQuery, behind: Option<uuid::Uuid>, limit: i64) -> Sql<'_> {
    let mut sql = Sql::once(format!("{WITH_STEPS} WHERE true"));
    if let Some(holder) = &query.holder {
        sql = sql
            .sql(" AND asked.holder = ")
            .value::<Text, _>(holder.to_string());
    }
    if let Some(workspace) = &query.workspace {
        sql = sql
            .sql(" AND asked.workspace = ")
            .value::<Text, _>(workspace.as_str());
    }
    for (condition, moment) in [
        (" AND asked.requested_at >= ", query.since),
        (" AND asked.requested_at < ", query.until),
        (" AND asked.over_by > ", query.open_at),
    ] {
        if let Some(moment) = moment {
            sql = sql.sql(condition).value::<Timestamptz, _>(moment);
        }
    }
    if let Some(behind) = behind {
        sql = sql.sql(" AND asked.id < ").value::<Uuid, _>(behind);
    }
    sql.sql(" ORDER BY asked.id DESC LIMIT ")
        .value::<BigInt, _>(limit)
}

#[async_trait]
impl Elevations for PgElevations {
    async fn request(&self, elevation: Elevation) -> Result<(), StoreError> {
        let over_by = elevation.over_by();
        let statement = move || {
            let asked = elevation;
            let scopes: Vec<_> = asked.scopes.iter().map(|scope| scope.as_str()).collect();
            Sql::kept(
                "INSERT INTO access.elevations (id, holder, name, workspace, scopes, reason, \
                 minutes, needed, requested_at, decide_by, over_by) VALUES (",
            )
            .value::<Uuid, _>(asked.id)
            .sql(", ")
            .value::<Text, _>(asked.holder.to_string())
            .sql(", ")
            .value::<Text, _>(asked.name)
            .sql(", ")
            .value::<Nullable<Text>, _>(asked.workspace.map(String::from))
            .sql(", ")
            .value::<Array<Text>, _>(scopes)
            .sql(", ")
            .value::<Text, _>(asked.reason)
            .sql(", ")
            .value::<Integer, _>(small(asked.minutes))
            .sql(", ")
            .value::<Integer, _>(small(asked.needed))
            .sql(", ")
            .value::<Timestamptz, _>(asked.requested_at)
            .sql(", ")
            .value::<Timestamptz, _>(asked.decide_by)
            .sql(", ")
            .value::<Timestamptz, _>(over_by)
            .sql(")")
        };
        self.pool.execute(statement).await?;
        Ok(())
    }

    async fn step(&self, id: uuid::Uuid, before: usize, step: Step) -> Result<bool, StoreError> {
        let number = i32::try_from(before).map_or(i32::MAX, |before| before.saturating_add(1));
        let statement = move || {
            Sql::kept(
                "INSERT INTO access.elevation_steps (elevation, number, what, holder, name, \
                 reason, at) SELECT asked.id, ",
            )
            .value::<Integer, _>(number)
            .sql(", ")
            .value::<Text, _>(what(step.what))
            .sql(", ")
            .value::<Text, _>(step.by.to_string())
            .sql(", ")
            .value::<Text, _>(step.name)
            .sql(", ")
            .value::<Nullable<Text>, _>(step.reason)
            .sql(", ")
            .value::<Timestamptz, _>(step.at)
            .sql(" FROM access.elevations AS asked WHERE asked.id = ")
            .value::<Uuid, _>(id)
            .sql(
                " AND (SELECT count(*) FROM access.elevation_steps AS step \
                 WHERE step.elevation = asked.id) = ",
            )
            .value::<Integer, _>(number - 1)
            .sql(" ON CONFLICT DO NOTHING")
        };
        Ok(self.pool.execute(statement).await? > 0)
    }

    async fn get(&self, id: uuid::Uuid) -> Result<Option<Elevation>, StoreError> {
        let rows: Vec<Row> = self
            .pool
            .load_first(|| {
                Sql::kept(format!("{WITH_STEPS} WHERE asked.id = ")).value::<Uuid, _>(id)
            })
            .await?;
        Ok(whole(rows)?.into_iter().next())
    }

    async fn search(
        &self,
        query: &ElevationQuery,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Elevation>, StoreError> {
        let behind = match &cursor {
            Some(Cursor::Name(parts)) => parts.first().and_then(|id| id.parse().ok()),
            _ => None,
        };
        let most = signed(limit.saturating_add(1));
        let rows: Vec<Row> = self.pool.load(|| page(query, behind, most)).await?;
        Ok(Page::cut(whole(rows)?, limit, after))
    }

    async fn current(&self, now: Timestamp, limit: usize) -> Result<Vec<Elevation>, StoreError> {
        let finding = self.pool.load_first(|| {
            Sql::kept(format!("{WITH_STEPS} WHERE asked.over_by > "))
                .value::<Timestamptz, _>(now)
                .sql(" ORDER BY asked.over_by DESC LIMIT ")
                .value::<BigInt, _>(signed(limit))
        });
        let rows = tokio::time::timeout(FOUND_WITHIN, finding).await;
        whole(rows.map_err(|_| StoreError::unavailable("the database does not answer"))??)
    }
}
