//! Rebuilding: the log is replayed into shadows, which then take the place of what was there, in
//! one transaction. Rows are exchanged, not tables: readers never wait and never see half of it.

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use pts_ports::{Projector, RebuildReport};

use super::begin;
use crate::error::{Fault, classify};
use crate::project::{Place, TABLES, Table, hold, now_at, replay, shadow_tables};
use crate::sql::Sql;

/// Takes the head as an append does, and leaves a number there that no append knows: what they
/// remember of the projections is no longer so.
const TAKE_HEAD: &str = "UPDATE platform.log_head \
     SET stamp = ('x' || substr(md5(random()::text || clock_timestamp()::text), 1, 16))::bit(64)::bigint";

pub(super) async fn rebuild(
    mut connection: &AsyncPgConnection,
    projector: &dyn Projector,
) -> Result<RebuildReport, Fault> {
    begin(connection, "ISOLATION LEVEL READ COMMITTED").await?;
    // Appends wait from here on.
    connection
        .batch_execute(TAKE_HEAD)
        .await
        .map_err(classify)?;
    hold(connection).await?;
    shadow_tables(connection).await?;
    let replayed = replay(connection, projector, Place::Shadow, 0..i64::MAX).await?;
    let mut written = 0;
    for Table {
        name, aggregates, ..
    } in TABLES
    {
        connection
            .batch_execute(&format!("DELETE FROM platform.{name}"))
            .await
            .map_err(classify)?;
        let rows = Sql::once(format!(
            "INSERT INTO platform.{name} SELECT * FROM pg_temp.{name}"
        ))
        .run(connection)
        .await
        .map_err(classify)?;
        if *aggregates {
            written += rows as u64;
        }
    }
    now_at(replayed.position)
        .run(connection)
        .await
        .map_err(classify)?;
    connection.batch_execute("COMMIT").await.map_err(classify)?;
    Ok(RebuildReport {
        events: replayed.events,
        aggregates: written,
    })
}
