//! Incidents, newest first.

use diesel::prelude::*;
use pts_domain::filter::{Cursor, Page};
use pts_domain::projection::Incident;
use pts_ports::{IncidentQuery, StoreError};

use super::{behind, cut, matches_nothing, nothing, one_more};
use crate::schema::incidents as i;
use crate::sql::Sql;
use crate::workspaces::Room;

pub(super) async fn page(
    room: Room<'_>,
    query: &IncidentQuery,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Result<Page<Incident>, StoreError> {
    let wanted = [
        query.service.as_deref(),
        query.environment.as_deref(),
        query.incident_id.as_deref(),
    ];
    if matches_nothing(wanted) {
        return Ok(nothing());
    }
    let docs = room
        .load(|| {
            let mut sql = i::table.select(i::doc).into_boxed();
            sql = sql.filter(i::workspace.eq(room.number()));
            if let Some(service) = &query.service {
                sql = sql.filter(i::service.eq(service));
            }
            if let Some(environment) = &query.environment {
                sql = sql.filter(i::environment.eq(environment));
            }
            if let Some(status) = query.status {
                sql = sql.filter(i::status.eq(status.as_str()));
            }
            if let Some(id) = &query.incident_id {
                sql = sql.filter(i::incident_id.eq(id));
            }
            if let Some(position) = behind(cursor) {
                sql = sql.filter(i::first_position.lt(position));
            }
            Sql::query(sql.order(i::first_position.desc()).limit(one_more(limit)))
        })
        .await?;
    cut(docs, limit, |i: &Incident| {
        Cursor::Position(i.first_position)
    })
}
