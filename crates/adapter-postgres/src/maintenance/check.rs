//! Checking that the live projections are what the log gives: the log is replayed into shadows as
//! of one moment, and the two are compared. Appends go on meanwhile; nothing is written that
//! outlives the transaction.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use pts_ports::{Difference, Projector};

use super::{MOST, begin};
use crate::error::{Fault, classify};
use crate::project::{Place, TABLES, Table, reached, replay, shadow_tables};
use crate::sql::Sql;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = Text)]
    kind: String,
}

pub(super) async fn check(
    mut connection: &AsyncPgConnection,
    projector: &dyn Projector,
) -> Result<Vec<Difference>, Fault> {
    begin(connection, "ISOLATION LEVEL REPEATABLE READ").await?;
    shadow_tables(connection).await?;
    // Live ones may be a moment behind the log, and are compared as of where they are.
    let live = reached(connection).await?;
    let stretch = 0..live.position.saturating_add(1);
    replay(connection, projector, Place::Shadow, stretch).await?;
    let mut found = Vec::new();
    for table in TABLES {
        let room = i64::try_from(MOST - found.len()).unwrap_or(0);
        let rows: Vec<Row> = compare(table, room)
            .rows(connection)
            .await
            .map_err(classify)?;
        found.extend(rows.into_iter().map(|row| Difference {
            projection: format!("platform.{}", table.name),
            key: row.key,
            kind: row.kind,
        }));
    }
    connection
        .batch_execute("ROLLBACK")
        .await
        .map_err(classify)?;
    Ok(found)
}

fn compare(table: &Table, limit: i64) -> Sql<'static> {
    let Table { name, key, .. } = table;
    let columns = key.join(", ");
    let shown: Vec<_> = key.iter().map(|column| format!("{column}::text")).collect();
    let shown = shown.join(" || '/' || ");
    let some = key[0];
    Sql::once(format!(
        "SELECT {shown} AS key, CASE WHEN live.{some} IS NULL THEN 'missing' \
         WHEN replayed.{some} IS NULL THEN 'unexpected' ELSE 'different' END AS kind \
         FROM platform.{name} AS live FULL JOIN pg_temp.{name} AS replayed USING ({columns}) \
         WHERE live IS DISTINCT FROM replayed ORDER BY {columns} LIMIT "
    ))
    .value::<BigInt, _>(limit)
}
