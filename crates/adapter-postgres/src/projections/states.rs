//! Operational states, by component and environment.

use diesel::prelude::*;
use pts_domain::filter::{Cursor, Page};
use pts_domain::projection::ComponentState;
use pts_ports::{StateQuery, StoreError};

use super::{cut, matches_nothing, nothing, one_more};
use crate::schema::states as s;
use crate::sql::Sql;
use crate::workspaces::Room;

pub(super) async fn page(
    room: Room<'_>,
    query: &StateQuery,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Result<Page<ComponentState>, StoreError> {
    let wanted = [
        query.component.as_deref(),
        query.environment.as_deref(),
        query.service.as_deref(),
        query.state.as_deref(),
    ];
    // An empty environment stands for one that was not said: nobody can ask for it by name.
    if matches_nothing(wanted) || query.environment.as_deref() == Some("") {
        return Ok(nothing());
    }
    let docs = room
        .load(|| {
            let mut sql = s::table.select(s::doc).into_boxed();
            sql = sql.filter(s::workspace.eq(room.number()));
            if let Some(component) = &query.component {
                sql = sql.filter(s::component.eq(component));
            }
            if let Some(environment) = &query.environment {
                sql = sql.filter(s::environment.eq(environment));
            }
            if let Some(service) = &query.service {
                sql = sql.filter(s::service.eq(service));
            }
            if let Some(state) = &query.state {
                sql = sql.filter(s::state.eq(state));
            }
            if let Some(Cursor::Name(name)) = cursor {
                let component = name.first().cloned().unwrap_or_default();
                let environment = name.get(1).cloned().unwrap_or_default();
                sql = sql.filter(
                    s::component.gt(component.clone()).or(s::component
                        .eq(component)
                        .and(s::environment.gt(environment))),
                );
            }
            Sql::query(
                sql.order((s::component, s::environment))
                    .limit(one_more(limit)),
            )
        })
        .await?;
    cut(docs, limit, |s: &ComponentState| {
        let environment = s.environment.clone().unwrap_or_default();
        Cursor::Name(vec![s.component.clone(), environment])
    })
}
