//! The statement of one page of items.

use diesel::sql_types::{Array, BigInt, Text as SqlText, Timestamptz, Uuid};
use pts_domain::filter::TypePattern;
use pts_ports::QuarantineQuery;

use super::row::ITEM_COLUMNS;
use crate::sql::Sql;

/// Items that fit, behind another.
pub(super) fn page(query: &QuarantineQuery, behind: Option<uuid::Uuid>, limit: i64) -> Sql<'_> {
    let mut sql = Sql::once(format!(
        "SELECT {ITEM_COLUMNS}, NULL::text AS item FROM platform.quarantine WHERE true"
    ));
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
        sql = sql.sql(" AND (false");
        for pattern in &query.types {
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
        sql = sql.sql(")");
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
