//! The live tail: events as they become safe, read from the log itself. A signal wakes the readers
//! after each append of this process; those of other processes are announced through the store. Only
//! while that cannot be heard, and now and then in case something was missed, readers look by
//! themselves. Since positions appear in order, reading on from the last one neither skips nor
//! repeats, whatever wakes the reader.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use pts_api::EventRecord;
use pts_api::actions::events::StreamInput;
use pts_domain::filter::EventFilter;
use pts_domain::{FieldError, StoredEvent};
use pts_ports::{EventLog, StoreError};
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::time::Instant;

use crate::queries::sought;
use crate::{ActionError, Gateway};

/// How many events are read at once.
const CHUNK: usize = 100;
/// How often to look for what others appended while they cannot be heard.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often all the same while they can.
const LOOK_ANYWAY: Duration = Duration::from_secs(15);
/// Appends of this process are announced together, at most so often.
const ANNOUNCE_EVERY: Duration = Duration::from_millis(10);

/// How many streams read at the same time: together they must not take every connection.
const READ_AT_ONCE: usize = 4;

/// Tells readers how far the log has come.
pub(crate) struct Commits {
    head: watch::Sender<i64>,
    /// How far this process itself has come.
    ours: watch::Sender<i64>,
    /// Whether other processes can be heard.
    hearing: AtomicBool,
    /// When somebody last looked for commits of other processes.
    looked: Mutex<Option<Instant>>,
    reading: Semaphore,
}

impl Commits {
    pub(crate) fn new() -> Self {
        Self {
            head: watch::Sender::new(0),
            ours: watch::Sender::new(0),
            hearing: AtomicBool::new(false),
            looked: Mutex::new(None),
            reading: Semaphore::new(READ_AT_ONCE),
        }
    }

    /// Somebody has come so far.
    pub(crate) fn reached(&self, position: i64) {
        further(&self.head, position);
    }

    /// This process has come so far.
    pub(crate) fn appended(&self, position: i64) {
        further(&self.head, position);
        further(&self.ours, position);
    }

    fn look_every(&self) -> Duration {
        if self.hearing.load(Ordering::Relaxed) {
            LOOK_ANYWAY
        } else {
            LOOK_EVERY
        }
    }

    /// Looks for commits of other processes, on behalf of all readers: whoever comes while another
    /// looks, or soon after, need not.
    async fn look(&self, log: &dyn EventLog) -> Result<(), ActionError> {
        let Ok(mut looked) = self.looked.try_lock() else {
            return Ok(());
        };
        if looked.is_none_or(|at| at.elapsed() >= self.look_every()) {
            *looked = Some(Instant::now());
            self.reached(log.head().await?);
        }
        Ok(())
    }
}

fn further(place: &watch::Sender<i64>, position: i64) {
    place.send_if_modified(|place| {
        let further = position > *place;
        *place = position.max(*place);
        further
    });
}

impl Gateway {
    /// Tells other processes over the same store what this one appends, and hears what they append,
    /// until `stop` resolves. Streams work without it, later.
    pub async fn keep_in_touch(&self, stop: impl Future<Output = ()>) {
        tokio::select! {
            () = stop => {}
            () = self.announce() => {}
            () = self.listen() => {}
        }
    }

    async fn announce(&self) {
        let mut ours = self.commits.ours.subscribe();
        while ours.changed().await.is_ok() {
            let position = *ours.borrow_and_update();
            if let Err(error) = self.log.announce(position).await {
                // Others look by themselves now and then.
                tracing::debug!(%error, "an append was not announced");
            }
            tokio::time::sleep(ANNOUNCE_EVERY).await;
        }
    }

    async fn listen(&self) {
        loop {
            match self.hear().await {
                Ok(()) => tracing::debug!("the store no longer tells of others' appends"),
                Err(error) => tracing::debug!(%error, "the store does not tell of others' appends"),
            }
            self.commits.hearing.store(false, Ordering::Relaxed);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn hear(&self) -> Result<(), StoreError> {
        let mut announced = self.log.announced().await?;
        // What was appended before anybody listened.
        self.commits.reached(self.log.head().await?);
        self.commits.hearing.store(true, Ordering::Relaxed);
        while let Some(position) = announced.next().await {
            // A hint: anybody who may use the database may say anything.
            if position > *self.commits.head.borrow() {
                self.commits.reached(self.log.head().await?);
            }
        }
        Ok(())
    }
}

/// Events as they come.
pub(crate) type Events = BoxStream<'static, Result<EventRecord, ActionError>>;

struct Reader {
    log: Arc<dyn EventLog>,
    filter: EventFilter,
    position: i64,
    waiting: std::vec::IntoIter<StoredEvent>,
    commits: Arc<Commits>,
    head: watch::Receiver<i64>,
}

impl Gateway {
    /// The place in the log behind which it begins, and what is there from then on.
    pub(crate) async fn tail(
        &self,
        input: StreamInput,
        last_event_id: Option<i64>,
    ) -> Result<(i64, Events), ActionError> {
        let commits = Arc::clone(&self.commits);
        let head = self.log.head().await?;
        commits.reached(head);
        let position = match last_event_id.or(input.after) {
            None => head,
            Some(position) if (0..=head).contains(&position) => position,
            Some(position) => {
                let field = if last_event_id.is_some() {
                    "Last-Event-ID"
                } else {
                    "after"
                };
                let expected = format!("a place in the log, 0 to {head}");
                let error = FieldError::invalid(field, position, expected);
                return Err(ActionError::Invalid(vec![error]));
            }
        };
        let filter = sought(self, input.into())?;
        let log = Arc::clone(&self.log);
        let head = commits.head.subscribe();
        let reader = Reader {
            log,
            filter,
            position,
            waiting: Vec::new().into_iter(),
            commits,
            head,
        };
        let stream = stream::unfold(Some(reader), |reader| async move {
            let mut reader = reader?;
            match reader.next().await {
                Ok(event) => Some((Ok(event.into()), Some(reader))),
                // The stream ends here; the client resumes behind the last event it saw.
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok((position, stream.boxed()))
    }
}

impl Reader {
    async fn next(&mut self) -> Result<StoredEvent, ActionError> {
        loop {
            if let Some(event) = self.waiting.next() {
                return Ok(event);
            }
            let head = *self.head.borrow_and_update();
            if self.position < head && self.read().await? {
                continue;
            }
            // A closed signal means that the service ends, and the stream's owner with it.
            let pause = self.commits.look_every();
            if tokio::time::timeout(pause, self.head.changed())
                .await
                .is_err()
            {
                self.commits.look(&*self.log).await?;
            }
        }
    }

    /// Reads on; tells whether that got any further.
    async fn read(&mut self) -> Result<bool, ActionError> {
        let _permit = self.commits.reading.acquire().await;
        let tail = self.log.after(self.position, &self.filter, CHUNK).await?;
        let moved = tail.scanned_to > self.position;
        self.position = tail.scanned_to;
        self.waiting = tail.events.into_iter();
        Ok(moved)
    }
}
