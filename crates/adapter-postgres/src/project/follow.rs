//! How far the live projections have come, and having them follow the log.
//!
//! Whoever writes projections moves [`Reached`] in the same transaction, from where it knows it to
//! be: two that write at the same time cannot both be right, and the second is refused or waits.

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::AsyncPgConnection;
use pts_ports::{Projector, StoreError};

use super::{Place, replay};
use crate::PgPool;
use crate::error::{Fault, classify};
use crate::row::fresh_stamp;
use crate::sql::Sql;
use crate::transaction::Transaction;

/// How far the projections have come, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub(crate) struct Reached {
    #[diesel(sql_type = BigInt)]
    pub(crate) position: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) stamp: i64,
}

/// Where the log ends, and how far the projections have come.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub(crate) struct Lag {
    #[diesel(sql_type = BigInt)]
    pub(crate) head: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) projected: i64,
}

/// The statement that tells.
pub(crate) fn lag() -> Sql<'static> {
    Sql::kept(
        "SELECT h.position AS head, p.position AS projected \
         FROM platform.log_head AS h CROSS JOIN platform.log_projected AS p",
    )
}

/// How far they are.
pub(crate) async fn reached(connection: &AsyncPgConnection) -> Result<Reached, Fault> {
    one(
        Sql::kept("SELECT position, stamp FROM platform.log_projected"),
        connection,
    )
    .await
}

/// The same, and nobody else writes projections until this transaction ends.
pub(crate) async fn hold(connection: &AsyncPgConnection) -> Result<Reached, Fault> {
    one(
        Sql::kept("SELECT position, stamp FROM platform.log_projected FOR UPDATE"),
        connection,
    )
    .await
}

async fn one(sql: Sql<'static>, connection: &AsyncPgConnection) -> Result<Reached, Fault> {
    let rows: Vec<Reached> = sql.rows(connection).await.map_err(classify)?;
    rows.into_iter()
        .next()
        .ok_or_else(|| Fault::Corrupt("platform.log_projected is empty".into()))
}

/// The statement that says how far they are, for whoever holds it.
pub(crate) fn now_at(position: i64) -> Sql<'static> {
    Sql::kept("UPDATE platform.log_projected SET position = ")
        .value::<BigInt, _>(position)
        .sql(", stamp = ")
        .value::<BigInt, _>(fresh_stamp())
}

/// The statement that moves them on if they are still where they are known to be; one row if so.
pub(crate) fn moved(from: Reached, to: Reached) -> Sql<'static> {
    Sql::kept("UPDATE platform.log_projected SET position = ")
        .value::<BigInt, _>(to.position)
        .sql(", stamp = ")
        .value::<BigInt, _>(to.stamp)
        .sql(" WHERE position = ")
        .value::<BigInt, _>(from.position)
        .sql(" AND stamp = ")
        .value::<BigInt, _>(from.stamp)
        .sql(" RETURNING 1")
}

/// Folds what stands behind the projections into them, up to the head and what was appended since
/// that was read, in the transaction that holds them.
pub(crate) async fn follow(
    connection: &AsyncPgConnection,
    projector: &dyn Projector,
    from: Reached,
    head: i64,
) -> Result<(), Fault> {
    let stretch = from.position..i64::MAX;
    let replayed = replay(connection, projector, Place::Live, stretch).await?;
    // The last events of a log may be gone: then the head is behind all there are.
    now_at(replayed.position.max(head))
        .run(connection)
        .await
        .map_err(classify)?;
    tracing::debug!(events = replayed.events, "the projections have caught up");
    Ok(())
}

/// Has the projections follow the log to its end, in a transaction of its own.
pub(crate) async fn catch_up(pool: &PgPool, projector: &dyn Projector) -> Result<(), StoreError> {
    let transaction = Transaction::begin(pool, pool.statement_timeout()).await?;
    let connection = transaction.connection();
    let work = async {
        let from = hold(connection).await?;
        let lag: Vec<Lag> = lag().rows(connection).await.map_err(classify)?;
        match lag.first() {
            Some(lag) if lag.head > from.position => {
                follow(connection, projector, from, lag.head).await
            }
            _ => Ok(()),
        }
    };
    let done = transaction.wait(work).await;
    transaction.end(done).await
}
