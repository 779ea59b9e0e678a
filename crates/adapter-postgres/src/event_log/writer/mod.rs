//! The quick way into the log: one trip to the server in the usual case.
//!
//! The writer remembers the head of the log, the stamp that its last append left there, the aggregates
//! as that append left them, and the identities stored lately. From this it decides in memory what
//! becomes of a batch, and sends everything together: the rows, *the condition that the head is
//! still where it remembers, with its own stamp*, COMMIT. The projections follow a moment later
//! (`deliver`). If anybody else has appended
//! or rebuilt, the condition fails, nothing is stored, and the batch goes the sure way (`careful`),
//! which reads everything under the lock of the head. So does a batch that meets an identity which is
//! stored and not remembered: the unique index refuses its rows.
//!
//! Several appends may be under way. Small ones are one statement each and are sent one behind the
//! other over one connection, without waiting for answers. Large ones put in their rows over
//! connections of their own while those before them still do; the condition on the head waits until
//! the one before has committed. The order of the log is the order of commits all the same, without a
//! hole. When one fails, those behind it fail their condition or are told, and go the sure way.
//!
//! Where the disk is slow, commits do not wait for it: `flush` does, once for many. Where it is fast,
//! that would cost more than it saves.

mod cache;
mod deliver;
mod flight;
mod flush;
mod memory;
mod reader;
mod recent;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use pts_domain::access::Workspace;
use pts_domain::event::NewEvent;
use pts_ports::{Appended, Projector, StoreError, Written};
use tokio::sync::{Mutex, watch};

use super::careful;
use super::incoming::{self, Incoming, placed};
use super::partitions::Partitions;
use crate::PgPool;
use crate::error::{Fault, chain};
use crate::row::{Head, fresh_stamp};
use deliver::Delivery;
use flight::{AppendLane, Flight, Outcome, Refused};
use flush::Flusher;
use memory::Memory;
pub(super) use recent::Stored;

/// Up to so many events an append that comes alone waits for the disk itself, however slow that is.
const FEW: usize = 2;
/// After an identity was met that is stored and not remembered, so many appends look theirs up
/// first: such senders come in swarms.
const ASK: u32 = 64;
/// After somebody else was met at the head, so many appends go the sure way at once.
const YIELD: u32 = 32;

/// After so many events that the database refuses one by one, and none that it took, it is not the
/// events.
const REFUSALS: usize = 3;

/// What the appends of this process know of the log.
pub(crate) struct Writer {
    pool: PgPool,
    projector: Arc<dyn Projector>,
    partitions: Partitions,
    memory: Mutex<Memory>,
    progress: watch::Sender<Progress>,
    /// Small appends follow each other over this one.
    front: Mutex<Option<AppendLane>>,
    /// Large ones have one each.
    lanes: std::sync::Mutex<Vec<AppendLane>>,
    flusher: Arc<Flusher>,
    delivery: Delivery,
    quick: AtomicU64,
    sure: AtomicU64,
}

/// How far appends have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Progress {
    /// Goes up when what is remembered turns out to be wrong.
    epoch: u64,
    /// The last position that is committed, of those given in this epoch.
    committed: i64,
    /// The last position that is on its way over the connection in front; what is sent behind it
    /// there is carried out behind it.
    sent: i64,
}

impl Progress {
    /// What is remembered turned out to be wrong.
    fn fail(&mut self) {
        self.epoch += 1;
        self.sent = 0;
    }
}

impl Writer {
    pub(super) fn new(pool: PgPool, projector: Arc<dyn Projector>) -> Self {
        let progress = Progress {
            epoch: 0,
            committed: 0,
            sent: 0,
        };
        Self {
            flusher: Flusher::new(pool.clone()),
            memory: Mutex::new(Memory::new(pool.clone())),
            pool,
            projector,
            partitions: Partitions::default(),
            progress: watch::Sender::new(progress),
            front: Mutex::default(),
            lanes: std::sync::Mutex::default(),
            delivery: Delivery::default(),
            quick: AtomicU64::new(0),
            sure: AtomicU64::new(0),
        }
    }

    pub(super) async fn write(
        self: &Arc<Self>,
        batch: Vec<NewEvent>,
    ) -> Result<Written, StoreError> {
        if batch.is_empty() {
            return Ok(Written::safe(Vec::new()));
        }
        let mut batch = self.numbered(batch).await?;
        self.partitions.ensure(&self.pool, &batch).await?;
        if let Some(written) = self.quick(&mut batch).await? {
            self.quick.fetch_add(1, Ordering::Relaxed);
            self.deliver_soon();
            return Ok(written);
        }
        self.sure.fetch_add(1, Ordering::Relaxed);
        self.sure(&mut batch).await
    }

    /// Finds out the numbers of the workspaces.
    async fn numbered(&self, batch: Vec<NewEvent>) -> Result<Vec<Incoming>, StoreError> {
        let mut numbered = Vec::with_capacity(batch.len());
        let mut last: Option<(Workspace, i32)> = None;
        for new in batch {
            let number = match &last {
                Some((workspace, number)) if *workspace == new.workspace => *number,
                _ => {
                    let number = self.pool.number_for(&new.workspace).await?;
                    last = Some((new.workspace.clone(), number));
                    number
                }
            };
            numbered.push(Incoming::new(new, number));
        }
        Ok(numbered)
    }

    /// How many appends went the quick way and how many the sure way.
    pub(super) fn ways(&self) -> (u64, u64) {
        (
            self.quick.load(Ordering::Relaxed),
            self.sure.load(Ordering::Relaxed),
        )
    }

    /// `None` if the batch must go the sure way; nothing was stored then.
    async fn quick(&self, batch: &mut [Incoming]) -> Result<Option<Written>, StoreError> {
        let Some((flight, landing)) = self.depart(batch).await? else {
            return Ok(None);
        };
        let Some(mut landing) = landing else {
            // What it repeats may still have to reach the disk.
            let (position, generation) = (flight.seen, flight.generation);
            let appended = incoming::outcomes(batch, flight.admissions, flight.found);
            return Ok(Some(self.written(appended, position, generation)));
        };
        match self.fly(batch, &flight).await {
            Outcome::Committed => {
                landing.arrived = Some(flight.after.position);
                drop(landing);
                let appended = incoming::outcomes(batch, flight.admissions, flight.found);
                Ok(Some(if flight.safely {
                    Written::safe(appended)
                } else {
                    self.written(appended, flight.after.position, flight.generation)
                }))
            }
            Outcome::Undone(why) => {
                drop(landing);
                let mut memory = self.memory.lock().await;
                match why {
                    Refused::Identity => memory.ask = ASK,
                    Refused::Head => memory.yielding = YIELD,
                    Refused::Other => {}
                }
                Ok(None)
            }
            Outcome::Unknown(reason) => Err(StoreError::Unavailable {
                reason,
                maybe_done: true,
            }),
        }
    }

    /// An append that is committed and not known to be on disk.
    fn written(&self, appended: Vec<Appended>, position: i64, generation: u64) -> Written {
        let flusher = Arc::clone(&self.flusher);
        // What the database may have lost must not be remembered, and what nobody waited for may be.
        let doubt = Doubt(Some(self.progress.clone()));
        let durable = async move {
            flusher.reach(position, generation).await?;
            doubt.cleared();
            Ok(())
        };
        Written {
            appended,
            durable: Box::pin(durable),
        }
    }

    /// Decides what becomes of a batch and gives it its places, in memory. `None` if what is
    /// remembered does not do.
    async fn depart(
        &self,
        batch: &mut [Incoming],
    ) -> Result<Option<(Flight, Option<Landing<'_>>)>, StoreError> {
        let generation = self.flusher.generation().await?;
        let mut memory = self.memory.lock().await;
        loop {
            memory.settle(*self.progress.borrow());
            memory.reconnected(generation);
            if self.is_too_far_ahead(memory.events_behind()) {
                drop(memory);
                self.deliver().await;
                memory = self.memory.lock().await;
                continue;
            }
            if memory.yielding > 0 {
                memory.yielding -= 1;
                return Ok(None);
            }
            // An identity that is on its way right now: whether it gets there decides.
            let committed = self.progress.borrow().committed;
            let Some(position) = memory.under_way(batch, committed) else {
                break;
            };
            let epoch = memory.epoch;
            drop(memory);
            self.wait(|now| now.epoch != epoch || now.committed >= position)
                .await;
            memory = self.memory.lock().await;
        }
        memory.thin();
        let Some(before) = self.head(&mut memory, batch).await? else {
            return Ok(None);
        };
        let (known, seen) = memory.known(batch).await?;
        let admissions = incoming::admitted(batch, &known);
        incoming::place(batch, &admissions, before.position);
        let stored = placed(batch);
        let mut flight = Flight {
            epoch: memory.epoch,
            before,
            after: before,
            seen,
            generation,
            safely: false,
            admissions,
            found: Vec::new(),
        };
        let Some(last) = stored.last() else {
            return Ok(Some((flight, None)));
        };
        // From here on memory is changed: if this ends in whatever way before it arrives, nothing that
        // is remembered may be built on.
        let landing = Landing {
            writer: self,
            epoch: flight.epoch,
            arrived: None,
        };
        flight.after = Head {
            position: last.event.position,
            stamp: fresh_stamp(),
        };
        flight.found = memory.project(&*self.projector, &stored).await?;
        for incoming in &stored {
            memory.remember(incoming);
        }
        memory.head = Some(flight.after);
        let now = *self.progress.borrow();
        let first = now.committed == before.position;
        // Where others wait for the disk already, one flush does for all.
        let alone = stored.len() <= FEW && first && self.flusher.is_idle();
        flight.safely = self.flusher.is_cheap() || alone;
        Ok(Some((flight, Some(landing))))
    }

    /// Where the last append leaves the head.
    async fn head(
        &self,
        memory: &mut Memory,
        batch: &[Incoming],
    ) -> Result<Option<Head>, StoreError> {
        if let Some(head) = memory.head {
            return Ok(Some(head));
        }
        let Some(head) = memory.look(batch).await? else {
            return Ok(None);
        };
        self.progress.send_if_modified(|progress| {
            let same = progress.epoch == memory.epoch;
            if same {
                progress.committed = progress.committed.max(head.position);
            }
            same
        });
        Ok(Some(head))
    }

    /// The sure way, alone.
    async fn sure(&self, batch: &mut [Incoming]) -> Result<Written, StoreError> {
        // Otherwise it would have to be worked out again.
        self.deliver().await;
        let generation = self.flusher.generation().await?;
        let mut memory = self.memory.lock().await;
        memory.settle(*self.progress.borrow());
        // Those under way come first: they hold what this one would wait for.
        self.drain(&mut memory).await;
        // The projections that it writes are not in memory.
        memory.forget();
        let (appended, head) = self.sift(batch).await?;
        let mut last = 0;
        // What was refused had a place for a moment, too.
        for (incoming, outcome) in batch.iter().zip(&appended) {
            if matches!(outcome, Appended::Stored { .. }) {
                last = last.max(incoming.event.position);
                memory.remember(incoming);
            }
        }
        let reached = last.max(head);
        self.progress.send_modify(|progress| {
            progress.committed = progress.committed.max(reached);
        });
        // Where it went in parts, the last of them may repeat what another process put behind ours.
        if last >= head && last > 0 {
            return Ok(Written::safe(appended));
        }
        // What it repeats may be somebody's who does not wait for the disk.
        Ok(self.written(appended, head, generation))
    }

    /// Appends a batch; where the database refuses a statement, in smaller and smaller parts, so that
    /// an event that it cannot hold harms no other.
    async fn sift(&self, batch: &mut [Incoming]) -> Result<(Vec<Appended>, i64), StoreError> {
        let mut sifted = Vec::with_capacity(batch.len());
        let mut head = 0;
        let mut refusal = None;
        let mut refusals = 0;
        let mut any = false;
        // The parts that are left, last first.
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            let appending =
                careful::append(&self.pool, &self.partitions, &*self.projector, part).await;
            match appending {
                Ok((appended, at)) => {
                    any = true;
                    head = at;
                    sifted.extend(appended);
                }
                Err(StoreError::Other(error)) if part.len() > 1 => {
                    let (error, events) = (chain(&*error), part.len());
                    tracing::warn!(error, events, "the database refuses a batch: in parts");
                    let (first, second) = part.split_at_mut(part.len() / 2);
                    parts.extend([second, first]);
                }
                Err(StoreError::Other(error)) if any || !parts.is_empty() => {
                    let reason = "something that the database refuses".to_owned();
                    sifted.push(Appended::Refused { reason });
                    refusals += 1;
                    refusal = Some(StoreError::Other(error));
                }
                Err(StoreError::Unavailable { reason, maybe_done }) => {
                    let maybe_done = maybe_done || any;
                    return Err(StoreError::Unavailable { reason, maybe_done });
                }
                // Part of it is stored.
                Err(error) if any => {
                    return Err(StoreError::Unavailable {
                        reason: chain(&error),
                        maybe_done: true,
                    });
                }
                Err(error) => return Err(error),
            }
            if !any && refusals >= REFUSALS {
                break;
            }
        }
        match refusal {
            // Not one of them was taken: it is the database that is not well.
            Some(error) if !any => Err(error),
            _ => Ok((sifted, head)),
        }
    }

    /// Waits for all appends that are under way.
    async fn drain(&self, memory: &mut Memory) {
        if let Some(head) = memory.head {
            let epoch = memory.epoch;
            self.wait(|now| now.epoch != epoch || now.committed >= head.position)
                .await;
            memory.settle(*self.progress.borrow());
        }
    }

    async fn wait(&self, until: impl FnMut(&Progress) -> bool) -> Progress {
        let mut progress = self.progress.subscribe();
        let reached = progress.wait_for(until).await;
        // The sender is ours: it is never closed.
        reached.map_or_else(|_| *self.progress.borrow(), |reached| *reached)
    }

    async fn lane(&self) -> Result<AppendLane, Fault> {
        loop {
            let kept = self.lanes().pop();
            match kept {
                Some(lane) if lane.is_closed() => {}
                Some(lane) => return Ok(lane),
                None => return AppendLane::open(&self.pool).await,
            }
        }
    }

    fn lanes(&self) -> std::sync::MutexGuard<'_, Vec<AppendLane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins a new epoch when it is dropped, unless it was cleared.
struct Doubt(Option<watch::Sender<Progress>>);

impl Doubt {
    fn cleared(mut self) {
        self.0 = None;
    }
}

impl Drop for Doubt {
    fn drop(&mut self) {
        if let Some(progress) = &self.0 {
            progress.send_modify(Progress::fail);
        }
    }
}

/// Sees to it that those behind an append learn whether it arrived. If it did not, whatever the
/// reason, what they build on is not there.
struct Landing<'a> {
    writer: &'a Writer,
    epoch: u64,
    arrived: Option<i64>,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        self.writer.progress.send_if_modified(|progress| {
            let same = progress.epoch == self.epoch;
            match self.arrived {
                Some(position) if same => progress.committed = progress.committed.max(position),
                None if same => progress.fail(),
                _ => {}
            }
            same
        });
    }
}
