//! Fire and forget: events are handed over in no time and sent in batches by a thread of the
//! emitter's own. Whatever happens to the server, the host is neither held up nor broken, and each
//! event is counted: as stored, or as dropped and why.
//!
//! [`Emitter::flush`] and [`Emitter::shutdown`] need no runtime of tokio: any executor will do.

mod queue;
mod sender;
mod tally;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

pub use tally::{DropReason, Tally};

use crate::{Client, ClientError, ClientOptions, Event};
use queue::Queue;
use sender::{Ask, Sender};

/// How many may wait for a flush at the same time.
const MOST_FLUSHES: usize = 64;

/// How much an emitter keeps, and when it sends.
#[derive(Debug, Clone)]
pub struct EmitterOptions {
    /// The most events that wait or are on their way; 10,000. More are dropped.
    pub most_events: usize,
    /// The most bytes of them as JSON; 16 MiB. More are dropped.
    pub most_bytes: usize,
    /// The longest event as JSON; 256 KiB.
    pub longest_event: usize,
    /// The most events of one batch; 500, and never more than the server takes, 10,000.
    pub batch_events: usize,
    /// The most bytes of one batch; 1 MiB.
    pub batch_bytes: usize,
    /// How long an event waits for company at most; 1 s.
    pub linger: Duration,
    /// How long what waits is still sent after the last handle is gone; 5 s.
    pub last_words: Duration,
}

impl Default for EmitterOptions {
    fn default() -> Self {
        Self {
            most_events: 10_000,
            most_bytes: 16 * 1024 * 1024,
            longest_event: 256 * 1024,
            batch_events: 500,
            batch_bytes: 1024 * 1024,
            linger: Duration::from_secs(1),
            last_words: Duration::from_secs(5),
        }
    }
}

/// Takes events and sends them behind its host's back. A copy of it is a handle on the same queue;
/// it works in any thread, with or without a tokio runtime.
#[derive(Clone)]
pub struct Emitter {
    handle: Arc<Handle>,
}

struct Handle {
    queue: Arc<Queue>,
    asks: mpsc::Sender<Ask>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl fmt::Debug for Emitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = self.tally();
        f.debug_struct("Emitter")
            .field("tally", &tally)
            .finish_non_exhaustive()
    }
}

impl Emitter {
    /// Starts one, with a thread and connections of its own.
    ///
    /// # Errors
    /// [`ClientError::Options`] if they cannot be used or there is no room for a thread. Whether the
    /// server is there does not matter yet.
    pub fn start(client: ClientOptions, options: EmitterOptions) -> Result<Self, ClientError> {
        let client = Client::new(client)?;
        let queue = Arc::new(Queue::new(options));
        let (asks, asked) = mpsc::channel(MOST_FLUSHES);
        sender::start(Sender::new(client, Arc::clone(&queue)), asked)?;
        let handle = Arc::new(Handle { queue, asks });
        Ok(Self { handle })
    }

    /// Hands an event over. Returns at once; false if it was dropped, which is counted.
    pub fn emit(&self, event: &Event) -> bool {
        self.handle.queue.push(event)
    }

    /// What became of all that was handed over.
    pub fn tally(&self) -> Tally {
        self.handle.queue.tally()
    }

    /// Sends what waits without waiting for company. True when all that was handed over before is
    /// settled (stored, or dropped for good), false if that is not so `within` the time.
    pub async fn flush(&self, within: Duration) -> bool {
        let (ask, answer) = Ask::flush(within);
        self.handle.asks.try_send(ask).is_ok() && answer.await.unwrap_or(false)
    }

    /// Takes no more events, sends what waits, and ends. What is not settled `within` the time is
    /// counted as [`DropReason::Abandoned`]. Returns what became of everything.
    pub async fn shutdown(self, within: Duration) -> Tally {
        self.handle.queue.close();
        let (ask, answer) = Ask::end(within);
        if self.handle.asks.send(ask).await.is_ok() {
            // An error means that the thread has ended: then there is nothing to wait for.
            let _: Result<bool, oneshot::error::RecvError> = answer.await;
        }
        self.tally()
    }
}
