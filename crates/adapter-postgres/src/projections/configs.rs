//! The settings of a service.

use diesel::prelude::*;
use pts_domain::projection::ConfigEntry;
use pts_ports::StoreError;

use super::{matches_nothing, parse_all, rows};
use crate::schema::configs as c;
use crate::sql::Sql;
use crate::workspaces::Room;

pub(super) async fn of_service(
    room: Room<'_>,
    service: &str,
    limit: usize,
) -> Result<Vec<ConfigEntry>, StoreError> {
    // The platform's own settings are kept under an empty service: they are nobody's.
    if service.is_empty() || matches_nothing([Some(service)]) {
        return Ok(Vec::new());
    }
    let docs = room
        .load(|| {
            let sql = c::table
                .filter(c::workspace.eq(room.number()))
                .filter(c::service.eq(service))
                .order((c::environment, c::key))
                .limit(rows(limit))
                .select(c::doc);
            Sql::query(sql)
        })
        .await?;
    parse_all(docs)
}
