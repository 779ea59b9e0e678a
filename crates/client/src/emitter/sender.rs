//! The thread behind an emitter: takes batches when they are due, sends them until they are settled,
//! and answers those who wait for that.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use pts_api::actions::events::AppendParameters;
use pts_api::{BatchResult, ItemStatus};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use super::queue::{Due, Queue};
use crate::append::append;
use crate::client::parsed;
use crate::retry::Backoff;
use crate::{Client, ClientError};

/// What somebody wants of the thread.
#[derive(Debug)]
pub(super) struct Ask {
    within: Duration,
    ends: bool,
    answer: oneshot::Sender<bool>,
}

impl Ask {
    pub(super) fn flush(within: Duration) -> (Self, oneshot::Receiver<bool>) {
        Self::new(within, false)
    }

    pub(super) fn end(within: Duration) -> (Self, oneshot::Receiver<bool>) {
        Self::new(within, true)
    }

    fn new(within: Duration, ends: bool) -> (Self, oneshot::Receiver<bool>) {
        let (answer, answered) = oneshot::channel();
        let ask = Self {
            within,
            ends,
            answer,
        };
        (ask, answered)
    }
}

/// Somebody who waits until so many events are settled.
#[derive(Debug)]
struct Waiter {
    mark: u64,
    until: Instant,
    /// Waits for the end: is told when all is counted, and not before.
    ends: bool,
    answer: oneshot::Sender<bool>,
}

pub(super) struct Sender {
    client: Client,
    queue: Arc<Queue>,
    backoff: Backoff,
}

/// Runs a sender in a thread of its own.
pub(super) fn start(sender: Sender, asked: mpsc::Receiver<Ask>) -> Result<(), ClientError> {
    let wrong = |error: std::io::Error| {
        ClientError::Options(format!("the emitter's thread cannot be started: {error}"))
    };
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(wrong)?;
    let spawned = thread::Builder::new()
        .name("pts-emitter".to_owned())
        .spawn(move || runtime.block_on(sender.run(asked)));
    spawned.map(drop).map_err(wrong)
}

/// Gives up what is left when the thread ends, in whatever way: the counts add up even then.
struct AtTheEnd(Arc<Queue>);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Sender {
    pub(super) fn new(client: Client, queue: Arc<Queue>) -> Self {
        let backoff = Backoff::new(&client.transport.options);
        Self {
            client,
            queue,
            backoff,
        }
    }

    async fn run(self, asked: mpsc::Receiver<Ask>) {
        let at_the_end = AtTheEnd(Arc::clone(&self.queue));
        let mut desk = Desk {
            queue: Arc::clone(&self.queue),
            asked,
            waiters: Vec::new(),
            hurry: Arc::default(),
            ending: None,
        };
        let hurry = Arc::clone(&desk.hurry);
        tokio::select! {
            () = self.send_all(&hurry) => {}
            () = desk.serve() => {}
        }
        drop(at_the_end);
        desk.close();
    }

    /// Sends what is due, without an end.
    async fn send_all(mut self, hurry: &tokio::sync::Notify) {
        let mut hurried = false;
        loop {
            match self.queue.due() {
                Due::Now => self.send_batch().await,
                Due::At(_) if hurried => self.send_batch().await,
                Due::Never => {
                    hurried = false;
                    tokio::select! {
                        () = self.queue.changed.notified() => {}
                        () = hurry.notified() => {}
                    }
                }
                Due::At(at) => tokio::select! {
                    () = self.queue.changed.notified() => {}
                    () = hurry.notified() => hurried = true,
                    () = sleep_until(at) => self.send_batch().await,
                },
            }
        }
    }

    async fn send_batch(&mut self) {
        // Parts of a batch that is too long for the server are sent one after the other.
        let mut parts = vec![self.queue.take_batch()];
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            if let Some((first, second)) = self.settle(part).await {
                parts.extend([second, first]);
            }
        }
    }

    /// Sends until it is known what became of the events. Two halves, if they are too much at once.
    async fn settle(&mut self, mut batch: Vec<Bytes>) -> Option<(Vec<Bytes>, Vec<Bytes>)> {
        let bytes = batch.iter().map(Bytes::len).sum();
        let all = batch.len() as u64;
        let body = array(&batch);
        loop {
            let error = match self.try_once(body.clone()).await {
                Ok(result) => {
                    self.backoff.reset();
                    let stored = stored(&result).min(all);
                    self.queue.settle(stored, all - stored, bytes);
                    return None;
                }
                Err(error) => error,
            };
            if waits(&error) {
                sleep(self.backoff.after(&error)).await;
            } else if batch.len() > 1 && error.status() == Some(413) {
                let second = batch.split_off(batch.len() / 2);
                return Some((batch, second));
            } else {
                self.queue.settle(0, all, bytes);
                return None;
            }
        }
    }

    async fn try_once(&self, body: Bytes) -> Result<BatchResult, ClientError> {
        let request = append(body, &AppendParameters::default())?;
        let reply = self.client.transport.once(&request).await?;
        parsed(&reply.body)
    }
}

/// Whether events wait until this has passed. A token that is not good today may be so again, and
/// an answer that is none of PTS may come from a proxy in front of it; what is lost by waiting is
/// counted when there is no more room.
fn waits(error: &ClientError) -> bool {
    let status = error.status();
    error.may_have_been_done()
        || error.is_passing()
        || matches!(status, Some(401 | 403 | 404 | 405 | 408))
}

fn stored(result: &BatchResult) -> u64 {
    let is_stored = |status| match status {
        ItemStatus::Created | ItemStatus::Duplicate | ItemStatus::Accepted => true,
        ItemStatus::Valid | ItemStatus::Conflict | ItemStatus::Invalid => false,
    };
    let items = result.items.iter();
    items.filter(|item| is_stored(item.status)).count() as u64
}

/// Events as one JSON array, without writing them again.
fn array(events: &[Bytes]) -> Bytes {
    let length: usize = events.iter().map(|event| event.len() + 1).sum();
    let mut body = BytesMut::with_capacity(length + 1);
    body.put_u8(b'[');
    for (at, event) in events.iter().enumerate() {
        if at > 0 {
            body.put_u8(b',');
        }
        body.extend_from_slice(event);
    }
    body.put_u8(b']');
    body.freeze()
}

/// Where those who wait are served while batches are on their way.
struct Desk {
    queue: Arc<Queue>,
    asked: mpsc::Receiver<Ask>,
    waiters: Vec<Waiter>,
    hurry: Arc<tokio::sync::Notify>,
    /// When everything ends.
    ending: Option<Instant>,
}

impl Desk {
    /// Serves until the end has come.
    async fn serve(&mut self) {
        let queue = Arc::clone(&self.queue);
        let mut open = true;
        loop {
            self.answer();
            if self.is_over() {
                return;
            }
            let next = self.next_deadline();
            tokio::select! {
                ask = self.asked.recv(), if open => {
                    open = ask.is_some();
                    self.take_or_end(ask);
                }
                () = queue.settled.notified() => {}
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
            }
        }
    }

    /// When the last handle is gone, nobody asks any more, and the last words are said.
    fn take_or_end(&mut self, ask: Option<Ask>) {
        if let Some(ask) = ask {
            return self.take(ask);
        }
        let end = Instant::now() + self.queue.options.last_words;
        self.ending.get_or_insert(end);
    }

    fn next_deadline(&self) -> Option<Instant> {
        let waiters = self.waiters.iter().map(|waiter| waiter.until);
        waiters.chain(self.ending).min()
    }

    fn take(&mut self, ask: Ask) {
        let until = Instant::now() + ask.within;
        if ask.ends {
            self.ending = Some(self.ending.map_or(until, |ending| ending.min(until)));
        }
        self.waiters.push(Waiter {
            mark: self.queue.tally().taken(),
            until,
            ends: ask.ends,
            answer: ask.answer,
        });
        self.hurry.notify_one();
    }

    fn answer(&mut self) {
        let tally = self.queue.tally();
        let (now, settled) = (Instant::now(), tally.settled());
        // One batch is on its way at a time, the oldest first, so what is settled is what came first.
        let (ready, waiters) =
            std::mem::take(&mut self.waiters)
                .into_iter()
                .partition(|waiter: &Waiter| {
                    !waiter.ends && (settled >= waiter.mark || now >= waiter.until)
                });
        self.waiters = waiters;
        for waiter in ready {
            // Whoever does not wait any more needs no answer.
            let _: Result<(), bool> = waiter.answer.send(settled >= waiter.mark);
        }
    }

    fn is_over(&self) -> bool {
        let done = self.queue.is_closed() && self.queue.tally().waiting == 0;
        self.ending
            .is_some_and(|ending| done || Instant::now() >= ending)
    }

    /// Tells the last waiters after everything is counted.
    fn close(self) {
        let all = self.queue.tally().abandoned == 0;
        for waiter in self.waiters {
            let _: Result<(), bool> = waiter.answer.send(all);
        }
    }
}
