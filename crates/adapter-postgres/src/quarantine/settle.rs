//! What becomes of items: events, or given up.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Integer, Jsonb, Nullable, Text as SqlText, Timestamptz, Uuid,
};
use diesel_async::AsyncPgConnection;
use pts_domain::Timestamp;
use pts_domain::accounting::Outcome;
use pts_domain::quarantine::{State, tidy};
use pts_ports::Finding;

use super::room::{change_room, hold};
use super::{line, signed};
use crate::accounting::carry_out;
use crate::error::{Fault, classify, together};
use crate::sql::Sql;

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
pub(super) async fn settle(
    connection: &AsyncPgConnection,
    workspace: i32,
    findings: &[(uuid::Uuid, Finding)],
    at: Timestamp,
) -> Result<(), Fault> {
    hold(connection).await?;
    let ids: Vec<_> = findings.iter().map(|(id, _)| *id).collect();
    let places: Vec<Place> = Sql::once(
        "SELECT id, received_at, sender, source, bytes, state FROM platform.quarantine \
         WHERE state <> 'replayed' AND workspace = ",
    )
    .value::<Integer, _>(workspace)
    .sql(" AND id = ANY(")
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
        let came = named(place.received_at);
        changes.push(line(workspace, came, Outcome::Quarantined, -1));
        if repeated {
            changes.push(line(workspace, named(at), Outcome::Repeated, 1));
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
    let writes = [stayed, change_room(room.0, room.1), carry_out(&changes)];
    together(writes.into_iter().map(|write| write.run(connection))).await?;
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
pub(super) async fn give_up(
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
