//! Events as rows of `platform.events`: as one statement's arrays for a few, as COPY's binary form
//! for many. Both have the same columns in the same order.

use bytes::{BufMut, Bytes, BytesMut};
use chrono::DateTime;
use diesel::sql_types::{
    Array, BigInt, Bool, Bytea, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid,
};
use pts_domain::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::incoming::Incoming;
use super::partitions::{month_of, partition_of};
use crate::error::Fault;
use crate::sql::Sql;

macro_rules! columns {
    () => {
        "(position, id, source, event_id, type, subject, \"time\", time_given, received_at, \
         service, environment, data, attributes, digest, sender, workspace)"
    };
}

const COLUMNS: i16 = 16;

/// The statement whose data [`copied`] makes, for events of one month. Into the partition itself: COPY
/// takes no table to which policies apply, as they do here to an owner that is not above them. `None`
/// for events of several months, and for none.
pub(super) fn copy(rows: &[&Incoming]) -> Option<String> {
    let mut months = rows.iter().map(|row| month_of(row.event.received_at));
    let month = months.next()?;
    months.all(|other| other == month).then(|| {
        format!(
            "COPY platform.{} {} FROM STDIN WITH (FORMAT binary)",
            partition_of(month),
            columns!()
        )
    })
}

/// The statement that inserts them. `attributes` are theirs, in the same order.
pub(super) fn insert<'a>(rows: &[&'a Incoming], attributes: &'a [Value]) -> Sql<'a> {
    match (rows, attributes) {
        ([row], [attributes]) => insert_one(row, attributes),
        _ => insert_many(rows, attributes),
    }
}

fn insert_many<'a>(of: &[&'a Incoming], attributes: &'a [Value]) -> Sql<'a> {
    Sql::kept(concat!(
        "INSERT INTO platform.events ",
        columns!(),
        " SELECT * FROM unnest("
    ))
    .value::<Array<BigInt>, _>(each(of, |e| e.event.position))
    .sql(", ")
    .value::<Array<Uuid>, _>(each(of, |e| e.event.id))
    .sql(", ")
    .value::<Array<Text>, _>(each(of, |e| e.event.event.identity.source.as_str()))
    .sql(", ")
    .value::<Array<Text>, _>(each(of, |e| e.event.event.identity.id.as_str()))
    .sql(", ")
    .value::<Array<Text>, _>(each(of, |e| e.event.event.event_type.as_str()))
    .sql(", ")
    .value::<Array<Nullable<Text>>, _>(each(of, |e| e.event.event.subject.as_deref()))
    .sql(", ")
    .value::<Array<Timestamptz>, _>(each(of, |e| e.event.event.time))
    .sql(", ")
    .value::<Array<Bool>, _>(each(of, |e| e.event.event.time_given))
    .sql(", ")
    .value::<Array<Timestamptz>, _>(each(of, |e| e.event.received_at))
    .sql(", ")
    .value::<Array<Nullable<Text>>, _>(each(of, |e| e.event.event.service()))
    .sql(", ")
    .value::<Array<Nullable<Text>>, _>(each(of, |e| e.event.event.environment()))
    .sql(", ")
    .value::<Array<Jsonb>, _>(each(of, |e| &e.event.event.data))
    .sql(", ")
    .value::<Array<Jsonb>, _>(attributes.iter().collect::<Vec<_>>())
    .sql(", ")
    .value::<Array<Bytea>, _>(each(of, |e| e.known.digest.0.as_slice()))
    .sql(", ")
    .value::<Array<Nullable<Uuid>>, _>(each(of, |e| e.sender))
    .sql(", ")
    .value::<Array<Integer>, _>(each(of, |e| e.workspace))
    .sql(")")
}

/// One row needs no arrays: whoever sends one event at a time waits for less.
fn insert_one<'a>(row: &'a Incoming, attributes: &'a Value) -> Sql<'a> {
    let event = &row.event.event;
    Sql::kept(concat!(
        "INSERT INTO platform.events ",
        columns!(),
        " VALUES ("
    ))
    .value::<BigInt, _>(row.event.position)
    .sql(", ")
    .value::<Uuid, _>(row.event.id)
    .sql(", ")
    .value::<Text, _>(event.identity.source.as_str())
    .sql(", ")
    .value::<Text, _>(event.identity.id.as_str())
    .sql(", ")
    .value::<Text, _>(event.event_type.as_str())
    .sql(", ")
    .value::<Nullable<Text>, _>(event.subject.as_deref())
    .sql(", ")
    .value::<Timestamptz, _>(event.time)
    .sql(", ")
    .value::<Bool, _>(event.time_given)
    .sql(", ")
    .value::<Timestamptz, _>(row.event.received_at)
    .sql(", ")
    .value::<Nullable<Text>, _>(event.service())
    .sql(", ")
    .value::<Nullable<Text>, _>(event.environment())
    .sql(", ")
    .value::<Jsonb, _>(&event.data)
    .sql(", ")
    .value::<Jsonb, _>(attributes)
    .sql(", ")
    .value::<Bytea, _>(row.known.digest.0.as_slice())
    .sql(", ")
    .value::<Nullable<Uuid>, _>(row.sender)
    .sql(", ")
    .value::<Integer, _>(row.workspace)
    .sql(")")
}

/// The attributes of events as values.
pub(super) fn attributes(rows: &[&Incoming]) -> Vec<Value> {
    each(rows, |e| Value::Object(e.event.event.attributes.clone()))
}

fn each<'a, V>(rows: &[&'a Incoming], value: impl Fn(&'a Incoming) -> V) -> Vec<V> {
    rows.iter().map(|row| value(row)).collect()
}

/// The rows in the binary form of COPY: a signature, then per row a count of fields and each field
/// with its length, then -1. Numbers are big-endian; times are microseconds since 2000; a jsonb is
/// a 1 and its text.
pub(super) fn copied(rows: &[&Incoming]) -> Result<Bytes, Fault> {
    let mut out = BytesMut::with_capacity(rows.len() * 768 + 32);
    out.put_slice(b"PGCOPY\n\xff\r\n\0");
    out.put_i32(0);
    out.put_i32(0);
    for row in rows {
        let event = &row.event.event;
        out.put_i16(COLUMNS);
        number(&mut out, row.event.position);
        field(&mut out, row.event.id.as_bytes())?;
        field(&mut out, event.identity.source.as_bytes())?;
        field(&mut out, event.identity.id.as_bytes())?;
        field(&mut out, event.event_type.as_bytes())?;
        optional(&mut out, event.subject.as_deref().map(str::as_bytes))?;
        number(&mut out, microseconds(event.time));
        field(&mut out, &[u8::from(event.time_given)])?;
        number(&mut out, microseconds(row.event.received_at));
        optional(&mut out, event.service().map(str::as_bytes))?;
        optional(&mut out, event.environment().map(str::as_bytes))?;
        json(&mut out, &event.data)?;
        json(&mut out, &event.attributes)?;
        field(&mut out, &row.known.digest.0)?;
        optional(
            &mut out,
            row.sender.as_ref().map(|id| id.as_bytes().as_slice()),
        )?;
        field(&mut out, &row.workspace.to_be_bytes())?;
    }
    out.put_i16(-1);
    Ok(out.freeze())
}

fn number(out: &mut BytesMut, value: i64) {
    out.put_i32(8);
    out.put_i64(value);
}

fn field(out: &mut BytesMut, bytes: &[u8]) -> Result<(), Fault> {
    out.put_i32(length(bytes.len())?);
    out.put_slice(bytes);
    Ok(())
}

fn optional(out: &mut BytesMut, bytes: Option<&[u8]>) -> Result<(), Fault> {
    let Some(bytes) = bytes else {
        out.put_i32(-1);
        return Ok(());
    };
    field(out, bytes)
}

fn json(out: &mut BytesMut, value: &impl Serialize) -> Result<(), Fault> {
    let at = out.len();
    out.put_i32(0);
    out.put_u8(1);
    serde_json::to_writer((&mut *out).writer(), value)
        .map_err(|error| Fault::Corrupt(format!("an event cannot be written: {error}")))?;
    let length = length(out.len() - at - 4)?;
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

fn length(bytes: usize) -> Result<i32, Fault> {
    i32::try_from(bytes).map_err(|_| Fault::Corrupt("a field is too long for a row".into()))
}

/// Since the first moment of the year 2000, from where PostgreSQL counts.
fn microseconds(time: Timestamp) -> i64 {
    const EPOCH: Timestamp = DateTime::from_timestamp_nanos(946_684_800_000_000_000);
    (time - EPOCH).num_microseconds().unwrap_or(i64::MAX)
}
