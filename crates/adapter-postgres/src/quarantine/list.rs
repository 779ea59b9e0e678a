//! The statements that find items: one page of them, and how many wait for a question.

use diesel::sql_types::{Array, BigInt, Text as SqlText, Timestamptz, Uuid};
use pts_domain::blind::Concern;
use pts_domain::filter::TypePattern;
use pts_ports::QuarantineQuery;

use super::row::ITEM_COLUMNS;
use crate::sql::Sql;
use crate::workspaces::Room;

/// Items that fit, behind another.
pub(super) fn page<'a>(
    room: Room<'_>,
    query: &'a QuarantineQuery,
    behind: Option<uuid::Uuid>,
    limit: i64,
) -> Sql<'a> {
    let sql = Sql::once(format!(
        "SELECT {ITEM_COLUMNS}, NULL::text AS item FROM platform.quarantine WHERE "
    ));
    let mut sql = room.only(sql, "workspace");
    if !query.ids.is_empty() {
        sql = sql
            .sql(" AND id = ANY(")
            .value::<Array<Uuid>, _>(query.ids.as_slice())
            .sql(")");
    }
    if let Some(sender) = query.sender {
        sql = sql.sql(" AND sender = ").value::<Uuid, _>(sender);
    }
    if let Some(source) = &query.source {
        sql = sql
            .sql(" AND source = ")
            .value::<SqlText, _>(source.as_str());
    }
    if !query.types.is_empty() {
        sql = of_types(sql.sql(" AND (false"), &query.types).sql(")");
    }
    if let Some(state) = query.state {
        sql = sql.sql(format!(" AND state = '{}'", state.as_str()));
    }
    if let Some(since) = query.since {
        sql = sql
            .sql(" AND received_at >= ")
            .value::<Timestamptz, _>(since);
    }
    if let Some(until) = query.until {
        sql = sql
            .sql(" AND received_at < ")
            .value::<Timestamptz, _>(until);
    }
    let (further, order) = if query.oldest_first {
        (" AND id > ", " ORDER BY id LIMIT ")
    } else {
        (" AND id < ", " ORDER BY id DESC LIMIT ")
    };
    if let Some(behind) = behind {
        sql = sql.sql(further).value::<Uuid, _>(behind);
    }
    sql.sql(order).value::<BigInt, _>(limit)
}

/// How many items wait that a question may want, counted to a bound.
pub(super) fn waiting<'a>(room: Room<'_>, concern: &'a Concern, most: i64) -> Sql<'a> {
    let sql = Sql::once(
        "SELECT count(*) AS number FROM (SELECT FROM platform.quarantine \
         WHERE state = 'waiting' AND ",
    );
    let mut sql = room.only(sql, "workspace");
    if let Some(since) = concern.window.since {
        sql = sql
            .sql(" AND received_at >= ")
            .value::<Timestamptz, _>(since);
    }
    if let Some(until) = concern.window.until {
        sql = sql
            .sql(" AND received_at < ")
            .value::<Timestamptz, _>(until);
    }
    // NUL is in no source, and the database takes none.
    if let Some(source) = concern.source.as_ref().filter(|text| !text.contains('\0')) {
        sql = sql
            .sql(" AND (source IS NULL OR source = ")
            .value::<SqlText, _>(source.as_str())
            .sql(")");
    }
    if !concern.types.is_empty() {
        sql = of_types(sql.sql(" AND (event_type IS NULL"), &concern.types).sql(")");
    }
    sql.sql(" LIMIT ")
        .value::<BigInt, _>(most)
        .sql(") AS found")
}

/// Adds `OR …` for each pattern.
fn of_types<'a>(mut sql: Sql<'a>, types: &'a [TypePattern]) -> Sql<'a> {
    for pattern in types {
        sql = match pattern {
            TypePattern::Exact(text) | TypePattern::Prefix(text) if text.contains('\0') => sql,
            TypePattern::Exact(name) => sql
                .sql(" OR event_type = ")
                .value::<SqlText, _>(name.as_str()),
            TypePattern::Prefix(prefix) => sql
                .sql(" OR starts_with(event_type, ")
                .value::<SqlText, _>(prefix.as_str())
                .sql(")"),
        };
    }
    sql
}
