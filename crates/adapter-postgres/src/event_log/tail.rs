//! Reading the log forward, a bounded stretch at a time.

use diesel::sql_types::BigInt;
use pts_domain::filter::EventFilter;
use pts_ports::{EventLog, StoreError, Tail};

use super::PgEventLog;
use super::filter::{matches_nothing, narrow};
use crate::row::{EVENT_COLUMNS, EventRow, Number};
use crate::sql::Sql;
use crate::workspaces::Room;

/// So many positions are looked through at once, whatever the filter lets through.
const STRETCH: i64 = 5_000;

pub(super) async fn after(
    log: &PgEventLog,
    position: i64,
    filter: &EventFilter,
    limit: usize,
) -> Result<Tail, StoreError> {
    let head = log.head().await?;
    let end = head.min(position.saturating_add(STRETCH));
    let mut tail = Tail {
        events: Vec::new(),
        scanned_to: position.max(end),
    };
    if position >= head || matches_nothing(filter) {
        return Ok(tail);
    }
    if limit == 0 {
        tail.scanned_to = position;
        return Ok(tail);
    }
    let room = log.confined.room().await?;
    let rows: Vec<EventRow> = room
        .load(|| stretch(room, position, end, filter, limit))
        .await?;
    if rows.is_empty() && end < head {
        tail.scanned_to = end_of_hole(log, end, head).await?;
    }
    let full = rows.len() >= limit;
    for row in rows {
        let event = row.into_event()?;
        if full {
            tail.scanned_to = event.position;
        }
        if filter.data.is_empty() || filter.fits(&event) {
            tail.events.push(event);
        }
    }
    Ok(tail)
}

/// How far there is nothing behind a stretch in which there was nothing: retention leaves holes of
/// millions of positions, which nobody shall walk through in small steps. Holes are the log's: what
/// stands there belongs to whatever workspace.
async fn end_of_hole(log: &PgEventLog, end: i64, head: i64) -> Result<i64, StoreError> {
    let rows: Vec<Number> = log
        .confined
        .pool()
        .load(|| {
            Sql::once("SELECT coalesce(min(position) - 1, ")
                .value::<BigInt, _>(head)
                .sql(") AS number FROM platform.events WHERE position > ")
                .value::<BigInt, _>(end)
                .sql(" AND position <= ")
                .value::<BigInt, _>(head)
        })
        .await?;
    Ok(rows.first().map_or(end, |row| row.number))
}

/// The statement of one stretch: behind `position`, up to `end`.
pub(crate) fn stretch<'a>(
    room: Room<'_>,
    position: i64,
    end: i64,
    filter: &'a EventFilter,
    limit: usize,
) -> Sql<'a> {
    let sql = Sql::once(format!(
        "SELECT {EVENT_COLUMNS} FROM platform.events WHERE position > "
    ))
    .value::<BigInt, _>(position)
    .sql(" AND position <= ")
    .value::<BigInt, _>(end)
    .sql(" AND ");
    narrow(room.only(sql, "workspace"), filter)
        .sql(" ORDER BY position LIMIT ")
        .value::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
}
