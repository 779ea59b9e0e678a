//! An append on its way: what was decided of it, and sending it.

use std::task::Poll;
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
use crate::sql::{Raw, Sql};

/// From so many rows on, COPY is cheaper than arrays: it costs one more trip.
const COPY_FROM: usize = 96;

/// Appends find what they look for by its key.
const SESSION: &str = "SET enable_seqscan = off; \
     SET plan_cache_mode = force_generic_plan; SET lock_timeout = '500ms'";

/// A connection for appends.
pub(super) struct AppendLane {
    lane: Lane,
    commits: Commits,
}

/// Whether a lane's commits wait for the disk, and how that is changed.
struct Commits {
    /// Has them wait, as the server would have it.
    wait: &'static str,
    /// Unknown after anything went wrong: a change that was meant to be sent may not have been.
    waiting: Option<bool>,
}

impl Commits {
    fn new(usual: Option<&str>) -> Self {
        let wait = match usual {
            Some("local") => "SET synchronous_commit = local",
            Some("remote_write") => "SET synchronous_commit = remote_write",
            Some("remote_apply") => "SET synchronous_commit = remote_apply",
            // `off` would make nothing safe, however long we wait.
            _ => "SET synchronous_commit = on",
        };
        Self {
            wait,
            waiting: None,
        }
    }

    /// The step that has commits from now on wait for the disk or not, unless they do so already. Must
    /// be sent, or [`Commits::doubt`] be called.
    fn switch(&mut self, safely: bool) -> Option<Step> {
        let change = self.waiting != Some(safely);
        self.waiting = Some(safely);
        change.then_some(Step::Plain(if safely { self.wait } else { HURRY }))
    }

    fn doubt(&mut self) {
        self.waiting = None;
    }
}

/// Has commits not wait.
const HURRY: &str = "SET synchronous_commit = off";

impl AppendLane {
    pub(super) async fn open(pool: &PgPool) -> Result<Self, Fault> {
        let lane = pool.lane("").await?;
        let broken = |error: Error| Fault::Broken(chain(&error));
        let usual = lane.word("SHOW synchronous_commit").await.map_err(broken)?;
        lane.plain(SESSION).await.map_err(broken)?;
        Ok(Self {
            lane,
            commits: Commits::new(usual.as_deref()),
        })
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
    pub(super) admissions: Vec<Admission>,
    pub(super) found: Vec<Vec<Contradiction>>,
}

impl Flight {
    /// Whether all before are committed.
    fn is_turn(&self, now: Progress) -> bool {
        now.committed >= self.before.position
    }

    /// Whether all before are committed, or on their way over the connection in front.
    fn may_be_sent(&self, now: Progress) -> bool {
        now.committed.max(now.sent) >= self.before.position
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
        let stored = placed(batch);
        let limit = self.pool.statement_timeout();
        if stored.len() >= COPY_FROM
            && let Some(copy) = rows::copy(&stored)
        {
            return self.fly_alone(&stored, &copy, flight, limit).await;
        }
        let flying = self.in_front(&stored, flight);
        let Ok(outcome) = tokio::time::timeout(limit, flying).await else {
            // It may still commit; nothing more is sent behind it.
            *self.front.lock().await = None;
            return Outcome::Unknown(TOO_LONG.into());
        };
        outcome.unwrap_or_else(Outcome::Undone)
    }

    /// Sends everything as one statement, which is a transaction of its own, behind the append
    /// before: as soon as that is sent over the same connection, or else when it is committed.
    async fn in_front(&self, stored: &[&Incoming], flight: &Flight) -> Result<Outcome, Refused> {
        let rows = inserted(stored)?;
        let all = Raw::fused(moved_head(flight)?, vec![rows], OR_NOTHING);
        self.follow(flight, Flight::may_be_sent).await?;
        let mut sending = {
            let mut front = self.front.lock().await;
            let open = match &mut *front {
                Some(open) if !open.is_closed() => open,
                lost => {
                    // What was sent over the one before may not be there.
                    self.follow(flight, Flight::is_turn).await?;
                    let opened = AppendLane::open(&self.pool).await;
                    lost.insert(opened.map_err(|_| Refused::Other)?)
                }
            };
            let switch = open.commits.switch(flight.safely);
            let mut steps: Vec<Step> = switch.into_iter().collect();
            steps.push(Step::Kept(all));
            let ready = match open.lane.ready(steps).await {
                Ok(ready) => ready,
                Err(error) => {
                    open.commits.doubt();
                    return Err(refused(&error));
                }
            };
            let mut sending = Box::pin(ready.send());
            if let Poll::Ready(answer) = futures::poll!(sending.as_mut()) {
                return Ok(outcome(answer));
            }
            self.progress.send_if_modified(|progress| {
                let same = progress.epoch == flight.epoch;
                if same {
                    progress.sent = flight.after.position;
                }
                same
            });
            sending
        };
        match outcome(sending.as_mut().await) {
            // If the one before was undone, that is why.
            Outcome::Undone(Refused::Head) => {
                self.follow(flight, Flight::is_turn).await?;
                Err(Refused::Head)
            }
            outcome => Ok(outcome),
        }
    }

    /// Waits for the appends before.
    async fn follow(
        &self,
        flight: &Flight,
        far_enough: fn(&Flight, Progress) -> bool,
    ) -> Result<(), Refused> {
        let now = self
            .wait(|now| now.epoch != flight.epoch || far_enough(flight, *now))
            .await;
        if now.epoch == flight.epoch {
            Ok(())
        } else {
            Err(Refused::Other)
        }
    }

    /// Sends a large batch over a connection of its own.
    async fn fly_alone(
        &self,
        stored: &[&Incoming],
        copy: &str,
        flight: &Flight,
        limit: Duration,
    ) -> Outcome {
        let Ok(Ok(mut lane)) = tokio::time::timeout(limit, self.lane()).await else {
            return Outcome::Undone(Refused::Other);
        };
        let flying = self.in_turn(&mut lane, stored, copy, flight);
        let Ok(outcome) = tokio::time::timeout(limit, flying).await else {
            return Outcome::Unknown(TOO_LONG.into());
        };
        let outcome = outcome.unwrap_or_else(Outcome::Undone);
        // A lane that leaves a doubt is closed; its transaction may still commit.
        let clean = match &outcome {
            Outcome::Committed => true,
            Outcome::Undone(_) => {
                lane.commits.doubt();
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

    /// Copies the rows, waits until all before are committed, and goes on from there.
    async fn in_turn(
        &self,
        lane: &mut AppendLane,
        stored: &[&Incoming],
        copy: &str,
        flight: &Flight,
    ) -> Result<Outcome, Refused> {
        let mut steps: Vec<Step> = lane.commits.switch(flight.safely).into_iter().collect();
        steps.push(Step::Plain("BEGIN"));
        let lane = &mut lane.lane;
        let copied = rows::copied(stored).map_err(|_| Refused::Other)?;
        let rows = match lane.pipeline(steps).await {
            Ok(_) => lane.copy(copy, copied).await,
            Err(error) => Err(error),
        };
        rows.map_err(|error| refused(&error))?;
        self.follow(flight, Flight::is_turn).await?;
        let rest = Raw::fused(moved_head(flight)?, Vec::new(), OR_NOTHING);
        let last = vec![Step::Kept(rest), Step::Plain("COMMIT")];
        Ok(outcome(lane.pipeline(last).await))
    }
}

const TOO_LONG: &str = "the database took too long to append";

fn inserted(stored: &[&Incoming]) -> Result<Raw, Refused> {
    let attributes = rows::attributes(stored);
    let insert = rows::insert(stored, &attributes);
    insert.raw().map_err(|_| Refused::Other)
}

fn outcome(answer: Result<Vec<u64>, Error>) -> Outcome {
    match answer {
        Ok(_) => Outcome::Committed,
        // The server said no to one of them, and so to all.
        Err(error) if error.code().is_some() => Outcome::Undone(refused(&error)),
        Err(error) => Outcome::Unknown(chain(&error)),
    }
}

/// Divides by zero, which undoes everything, if the head was not where it is remembered.
pub(super) const OR_NOTHING: &str = "SELECT 1 / count(*) FROM first";

/// Moves the head from where it is remembered.
fn moved_head(flight: &Flight) -> Result<Raw, Refused> {
    let Flight { before, after, .. } = flight;
    // What is safe by then: all of it, if the commit waits for the disk.
    let durable = if flight.safely { after.position } else { 0 };
    Sql::kept("UPDATE platform.log_head SET position = ")
        .value::<BigInt, _>(after.position)
        .sql(", stamp = ")
        .value::<BigInt, _>(after.stamp)
        .sql(", durable = greatest(durable, ")
        .value::<BigInt, _>(durable)
        .sql(") WHERE position = ")
        .value::<BigInt, _>(before.position)
        .sql(" AND stamp = ")
        .value::<BigInt, _>(before.stamp)
        .sql(" RETURNING 1")
        .raw()
        .map_err(|_| Refused::Other)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(step: Option<Step>) -> Option<&'static str> {
        step.map(|step| match step {
            Step::Plain(text) => text,
            Step::Kept(raw) => panic!("{raw:?}"),
        })
    }

    #[test]
    fn what_commits_do_is_said_when_it_changes_and_whenever_it_is_not_known() {
        let mut commits = Commits::new(Some("remote_apply"));
        let wait = Some("SET synchronous_commit = remote_apply");
        assert_eq!(told(commits.switch(false)), Some(HURRY));
        assert_eq!(told(commits.switch(false)), None);
        assert_eq!(told(commits.switch(true)), wait);
        assert_eq!(told(commits.switch(true)), None);
        // That it was meant to be sent does not mean that it was.
        commits.doubt();
        assert_eq!(told(commits.switch(true)), wait);
    }

    #[test]
    fn a_server_that_never_waits_is_made_to() {
        for usual in [Some("off"), Some("on"), None] {
            let wait = told(Commits::new(usual).switch(true));
            assert_eq!(wait, Some("SET synchronous_commit = on"), "{usual:?}");
        }
    }
}
