//! What goes must have been counted: the accounts count what is stored from the log itself.

use std::time::{Duration, Instant};

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool};
use pts_ports::{Accounting as _, Counted, StoreError};

use super::PgRetention;
use crate::PgAccounting;
use crate::sql::Sql;

/// So many positions are counted in one transaction.
const AT_ONCE: i64 = 100_000;
/// How long to leave it to another process that counts.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(QueryableByName)]
struct Flag {
    #[diesel(sql_type = Bool)]
    flag: bool,
}

/// Has the log counted up to a position. That never goes back, so it need not be asked again.
pub(super) async fn count_to(retention: &PgRetention, position: i64) -> Result<(), StoreError> {
    let accounting = PgAccounting::new(retention.pool.clone());
    let begun = Instant::now();
    while !is_counted(retention, position).await? {
        if accounting.count(AT_ONCE).await? != Counted::ByAnother {
            continue;
        }
        if begun.elapsed() > retention.patience {
            return Err(StoreError::unavailable(
                "another process counts the log for the accounts and has not come this far",
            ));
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

async fn is_counted(retention: &PgRetention, position: i64) -> Result<bool, StoreError> {
    let rows: Vec<Flag> = retention
        .pool
        .load(|| {
            Sql::once("SELECT position >= ")
                .value::<BigInt, _>(position)
                .sql(" AS flag FROM platform.accounted")
        })
        .await?;
    match rows.first() {
        Some(row) => Ok(row.flag),
        None => Err(StoreError::Corrupt("platform.accounted is empty".into())),
    }
}
