//! One table takes another's place. Detaching a partition in a transaction needs the whole log for
//! itself for a moment, and whoever waits for that makes others wait behind it: so it is tried
//! shortly, again and again, with pauses, until it gets through.

use std::time::{Duration, Instant};

use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use pts_domain::retention::MonthSurvey;

use super::content::{count, stays};
use super::partition;
use crate::error::{Fault, classify};
use crate::row::Number;
use crate::sql::Sql;

/// So long at the most a try makes others wait, if it does not get through.
const TRY: &str = "100ms";
/// The pause after the first try; each one is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// A partition and what takes its place.
pub(super) struct Swap<'a> {
    found: &'a MonthSurvey,
    old: String,
    new: String,
}

/// How a swap ended.
pub(super) enum Swapped {
    /// Done but for the commit; others have been waiting since then.
    Done {
        /// When it was begun.
        locked: Instant,
    },
    /// Something came into the month; nothing was swapped.
    Changed,
}

impl<'a> Swap<'a> {
    pub(super) fn of(found: &'a MonthSurvey) -> Self {
        let old = partition(found.month);
        let new = format!("{old}_thinned");
        Self { found, old, new }
    }

    /// Whether anything takes the partition's place.
    const fn replaces(&self) -> bool {
        self.found.kept() > 0
    }

    /// Builds the replacement, with everything that being a partition of the log takes.
    pub(super) async fn build(&self, mut connection: &AsyncPgConnection) -> Result<(), Fault> {
        if !self.replaces() {
            return Ok(());
        }
        let Self { old, new, found } = self;
        connection
            .batch_execute(&format!(
                "CREATE TABLE platform.{new} (LIKE platform.{old} INCLUDING ALL)"
            ))
            .await
            .map_err(classify)?;
        let select = Sql::once(format!(
            "INSERT INTO platform.{new} SELECT e.* FROM platform.{old} AS e WHERE e.position <= "
        ))
        .value::<BigInt, _>(found.last_position)
        .sql(" AND ");
        let copied = stays(select)
            .sql(" ORDER BY e.position")
            .run(connection)
            .await
            .map_err(classify)?;
        if copied as u64 != found.kept() {
            return Err(Fault::Corrupt(format!(
                "{}: {copied} events would stay and {} were counted",
                found.month,
                found.kept()
            )));
        }
        // The constraint says what the attachment would otherwise read all rows for.
        let (start, end) = (found.month.start(), found.month.end());
        connection
            .batch_execute(&format!(
                "ALTER TABLE platform.{new} ADD CONSTRAINT of_its_month \
                 CHECK (received_at >= '{start}' AND received_at < '{end}'); \
                 CREATE TRIGGER events_are_not_truncated BEFORE TRUNCATE ON platform.{new} \
                 FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change(); \
                 ALTER TABLE platform.{new} ENABLE ALWAYS TRIGGER events_are_not_truncated; \
                 ANALYZE platform.{new}",
                start = start.to_rfc3339(),
                end = end.to_rfc3339(),
            ))
            .await
            .map_err(classify)
    }

    /// Bytes that the replacement takes.
    pub(super) async fn bytes(&self, connection: &AsyncPgConnection) -> Result<u64, Fault> {
        if !self.replaces() {
            return Ok(0);
        }
        let size = format!(
            "SELECT pg_total_relation_size('platform.{}'::regclass) AS number",
            self.new
        );
        let rows: Vec<Number> = Sql::once(size).rows(connection).await.map_err(classify)?;
        Ok(rows.first().map_or(0, |row| count(row.number)))
    }

    /// Puts the replacement in the partition's place. From its return on everybody waits for the
    /// end of the transaction.
    pub(super) async fn carry_out(
        &self,
        mut connection: &AsyncPgConnection,
        patience: Duration,
    ) -> Result<Swapped, Fault> {
        let locked = self.take_turn(connection, patience).await?;
        let last = format!(
            "SELECT coalesce(max(position), 0) AS number FROM platform.{}",
            self.old
        );
        let rows: Vec<Number> = Sql::once(last).rows(connection).await.map_err(classify)?;
        if rows.first().map(|row| row.number) != Some(self.found.last_position) {
            return Ok(Swapped::Changed);
        }
        let Self { old, new, found } = self;
        let replace = if self.replaces() {
            let (start, end) = (found.month.start(), found.month.end());
            format!(
                "ALTER TABLE platform.{new} RENAME TO {old}; \
                 ALTER TABLE platform.events ATTACH PARTITION platform.{old} \
                 FOR VALUES FROM ('{start}') TO ('{end}'); \
                 ALTER TABLE platform.{old} DROP CONSTRAINT of_its_month",
                start = start.to_rfc3339(),
                end = end.to_rfc3339(),
            )
        } else {
            String::new()
        };
        let swap = format!(
            "ALTER TABLE platform.events DETACH PARTITION platform.{old}; \
             DROP TABLE platform.{old}; {replace}"
        );
        connection.batch_execute(&swap).await.map_err(classify)?;
        Ok(Swapped::Done { locked })
    }

    /// Gets the log for itself; returns since when others have been waiting.
    async fn take_turn(
        &self,
        mut connection: &AsyncPgConnection,
        patience: Duration,
    ) -> Result<Instant, Fault> {
        // The log before its partition, as everybody else locks them.
        let lock = format!(
            "SAVEPOINT turn; SET LOCAL lock_timeout = '{TRY}'; \
             LOCK TABLE ONLY platform.events IN ACCESS EXCLUSIVE MODE; \
             LOCK TABLE ONLY platform.{} IN ACCESS EXCLUSIVE MODE",
            self.old
        );
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let locked = Instant::now();
            let fault = match connection.batch_execute(&lock).await {
                Ok(()) => return Ok(locked),
                Err(error) => classify(error),
            };
            if !matches!(fault, Fault::Busy(_) | Fault::Conflict(_)) {
                return Err(fault);
            }
            if begun.elapsed() + pause > patience {
                return Err(Fault::Busy(format!(
                    "{}: the log was in use for {} s on end by something that takes long, such as \
                     a search, `verify` or `rebuild`; nothing has changed, try again later",
                    self.found.month,
                    patience.as_secs()
                )));
            }
            connection
                .batch_execute("ROLLBACK TO SAVEPOINT turn")
                .await
                .map_err(classify)?;
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
