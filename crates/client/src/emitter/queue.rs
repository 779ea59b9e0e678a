//! What waits to be sent: events as JSON, bounded in number and in bytes, with the counts under the
//! same lock, so that they add up at any moment.

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{DropReason, EmitterOptions, Tally};
use crate::Event;

/// The most events of a batch that the server takes.
const MOST_OF_A_BATCH: usize = 10_000;

#[derive(Debug)]
pub(super) struct Queue {
    pub(super) options: EmitterOptions,
    state: Mutex<State>,
    /// Something may be due now that was not before.
    pub(super) changed: Notify,
    /// It is known of more events what became of them.
    pub(super) settled: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// Of what waits and of what is on its way.
    bytes: usize,
    /// Of what waits alone.
    waiting_bytes: usize,
    closed: bool,
    tally: Tally,
}

#[derive(Debug)]
struct Waiting {
    json: Bytes,
    since: Instant,
}

/// When the next batch is due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Due {
    Now,
    At(Instant),
    /// Nothing waits.
    Never,
}

impl Queue {
    pub(super) fn new(options: EmitterOptions) -> Self {
        Self {
            options,
            state: Mutex::default(),
            changed: Notify::new(),
            settled: Notify::new(),
        }
    }

    /// A panic of another thread leaves counts that are right: nothing panics between two of them.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tally(&self) -> Tally {
        self.state().tally
    }

    pub(super) fn push(&self, event: &Event) -> bool {
        let written = write(event, self.options.longest_event);
        let mut state = self.state();
        state.tally.emitted += 1;
        let taken = match written {
            _ if state.closed => Err(DropReason::Closed),
            Err(reason) => Err(reason),
            Ok(json) => state.take(json, &self.options),
        };
        if let Err(reason) = taken {
            state.tally.drop(reason, 1);
        }
        // The sender is woken for a first event, whose time begins, and for a batch that is full.
        let wake = state.waiting.len() == 1 || state.is_full_batch(&self.options);
        drop(state);
        if taken.is_ok() && wake {
            self.changed.notify_one();
        }
        taken.is_ok()
    }

    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    pub(super) fn due(&self) -> Due {
        let state = self.state();
        match state.waiting.front() {
            None => Due::Never,
            Some(_) if state.closed || state.is_full_batch(&self.options) => Due::Now,
            Some(first) => Due::At(first.since + self.options.linger),
        }
    }

    /// The next batch, the oldest first; empty if nothing waits.
    pub(super) fn take_batch(&self) -> Vec<Bytes> {
        let mut state = self.state();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let most = self.options.batch_events.clamp(1, MOST_OF_A_BATCH);
        while let Some(next) = state.waiting.front() {
            let full = batch.len() >= most || bytes + next.json.len() > self.options.batch_bytes;
            if full && !batch.is_empty() {
                break;
            }
            bytes += next.json.len();
            batch.extend(state.waiting.pop_front().map(|next| next.json));
        }
        state.waiting_bytes -= bytes;
        batch
    }

    /// Of what was taken, so many events of so many bytes are stored or refused.
    pub(super) fn settle(&self, stored: u64, refused: u64, bytes: usize) {
        let mut state = self.state();
        state.tally.stored += stored;
        state.tally.drop(DropReason::Refused, refused);
        state.tally.waiting -= stored + refused;
        state.bytes -= bytes;
        drop(state);
        self.settled.notify_one();
    }

    /// The end has come: what is not settled is given up.
    pub(super) fn abandon(&self) {
        let mut state = self.state();
        state.closed = true;
        let left = std::mem::take(&mut state.tally.waiting);
        state.tally.drop(DropReason::Abandoned, left);
        state.waiting.clear();
        (state.bytes, state.waiting_bytes) = (0, 0);
    }
}

impl State {
    fn take(&mut self, json: Bytes, options: &EmitterOptions) -> Result<(), DropReason> {
        let room = self.tally.waiting < options.most_events as u64
            && self.bytes + json.len() <= options.most_bytes;
        if !room {
            return Err(DropReason::Full);
        }
        self.tally.waiting += 1;
        self.bytes += json.len();
        self.waiting_bytes += json.len();
        let since = Instant::now();
        self.waiting.push_back(Waiting { json, since });
        Ok(())
    }

    fn is_full_batch(&self, options: &EmitterOptions) -> bool {
        self.waiting.len() >= options.batch_events || self.waiting_bytes >= options.batch_bytes
    }
}

/// Writes an event as JSON. One that is too long is not written to its end.
fn write(event: &Event, longest: usize) -> Result<Bytes, DropReason> {
    let mut bounded = Bounded {
        bytes: Vec::with_capacity(256),
        longest,
        over: false,
    };
    match serde_json::to_writer(&mut bounded, event) {
        Ok(()) => Ok(bounded.bytes.into()),
        Err(_) if bounded.over => Err(DropReason::TooLong),
        Err(_) => Err(DropReason::Unwritable),
    }
}

struct Bounded {
    bytes: Vec<u8>,
    longest: usize,
    over: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > self.longest {
            self.over = true;
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(length: usize) -> Event {
        Event::new("platform.notice", "s").with_data(json!({"message": "m".repeat(length)}))
    }

    fn adds_up(tally: Tally) {
        let sum = tally.stored + tally.waiting + tally.dropped();
        assert_eq!(tally.emitted, sum, "{tally:?}");
    }

    #[test]
    fn more_than_may_wait_is_dropped_and_counted() {
        let queue = Queue::new(EmitterOptions {
            most_events: 3,
            most_bytes: 2_000,
            longest_event: 1_000,
            ..EmitterOptions::default()
        });
        assert!(!queue.push(&event(1_000)));
        assert!((0..3).all(|_| queue.push(&event(1))));
        assert!(!queue.push(&event(1)));
        let batch = queue.take_batch();
        assert!(!queue.push(&event(1)), "what is on its way waits too");
        queue.settle(2, 1, batch.iter().map(Bytes::len).sum());
        assert!(queue.push(&event(800)) && queue.push(&event(700)));
        assert!(!queue.push(&event(700)), "too many bytes");
        queue.abandon();
        assert!(!queue.push(&event(1)));
        let tally = queue.tally();
        adds_up(tally);
        let expected = Tally {
            emitted: 10,
            stored: 2,
            waiting: 0,
            full: 3,
            too_long: 1,
            unwritable: 0,
            closed: 1,
            refused: 1,
            abandoned: 2,
        };
        assert_eq!(tally, expected);
    }

    #[test]
    fn a_batch_is_due_when_it_is_full_or_its_first_event_has_waited() {
        let options = EmitterOptions {
            batch_events: 3,
            batch_bytes: 2_000,
            ..EmitterOptions::default()
        };
        let queue = Queue::new(options.clone());
        assert_eq!(queue.due(), Due::Never);
        queue.push(&event(1));
        assert!(matches!(queue.due(), Due::At(_)));
        queue.push(&event(1));
        queue.push(&event(1));
        queue.push(&event(1));
        assert_eq!(queue.due(), Due::Now);
        assert_eq!(queue.take_batch().len(), 3);
        assert!(matches!(queue.due(), Due::At(_)));
        queue.push(&event(1_900));
        assert_eq!(queue.due(), Due::Now);
        assert_eq!(queue.take_batch().len(), 1);
        assert_eq!(queue.take_batch().len(), 1);
        assert_eq!(queue.take_batch().len(), 0);
        queue.push(&event(1));
        queue.close();
        assert_eq!(queue.due(), Due::Now);
    }
}
