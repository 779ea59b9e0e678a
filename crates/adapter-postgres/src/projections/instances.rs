//! The instances of services.

use diesel::prelude::*;
use pts_domain::projection::Instance;
use pts_ports::StoreError;

use super::{parse_all, rows};
use crate::schema::instances as i;
use crate::sql::Sql;
use crate::workspaces::Room;

pub(super) async fn of_services(
    room: Room<'_>,
    mut services: Vec<String>,
    limit: usize,
) -> Result<Vec<Instance>, StoreError> {
    services.retain(|service| !service.contains('\0'));
    if services.is_empty() {
        return Ok(Vec::new());
    }
    let docs = room
        .load(|| {
            let sql = i::table
                .filter(i::workspace.eq(room.number()))
                .filter(i::service.eq_any(services.clone()))
                .order((
                    i::last_seen_at.desc(),
                    i::service,
                    i::environment,
                    i::instance,
                ))
                .limit(rows(limit))
                .select(i::doc);
            Sql::query(sql)
        })
        .await?;
    let mut found: Vec<Instance> = parse_all(docs)?;
    found.sort_by(|a, b| {
        let name = |i: &Instance| (i.service.clone(), i.environment.clone(), i.instance.clone());
        name(a).cmp(&name(b))
    });
    Ok(found)
}
