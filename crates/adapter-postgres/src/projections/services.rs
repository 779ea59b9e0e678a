//! Services, by name.

use diesel::prelude::*;
use pts_domain::filter::{Cursor, Page};
use pts_domain::projection::Service;
use pts_ports::StoreError;

use super::{cut, matches_nothing, nothing, one_more, parse_all};
use crate::schema::services as s;
use crate::sql::Sql;
use crate::workspaces::Room;

pub(super) async fn page(
    room: Room<'_>,
    environment: Option<&str>,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Result<Page<Service>, StoreError> {
    if matches_nothing([environment]) {
        return Ok(nothing());
    }
    let docs = room
        .load(|| {
            let mut sql = s::table.select(s::doc).into_boxed();
            sql = sql.filter(s::workspace.eq(room.number()));
            if let Some(environment) = environment {
                let environments = s::doc.retrieve_as_object("environments");
                sql = sql.filter(environments.has_key(environment));
            }
            if let Some(Cursor::Name(name)) = cursor {
                sql = sql.filter(s::service.gt(name.first().cloned().unwrap_or_default()));
            }
            Sql::query(sql.order(s::service).limit(one_more(limit)))
        })
        .await?;
    cut(docs, limit, |s: &Service| {
        Cursor::Name(vec![s.service.clone()])
    })
}

pub(super) async fn one(room: Room<'_>, service: &str) -> Result<Option<Service>, StoreError> {
    if matches_nothing([Some(service)]) {
        return Ok(None);
    }
    let docs = room
        .load(|| {
            let sql = s::table
                .filter(s::workspace.eq(room.number()))
                .filter(s::service.eq(service));
            Sql::kept_query(sql.select(s::doc))
        })
        .await?;
    Ok(parse_all(docs)?.pop())
}
