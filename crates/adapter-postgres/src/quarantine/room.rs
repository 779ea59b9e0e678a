//! How much room there is: one row, held by whoever changes what waits.

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::AsyncPgConnection;
use pts_domain::quarantine::Room;

use crate::error::{Fault, classify};
use crate::sql::Sql;

#[derive(QueryableByName)]
struct RoomRow {
    #[diesel(sql_type = BigInt)]
    waiting: i64,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

/// Takes hold of what waits.
pub(super) async fn hold(connection: &AsyncPgConnection) -> Result<Room, Fault> {
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
pub(super) fn change_room(waiting: i64, bytes: i64) -> Sql<'static> {
    Sql::kept("UPDATE platform.quarantine_room SET waiting = waiting + ")
        .value::<BigInt, _>(waiting)
        .sql(", bytes = bytes + ")
        .value::<BigInt, _>(bytes)
}
