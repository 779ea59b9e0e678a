//! Appending: the end is held, what is new is sealed behind it, and the end is moved.

use std::collections::HashSet;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bytea, Nullable, Text, Timestamptz, Uuid};
use diesel_async::AsyncPgConnection;
use pts_domain::audit::{Entry, Hash, Head, Record};
use pts_ports::StoreError;

use crate::PgPool;
use crate::error::{Fault, classify};
use crate::sql::Sql;

#[derive(QueryableByName)]
struct End {
    #[diesel(sql_type = BigInt)]
    sequence: i64,
    #[diesel(sql_type = Bytea)]
    hash: Vec<u8>,
}

impl End {
    fn head(&self) -> Result<Head, Fault> {
        let hash = Hash::of_bytes(&self.hash);
        let hash = hash.ok_or_else(|| Fault::Corrupt("the audit's end has no hash".into()))?;
        Ok(Head {
            sequence: self.sequence,
            hash,
        })
    }
}

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = Uuid)]
    id: uuid::Uuid,
}

/// Where the chain ends.
pub(super) async fn end(pool: &PgPool) -> Result<Option<Head>, StoreError> {
    let ends: Vec<End> = pool
        .load_first(|| Sql::kept("SELECT sequence, hash FROM access.audit_end"))
        .await?;
    Ok(ends.first().map(End::head).transpose()?)
}

/// Everything but the commit.
pub(super) async fn append(
    connection: &AsyncPgConnection,
    records: Vec<Record>,
) -> Result<Head, Fault> {
    let ends: Vec<End> = Sql::kept("SELECT sequence, hash FROM access.audit_end FOR UPDATE")
        .rows(connection)
        .await
        .map_err(classify)?;
    let end = ends.first();
    let end = end.ok_or_else(|| Fault::Corrupt("access.audit_end is empty".into()))?;
    let mut head = end.head()?;
    let mut known = known(connection, &records).await?;
    let new = records.into_iter().filter(|record| known.insert(record.id));
    let entries: Vec<Entry> = new.map(|record| head.seal(record)).collect();
    if entries.is_empty() {
        return Ok(head);
    }
    insert(&entries).run(connection).await.map_err(classify)?;
    Sql::kept("UPDATE access.audit_end SET sequence = ")
        .value::<BigInt, _>(head.sequence)
        .sql(", hash = ")
        .value::<Bytea, _>(head.hash.0.to_vec())
        .run(connection)
        .await
        .map_err(classify)?;
    Ok(head)
}

/// Which of these are in the chain already.
async fn known(
    connection: &AsyncPgConnection,
    records: &[Record],
) -> Result<HashSet<uuid::Uuid>, Fault> {
    let ids: Vec<_> = records.iter().map(|record| record.id).collect();
    let known: Vec<Known> = Sql::kept("SELECT id FROM access.audit_entries WHERE id = ANY(")
        .value::<Array<Uuid>, _>(ids)
        .sql(")")
        .rows(connection)
        .await
        .map_err(classify)?;
    Ok(known.into_iter().map(|row| row.id).collect())
}

fn insert(entries: &[Entry]) -> Sql<'_> {
    fn of<'a, V>(entries: &'a [Entry], value: impl Fn(&'a Record) -> V) -> Vec<V> {
        entries.iter().map(|entry| value(&entry.record)).collect()
    }
    let bytes = |hash: &dyn Fn(&Entry) -> Hash| -> Vec<Vec<u8>> {
        entries.iter().map(|entry| hash(entry).0.to_vec()).collect()
    };
    let sequences: Vec<i64> = entries.iter().map(|entry| entry.sequence).collect();
    let columns = super::row::COLUMNS;
    let sql = Sql::kept(format!(
        "INSERT INTO access.audit_entries ({columns}) SELECT {columns} FROM unnest("
    ));
    let sql = sql
        .value::<Array<BigInt>, _>(sequences)
        .sql(", ")
        .value::<Array<Uuid>, _>(of(entries, |record| record.id))
        .sql(", ")
        .value::<Array<Timestamptz>, _>(of(entries, |record| record.at))
        .sql(", ")
        .value::<Array<Timestamptz>, _>(of(entries, |record| record.last_at))
        .sql(", ")
        .value::<Array<BigInt>, _>(of(entries, |record| {
            i64::try_from(record.times).unwrap_or(i64::MAX)
        }))
        .sql(", ")
        .value::<Array<Text>, _>(of(entries, |record| record.actor.kind.as_str()))
        .sql(", ")
        .value::<Array<Nullable<Uuid>>, _>(of(entries, |record| record.actor.id))
        .sql(", ")
        .value::<Array<Text>, _>(of(entries, |record| record.actor.name.as_str()))
        .sql(", ")
        .value::<Array<Nullable<Text>>, _>(of(entries, |record| record.actor.subject.as_deref()))
        .sql(", ")
        .value::<Array<Text>, _>(of(entries, |record| record.action.as_str()))
        .sql(", ")
        .value::<Array<Nullable<Bytea>>, _>(of(entries, |record| {
            record.input.map(|input| input.0.to_vec())
        }))
        .sql(", ");
    sql.value::<Array<Text>, _>(of(entries, |record| record.effect.as_str()))
        .sql(", ")
        .value::<Array<Text>, _>(of(entries, |record| record.outcome.as_str()))
        .sql(", ")
        .value::<Array<Nullable<Text>>, _>(of(entries, |record| record.reason.as_deref()))
        .sql(", ")
        .value::<Array<Nullable<Text>>, _>(of(entries, |record| record.request_id.as_deref()))
        .sql(", ")
        .value::<Array<Nullable<Text>>, _>(of(entries, |record| {
            record.address.map(|address| address.to_string())
        }))
        .sql(", ")
        .value::<Array<Nullable<Text>>, _>(of(entries, |record| record.workspace.as_deref()))
        .sql(", ")
        .value::<Array<Nullable<Uuid>>, _>(of(entries, |record| record.intent))
        .sql(", ")
        .value::<Array<Bytea>, _>(bytes(&|entry| entry.previous))
        .sql(", ")
        .value::<Array<Bytea>, _>(bytes(&|entry| entry.hash))
        .sql(format!(") AS entry ({columns})"))
}
