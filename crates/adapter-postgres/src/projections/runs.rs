//! Runs: which version ran where, from when to when.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz};
use pts_domain::Timestamp;
use pts_domain::projection::{Run, RunKind};
use pts_ports::{RunQuery, StoreError};

use super::{matches_nothing, rows};
use crate::project::kind_name;
use crate::sql::Sql;
use crate::workspaces::Room;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    opened_position: i64,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    service: String,
    #[diesel(sql_type = Text)]
    environment: String,
    #[diesel(sql_type = Nullable<Text>)]
    instance: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    version: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    image: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    deployment_id: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    began_at: Timestamp,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    ended_at: Option<Timestamp>,
}

impl From<Row> for Run {
    fn from(row: Row) -> Self {
        let declared = row.kind == kind_name(RunKind::Declared);
        Self {
            kind: if declared {
                RunKind::Declared
            } else {
                RunKind::Observed
            },
            service: row.service,
            environment: row.environment,
            instance: row.instance,
            version: row.version,
            image: row.image,
            deployment_id: row.deployment_id,
            from: row.began_at,
            to: row.ended_at,
            ends: false,
            opened_position: row.opened_position,
        }
    }
}

pub(super) async fn newest(
    room: Room<'_>,
    query: &RunQuery,
    limit: usize,
) -> Result<Vec<Run>, StoreError> {
    let mut query = query.clone();
    let any_image = query.image_names.is_empty();
    query.image_names.retain(|name| !name.contains('\0'));
    let no_image = !any_image && query.image_names.is_empty();
    let names = [query.service.as_deref(), query.environment.as_deref()];
    if no_image || matches_nothing(names) {
        return Ok(Vec::new());
    }
    let found: Vec<Row> = room.load(|| statement(room, &query, limit)).await?;
    Ok(found.into_iter().map(Run::from).collect())
}

const COLUMNS: &str = "opened_position, kind, service, environment, instance, version, image, \
     deployment_id, began_at";

pub(crate) fn statement<'a>(room: Room<'_>, query: &'a RunQuery, limit: usize) -> Sql<'a> {
    let sql = match query.at {
        None => {
            let sql = Sql::once(format!(
                "SELECT {COLUMNS}, ended_at FROM platform.run_intervals AS r WHERE "
            ));
            narrow(room.only(sql, "r.workspace"), query)
        }
        Some(at) => going_on(room, query, at),
    };
    sql.sql(" ORDER BY began_at DESC, opened_position DESC LIMIT ")
        .value::<BigInt, _>(rows(limit))
}

/// What was going on at a moment. Of each service and environment the declared run that began
/// last counts, and only its end is looked up; working out the ends of all and comparing would
/// read the whole table.
fn going_on<'a>(room: Room<'_>, query: &'a RunQuery, at: Timestamp) -> Sql<'a> {
    let mut sql = Sql::once(format!(
        "SELECT {COLUMNS}, ended_at FROM (SELECT r.*, (SELECT next.began_at \
         FROM platform.runs AS next \
         WHERE next.workspace = r.workspace AND next.kind = 'declared' \
         AND next.service = r.service \
         AND next.environment = r.environment \
         AND (next.began_at, next.opened_position) > (r.began_at, r.opened_position) \
         ORDER BY next.began_at, next.opened_position LIMIT 1) AS ended_at \
         FROM (SELECT DISTINCT ON (service, environment) workspace, {COLUMNS}, image_name, ends \
         FROM platform.runs AS r WHERE kind = 'declared' AND began_at <= "
    ))
    .value::<Timestamptz, _>(at)
    .sql(" AND ");
    sql = of_place(room.only(sql, "r.workspace"), query)
        .sql(format!(
            " ORDER BY service, environment, began_at DESC, opened_position DESC) AS r \
             WHERE NOT r.ends \
             UNION ALL SELECT workspace, {COLUMNS}, image_name, ends, ended_at \
             FROM platform.runs AS r WHERE kind = 'observed' AND began_at <= "
        ))
        .value::<Timestamptz, _>(at)
        .sql(" AND (ended_at IS NULL OR ended_at > ")
        .value::<Timestamptz, _>(at)
        .sql(") AND ");
    sql = room.only(sql, "r.workspace");
    narrow(of_place(sql, query).sql(") AS r WHERE true"), query)
}

fn of_place<'a>(mut sql: Sql<'a>, query: &'a RunQuery) -> Sql<'a> {
    if let Some(service) = &query.service {
        sql = sql
            .sql(" AND r.service = ")
            .value::<Text, _>(service.as_str());
    }
    if let Some(environment) = &query.environment {
        sql = sql
            .sql(" AND r.environment = ")
            .value::<Text, _>(environment.as_str());
    }
    sql
}

fn narrow<'a>(sql: Sql<'a>, query: &'a RunQuery) -> Sql<'a> {
    let mut sql = of_place(sql, query);
    if let Some(kind) = query.kind {
        sql = sql.sql(" AND r.kind = ").value::<Text, _>(kind_name(kind));
    }
    if !query.image_names.is_empty() {
        sql = sql
            .sql(" AND r.image_name = ANY(")
            .value::<Array<Text>, _>(query.image_names.clone())
            .sql(")");
    }
    sql
}
