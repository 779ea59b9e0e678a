//! One wait for the disk for all that was committed before it began.
//!
//! An append commits without waiting, which lets the next one begin; afterwards a small transaction
//! that does wait takes the mark of what is safe to the head. The log of the database is written in
//! order: what was committed before it is safe with it.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use pts_ports::StoreError;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::PgPool;
use crate::error::{Fault, chain};
use crate::lane::Lane;

/// Takes the mark to the head and says how far all is safe then. The head's row is read as it was committed;
/// appends that are under way are not waited for.
const FLUSH: &str = "WITH moved AS (\
     UPDATE platform.log_durable AS d SET position = h.position FROM platform.log_head AS h \
     WHERE d.position < h.position AND h.durable < h.position RETURNING d.position) \
     SELECT coalesce((SELECT position FROM moved), (SELECT greatest(d.position, h.durable) \
     FROM platform.log_durable AS d CROSS JOIN platform.log_head AS h))";

/// A flush that takes less is cheaper than a transaction of its own for it.
const CHEAP: Duration = Duration::from_micros(800);
/// How many flushes are remembered. The fastest of them tells what the disk takes; the others tell
/// how busy the processors were.
const SAMPLES: usize = 16;
/// Every so many appends one is flushed for, to learn how long that takes.
const PROBE_EVERY: u32 = 64;

/// Flushes for everybody, over a connection of its own.
pub(super) struct Flusher {
    pool: PgPool,
    lane: Mutex<Option<Lane>>,
    state: std::sync::Mutex<State>,
    took: std::sync::Mutex<Took>,
}

/// How long flushes took lately.
#[derive(Default)]
struct Took {
    lately: VecDeque<Duration>,
    asked: u32,
}

#[derive(Clone, Copy, Default)]
struct State {
    /// Counts the connections. What was committed while one was open is safe only if that very one
    /// says so: a database that crashed in between ended it.
    generation: u64,
    open: bool,
    /// So much is safe, as this connection said.
    safe: i64,
}

/// So often a mark is asked for that another process is just moving.
const TRIES: usize = 3;

impl Flusher {
    pub(super) fn new(pool: PgPool) -> Arc<Self> {
        Arc::new(Self {
            pool,
            lane: Mutex::new(None),
            state: std::sync::Mutex::default(),
            took: std::sync::Mutex::default(),
        })
    }

    /// The connection that what is committed from now on can be made safe with.
    pub(super) async fn generation(&self) -> Result<u64, Fault> {
        if let Ok(mut lane) = self.lane.try_lock()
            && lane.as_ref().is_some_and(Lane::is_closed)
        {
            *lane = None;
            self.lock().open = false;
        }
        let state = self.state();
        if state.open {
            return Ok(state.generation);
        }
        let mut lane = self.lane.lock().await;
        if !self.state().open {
            *lane = Some(
                self.pool
                    .lane("SET plan_cache_mode = force_generic_plan")
                    .await?,
            );
            let mut state = self.lock();
            *state = State {
                generation: state.generation + 1,
                open: true,
                safe: 0,
            };
        }
        Ok(self.state().generation)
    }

    /// Waits until a place in the log is safe on disk.
    pub(super) async fn reach(&self, position: i64, generation: u64) -> Result<(), StoreError> {
        if self.is_safe(position, generation)? {
            return Ok(());
        }
        // Whoever waits here while another flushes is usually done when it is its turn.
        let mut lane = self.lane.lock().await;
        for _ in 0..TRIES {
            if self.is_safe(position, generation)? {
                return Ok(());
            }
            let Some(open) = lane.as_mut() else { break };
            let begun = Instant::now();
            let flushing = open.number(FLUSH);
            let flushing = tokio::time::timeout(self.pool.statement_timeout(), flushing);
            let reached = match flushing.await {
                Ok(Ok(Some(reached))) => Ok(reached),
                Ok(Ok(None)) => Err("platform.log_durable is empty".to_owned()),
                Ok(Err(error)) => Err(chain(&error)),
                Err(_) => Err("the database took too long to write to disk".to_owned()),
            };
            match reached {
                Ok(reached) => {
                    self.took(begun.elapsed());
                    self.lock().safe = reached;
                }
                Err(reason) => {
                    self.lock().open = false;
                    *lane = None;
                    return Err(lost(&reason));
                }
            }
        }
        Err(lost("what was committed is not there"))
    }

    /// Whether nobody waits for the disk.
    pub(super) fn is_idle(&self) -> bool {
        self.lane.try_lock().is_ok()
    }

    /// Whether an append had better wait for the disk itself. Now and then it says no to learn more.
    pub(super) fn is_cheap(&self) -> bool {
        let mut took = self.took.lock().unwrap_or_else(PoisonError::into_inner);
        took.asked = took.asked.wrapping_add(1);
        let known = took.lately.len() >= SAMPLES / 4;
        let fastest = took.lately.iter().min().copied().unwrap_or_default();
        known && fastest < CHEAP && !took.asked.is_multiple_of(PROBE_EVERY)
    }

    fn took(&self, time: Duration) {
        let mut took = self.took.lock().unwrap_or_else(PoisonError::into_inner);
        took.lately.push_back(time);
        if took.lately.len() > SAMPLES {
            took.lately.pop_front();
        }
    }

    fn is_safe(&self, position: i64, generation: u64) -> Result<bool, StoreError> {
        let state = self.state();
        if state.generation == generation {
            Ok(state.safe >= position)
        } else {
            Err(lost("the connection to the database was lost"))
        }
    }

    fn state(&self) -> State {
        *self.lock()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lost(reason: &str) -> StoreError {
    StoreError::Unavailable {
        reason: format!("it is not known whether the disk has it: {reason}"),
        maybe_done: true,
    }
}
