//! Quarantine in `platform.quarantine`. Whoever changes what waits holds the one row that says how
//! much room there is; so the bounds hold, and so of several that keep the same, one does.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Bool, Bytea, Jsonb, Nullable, Text as SqlText, Timestamptz, Uuid,
};
use diesel_async::AsyncPgConnection;
use futures::future::{try_join, try_join3};
use pts_domain::Timestamp;
use pts_domain::accounting::{Outcome, UNKNOWN, day_of};
use pts_domain::filter::{Cursor, Page, TypePattern};
use pts_domain::quarantine::{
    Fingerprint, Item, LATELY, NewItem, Room, State, Text, Verdict, WAITED_TOO_LONG, admit,
    form_name, form_named, tidy,
};
use pts_ports::{Finding, Quarantine, QuarantineQuery, StoreError};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::PgPool;
use crate::accounting::{Change, carry_out};
use crate::error::{Fault, classify};
use crate::row::Number;
use crate::sql::Sql;
use crate::transaction::Transaction;

/// Items that are discarded, and those that are forgotten, in one go.
const GO: i64 = 1_000;

/// The quarantine of a database.
#[derive(Debug, Clone)]
pub struct PgQuarantine {
    pool: PgPool,
    /// One at a time waits for the row that all wait for: the connections are for others.
    turn: Arc<Semaphore>,
}

impl PgQuarantine {
    /// The quarantine of a migrated database.
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            turn: Arc::new(Semaphore::new(1)),
        }
    }
}

const ITEM_COLUMNS: &str = "id, received_at, last_at, times, sender, source, event_type, form, \
     readable, bytes, errors, state, changed_at, replayed_as, reason";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Uuid)]
    id: uuid::Uuid,
    #[diesel(sql_type = Timestamptz)]
    received_at: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    last_at: Timestamp,
    #[diesel(sql_type = BigInt)]
    times: i64,
    #[diesel(sql_type = Uuid)]
    sender: uuid::Uuid,
    #[diesel(sql_type = Nullable<SqlText>)]
    source: Option<String>,
    #[diesel(sql_type = Nullable<SqlText>)]
    event_type: Option<String>,
    #[diesel(sql_type = SqlText)]
    form: String,
    #[diesel(sql_type = Bool)]
    readable: bool,
    #[diesel(sql_type = Nullable<SqlText>)]
    item: Option<String>,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
    #[diesel(sql_type = Jsonb)]
    errors: Value,
    #[diesel(sql_type = SqlText)]
    state: String,
    #[diesel(sql_type = Timestamptz)]
    changed_at: Timestamp,
    #[diesel(sql_type = Nullable<Uuid>)]
    replayed_as: Option<uuid::Uuid>,
    #[diesel(sql_type = Nullable<SqlText>)]
    reason: Option<String>,
}

impl TryFrom<Row> for Item {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let id = row.id;
        let corrupt = |what: &str| Fault::Corrupt(format!("quarantined item {id}: {what}"));
        let readable = row.readable;
        let text = row.item.map(|item| {
            let text = if readable {
                item
            } else {
                serde_json::from_str(&item).map_err(|_| corrupt("its text cannot be read"))?
            };
            Ok(Text { text, readable })
        });
        Ok(Self {
            id,
            received_at: row.received_at,
            last_at: row.last_at,
            times: u64::try_from(row.times).unwrap_or(0),
            sender: row.sender,
            source: row.source,
            event_type: row.event_type,
            form: form_named(&row.form).ok_or_else(|| corrupt("its form is unknown"))?,
            text: text.transpose()?,
            bytes: u64::try_from(row.bytes).unwrap_or(0),
            errors: serde_json::from_value(row.errors)
                .map_err(|_| corrupt("its errors cannot be read"))?,
            state: State::named(&row.state).ok_or_else(|| corrupt("its state is unknown"))?,
            changed_at: row.changed_at,
            replayed_as: row.replayed_as,
            reason: row.reason,
        })
    }
}

/// A text as the database takes it: what is no JSON becomes a JSON string, which holds no NUL.
fn stored(text: &Text) -> String {
    if text.readable {
        text.text.clone()
    } else {
        Value::from(text.text.as_str()).to_string()
    }
}

fn line(item: (Timestamp, uuid::Uuid, Option<&str>), outcome: Outcome, number: i64) -> Change {
    let (at, sender, source) = item;
    let source = source.unwrap_or(UNKNOWN);
    Change::of((day_of(at), Some(sender), source), outcome, number)
}

#[derive(QueryableByName)]
struct RoomRow {
    #[diesel(sql_type = BigInt)]
    waiting: i64,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

/// Takes hold of what waits.
async fn hold(connection: &AsyncPgConnection) -> Result<Room, Fault> {
    let row = Sql::kept("SELECT waiting, bytes FROM platform.quarantine_room FOR UPDATE");
    let rows: Vec<RoomRow> = row.rows(connection).await.map_err(classify)?;
    let row = rows
        .first()
        .ok_or_else(|| Fault::Corrupt("platform.quarantine_room is empty".into()))?;
    Ok(Room {
        waiting: u64::try_from(row.waiting).unwrap_or(0),
        bytes: u64::try_from(row.bytes).unwrap_or(0),
        lately: 0,
    })
}

/// So many items more wait, or less.
fn change_room(waiting: i64, bytes: i64) -> Sql<'static> {
    Sql::kept("UPDATE platform.quarantine_room SET waiting = waiting + ")
        .value::<BigInt, _>(waiting)
        .sql(", bytes = bytes + ")
        .value::<BigInt, _>(bytes)
}

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = Bytea)]
    fingerprint: Vec<u8>,
    #[diesel(sql_type = Uuid)]
    id: uuid::Uuid,
}

/// Which of these wait already.
async fn known(
    connection: &AsyncPgConnection,
    batch: &[NewItem],
) -> Result<HashMap<Fingerprint, uuid::Uuid>, Fault> {
    let fingerprints: Vec<Vec<u8>> = batch
        .iter()
        .map(|item| item.fingerprint().0.to_vec())
        .collect();
    let rows: Vec<Known> = Sql::kept(
        "SELECT fingerprint, id FROM platform.quarantine \
         WHERE state = 'waiting' AND fingerprint = ANY(",
    )
    .value::<Array<Bytea>, _>(fingerprints)
    .sql(")")
    .rows(connection)
    .await
    .map_err(classify)?;
    rows.into_iter()
        .map(|row| match row.fingerprint.try_into() {
            Ok(fingerprint) => Ok((Fingerprint(fingerprint), row.id)),
            Err(_) => Err(Fault::Corrupt(format!(
                "quarantined item {}: its fingerprint is not 16 bytes",
                row.id
            ))),
        })
        .collect()
}

/// How many items a sender made lately, as far as that matters.
async fn lately(
    connection: &AsyncPgConnection,
    sender: uuid::Uuid,
    since: Timestamp,
) -> Result<u64, Fault> {
    let rows: Vec<Number> = Sql::kept(
        "SELECT count(*) AS number FROM (SELECT FROM platform.quarantine WHERE sender = ",
    )
    .value::<Uuid, _>(sender)
    .sql(" AND received_at > ")
    .value::<Timestamptz, _>(since)
    .sql(" LIMIT 10000) AS lately")
    .rows(connection)
    .await
    .map_err(classify)?;
    Ok(rows
        .first()
        .map_or(0, |row| u64::try_from(row.number).unwrap_or(0)))
}

fn insert<'a>(items: &[&'a NewItem]) -> Result<Sql<'a>, Fault> {
    fn of<'a, V>(items: &[&'a NewItem], value: impl Fn(&'a NewItem) -> V) -> Vec<V> {
        items.iter().map(|item| value(item)).collect()
    }
    let errors: Result<Vec<Value>, _> = items
        .iter()
        .map(|item| serde_json::to_value(tidy(&item.errors)))
        .collect();
    let errors = errors.map_err(|error| Fault::Corrupt(format!("errors as JSON: {error}")))?;
    let columns = "id, received_at, last_at, times, sender, source, event_type, form, readable, \
         item, bytes, fingerprint, errors, state, changed_at";
    Ok(Sql::kept(format!(
        "INSERT INTO platform.quarantine ({columns}) \
         SELECT id, received_at, received_at, 1, sender, source, event_type, form, readable, item, \
         bytes, fingerprint, errors, 'waiting', received_at FROM unnest("
    ))
    .value::<Array<Uuid>, _>(of(items, |item| item.id))
    .sql(", ")
    .value::<Array<Timestamptz>, _>(of(items, |item| item.received_at))
    .sql(", ")
    .value::<Array<Uuid>, _>(of(items, |item| item.sender))
    .sql(", ")
    .value::<Array<Nullable<SqlText>>, _>(of(items, |item| item.source.as_deref()))
    .sql(", ")
    .value::<Array<Nullable<SqlText>>, _>(of(items, |item| item.event_type.as_deref()))
    .sql(", ")
    .value::<Array<SqlText>, _>(of(items, |item| form_name(item.form)))
    .sql(", ")
    .value::<Array<Bool>, _>(of(items, |item| item.text.readable))
    .sql(", ")
    .value::<Array<SqlText>, _>(of(items, |item| stored(&item.text)))
    .sql(", ")
    .value::<Array<BigInt>, _>(of(items, |item| signed(item.bytes())))
    .sql(", ")
    .value::<Array<Bytea>, _>(of(items, |item| item.fingerprint().0.to_vec()))
    .sql(", ")
    .value::<Array<Jsonb>, _>(errors)
    .sql(
        ") AS item (id, received_at, sender, source, event_type, form, readable, item, bytes, \
         fingerprint, errors)",
    ))
}

/// Counts items that came again.
fn again(ids: Vec<uuid::Uuid>, at: Timestamp) -> Sql<'static> {
    Sql::kept("UPDATE platform.quarantine AS item SET times = item.times + came.times, last_at = greatest(item.last_at, ")
        .value::<Timestamptz, _>(at)
        .sql(") FROM (SELECT id, count(*) AS times FROM unnest(")
        .value::<Array<Uuid>, _>(ids)
        .sql(") AS came (id) GROUP BY id) AS came WHERE item.id = came.id")
}

/// Everything but the commit.
async fn keep(connection: &AsyncPgConnection, batch: &[NewItem]) -> Result<Vec<Verdict>, Fault> {
    let Some(first) = batch.first() else {
        return Ok(Vec::new());
    };
    // The statements behind this one see what waits once it is ours.
    let room = hold(connection).await?;
    let since = first.received_at - LATELY;
    let (known, lately) = try_join(
        known(connection, batch),
        lately(connection, first.sender, since),
    )
    .await?;
    let room = Room { lately, ..room };
    let (verdicts, after) = admit(batch, &known, room);
    let of = |wanted: fn(&Verdict) -> bool| {
        let both = batch.iter().zip(&verdicts);
        both.filter(move |(_, verdict)| wanted(verdict))
    };
    let new: Vec<_> = of(|verdict| *verdict == Verdict::Kept)
        .map(|(item, _)| item)
        .collect();
    let repeats: Vec<_> = verdicts
        .iter()
        .filter_map(|verdict| match verdict {
            Verdict::Again(id) => Some(*id),
            Verdict::Kept | Verdict::NoRoom => None,
        })
        .collect();
    let changes: Vec<_> = of(|verdict| *verdict != Verdict::NoRoom)
        .map(|(item, verdict)| {
            let named = (item.received_at, item.sender, item.source.as_deref());
            line(named, verdict.outcome(), 1)
        })
        .collect();
    if changes.is_empty() {
        return Ok(verdicts);
    }
    if !new.is_empty() {
        insert(&new)?.run(connection).await.map_err(classify)?;
    }
    let waiting = signed(after.waiting) - signed(room.waiting);
    let bytes = signed(after.bytes) - signed(room.bytes);
    try_join3(
        again(repeats, first.received_at).run(connection),
        carry_out(&changes).run(connection),
        change_room(waiting, bytes).run(connection),
    )
    .await
    .map_err(classify)?;
    Ok(verdicts)
}

#[derive(QueryableByName)]
struct Place {
    #[diesel(sql_type = Uuid)]
    id: uuid::Uuid,
    #[diesel(sql_type = Timestamptz)]
    received_at: Timestamp,
    #[diesel(sql_type = Uuid)]
    sender: uuid::Uuid,
    #[diesel(sql_type = Nullable<SqlText>)]
    source: Option<String>,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
    #[diesel(sql_type = SqlText)]
    state: String,
}

/// Everything but the commit.
async fn settle(
    connection: &AsyncPgConnection,
    findings: &[(uuid::Uuid, Finding)],
    at: Timestamp,
) -> Result<(), Fault> {
    hold(connection).await?;
    let ids: Vec<_> = findings.iter().map(|(id, _)| *id).collect();
    let places: Vec<Place> = Sql::once(
        "SELECT id, received_at, sender, source, bytes, state FROM platform.quarantine \
         WHERE state <> 'replayed' AND id = ANY(",
    )
    .value::<Array<Uuid>, _>(ids)
    .sql(")")
    .rows(connection)
    .await
    .map_err(classify)?;
    let places: HashMap<_, _> = places.into_iter().map(|place| (place.id, place)).collect();
    let (mut changes, mut room) = (Vec::new(), (0, 0));
    let (mut replayed, mut events) = (Vec::new(), Vec::new());
    let (mut bad, mut reasons) = (Vec::new(), Vec::new());
    for (id, finding) in findings {
        let Some(place) = places.get(id) else {
            continue;
        };
        let (event, repeated) = match finding {
            Finding::Stored { event } => (*event, false),
            Finding::Repeated { event } => (*event, true),
            Finding::Bad { errors } => {
                bad.push(*id);
                let errors = serde_json::to_value(tidy(errors));
                reasons.push(
                    errors.map_err(|error| Fault::Corrupt(format!("errors as JSON: {error}")))?,
                );
                continue;
            }
        };
        if replayed.contains(id) {
            continue;
        }
        replayed.push(*id);
        events.push(event);
        let named = |at| (at, place.sender, place.source.as_deref());
        changes.push(line(named(place.received_at), Outcome::Quarantined, -1));
        if repeated {
            changes.push(line(named(at), Outcome::Repeated, 1));
        }
        if place.state == State::Waiting.as_str() {
            room = (room.0 - 1, room.1 - place.bytes);
        }
    }
    let became = Sql::once(
        "UPDATE platform.quarantine AS item SET state = 'replayed', replayed_as = found.event, \
         item = NULL, reason = NULL, changed_at = ",
    )
    .value::<Timestamptz, _>(at)
    .sql(" FROM unnest(")
    .value::<Array<Uuid>, _>(replayed)
    .sql(", ")
    .value::<Array<Uuid>, _>(events)
    .sql(") AS found (id, event) WHERE item.id = found.id");
    let stayed =
        Sql::once("UPDATE platform.quarantine AS item SET errors = found.errors, changed_at = ")
            .value::<Timestamptz, _>(at)
            .sql(" FROM unnest(")
            .value::<Array<Uuid>, _>(bad)
            .sql(", ")
            .value::<Array<Jsonb>, _>(reasons)
            .sql(") AS found (id, errors) WHERE item.id = found.id AND item.state = 'waiting'");
    became.run(connection).await.map_err(classify)?;
    try_join3(
        stayed.run(connection),
        change_room(room.0, room.1).run(connection),
        carry_out(&changes).run(connection),
    )
    .await
    .map_err(classify)?;
    Ok(())
}

#[derive(QueryableByName)]
struct Gone {
    #[diesel(sql_type = Uuid)]
    id: uuid::Uuid,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

/// Gives up what the rest of the statement picks.
async fn give_up(
    connection: &AsyncPgConnection,
    reason: &str,
    at: Timestamp,
    which: Sql<'_>,
) -> Result<Vec<uuid::Uuid>, Fault> {
    hold(connection).await?;
    let sql =
        Sql::once("UPDATE platform.quarantine SET state = 'discarded', item = NULL, reason = ")
            .value::<SqlText, _>(reason)
            .sql(", changed_at = ")
            .value::<Timestamptz, _>(at)
            .sql(" WHERE state = 'waiting' AND ")
            .append(which)
            .sql(" RETURNING id, bytes");
    let gone: Vec<Gone> = sql.rows(connection).await.map_err(classify)?;
    let bytes: i64 = gone.iter().map(|gone| gone.bytes).sum();
    change_room(-signed(gone.len() as u64), -bytes)
        .run(connection)
        .await
        .map_err(classify)?;
    Ok(gone.into_iter().map(|gone| gone.id).collect())
}

fn page(query: &QuarantineQuery, behind: Option<uuid::Uuid>, limit: i64) -> Sql<'_> {
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

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[async_trait]
impl Quarantine for PgQuarantine {
    async fn keep(
        &self,
        batch: Vec<NewItem>,
        within: Duration,
    ) -> Result<Vec<Verdict>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let until = Instant::now() + within;
        let turn = tokio::time::timeout_at(until, self.turn.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            let why = "too much is put aside at the same time";
            return Err(StoreError::unavailable(why));
        };
        let left = until.saturating_duration_since(Instant::now());
        let transaction = Transaction::begin(&self.pool, left).await?;
        let work = keep(transaction.connection(), &batch);
        let work = transaction.wait(work).await;
        transaction.end(work).await
    }

    async fn items(
        &self,
        query: &QuarantineQuery,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Item>, StoreError> {
        let behind = match &cursor {
            Some(Cursor::Name(parts)) => parts.first().and_then(|id| id.parse().ok()),
            _ => None,
        };
        // NUL is in no source, and the database takes none.
        if query
            .source
            .as_ref()
            .is_some_and(|source| source.contains('\0'))
        {
            return Ok(Page::cut(Vec::new(), limit, after));
        }
        let most = signed(limit.saturating_add(1) as u64);
        let rows: Vec<Row> = self.pool.load(|| page(query, behind, most)).await?;
        let items: Result<Vec<_>, _> = rows.into_iter().map(Item::try_from).collect();
        Ok(Page::cut(items?, limit, after))
    }

    async fn get(&self, ids: &[uuid::Uuid]) -> Result<Vec<Item>, StoreError> {
        let rows: Vec<Row> = self
            .pool
            .load(|| {
                Sql::once(format!(
                    "SELECT {ITEM_COLUMNS}, item FROM platform.quarantine WHERE id = ANY("
                ))
                .value::<Array<Uuid>, _>(ids)
                .sql(")")
            })
            .await?;
        let items: Result<Vec<_>, _> = rows.into_iter().map(Item::try_from).collect();
        Ok(items?)
    }

    async fn settle(
        &self,
        findings: Vec<(uuid::Uuid, Finding)>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let transaction = Transaction::begin(&self.pool, self.pool.statement_timeout()).await?;
        let work = settle(transaction.connection(), &findings, at);
        let work = transaction.wait(work).await;
        transaction.end(work).await
    }

    async fn discard(
        &self,
        ids: Vec<uuid::Uuid>,
        reason: String,
        at: Timestamp,
    ) -> Result<Vec<uuid::Uuid>, StoreError> {
        let transaction = Transaction::begin(&self.pool, self.pool.statement_timeout()).await?;
        let which = Sql::once("id = ANY(").value::<Array<Uuid>, _>(ids).sql(")");
        let work = give_up(transaction.connection(), &reason, at, which);
        let work = transaction.wait(work).await;
        transaction.end(work).await
    }

    async fn expire(
        &self,
        waits_since: Timestamp,
        remembered_since: Timestamp,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let transaction = Transaction::begin(&self.pool, self.pool.statement_timeout()).await?;
        let connection = transaction.connection();
        let work = async {
            Sql::once(
                "DELETE FROM platform.quarantine WHERE id IN (SELECT id FROM platform.quarantine \
                 WHERE state <> 'waiting' AND changed_at < ",
            )
            .value::<Timestamptz, _>(remembered_since)
            .sql(format!(" LIMIT {GO})"))
            .run(connection)
            .await
            .map_err(classify)?;
            let late = Sql::once(
                "id IN (SELECT id FROM platform.quarantine WHERE state = 'waiting' \
                 AND received_at < ",
            )
            .value::<Timestamptz, _>(waits_since)
            .sql(format!(" ORDER BY received_at LIMIT {GO})"));
            give_up(connection, WAITED_TOO_LONG, at, late).await
        };
        let work = transaction.wait(work).await;
        let gone = transaction.end(work).await?;
        Ok(gone.len() as u64)
    }
}

fn after(item: &Item) -> Cursor {
    Cursor::Name(vec![item.id.to_string()])
}
