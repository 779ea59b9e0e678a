//! The order of all lists of events, newest first, and where in it a page begins.

use diesel::sql_types::{BigInt, Timestamptz};
use pts_domain::Timestamp;
use pts_domain::filter::Cursor;

use crate::sql::Sql;

/// The place that a cursor names.
pub(super) fn place(cursor: Option<&Cursor>) -> Option<(Timestamp, i64)> {
    match cursor {
        Some(Cursor::Event(micros, position)) => {
            Timestamp::from_timestamp_micros(*micros).map(|time| (time, *position))
        }
        _ => None,
    }
}

/// Ends a statement, of which there is a WHERE: the newest behind a place, so many.
pub(super) fn newest_behind(
    mut sql: Sql<'_>,
    behind: Option<(Timestamp, i64)>,
    limit: usize,
) -> Sql<'_> {
    if let Some((time, position)) = behind {
        sql = sql
            .sql(" AND (\"time\", position) < (")
            .value::<Timestamptz, _>(time)
            .sql(", ")
            .value::<BigInt, _>(position)
            .sql(")");
    }
    sql.sql(" ORDER BY \"time\" DESC, position DESC LIMIT ")
        .value::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
}
