//! Partitions of months to come.

use std::collections::BTreeSet;

use diesel::sql_types::{Integer, Timestamptz};
use pts_domain::Timestamp;
use pts_domain::retention::Month;
use pts_ports::{MonthAhead, StoreError};

use super::{MONTHS, Name, month_of};
use crate::PgPool;
use crate::row::Number;
use crate::sql::Sql;

pub(super) async fn list(
    pool: &PgPool,
    now: Timestamp,
    months: u32,
) -> Result<Vec<MonthAhead>, StoreError> {
    let names: Vec<Name> = pool.load(|| Sql::once(MONTHS)).await?;
    let there: BTreeSet<Month> = names.iter().filter_map(|row| month_of(&row.name)).collect();
    let asked = std::iter::successors(Some(Month::of(now)), |month| Some(month.next()));
    let count = usize::try_from(months)
        .unwrap_or(usize::MAX)
        .saturating_add(1);
    Ok(asked
        .take(count)
        .map(|month| MonthAhead {
            month,
            ready: there.contains(&month),
        })
        .collect())
}

pub(super) async fn make(pool: &PgPool, now: Timestamp, months: u32) -> Result<u32, StoreError> {
    let months = i32::try_from(months).unwrap_or(i32::MAX);
    let made: Vec<Number> = pool
        .load(|| {
            Sql::once("SELECT platform.ensure_partitions(")
                .value::<Timestamptz, _>(now)
                .sql(", ")
                .value::<Integer, _>(months)
                .sql(")::bigint AS number")
        })
        .await?;
    let made = made.iter().map(|row| row.number).sum::<i64>();
    Ok(u32::try_from(made).unwrap_or(0))
}
