//! Bringing to the books what this process tallied, and counting the log: a small job, once a second
//! when something happened.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use pts_domain::accounting::day_of;
use pts_domain::quarantine::{REMEMBERED, WAITS};
use pts_ports::{Accounting, Clock, Counted, Entropy, Handover, StoreError, new_id};
use tokio::sync::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use uuid::Uuid;

use super::Tallies;
use crate::Gateway;

/// How often the books are looked after.
const EVERY: Duration = Duration::from_secs(1);
/// How often they are when nothing happened here: another process may have ended half way.
const IDLE_EVERY: Duration = Duration::from_mins(1);
/// Positions of the log that one statement counts.
const STRETCH: i64 = 50_000;
/// Stretches that are counted in one go; what is left waits for the next second.
const MOST_STRETCHES: usize = 40;
/// How long the last look may take, when the process ends.
const LAST_LOOK: Duration = Duration::from_secs(5);

/// The books, as this process keeps them.
pub(crate) struct Books {
    store: Arc<dyn Accounting>,
    tallies: Arc<Tallies>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    desk: Mutex<Desk>,
}

/// What is being handed over: one handover at a time, the same until the store has it.
#[derive(Default)]
struct Desk {
    process: Option<Uuid>,
    number: i64,
    waiting: Option<Handover>,
}

impl Books {
    pub(crate) fn new(
        store: Arc<dyn Accounting>,
        tallies: Arc<Tallies>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            store,
            tallies,
            clock,
            entropy,
            desk: Mutex::default(),
        }
    }

    pub(crate) fn tallies(&self) -> &Arc<Tallies> {
        &self.tallies
    }

    /// Hands over everything that has been tallied so far.
    pub(crate) async fn hand_over(&self) -> Result<(), StoreError> {
        let mut desk = self.desk.lock().await;
        // What failed before goes first, as it was: the store may have it.
        if let Some(handover) = &desk.waiting {
            self.store.add(handover).await?;
            desk.waiting = None;
        }
        let lines = self.tallies.take_pending();
        if lines.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let process = *desk
            .process
            .get_or_insert_with(|| new_id(&*self.entropy, now));
        desk.number += 1;
        let handover = Handover {
            process,
            number: desk.number,
            day: day_of(now),
            lines,
        };
        let added = self.store.add(desk.waiting.insert(handover)).await;
        if added.is_ok() {
            desk.waiting = None;
        }
        added
    }

    /// Counts the log to its end, or a good part of it.
    async fn count_log(&self) -> Result<(), StoreError> {
        for _ in 0..MOST_STRETCHES {
            match self.store.count(STRETCH).await? {
                Counted::All | Counted::ByAnother => return Ok(()),
                Counted::Further => {}
            }
        }
        // The rest is for the next look.
        self.tallies.mark_stored();
        Ok(())
    }
}

impl Gateway {
    /// The tallies of this process.
    pub fn tallies(&self) -> &Arc<Tallies> {
        self.books.tallies()
    }

    /// Looks after the accounts and the quarantine until `stop` resolves, and once more then.
    pub async fn keep_books(&self, stop: impl Future<Output = ()>) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stop = std::pin::pin!(stop);
        let mut idle_since: Option<Instant> = None;
        let mut failing = false;
        loop {
            let stopping = tokio::select! {
                () = &mut stop => true,
                _ = ticks.tick() => false,
            };
            let rare = idle_since.is_none_or(|at| at.elapsed() >= IDLE_EVERY);
            if rare {
                idle_since = Some(Instant::now());
            }
            let looked = timeout(LAST_LOOK, self.look_after_books(rare && !stopping)).await;
            let failed = match looked {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("it took too long".to_owned()),
            };
            if let Some(error) = &failed {
                // Whatever was not counted is for the next look.
                self.tallies().mark_stored();
                if !failing {
                    tracing::warn!(error, "the accounts wait for the store");
                }
            }
            failing = failed.is_some();
            if stopping {
                return;
            }
        }
    }

    async fn look_after_books(&self, rare: bool) -> Result<(), StoreError> {
        self.books.hand_over().await?;
        if self.tallies().take_stored() || rare {
            self.books.count_log().await?;
        }
        if rare {
            let now = self.now();
            let discarded = self
                .quarantine
                .expire(now - WAITS, now - REMEMBERED, now)
                .await?;
            if discarded > 0 {
                tracing::info!(discarded, "items waited too long in quarantine");
            }
        }
        Ok(())
    }
}
