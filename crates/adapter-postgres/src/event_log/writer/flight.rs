//! An append on its way: what was decided of it, and sending it.

use std::time::Duration;

use diesel::sql_types::BigInt;
use pts_domain::event::Admission;
use pts_domain::projection::Contradiction;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::{Incoming, Progress, Writer, placed};
use crate::PgPool;
use crate::error::{Fault, chain};
use crate::event_log::rows;
use crate::lane::{Lane, Step};
use crate::row::Head;
use crate::sql::Sql;

/// From so many rows on, COPY is cheaper than arrays: it costs one more trip.
const COPY_FROM: usize = 96;

/// Appends do not wait for the disk, and find what they look for by its key.
const SESSION: &str = "SET synchronous_commit = off; SET enable_seqscan = off; \
     SET plan_cache_mode = force_generic_plan; SET lock_timeout = '500ms'";

/// A connection for appends.
pub(super) struct AppendLane {
    lane: Lane,
    /// Begins a transaction that waits for the disk, as the server would have it.
    begin_safely: &'static str,
}

impl AppendLane {
    pub(super) async fn open(pool: &PgPool) -> Result<Self, Fault> {
        let lane = pool.lane("").await?;
        let broken = |error: Error| Fault::Broken(chain(&error));
        let usual = lane.word("SHOW synchronous_commit").await.map_err(broken)?;
        lane.plain(SESSION).await.map_err(broken)?;
        let begin_safely = match usual.as_deref() {
            Some("local") => "BEGIN; SET LOCAL synchronous_commit = local",
            Some("remote_write") => "BEGIN; SET LOCAL synchronous_commit = remote_write",
            Some("remote_apply") => "BEGIN; SET LOCAL synchronous_commit = remote_apply",
            _ => "BEGIN; SET LOCAL synchronous_commit = on",
        };
        Ok(Self { lane, begin_safely })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lane.is_closed()
    }
}

/// An append that has its places.
pub(super) struct Flight {
    pub(super) epoch: u64,
    pub(super) before: Head,
    pub(super) after: Head,
    /// The last position among what it repeats.
    pub(super) seen: i64,
    pub(super) generation: u64,
    /// Whether it waits for the disk itself.
    pub(super) safely: bool,
    pub(super) projections: Vec<Step>,
    pub(super) admissions: Vec<Admission>,
    pub(super) found: Vec<Vec<Contradiction>>,
}

impl Flight {
    fn is_turn(&self, now: Progress) -> bool {
        now.epoch == self.epoch && now.committed >= self.before.position
    }
}

/// What became of it.
pub(super) enum Outcome {
    Committed,
    /// Certainly not stored.
    Undone(Refused),
    /// Perhaps stored.
    Unknown(String),
}

/// Why it was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// One of its identities is stored already.
    Identity,
    /// Somebody else moved the head.
    Head,
    /// Anything else.
    Other,
}

impl Writer {
    /// Sends a batch that has its places.
    pub(super) async fn fly(&self, batch: &[Incoming], flight: &Flight) -> Outcome {
        let limit = self.pool.statement_timeout();
        let Ok(Ok(mut lane)) = tokio::time::timeout(limit, self.lane()).await else {
            return Outcome::Undone(Refused::Other);
        };
        let stored = placed(batch);
        let flying = self.send(&mut lane, &stored, flight);
        let Ok(outcome) = tokio::time::timeout(limit, flying).await else {
            return Outcome::Unknown("the database took too long to append".into());
        };
        // A lane that leaves a doubt is closed; its transaction may still commit.
        let clean = match &outcome {
            Outcome::Committed => true,
            Outcome::Undone(_) => {
                let rolling = lane.lane.plain("ROLLBACK");
                let patience = Duration::from_secs(1);
                matches!(tokio::time::timeout(patience, rolling).await, Ok(Ok(())))
            }
            Outcome::Unknown(_) => false,
        };
        if clean {
            self.lanes().push(lane);
        }
        outcome
    }

    async fn send(&self, lane: &mut AppendLane, stored: &[&Incoming], flight: &Flight) -> Outcome {
        let begin = if flight.safely {
            lane.begin_safely
        } else {
            "BEGIN"
        };
        let lane = &mut lane.lane;
        match self.rows_and_turn(lane, begin, stored, flight).await {
            Ok(last) => last,
            Err(refused) => Outcome::Undone(refused),
        }
    }

    /// Puts in the rows, waits until all before are committed, and goes on from there; together, if
    /// they are already.
    async fn rows_and_turn(
        &self,
        lane: &mut Lane,
        begin: &'static str,
        stored: &[&Incoming],
        flight: &Flight,
    ) -> Result<Outcome, Refused> {
        let unsent = |_| Refused::Other;
        let mut steps = vec![Step::Plain(begin)];
        if stored.len() >= COPY_FROM {
            let copied = rows::copied(stored).map_err(unsent)?;
            let copying = async {
                lane.pipeline(&steps.iter().collect::<Vec<_>>()).await?;
                lane.copy(rows::COPY, copied).await
            };
            copying.await.map_err(|error| refused(&error))?;
            steps.clear();
        } else {
            let attributes = rows::attributes(stored);
            let insert = rows::insert(stored, &attributes).raw();
            steps.push(Step::Kept(insert.map_err(|_| Refused::Other)?));
        }
        if !flight.is_turn(*self.progress.borrow()) {
            if !steps.is_empty() {
                let sent = lane.pipeline(&steps.iter().collect::<Vec<_>>()).await;
                sent.map_err(|error| refused(&error))?;
                steps.clear();
            }
            let now = self
                .wait(|now| now.epoch != flight.epoch || flight.is_turn(*now))
                .await;
            if now.epoch != flight.epoch {
                return Err(Refused::Other);
            }
        }
        let head = move_head(flight).raw();
        steps.push(Step::Kept(head.map_err(|_| Refused::Other)?));
        let commit = Step::Plain("COMMIT");
        let mut all: Vec<&Step> = steps.iter().collect();
        all.extend(&flight.projections);
        all.push(&commit);
        Ok(match lane.pipeline(&all).await {
            Ok(_) => Outcome::Committed,
            // The server said no to one of them, and so to all.
            Err(error) if error.code().is_some() => Outcome::Undone(refused(&error)),
            Err(error) => Outcome::Unknown(chain(&error)),
        })
    }
}

/// Moves the head from where it is remembered, or divides by zero.
fn move_head(flight: &Flight) -> Sql<'static> {
    let Flight { before, after, .. } = flight;
    // What is safe by then: all of it, if the commit waits for the disk.
    let durable = if flight.safely { after.position } else { 0 };
    Sql::kept("WITH moved AS (UPDATE platform.log_head SET position = ")
        .value::<BigInt, _>(after.position)
        .sql(", stamp = ")
        .value::<BigInt, _>(after.stamp)
        .sql(", durable = greatest(durable, ")
        .value::<BigInt, _>(durable)
        .sql(") WHERE position = ")
        .value::<BigInt, _>(before.position)
        .sql(" AND stamp = ")
        .value::<BigInt, _>(before.stamp)
        .sql(" RETURNING 1) SELECT 1 / count(*) FROM moved")
}

fn refused(error: &Error) -> Refused {
    let why = match error.code() {
        Some(code) if *code == SqlState::UNIQUE_VIOLATION => Refused::Identity,
        Some(code) if *code == SqlState::DIVISION_BY_ZERO => Refused::Head,
        _ => Refused::Other,
    };
    match why {
        // Ordinary, and seen to.
        Refused::Identity | Refused::Head => {
            tracing::debug!(?why, "an append goes the sure way");
        }
        Refused::Other => {
            tracing::warn!(error = chain(error), "an append goes the sure way");
        }
    }
    why
}
