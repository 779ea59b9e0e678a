//! What DORA's metrics of a window are worked out from.

use diesel::sql_types::{Text, Timestamptz};
use pts_domain::dora::Window;
use pts_ports::{DoraFacts, StoreError};

use super::{matches_nothing, parse_all};
use crate::row::Doc;
use crate::sql::Sql;
use crate::workspaces::Room;

pub(super) async fn facts(
    room: Room<'_>,
    service: Option<&str>,
    environment: Option<&str>,
    window: Window,
) -> Result<DoraFacts, StoreError> {
    if matches_nothing([service, environment]) {
        return Ok(DoraFacts::default());
    }
    let deployments: Vec<Doc> = room
        .load(|| {
            deployments_of(room, service, environment, window)
                .append(Sql::kept("SELECT doc FROM ours ORDER BY first_position"))
        })
        .await?;
    let incidents: Vec<Doc> = room
        .load(|| {
            let sql = deployments_of(room, service, environment, window)
                .sql("SELECT i.doc FROM platform.incidents AS i WHERE ");
            let sql = room.only(sql, "i.workspace").sql(" AND ");
            incident_of(sql, service, environment)
                // A deployment of the window may have been asked for before or after it, while
                // another incident was open.
                .sql(" AND (i.opened_at <= greatest(")
                .value::<Timestamptz, _>(window.to)
                .sql(
                    ", (SELECT max(begun_at) FROM ours)) \
                     AND (i.resolved_at IS NULL OR i.resolved_at >= least(",
                )
                .value::<Timestamptz, _>(window.from)
                .sql(
                    ", (SELECT min(begun_at) FROM ours))) \
                     OR i.deployment_id IN (SELECT deployment_id FROM ours)) \
                     ORDER BY i.first_position",
                )
        })
        .await?;
    Ok(DoraFacts {
        deployments: parse_all(deployments)?,
        incidents: parse_all(incidents)?,
    })
}

/// `WITH ours AS (…)`: the deployments that succeeded or ended in the window, and those that an
/// incident which opened in it names, however old.
fn deployments_of<'a>(
    room: Room<'_>,
    service: Option<&'a str>,
    environment: Option<&'a str>,
    window: Window,
) -> Sql<'a> {
    let within = |sql: Sql<'a>, column: &'static str| {
        sql.sql(format!("({column} >= "))
            .value::<Timestamptz, _>(window.from)
            .sql(format!(" AND {column} < "))
            .value::<Timestamptz, _>(window.to)
            .sql(")")
    };
    let mut sql = Sql::once(
        "WITH ours AS (SELECT d.deployment_id, d.first_position, \
         d.doc || '{\"events\": []}' AS doc, \
         (coalesce(d.doc ->> 'requested_at', d.doc ->> 'started_at', d.doc ->> 'succeeded_at'))\
         ::timestamptz AS begun_at \
         FROM platform.deployments AS d WHERE ",
    );
    sql = room.only(sql, "d.workspace").sql(" AND ");
    for (column, wanted) in [("d.service", service), ("d.environment", environment)] {
        if let Some(wanted) = wanted {
            sql = sql
                .sql(format!("{column} = "))
                .value::<Text, _>(wanted)
                .sql(" AND ");
        }
    }
    sql = within(sql.sql("("), "d.succeeded_at").sql(" OR ");
    sql = within(sql, "d.finished_at");
    sql = sql
        .sql(" OR d.deployment_id IN (SELECT i.deployment_id FROM platform.incidents AS i WHERE ");
    sql = room.only(sql, "i.workspace").sql(" AND ");
    sql = incident_of(sql, service, environment).sql(" AND ");
    within(sql, "i.opened_at").sql("))) ")
}

/// Incidents that name another service or environment are not meant; those that name none are.
fn incident_of<'a>(
    mut sql: Sql<'a>,
    service: Option<&'a str>,
    environment: Option<&'a str>,
) -> Sql<'a> {
    let mut word = "";
    for (column, wanted) in [("service", service), ("environment", environment)] {
        if let Some(wanted) = wanted {
            sql = sql
                .sql(format!("{word}(i.{column} IS NULL OR i.{column} = "))
                .value::<Text, _>(wanted)
                .sql(")");
            word = " AND ";
        }
    }
    if word.is_empty() {
        sql.sql("true")
    } else {
        sql
    }
}
