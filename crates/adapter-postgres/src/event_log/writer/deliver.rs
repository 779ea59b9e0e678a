//! Projections, a moment behind the appends: what many events made of an aggregate is written once.
//!
//! An append only changes the aggregates in memory. Some time later, or as soon as somebody wants to
//! read projections, what has changed since the last time is written in one transaction, which moves
//! the projections from where this process left them to where its appends were, and does nothing if
//! somebody else has moved them. It does not wait for the disk: what a crash takes back is worked out
//! again from the log, and never the other way round, since the events are committed before it.
//!
//! Whoever finds the projections behind, in another process or after a crash, and sees that nobody
//! brings them forward, has them follow the log itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pts_domain::projection::Aggregate;
use pts_ports::StoreError;
use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, timeout};

use super::Writer;
use super::flight::OR_NOTHING;
use super::memory::Load;
use crate::error::chain;
use crate::lane::{Lane, Step};
use crate::project::{self, Lag, Place};
use crate::sql::{Raw, Sql};

/// Projections are at most so far behind, unless much happens.
const SOON: Duration = Duration::from_millis(250);
/// With so many events behind, it is not waited any longer.
const MANY: usize = 8_000;
/// Appends wait for the projections rather than be so many events ahead: somebody may have to work
/// them out again.
const MOST: usize = 24_000;
/// So many aggregates are written by one statement.
const PIECE: usize = 2_000;
/// So long another process is given to bring its own forward.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often it is looked whether it has.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// As appends have it; what a crash takes back is worked out again.
const SESSION: &str = "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; \
     SET lock_timeout = '5s'; SET synchronous_commit = off";

/// The way there.
#[derive(Default)]
pub(super) struct Delivery {
    /// One delivery at a time, over one connection.
    lane: Mutex<Option<Lane>>,
    /// Whether somebody sees to the next one already.
    arranged: AtomicBool,
    /// Tells them not to wait any longer.
    hurry: Notify,
}

impl Writer {
    /// Sees to it that the projections follow soon.
    pub(super) fn deliver_soon(self: &Arc<Self>) {
        if self.delivery.arranged.swap(true, Ordering::AcqRel) {
            return;
        }
        let waiting = Arc::clone(self);
        let _detached = self.pool.spawn(async move {
            // An append that finds this unset arranges the next one.
            let _ = timeout(SOON, waiting.delivery.hurry.notified()).await;
            waiting.delivery.arranged.store(false, Ordering::Release);
            waiting.deliver().await;
        });
    }

    /// Whether appends have to wait for the projections, which are so many events behind them.
    pub(super) fn is_too_far_ahead(&self, behind: usize) -> bool {
        if behind >= MANY {
            self.delivery.hurry.notify_one();
        }
        behind >= MOST
    }

    /// Brings the projections to where appends are, as far as those are of this process and arrive.
    pub(super) async fn deliver(&self) {
        let mut lane = self.delivery.lane.lock().await;
        let load = {
            let mut memory = self.memory.lock().await;
            memory.settle(*self.progress.borrow());
            memory.take_load()
        };
        let Some(load) = load else { return };
        // Nothing of what is remembered is to be built on if this fails.
        let undelivered = Undelivered {
            writer: self,
            epoch: load.epoch,
            delivered: false,
        };
        let arrived = self
            .wait(|now| now.epoch != load.epoch || now.committed >= load.to.position)
            .await;
        if arrived.epoch != load.epoch {
            return;
        }
        match self.send_load(&mut lane, &load).await {
            Ok(()) => {
                undelivered.done();
                self.memory.lock().await.delivered(&load);
            }
            Err(reason) => {
                *lane = None;
                tracing::debug!(reason, "the projections will have to follow the log");
            }
        }
    }

    async fn send_load(&self, lane: &mut Option<Lane>, load: &Load) -> Result<(), String> {
        let sending = async {
            let open = match lane {
                Some(open) if !open.is_closed() => open,
                _ => lane.insert(
                    self.pool
                        .lane(SESSION)
                        .await
                        .map_err(|fault| format!("{fault:?}"))?,
                ),
            };
            send(open, load).await
        };
        match timeout(self.pool.statement_timeout(), sending).await {
            Ok(sent) => sent,
            Err(_) => Err("the database took too long to write projections".into()),
        }
    }

    /// Waits until the projections are where the log was when this was called.
    pub(crate) async fn current(self: &Arc<Self>) -> Result<(), StoreError> {
        let Lag { head, projected } = self.lag().await?;
        if projected >= head {
            return Ok(());
        }
        let begun = Instant::now();
        loop {
            // To its end, whoever stops waiting for it.
            let writer = Arc::clone(self);
            let delivering = self.pool.spawn(async move { writer.deliver().await });
            let _ = delivering.await;
            if self.lag().await?.projected >= head {
                return Ok(());
            }
            // What another process appended it delivers itself, unless it is gone.
            if begun.elapsed() >= PATIENCE {
                return project::catch_up(&self.pool, &*self.projector).await;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn lag(&self) -> Result<Lag, StoreError> {
        let rows: Vec<Lag> = self.pool.read(None, project::lag).await?;
        rows.first().copied().ok_or_else(|| {
            StoreError::Corrupt("platform.log_head or platform.log_projected is empty".into())
        })
    }
}

/// Moves the projections and writes what they lack, in one transaction: a statement, if it is not
/// much; otherwise piece by piece, so that no more than one of these is in memory in the server's form.
async fn send(lane: &mut Lane, load: &Load) -> Result<(), String> {
    let mut pieces = load.aggregates.chunks(PIECE).map(aggregates);
    let mut writes = pieces.next().unwrap_or_else(|| Ok(Vec::new()))?;
    let found = load.contradictions.iter();
    let found = found.map(|(workspace, one)| (*workspace, one));
    if let Some(contradictions) = project::store_contradictions(Place::Live, found) {
        writes.push(raw(&contradictions)?);
    }
    let moved = raw(&project::moved(load.from, load.to))?;
    let first = Step::Kept(Raw::fused(moved, writes, OR_NOTHING));
    if pieces.len() == 0 {
        return carried_out(lane, vec![first]).await;
    }
    carried_out(lane, vec![Step::Plain("BEGIN"), first]).await?;
    for piece in pieces {
        carried_out(lane, piece?.into_iter().map(Step::Kept).collect()).await?;
    }
    carried_out(lane, vec![Step::Plain("COMMIT")]).await
}

async fn carried_out(lane: &mut Lane, steps: Vec<Step>) -> Result<(), String> {
    let done = lane.pipeline(steps).await;
    done.map(drop).map_err(|error| chain(&error))
}

/// What writes these aggregates.
fn aggregates(of: &[(i32, Arc<Aggregate>)]) -> Result<Vec<Raw>, String> {
    let of = of.iter().map(|(workspace, one)| (*workspace, &**one));
    let writes = project::store(Place::Live, of).map_err(|fault| format!("{fault:?}"))?;
    // One after the other: what diesel holds of one is given back before the next is written out.
    writes.into_iter().map(|write| raw(&write)).collect()
}

fn raw(statement: &Sql<'_>) -> Result<Raw, String> {
    statement.raw().map_err(|error| chain(&error))
}

/// Has memory forgotten unless what was taken out of it arrived.
struct Undelivered<'a> {
    writer: &'a Writer,
    epoch: u64,
    delivered: bool,
}

impl Undelivered<'_> {
    fn done(mut self) {
        self.delivered = true;
    }
}

impl Drop for Undelivered<'_> {
    fn drop(&mut self) {
        if self.delivered {
            return;
        }
        self.writer.progress.send_if_modified(|progress| {
            let same = progress.epoch == self.epoch;
            if same {
                progress.fail();
            }
            same
        });
    }
}
