//! Reading what did not fit.

use diesel::sql_types::{BigInt, Text};
use pts_domain::filter::{Cursor, Page};
use pts_domain::projection::Contradiction;
use pts_ports::StoreError;

use crate::row::ContradictionRow;
use crate::sql::Sql;
use crate::workspaces::Room;

/// One event has fewer contradictions than this. A cursor names one of them by a single number.
const PER_EVENT: i64 = 1_000;

pub(super) async fn newest(
    room: Room<'_>,
    about: Option<&str>,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Page<Contradiction>, StoreError> {
    let behind = match cursor {
        Some(Cursor::Position(place)) => Some(place),
        _ => None,
    };
    let rows: Vec<ContradictionRow> = if about.is_some_and(|about| about.contains('\0')) {
        Vec::new()
    } else {
        room.load(|| statement(room, about, behind, limit.saturating_add(1)))
            .await?
    };
    let page = Page::cut(rows, limit, |row| {
        Cursor::Position(row.position * PER_EVENT + i64::from(row.ordinal))
    });
    Ok(Page {
        items: page.items.into_iter().map(Contradiction::from).collect(),
        next: page.next,
    })
}

fn statement<'a>(
    room: Room<'_>,
    about: Option<&'a str>,
    behind: Option<i64>,
    limit: usize,
) -> Sql<'a> {
    let sql = Sql::once(
        "SELECT position, ordinal, event_id, \"time\", about, code, message \
         FROM platform.contradictions WHERE ",
    );
    let mut sql = room.only(sql, "workspace");
    if let Some(about) = about {
        sql = sql.sql(" AND about = ").value::<Text, _>(about);
    }
    if let Some(behind) = behind {
        sql = sql
            .sql(" AND (position, ordinal) < (")
            .value::<BigInt, _>(behind.div_euclid(PER_EVENT))
            .sql(", ")
            .value::<BigInt, _>(behind.rem_euclid(PER_EVENT))
            .sql("::integer)");
    }
    sql.sql(" ORDER BY position DESC, ordinal DESC LIMIT ")
        .value::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
}
