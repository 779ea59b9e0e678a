//! Which partitions are known to be there, so that an append need not ask.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};
use diesel::sql_types::{Integer, Timestamptz};
use pts_domain::Timestamp;
use pts_ports::StoreError;

use super::incoming::Incoming;
use crate::PgPool;
use crate::migrate::MONTHS_AHEAD;
use crate::row::Number;
use crate::sql::Sql;

/// Months, by their first moment, whose partition has been seen by this process.
#[derive(Default)]
pub(super) struct Partitions(Mutex<BTreeSet<Timestamp>>);

impl Partitions {
    /// Makes the partitions that a batch needs, and those of the months to come.
    pub(super) async fn ensure(&self, pool: &PgPool, batch: &[Incoming]) -> Result<(), StoreError> {
        let needed: BTreeSet<_> = batch
            .iter()
            .map(|incoming| month_of(incoming.event.received_at))
            .collect();
        for month in needed {
            if self.lock().contains(&month) {
                continue;
            }
            let made: Vec<Number> = pool
                .load_first(|| {
                    Sql::once("SELECT platform.ensure_partitions(")
                        .value::<Timestamptz, _>(month)
                        .sql(", ")
                        .value::<Integer, _>(MONTHS_AHEAD)
                        .sql(")::bigint AS number")
                })
                .await?;
            if made.first().is_some_and(|made| made.number > 0) {
                tracing::info!(%month, "made partitions of the event log");
            }
            self.lock().insert(month);
        }
        Ok(())
    }

    /// Forgets what was seen: somebody removed a partition.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first moment of a month, in UTC.
pub(super) fn month_of(time: Timestamp) -> Timestamp {
    let day = time.date_naive();
    let first = NaiveDate::from_ymd_opt(day.year(), day.month(), 1).unwrap_or(day);
    DateTime::<Utc>::from_naive_utc_and_offset(first.into(), Utc)
}

/// The name of a month's partition, as the database makes it.
pub(super) fn partition_of(month: Timestamp) -> String {
    month.format("events_%Y_%m").to_string()
}

/// The first moment of the month after that of a time, in UTC.
pub(super) fn month_after(time: Timestamp) -> Timestamp {
    let month = month_of(time);
    month.checked_add_months(Months::new(1)).unwrap_or(month)
}

/// For so long an identity is known at least. PostgreSQL keeps identities apart within a partition;
/// in the first days of a month that of the month before is looked into as well.
const KNOWN_FOR: Days = Days::new(8);

/// From here on an identity is known.
pub(super) fn identities_since(batch: &[Incoming]) -> Timestamp {
    let oldest = batch
        .iter()
        .map(|incoming| incoming.event.received_at)
        .min();
    known_since(oldest.unwrap_or_default())
}

/// The same for an event that is received now.
pub(super) fn known_since(now: Timestamp) -> Timestamp {
    month_of(now.checked_sub_days(KNOWN_FOR).unwrap_or(now))
}

/// Whether an identity of the batch may be in another partition than the event will be: that of the
/// month before, or, where a clock was set back, one behind it.
pub(super) fn reach_elsewhere(batch: &[Incoming], newest: Option<Timestamp>) -> bool {
    let since = identities_since(batch);
    batch.iter().any(|incoming| {
        let month = month_of(incoming.event.received_at);
        month != since || newest.is_some_and(|newest| month < month_of(newest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_in_utc() {
        let check = |time: &str, want: &str| {
            let month = month_of(pts_domain::time::parse(time).unwrap());
            assert_eq!(month, pts_domain::time::parse(want).unwrap(), "{time}");
        };
        check("2026-02-28T23:59:59.999999Z", "2026-02-01T00:00:00Z");
        check("2026-03-01T00:30:00+02:00", "2026-02-01T00:00:00Z");
        check("2024-02-29T12:00:00Z", "2024-02-01T00:00:00Z");
    }
}
