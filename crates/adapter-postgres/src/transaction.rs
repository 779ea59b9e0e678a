//! A few statements that belong together, within a time: done, not done, or in doubt because the
//! answer to COMMIT did not come.

use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use pts_ports::StoreError;
use tokio::time::{Instant, timeout_at};

use crate::PgPool;
use crate::error::{Fault, classify};
use crate::pool::Lease;

/// A transaction that has begun. Dropped, it costs its connection and leaves nothing behind.
pub(crate) struct Transaction {
    lease: Lease,
    until: Instant,
}

impl Transaction {
    /// Begins one that takes no longer than `within`, its beginning included.
    pub(crate) async fn begin(pool: &PgPool, within: Duration) -> Result<Self, StoreError> {
        let until = Instant::now() + within;
        let beginning = async {
            let lease = pool.lease().await?;
            // The server gives up as well: whom nobody waits for must not hold a lock.
            let limit = within.as_millis().max(1);
            let mut connection = lease.connection();
            let begun = connection
                .batch_execute(&format!("BEGIN; SET LOCAL statement_timeout = {limit}"))
                .await;
            match begun {
                Ok(()) => Ok(lease),
                Err(error) => Err(lease.fail(classify(error)).await),
            }
        };
        match timeout_at(until, beginning).await {
            Ok(Ok(lease)) => Ok(Self { lease, until }),
            Ok(Err(fault)) => Err(fault.into()),
            Err(_) => Err(too_long().into()),
        }
    }

    /// The connection that the transaction is on.
    pub(crate) fn connection(&self) -> &AsyncPgConnection {
        self.lease.connection()
    }

    /// Waits for a part of the work.
    pub(crate) async fn wait<T>(
        &self,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        timeout_at(self.until, work)
            .await
            .unwrap_or_else(|_| Err(too_long()))
    }

    /// Ends it with what its work came to: a commit, or nothing has happened.
    pub(crate) async fn end<T>(self, work: Result<T, Fault>) -> Result<T, StoreError> {
        let Self { lease, until } = self;
        let value = match work {
            Ok(value) => value,
            Err(fault) => return Err(lease.fail(fault).await.into()),
        };
        let in_doubt = |reason: String| StoreError::Unavailable {
            reason,
            maybe_done: true,
        };
        let mut connection = lease.connection();
        let committing = connection.batch_execute("COMMIT");
        match timeout_at(until, committing).await {
            Ok(Ok(())) => {
                lease.give_back();
                Ok(value)
            }
            Ok(Err(error)) => match lease.fail(classify(error)).await {
                Fault::Broken(reason) => Err(in_doubt(reason)),
                fault => Err(fault.into()),
            },
            Err(_) => Err(in_doubt("the database took too long to commit".into())),
        }
    }
}

fn too_long() -> Fault {
    Fault::Busy("the database took too long to answer".into())
}
