//! Deployments, newest first.

use diesel::prelude::*;
use pts_domain::filter::{Cursor, Page};
use pts_domain::projection::Deployment;
use pts_ports::{DeploymentQuery, StoreError};

use super::{behind, cut, matches_nothing, nothing, one_more};
use crate::schema::deployments as d;
use crate::sql::Sql;
use crate::workspaces::Room;

pub(super) async fn page(
    room: Room<'_>,
    query: &DeploymentQuery,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Result<Page<Deployment>, StoreError> {
    let wanted = [
        query.service.as_deref(),
        query.environment.as_deref(),
        query.version.as_deref(),
        query.deployment_id.as_deref(),
    ];
    if matches_nothing(wanted) {
        return Ok(nothing());
    }
    let docs = room
        .load(|| {
            let mut sql = d::table.select(d::doc).into_boxed();
            sql = sql.filter(d::workspace.eq(room.number()));
            if let Some(service) = &query.service {
                sql = sql.filter(d::service.eq(service));
            }
            if let Some(environment) = &query.environment {
                sql = sql.filter(d::environment.eq(environment));
            }
            if let Some(status) = query.status {
                sql = sql.filter(d::status.eq(status.as_str()));
            }
            if let Some(version) = &query.version {
                sql = sql.filter(d::version.eq(version));
            }
            if let Some(id) = &query.deployment_id {
                sql = sql.filter(d::deployment_id.eq(id));
            }
            if let Some(since) = query.since {
                sql = sql.filter(d::status_at.ge(since));
            }
            if let Some(until) = query.until {
                sql = sql.filter(d::status_at.lt(until));
            }
            if let Some(position) = behind(cursor) {
                sql = sql.filter(d::first_position.lt(position));
            }
            Sql::query(sql.order(d::first_position.desc()).limit(one_more(limit)))
        })
        .await?;
    cut(docs, limit, |d: &Deployment| {
        Cursor::Position(d.first_position)
    })
}
