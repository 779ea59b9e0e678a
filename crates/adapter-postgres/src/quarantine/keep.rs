//! Putting items aside.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Bool, Bytea, Integer, Jsonb, Nullable, Text as SqlText, Timestamptz, Uuid,
};
use diesel_async::AsyncPgConnection;
use futures::future::try_join;
use pts_domain::Timestamp;
use pts_domain::quarantine::{Fingerprint, LATELY, NewItem, Room, Verdict, admit, form_name, tidy};
use serde_json::Value;

use super::room::{change_room, hold};
use super::row::stored;
use super::{line, signed};
use crate::accounting::carry_out;
use crate::error::{Fault, classify, together};
use crate::row::Number;
use crate::sql::Sql;

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
    workspace: i32,
    batch: &[NewItem],
) -> Result<HashMap<Fingerprint, uuid::Uuid>, Fault> {
    let fingerprints: Vec<Vec<u8>> = batch
        .iter()
        .map(|item| item.fingerprint().0.to_vec())
        .collect();
    let rows: Vec<Known> = Sql::kept(
        "SELECT fingerprint, id FROM platform.quarantine \
         WHERE state = 'waiting' AND workspace IS NOT DISTINCT FROM ",
    )
    .value::<Integer, _>(workspace)
    .sql(" AND fingerprint = ANY(")
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

fn insert<'a>(workspace: i32, items: &[&'a NewItem]) -> Result<Sql<'a>, Fault> {
    fn of<'a, V>(items: &[&'a NewItem], value: impl Fn(&'a NewItem) -> V) -> Vec<V> {
        items.iter().map(|item| value(item)).collect()
    }
    let errors: Result<Vec<Value>, _> = items
        .iter()
        .map(|item| serde_json::to_value(tidy(&item.errors)))
        .collect();
    let errors = errors.map_err(|error| Fault::Corrupt(format!("errors as JSON: {error}")))?;
    let columns = "workspace, id, received_at, last_at, times, sender, source, event_type, form, readable, \
         item, bytes, fingerprint, errors, state, changed_at";
    Ok(Sql::kept(format!(
        "INSERT INTO platform.quarantine ({columns}) SELECT "
    ))
    .value::<Integer, _>(workspace)
    .sql(
        ", id, received_at, received_at, 1, sender, source, event_type, form, readable, item, \
         bytes, fingerprint, errors, 'waiting', received_at FROM unnest(",
    )
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
pub(super) async fn keep(
    connection: &AsyncPgConnection,
    workspace: i32,
    batch: &[NewItem],
) -> Result<Vec<Verdict>, Fault> {
    let Some(first) = batch.first() else {
        return Ok(Vec::new());
    };
    // The statements behind this one see what waits once it is ours.
    let room = hold(connection).await?;
    let since = first.received_at - LATELY;
    let (known, lately) = try_join(
        known(connection, workspace, batch),
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
            line(workspace, named, verdict.outcome(), 1)
        })
        .collect();
    if changes.is_empty() {
        return Ok(verdicts);
    }
    if !new.is_empty() {
        insert(workspace, &new)?
            .run(connection)
            .await
            .map_err(classify)?;
    }
    let waiting = signed(after.waiting) - signed(room.waiting);
    let bytes = signed(after.bytes) - signed(room.bytes);
    let writes = [
        again(repeats, first.received_at),
        carry_out(&changes),
        change_room(waiting, bytes),
    ];
    together(writes.into_iter().map(|write| write.run(connection))).await?;
    Ok(verdicts)
}
