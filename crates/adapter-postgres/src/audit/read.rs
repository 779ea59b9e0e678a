//! Reading: by a filter from the newest end, and all of it from the oldest.

use std::borrow::Cow;

use diesel::sql_types::{Array, BigInt, Text, Timestamptz, Uuid};
use pts_domain::audit::{AuditFilter, Entry, Stored};
use pts_domain::filter::{Cursor, Page, TypePattern};
use pts_ports::StoreError;

use super::row::{COLUMNS, Row};
use crate::PgPool;
use crate::error::Fault;
use crate::sql::Sql;

pub(super) async fn entries(
    pool: &PgPool,
    filter: &AuditFilter,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Page<Entry>, StoreError> {
    let behind = match cursor {
        Some(Cursor::Position(sequence)) => Some(sequence),
        _ => None,
    };
    let nothing = Page {
        items: Vec::new(),
        next: None,
    };
    if matches_nothing(filter) || limit == 0 {
        return Ok(nothing);
    }
    let most = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let rows: Vec<Row> = pool.load(|| page(filter, behind, most)).await?;
    let entries: Result<Vec<Entry>, Fault> = rows.into_iter().map(Entry::try_from).collect();
    Ok(Page::cut(entries?, limit, |entry| {
        Cursor::Position(entry.sequence)
    }))
}

/// NUL is in no text, and the database takes none.
fn matches_nothing(filter: &AuditFilter) -> bool {
    let texts = [&filter.principal, &filter.workspace, &filter.request_id];
    (texts.into_iter().flatten()).any(|text| text.contains('\0'))
}

fn page(filter: &AuditFilter, behind: Option<i64>, most: i64) -> Sql<'_> {
    let mut sql = Sql::once(format!(
        "SELECT {COLUMNS} FROM access.audit_entries WHERE true"
    ));
    if let Some(behind) = behind {
        sql = sql.sql(" AND sequence < ").value::<BigInt, _>(behind);
    }
    if let Some(principal) = &filter.principal {
        sql = sql
            .sql(" AND (actor_name = ")
            .value::<Text, _>(principal.as_str())
            .sql(" OR subject = ")
            .value::<Text, _>(principal.as_str())
            .sql(")");
    }
    if let Some(token) = filter.token {
        sql = sql.sql(" AND actor_id = ").value::<Uuid, _>(token);
    }
    if let Some(workspace) = &filter.workspace {
        sql = sql
            .sql(" AND workspace = ")
            .value::<Text, _>(workspace.as_str());
    }
    if let Some(request) = &filter.request_id {
        sql = sql
            .sql(" AND request_id = ")
            .value::<Text, _>(request.as_str());
    }
    if !filter.outcomes.is_empty() {
        let names: Vec<&str> = (filter.outcomes.iter()).map(|one| one.as_str()).collect();
        sql = sql
            .sql(" AND outcome = ANY(")
            .value::<Array<Text>, _>(names)
            .sql(")");
    }
    if !filter.actions.is_empty() {
        sql = of_actions(sql.sql(" AND (false"), &filter.actions).sql(")");
    }
    if let Some(since) = filter.since {
        sql = sql.sql(" AND last_at >= ").value::<Timestamptz, _>(since);
    }
    if let Some(until) = filter.until {
        sql = sql.sql(" AND at < ").value::<Timestamptz, _>(until);
    }
    sql.sql(" ORDER BY sequence DESC LIMIT ")
        .value::<BigInt, _>(most)
}

/// Adds `OR …` for each pattern.
fn of_actions<'a>(mut sql: Sql<'a>, patterns: &'a [TypePattern]) -> Sql<'a> {
    for pattern in patterns {
        sql = match pattern {
            TypePattern::Exact(text) | TypePattern::Prefix(text) if text.contains('\0') => sql,
            TypePattern::Exact(name) => sql.sql(" OR action = ").value::<Text, _>(name.as_str()),
            TypePattern::Prefix(prefix) => sql
                .sql(" OR starts_with(action, ")
                .value::<Text, _>(prefix.as_str())
                .sql(")"),
        };
    }
    sql
}

pub(super) async fn stretch(
    pool: &PgPool,
    behind: Option<i64>,
    limit: usize,
) -> Result<Vec<Stored>, StoreError> {
    let select = || format!("SELECT {COLUMNS} FROM access.audit_entries");
    let rows: Vec<Row> = pool.load(|| oldest_first(select(), behind, limit)).await?;
    Ok(rows.into_iter().map(Stored::from).collect())
}

/// What is selected behind a number, the lowest first. Two of one number, where somebody has let them
/// in, are not torn apart.
pub(super) fn oldest_first(
    select: impl Into<Cow<'static, str>>,
    behind: Option<i64>,
    limit: usize,
) -> Sql<'static> {
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut sql = Sql::once(select);
    if let Some(behind) = behind {
        sql = sql.sql(" WHERE sequence > ").value::<BigInt, _>(behind);
    }
    sql.sql(" ORDER BY sequence FETCH FIRST ")
        .value::<BigInt, _>(most)
        .sql(" ROWS WITH TIES")
}
