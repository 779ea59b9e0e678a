//! A filter in SQL: at least the events that fit. What SQL and the domain may see differently
//! (the text of a number or an object inside the data) the caller looks at again.

use chrono::Duration;
use diesel::sql_types::{Array, Jsonb, Text, Timestamptz};
use pts_domain::Timestamp;
use pts_domain::filter::{EventFilter, TypePattern};
use pts_domain::time::MOST_AHEAD;
use serde_json::Value;

use crate::sql::Sql;

/// Adds `AND …` for everything that is set.
pub(super) fn narrow<'a>(sql: Sql<'a>, filter: &'a EventFilter) -> Sql<'a> {
    narrow_data(narrow_columns(sql, filter), filter)
}

/// The same for whoever goes through all that fits. Of what is inside the data, the database believes
/// that it hardly ever fits; a part of a long list would then be found by collecting and sorting all of
/// it, for each part again. In a `coalesce` it expects a half, and goes by the order of time.
pub(super) fn narrow_all<'a>(sql: Sql<'a>, filter: &'a EventFilter) -> Sql<'a> {
    let sql = narrow_columns(sql, filter);
    if filter.data.is_empty() {
        return sql;
    }
    narrow_data(sql.sql(" AND coalesce(true"), filter).sql(", false)")
}

fn narrow_columns<'a>(mut sql: Sql<'a>, filter: &'a EventFilter) -> Sql<'a> {
    sql = types(sql, &filter.types);
    let columns = [
        // As the index for it has it.
        ("source COLLATE \"POSIX\"", &filter.source),
        ("service", &filter.service),
        ("environment", &filter.environment),
        ("subject", &filter.subject),
    ];
    for (column, wanted) in columns {
        if let Some(wanted) = wanted {
            sql = sql
                .sql(format!(" AND {column} = "))
                .value::<Text, _>(wanted.as_str());
        }
    }
    if let Some(since) = filter.since {
        sql = sql.sql(" AND \"time\" >= ").value::<Timestamptz, _>(since);
        // Nothing happened long after it was received: older partitions need no look.
        sql = sql
            .sql(" AND received_at >= ")
            .value::<Timestamptz, _>(received_since(since));
    }
    if let Some(until) = filter.until {
        sql = sql.sql(" AND \"time\" < ").value::<Timestamptz, _>(until);
    }
    sql
}

fn narrow_data<'a>(mut sql: Sql<'a>, filter: &'a EventFilter) -> Sql<'a> {
    for (path, wanted) in &filter.data {
        let steps: Vec<&str> = path.split('.').collect();
        sql = sql
            .sql(" AND (data #>> ")
            .value::<Array<Text>, _>(steps.clone())
            .sql(" = ")
            .value::<Text, _>(wanted.as_str());
        // What is no text has more than one spelling.
        match serde_json::from_str::<Value>(wanted) {
            _ if wanted.contains("\\u0000") => sql = sql.sql(")"),
            Ok(Value::String(_)) | Err(_) => sql = sql.sql(")"),
            Ok(value) => {
                sql = sql
                    .sql(" OR data #> ")
                    .value::<Array<Text>, _>(steps)
                    .sql(" = ")
                    .value::<Jsonb, _>(value)
                    .sql(")");
            }
        }
    }
    sql
}

fn received_since(since: Timestamp) -> Timestamp {
    // A clock that was set back a little must hide nothing.
    since
        .checked_sub_signed(MOST_AHEAD + Duration::hours(1))
        .unwrap_or(since)
}

fn types<'a>(mut sql: Sql<'a>, patterns: &'a [TypePattern]) -> Sql<'a> {
    let mut exact = Vec::new();
    let mut prefixes = Vec::new();
    for pattern in patterns {
        match pattern {
            TypePattern::Exact(text) | TypePattern::Prefix(text) if text.contains('\0') => {}
            TypePattern::Exact(name) => exact.push(name.as_str()),
            TypePattern::Prefix(prefix) if prefix.is_empty() => return sql,
            TypePattern::Prefix(prefix) => prefixes.push(prefix.as_str()),
        }
    }
    if exact.is_empty() && prefixes.is_empty() {
        return sql;
    }
    let mut word = " AND (";
    if let [name] = exact[..] {
        sql = sql.sql(word).sql("type = ").value::<Text, _>(name);
        word = " OR ";
    } else if !exact.is_empty() {
        sql = sql
            .sql(word)
            .sql("type = ANY(")
            .value::<Array<Text>, _>(exact)
            .sql(")");
        word = " OR ";
    }
    for prefix in prefixes {
        sql = sql.sql(word).sql("(type >= ").value::<Text, _>(prefix);
        if let Some(end) = after_prefix(prefix) {
            sql = sql.sql(" AND type < ").value::<Text, _>(end);
        }
        sql = sql.sql(")");
        word = " OR ";
    }
    sql.sql(")")
}

/// The smallest text that is greater than all that begin with `prefix`, in the order of bytes;
/// `None` if there is none.
fn after_prefix(prefix: &str) -> Option<String> {
    let kept = prefix.trim_end_matches(char::MAX);
    let last = kept.chars().next_back()?;
    let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32)?;
    let mut end = kept[..kept.len() - last.len_utf8()].to_owned();
    end.push(next);
    Some(end)
}

/// Whether the filter asks for a text that no event can hold: NUL is in none, and the database
/// takes none.
pub(super) fn matches_nothing(filter: &EventFilter) -> bool {
    let texts = [
        &filter.source,
        &filter.service,
        &filter.environment,
        &filter.subject,
    ];
    let nul = |text: &str| text.contains('\0');
    texts.into_iter().flatten().any(|text| nul(text))
        || filter
            .data
            .iter()
            .any(|(path, wanted)| nul(path) || nul(wanted))
        || (!filter.types.is_empty()
            && filter.types.iter().all(|pattern| match pattern {
                TypePattern::Exact(text) | TypePattern::Prefix(text) => nul(text),
            }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_family_is_behind_all_of_it_and_before_the_next() {
        assert_eq!(after_prefix("deployment.").as_deref(), Some("deployment/"));
        assert_eq!(after_prefix("é").as_deref(), Some("ê"));
        assert_eq!(after_prefix("a\u{d7ff}").as_deref(), Some("a\u{e000}"));
        assert_eq!(after_prefix("b\u{10ffff}").as_deref(), Some("c"));
        assert_eq!(after_prefix("\u{10ffff}"), None);
    }
}
