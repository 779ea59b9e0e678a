//! Searching the log: newest first, page by page.

use diesel::sql_types::Uuid;
use pts_domain::filter::{Cursor, EventFilter, Page};
use pts_domain::{StoredEvent, Timestamp};
use pts_ports::StoreError;

use super::filter::{matches_nothing, narrow};
use super::order::{newest_behind, place};
use tokio::time::Instant;

use crate::PgPool;
use crate::error::Fault;
use crate::row::{EVENT_COLUMNS, EventRow};
use crate::sql::Sql;

/// Events read at once: a usual page, and what tells that there is more.
const SLICE: usize = 128;
/// Bytes, roughly, that the events of one page take in memory. A page of large events is shorter
/// than was asked for, and goes on at its cursor.
const HEAVIEST_PAGE: usize = 32 * 1024 * 1024;

pub(super) async fn by_id(
    pool: &PgPool,
    id: uuid::Uuid,
) -> Result<Option<StoredEvent>, StoreError> {
    let rows: Vec<EventRow> = pool
        .load(|| {
            Sql::kept(format!(
                "SELECT {EVENT_COLUMNS} FROM platform.events WHERE id = "
            ))
            .value::<Uuid, _>(id)
        })
        .await?;
    let row = rows.into_iter().next();
    Ok(row.map(EventRow::into_event).transpose()?)
}

pub(super) async fn newest(
    pool: &PgPool,
    filter: &EventFilter,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Page<StoredEvent>, StoreError> {
    let mut found: Vec<StoredEvent> = Vec::new();
    if matches_nothing(filter) {
        return Ok(Page::cut(found, limit, Cursor::after));
    }
    let mut behind = place(cursor.as_ref());
    let wanted = limit.saturating_add(1);
    let begun = Instant::now();
    let mut weight = 0;
    loop {
        let slice = if filter.data.is_empty() {
            SLICE.min(wanted - found.len())
        } else {
            SLICE
        };
        let rows: Vec<EventRow> = pool.load(|| page(filter, behind, slice)).await?;
        let complete = rows.len() < slice;
        for row in rows {
            let event = row.into_event()?;
            behind = Some((event.event.time, event.position));
            // What SQL lets through of the data's fields is looked at again; the rest is exact.
            if filter.data.is_empty() || filter.fits(&event) {
                weight += event.event.weight();
                found.push(event);
            }
        }
        if complete || found.len() >= wanted {
            return Ok(Page::cut(found, limit, Cursor::after));
        }
        if weight > HEAVIEST_PAGE {
            let next = found.last().map(Cursor::after);
            return Ok(Page { items: found, next });
        }
        if begun.elapsed() > pool.statement_timeout() {
            return Err(Fault::Busy("the search took too long".into()).into());
        }
    }
}

/// The statement of one page. Its order is that of an index, and its values shape its plan.
pub(crate) fn page(
    filter: &EventFilter,
    behind: Option<(Timestamp, i64)>,
    limit: usize,
) -> Sql<'_> {
    let sql = Sql::once(format!(
        "SELECT {EVENT_COLUMNS} FROM platform.events WHERE true"
    ));
    newest_behind(narrow(sql, filter), behind, limit)
}
