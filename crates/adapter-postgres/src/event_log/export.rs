//! Reading everything that fits, a stretch at a time. Each is one statement that begins behind the one
//! before, so that between them no connection and no transaction is held for a reader who takes its
//! time. What is inside an event stays text: the database has spelt it already.

use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_async::{AsyncConnectionCore, AsyncPgConnection};
use futures::TryStreamExt as _;
use pts_domain::Timestamp;
use pts_domain::event::RawEvent;
use pts_domain::filter::{Cursor, EventFilter};
use pts_ports::{StoreError, Stretch};

use super::filter::{matches_nothing, narrow_all};
use super::order::{newest_behind, place};
use crate::PgPool;
use crate::error::{Fault, classify};
use crate::pool::Tries;
use crate::row::{EVENT_COLUMNS, Envelope, EventRow};
use crate::sql::Sql;

/// Events of a stretch: few enough to wait for, enough that planning the statement does not count.
const ROWS: usize = 4_096;
/// Bytes, roughly, that they may take. Where fewer events take more, the statement is cut off; the
/// connection with it, which costs less than hearing the rest out.
const BYTES: usize = 8 * 1024 * 1024;

/// The columns of a [`RawRow`].
const RAW_COLUMNS: &str = "position, id, source, event_id, type, subject, \"time\", received_at, \
     service, environment, data::text AS data, attributes::text AS attributes";

/// An event whose inside is text.
#[derive(QueryableByName)]
struct RawRow {
    #[diesel(embed)]
    envelope: Envelope,
    #[diesel(sql_type = Nullable<Text>)]
    service: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    environment: Option<String>,
    #[diesel(sql_type = Text)]
    data: String,
    #[diesel(sql_type = Text)]
    attributes: String,
}

impl From<RawRow> for RawEvent {
    fn from(row: RawRow) -> Self {
        let envelope = row.envelope;
        Self {
            position: envelope.position,
            id: envelope.id,
            source: envelope.source,
            event_id: envelope.event_id,
            event_type: envelope.event_type,
            subject: envelope.subject,
            time: envelope.time,
            received_at: envelope.received_at,
            service: row.service,
            environment: row.environment,
            data: row.data,
            attributes: row.attributes,
        }
    }
}

/// A row, and what is wanted of it.
trait Wanted: QueryableByName<Pg> + Send + 'static {
    const COLUMNS: &'static str;

    fn envelope(&self) -> &Envelope;

    /// The event, if it is wanted.
    fn event(self, filter: &EventFilter) -> Result<Option<RawEvent>, Fault>;
}

impl Wanted for RawRow {
    const COLUMNS: &'static str = RAW_COLUMNS;

    fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    fn event(self, _: &EventFilter) -> Result<Option<RawEvent>, Fault> {
        Ok(Some(self.into()))
    }
}

/// For filters that look inside: what SQL lets through of the data is looked at again.
impl Wanted for EventRow {
    const COLUMNS: &'static str = EVENT_COLUMNS;

    fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    fn event(self, filter: &EventFilter) -> Result<Option<RawEvent>, Fault> {
        let event = self.into_event()?;
        Ok(filter.fits(&event).then(|| event.into()))
    }
}

pub(super) async fn stretch(
    pool: &PgPool,
    filter: &EventFilter,
    up_to: i64,
    cursor: Option<Cursor>,
) -> Result<Stretch, StoreError> {
    let behind = place(cursor.as_ref());
    if matches_nothing(filter) {
        let events = Vec::new();
        return Ok(Stretch { events, next: None });
    }
    let mut tries = Tries::default();
    loop {
        // An export is in no hurry, and would be lost if it did not wait.
        let _turn = pool.turn(pool.statement_timeout()).await?;
        let read = if filter.data.is_empty() {
            read::<RawRow>(pool, filter, up_to, behind).await
        } else {
            read::<EventRow>(pool, filter, up_to, behind).await
        };
        match read {
            Err(fault) if tries.again(&fault, pool) => {}
            other => return other.map_err(Fault::into_store_error),
        }
    }
}

async fn read<R: Wanted>(
    pool: &PgPool,
    filter: &EventFilter,
    up_to: i64,
    behind: Option<(Timestamp, i64)>,
) -> Result<Stretch, Fault> {
    let lease = pool.lease().await?;
    let sql = statement(R::COLUMNS, filter, up_to, behind);
    let reading = take::<R>(lease.connection(), sql, filter);
    match tokio::time::timeout(pool.statement_timeout(), reading).await {
        Ok(Ok((stretch, to_the_end))) => {
            if to_the_end {
                lease.give_back();
            }
            Ok(stretch)
        }
        Ok(Err(fault)) => Err(lease.fail(fault).await),
        Err(_) => Err(Fault::Busy("the database took too long to answer".into())),
    }
}

/// Takes rows as they come, as many as there is room for; tells whether those were all.
async fn take<R: Wanted>(
    mut connection: &AsyncPgConnection,
    sql: Sql<'_>,
    filter: &EventFilter,
) -> Result<(Stretch, bool), Fault> {
    let loading = AsyncConnectionCore::load(&mut connection, sql);
    let mut rows = loading.await.map_err(classify)?;
    let mut events = Vec::with_capacity(ROWS);
    let (mut count, mut bytes, mut last) = (0, 0, None);
    while let Some(row) = rows.try_next().await.map_err(classify)? {
        let row = R::build(&row)
            .map_err(|error| classify(diesel::result::Error::DeserializationError(error)))?;
        let (time, position) = row.envelope().place();
        last = Some(Cursor::Event(time.timestamp_micros(), position));
        count += 1;
        if let Some(event) = row.event(filter)? {
            bytes += event.weight();
            events.push(event);
        }
        if bytes > BYTES && count < ROWS {
            return Ok((Stretch { events, next: last }, false));
        }
    }
    let next = if count < ROWS { None } else { last };
    Ok((Stretch { events, next }, true))
}

/// The statement of one stretch.
pub(crate) fn statement<'a>(
    columns: &'static str,
    filter: &'a EventFilter,
    up_to: i64,
    behind: Option<(Timestamp, i64)>,
) -> Sql<'a> {
    let sql = Sql::once(format!(
        "SELECT {columns} FROM platform.events WHERE position <= "
    ))
    .value::<BigInt, _>(up_to);
    newest_behind(narrow_all(sql, filter), behind, ROWS)
}
