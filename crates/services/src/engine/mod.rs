//! The ingest engine: requests wait in a bounded queue, are written in groups, and are answered when
//! their group is safe on disk.
//!
//! Nobody waits for company: a writer takes at once whatever is there, and groups form by themselves
//! while it is busy. A second writer begins when that much is waiting that the store need not wait
//! for the first one's answer.
//! Writers are tasks that end when nothing waits; a request that goes away while it waits is not
//! written, one that is being written is written to its end.

mod queue;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pts_domain::Timestamp;
use pts_domain::access::Workspace;
use pts_domain::event::NewEvent;
use pts_ports::{Appended, EventLog, StoreError, Written};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, oneshot};
use uuid::Uuid;

use queue::{Bounds, Full, Load, Queue};

/// What may wait: some seconds of the highest rate, and memory that a small machine can spare.
const BOUNDS: Bounds = Bounds {
    events: 40_000,
    bytes: 48 * 1024 * 1024,
};
/// Events in a group, but for a request that alone has more.
const GROUP: usize = 1_000;
/// Events in a sender's turn.
const TURN: usize = 64;
/// Writers at the same time.
const WRITERS: usize = 2;
/// From so many waiting events on, another writer begins: its group is on its way while the answer to
/// the one before still is.
const WORTH_ANOTHER: usize = 16;
/// Groups that may wait for the disk at the same time: it may stand still while writing goes on.
const UNSAFE_GROUPS: usize = 64;
/// A request that is not answered by then is told so.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why events were not stored, as far as is known.
#[derive(Debug)]
pub(crate) enum NotStored {
    /// Too much is waiting already.
    Overloaded,
    /// This sender has too much waiting.
    TooMuch,
    /// The store said so.
    Failed(Failure),
}

/// What the store said. Several requests are told of one failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Away, and certainly nothing of it is stored.
    Away,
    /// Away, and it may be stored.
    InDoubt,
    /// A fault.
    Fault,
}

impl Failure {
    /// Logs what happened, once for all who are told.
    fn of(error: &StoreError) -> Self {
        match error {
            StoreError::Unavailable { maybe_done, .. } => {
                tracing::warn!(%error, "the store is unavailable");
                if *maybe_done {
                    Self::InDoubt
                } else {
                    Self::Away
                }
            }
            StoreError::Corrupt(_) | StoreError::Other(_) => {
                crate::error::log_fault(error);
                Self::Fault
            }
        }
    }
}

type Answer = Result<Vec<Appended>, Failure>;

struct Job {
    batch: Vec<NewEvent>,
    answer: oneshot::Sender<Answer>,
}

/// A request that waits for its group.
pub(crate) struct Ticket(oneshot::Receiver<Answer>);

impl Ticket {
    /// Waits until its events are safe on disk, for as long as a request may take.
    pub(crate) async fn answer(self) -> Answer {
        let waited = tokio::time::timeout(PATIENCE, self.outcome()).await;
        waited.unwrap_or(Err(Failure::InDoubt))
    }

    /// Waits until it is known what became of its events, however long that takes.
    pub(crate) async fn outcome(self) -> Answer {
        // Its writer is gone: what it had begun may be done.
        self.0.await.unwrap_or(Err(Failure::InDoubt))
    }
}

/// The engine. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Engine {
    shared: Arc<Shared>,
}

/// When the last of some events was received, for each workspace that any of them belong to.
pub(crate) type Newest = Vec<(Workspace, Timestamp)>;

/// Is told what is safe on disk now, and when the last of it was received.
pub(crate) type Told = Box<dyn Fn(&[Appended], &Newest) + Send + Sync>;

/// Is told what came in, before it is written: whoever sends is heard, whatever becomes of it.
pub(crate) type Heard = Box<dyn Fn(&[NewEvent]) + Send + Sync>;

struct Shared {
    log: Arc<dyn EventLog>,
    told: Told,
    heard: Heard,
    state: Mutex<State>,
    /// For groups that are written and not yet safe on disk.
    room: Arc<Semaphore>,
    /// How much goes on by itself, and what tells that nothing does any more.
    busy: AtomicUsize,
    ended: Notify,
    /// Where writers run: not in the runtime of whoever comes first, which may be a worker thread's
    /// own.
    home: Option<Handle>,
}

struct State {
    queue: Queue<Job>,
    writers: usize,
}

impl Engine {
    /// An engine over a log. `told` hears of each group before its requests do, and of those too whose
    /// requests are gone.
    pub(crate) fn new(log: Arc<dyn EventLog>, told: Told, heard: Heard) -> Self {
        let state = State {
            queue: Queue::new(BOUNDS),
            writers: 0,
        };
        Self {
            shared: Arc::new(Shared {
                log,
                told,
                heard,
                state: Mutex::new(state),
                room: Arc::new(Semaphore::new(UNSAFE_GROUPS)),
                busy: AtomicUsize::new(0),
                ended: Notify::new(),
                home: Handle::try_current().ok(),
            }),
        }
    }

    /// Puts a request's events in the queue, or refuses them at once.
    pub(crate) fn submit(&self, sender: Uuid, batch: Vec<NewEvent>) -> Result<Ticket, NotStored> {
        let load = Load {
            events: batch.len(),
            bytes: batch.iter().map(|new| new.event.weight()).sum(),
        };
        let (answer, ticket) = oneshot::channel();
        let begin = {
            let mut state = self.shared.lock();
            let pushed = state.queue.push(sender, load, Job { batch, answer });
            pushed.map_err(|full| match full {
                Full::All => NotStored::Overloaded,
                Full::Share => NotStored::TooMuch,
            })?;
            let begin = state.wants_another_writer();
            if begin {
                state.writers += 1;
            }
            begin
        };
        if begin {
            begin_writer(&self.shared);
        }
        Ok(Ticket(ticket))
    }

    /// Lets something go on by itself, where the writers do.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        spawn(&self.shared, future);
    }

    /// Waits until nothing waits, is written or goes on by itself.
    pub(crate) async fn idle(&self) {
        loop {
            let mut ended = std::pin::pin!(self.shared.ended.notified());
            ended.as_mut().enable();
            if self.shared.busy.load(Ordering::Acquire) == 0 {
                return;
            }
            ended.await;
        }
    }

    /// Whether more than half of what may wait does.
    pub(crate) fn is_pressed(&self) -> bool {
        let (events, bytes) = self.waiting();
        events > BOUNDS.events / 2 || bytes > BOUNDS.bytes / 2
    }

    /// How much waits: events and bytes.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let load = self.shared.lock().queue.load();
        (load.events, load.bytes)
    }
}

fn spawn(shared: &Arc<Shared>, future: impl Future<Output = ()> + Send + 'static) {
    let busy = Busy::new(Arc::clone(shared));
    let future = async move {
        let _busy = busy;
        future.await;
    };
    match &shared.home {
        Some(home) => drop(home.spawn(future)),
        None => drop(tokio::spawn(future)),
    }
}

/// Begins a writer whose place is taken already.
fn begin_writer(shared: &Arc<Shared>) {
    spawn(shared, write(Seat::new(Arc::clone(shared))));
}

/// Something that goes on by itself.
struct Busy(Arc<Shared>);

impl Busy {
    fn new(shared: Arc<Shared>) -> Self {
        shared.busy.fetch_add(1, Ordering::AcqRel);
        Self(shared)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.0.busy.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.ended.notify_waiters();
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wants_another_writer(&self) -> bool {
        let waiting = self.queue.load().events;
        waiting > 0 && (self.writers == 0 || (self.writers < WRITERS && waiting >= WORTH_ANOTHER))
    }
}

/// A writer's place among the writers: free again when the writer ends, whatever the reason.
struct Seat {
    shared: Arc<Shared>,
    held: bool,
}

impl Seat {
    const fn new(shared: Arc<Shared>) -> Self {
        Self { shared, held: true }
    }

    /// Takes what is to be written next, or leaves if there is nothing for this writer. Looked at and
    /// left under one lock: whoever puts something in the queue afterwards sees the place free.
    fn next(&mut self) -> Option<Vec<Job>> {
        let mut state = self.shared.lock();
        let needed = state.writers == 1 || state.queue.load().events >= WORTH_ANOTHER;
        let jobs = if needed {
            state.queue.take(GROUP, TURN)
        } else {
            Vec::new()
        };
        if jobs.is_empty() {
            state.writers -= 1;
            self.held = false;
            return None;
        }
        Some(jobs)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if !self.held {
            return;
        }
        // It ends before its time. What waits must not wait for whoever comes next, unless all ends.
        let another = {
            let mut state = self.shared.lock();
            state.writers -= 1;
            let another = std::thread::panicking() && state.wants_another_writer();
            state.writers += usize::from(another);
            another
        };
        if another {
            begin_writer(&self.shared);
        }
    }
}

async fn write(mut seat: Seat) {
    while let Some(jobs) = seat.next() {
        // Whoever went away while waiting was told nothing: theirs need not be written.
        let jobs = jobs.into_iter().filter(|job| !job.answer.is_closed());
        group(&seat.shared, jobs.collect()).await;
    }
}

/// Writes a group. Returns when the next one may follow; the answers come when it is safe.
async fn group(shared: &Arc<Shared>, jobs: Vec<Job>) {
    if jobs.is_empty() {
        return;
    }
    let mut all = Vec::with_capacity(jobs.iter().map(|job| job.batch.len()).sum());
    let mut waiting = Vec::with_capacity(jobs.len());
    for Job { batch, answer } in jobs {
        waiting.push((batch.len(), answer));
        all.extend(batch);
    }
    let newest = newest(&all);
    (shared.heard)(&all);
    // Never closed.
    let room = Arc::clone(&shared.room).acquire_owned().await;
    match shared.log.write(all).await {
        Ok(Written { appended, durable }) => {
            let told = Arc::clone(shared);
            spawn(shared, async move {
                let _room = room;
                let shared = told;
                let safe = durable.await.map_err(|error| Failure::of(&error));
                if safe.is_ok() {
                    (shared.told)(&appended, &newest);
                }
                answer(waiting, safe.map(|()| appended));
            });
        }
        Err(error) => answer(waiting, Err(Failure::of(&error))),
    }
}

fn newest(events: &[NewEvent]) -> Newest {
    let mut newest = Newest::new();
    for new in events {
        let known = newest.iter_mut().find(|(of, _)| *of == new.workspace);
        match known {
            Some((_, at)) => *at = new.received_at.max(*at),
            None => newest.push((new.workspace.clone(), new.received_at)),
        }
    }
    newest
}

fn answer(waiting: Vec<(usize, oneshot::Sender<Answer>)>, outcome: Answer) {
    match outcome {
        Ok(appended) => {
            let mut appended = appended.into_iter();
            for (count, answer) in waiting {
                // Nobody may be waiting any more.
                let _ = answer.send(Ok(appended.by_ref().take(count).collect()));
            }
        }
        Err(failure) => {
            for (_, answer) in waiting {
                let _ = answer.send(Err(failure));
            }
        }
    }
}
