//! What the quick way reads when memory does not do, over a connection of its own whose plans look for
//! everything by its key, whatever was good while the tables were empty.

use std::collections::BTreeSet;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Timestamptz};
use diesel_async::SimpleAsyncConnection;
use pts_domain::Timestamp;
use pts_ports::StoreError;

use super::{Incoming, Stored, careful};
use crate::PgPool;
use crate::connection::Connection;
use crate::error::{Fault, classify};
use crate::event_log::incoming::Identities;
use crate::event_log::partitions;
use crate::project::{self, Key, Place, Reached, Rooms};
use crate::row::Head;
use crate::sql::Sql;

/// Asks, and once more over a new connection if the old one does not do. A connection that failed in
/// whatever way is closed: the next question gets one that is certainly clean.
macro_rules! ask {
    ($reader:ident, $connection:ident => $question:expr) => {{
        let limit = $reader.pool.statement_timeout();
        loop {
            let taken = tokio::time::timeout(limit, $reader.take()).await;
            let (connection, fresh) =
                taken.map_err(|_| StoreError::unavailable("the database does not answer"))??;
            let $connection = &connection.diesel;
            match tokio::time::timeout(limit, $question).await {
                Ok(Ok(answer)) => {
                    $reader.connection = Some(connection);
                    break Ok(answer);
                }
                Ok(Err(fault)) if fresh => break Err(fault.into()),
                Ok(Err(_)) => {}
                Err(_) => {
                    let reason = "the database took too long to answer";
                    break Err(StoreError::unavailable(reason));
                }
            }
        }
    }};
}

const ENDS: &str = "SELECT h.position, h.stamp, \
     p.position AS projected, p.stamp AS projected_stamp \
     FROM platform.log_head AS h CROSS JOIN platform.log_projected AS p";

#[derive(QueryableByName)]
struct Ends {
    #[diesel(embed)]
    head: Head,
    #[diesel(sql_type = BigInt)]
    projected: i64,
    #[diesel(sql_type = BigInt)]
    projected_stamp: i64,
}

impl Ends {
    const fn reached(&self) -> Reached {
        Reached {
            position: self.projected,
            stamp: self.projected_stamp,
        }
    }
}

#[derive(QueryableByName)]
struct Later {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    newest: Option<Timestamp>,
}

/// Partitions ahead are empty but for such events: this looks through no more than those.
fn later(than: Timestamp) -> Sql<'static> {
    Sql::once("SELECT max(received_at) AS newest FROM platform.events WHERE received_at >= ")
        .value::<Timestamptz, _>(partitions::month_after(than))
}

/// The connection, opened when it is first needed.
pub(super) struct Reader {
    pool: PgPool,
    connection: Option<Connection>,
}

impl Reader {
    pub(super) const fn new(pool: PgPool) -> Self {
        Self {
            pool,
            connection: None,
        }
    }

    /// The aggregates under these keys, as far as they are there.
    pub(super) async fn aggregates(&mut self, keys: &BTreeSet<Key>) -> Result<Rooms, StoreError> {
        ask!(self, connection => project::load(connection, Place::Live, keys))
    }

    /// What the log holds of these identities.
    pub(super) async fn identities(
        &mut self,
        batch: &[Incoming],
    ) -> Result<Identities<Stored>, StoreError> {
        ask!(self, connection => careful::look_up(connection, batch))
    }

    /// Where the log ends, and how far the projections have come, as of one moment.
    pub(super) async fn ends(&mut self) -> Result<(Head, Reached), StoreError> {
        let rows: Vec<Ends> = ask!(self, connection => async {
            Sql::kept(ENDS).rows(connection).await.map_err(classify)
        })?;
        match rows.into_iter().next() {
            Some(ends) => Ok((ends.head, ends.reached())),
            None => Err(StoreError::Corrupt(
                "platform.log_head or platform.log_projected is empty".into(),
            )),
        }
    }

    /// When the newest event behind the month of this moment was received, if there is any: a clock that
    /// was ahead and is set back leaves some.
    pub(super) async fn received_later(
        &mut self,
        than: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let rows: Vec<Later> = ask!(self, connection => async {
            later(than).rows(connection).await.map_err(classify)
        })?;
        Ok(rows.into_iter().next().and_then(|row| row.newest))
    }

    /// The connection, and whether it is a new one.
    async fn take(&mut self) -> Result<(Connection, bool), Fault> {
        match self.connection.take() {
            Some(connection) if !connection.driver.is_finished() => Ok((connection, false)),
            _ => Ok((self.open().await?, true)),
        }
    }

    async fn open(&self) -> Result<Connection, Fault> {
        let mut connection = self.pool.own().await?;
        connection
            .diesel
            .batch_execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
            .await
            .map_err(classify)?;
        Ok(connection)
    }
}
