//! What waits to be written: bounded, and taken from in turns, so that somebody who sends a lot waits
//! for themselves and not others for them. Pure.

use std::collections::{HashMap, VecDeque};

use uuid::Uuid;

/// How much may wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

impl Bounds {
    /// What one sender may take of it: half, so that nobody alone can shut others out.
    const fn share(self) -> Self {
        Self {
            events: self.events / 2,
            bytes: self.bytes / 2,
        }
    }
}

/// How much does wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

impl Load {
    /// An empty queue takes anything, or a large request could never be served.
    const fn fits(self, more: Self, bounds: Bounds) -> bool {
        self.events == 0
            || (self.events + more.events <= bounds.events
                && self.bytes + more.bytes <= bounds.bytes)
    }

    const fn add(&mut self, more: Self) {
        self.events += more.events;
        self.bytes += more.bytes;
    }

    const fn remove(&mut self, less: Self) {
        self.events = self.events.saturating_sub(less.events);
        self.bytes = self.bytes.saturating_sub(less.bytes);
    }
}

/// Why something was not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// Everybody together has sent too much.
    All,
    /// This sender has.
    Share,
}

/// A queue of `T`s that belong to senders.
pub(super) struct Queue<T> {
    bounds: Bounds,
    load: Load,
    lines: HashMap<Uuid, Line<T>>,
    /// Senders that have something waiting, the next one first.
    turns: VecDeque<Uuid>,
}

struct Line<T> {
    load: Load,
    waiting: VecDeque<(Load, T)>,
}

impl<T> Queue<T> {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            load: Load::default(),
            lines: HashMap::new(),
            turns: VecDeque::new(),
        }
    }

    pub(super) const fn load(&self) -> Load {
        self.load
    }

    pub(super) fn push(&mut self, sender: Uuid, load: Load, item: T) -> Result<(), Full> {
        if !self.load.fits(load, self.bounds) {
            return Err(Full::All);
        }
        let of_sender = self
            .lines
            .get(&sender)
            .map_or_else(Load::default, |line| line.load);
        if !of_sender.fits(load, self.bounds.share()) {
            return Err(Full::Share);
        }
        let line = self.lines.entry(sender).or_insert_with(|| Line {
            load: Load::default(),
            waiting: VecDeque::new(),
        });
        if line.waiting.is_empty() {
            self.turns.push_back(sender);
        }
        line.load.add(load);
        line.waiting.push_back((load, item));
        self.load.add(load);
        Ok(())
    }

    /// Takes items of up to `most` events together, and at least one. Senders take turns of `turn`
    /// events each; an item that is larger than what is left is the first of the next group, so that
    /// it waits for one group at most, however many small ones keep coming.
    pub(super) fn take(&mut self, most: usize, turn: usize) -> Vec<T> {
        let mut group = Vec::new();
        let mut room = most;
        // Senders whose next item does not fit any more.
        let mut passed = Vec::new();
        while room > 0
            && let Some(sender) = self.turns.pop_front()
        {
            let Some(line) = self.lines.get_mut(&sender) else {
                continue;
            };
            let mut left = turn.min(room);
            let mut took = false;
            while let Some((load, _)) = line.waiting.front() {
                let alone = group.is_empty() && !took;
                let first_of_turn = !took && load.events <= room;
                if !(alone || first_of_turn || load.events <= left) {
                    break;
                }
                let Some((load, item)) = line.waiting.pop_front() else {
                    break;
                };
                line.load.remove(load);
                self.load.remove(load);
                left = left.saturating_sub(load.events);
                room = room.saturating_sub(load.events);
                took = true;
                group.push(item);
            }
            if line.waiting.is_empty() {
                self.lines.remove(&sender);
            } else if took {
                self.turns.push_back(sender);
            } else {
                passed.push(sender);
            }
        }
        for sender in passed.into_iter().rev() {
            self.turns.push_front(sender);
        }
        group
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Uuid = Uuid::from_u128(1);
    const B: Uuid = Uuid::from_u128(2);

    fn of(events: usize) -> Load {
        Load {
            events,
            bytes: events * 100,
        }
    }

    fn queue() -> Queue<&'static str> {
        Queue::new(Bounds {
            events: 100,
            bytes: 10_000,
        })
    }

    #[test]
    fn somebody_who_sends_a_lot_does_not_push_others_back() {
        let mut queue = queue();
        for _ in 0..50 {
            queue.push(A, of(1), "a").unwrap();
        }
        queue.push(B, of(1), "b").unwrap();
        let group = queue.take(10, 4);
        assert_eq!(group.len(), 10);
        assert!(group[..5].contains(&"b"), "{group:?}");
        assert_eq!(queue.load(), of(41));
    }

    #[test]
    fn a_large_request_goes_alone_and_lets_small_ones_pass() {
        let mut queue = queue();
        queue.push(A, of(40), "large").unwrap();
        queue.push(B, of(1), "small").unwrap();
        assert_eq!(queue.take(10, 4), ["large"]);
        assert_eq!(queue.take(10, 4), ["small"]);
        queue.push(B, of(1), "small").unwrap();
        queue.push(A, of(40), "large").unwrap();
        assert_eq!(queue.take(10, 4), ["small"]);
        assert_eq!(queue.take(10, 4), ["large"]);
        assert!(queue.take(10, 4).is_empty());
        assert_eq!(queue.load(), Load::default());
    }

    #[test]
    fn a_large_request_is_not_passed_over_for_ever() {
        const C: Uuid = Uuid::from_u128(3);
        let mut queue = queue();
        queue.push(C, of(1), "c").unwrap();
        queue.push(A, of(10), "large").unwrap();
        let groups: Vec<_> = (0..3)
            .map(|_| {
                // The others always have more than a group's worth waiting.
                for sender in [B, C] {
                    while queue
                        .lines
                        .get(&sender)
                        .is_none_or(|line| line.load.events < 8)
                    {
                        queue.push(sender, of(1), "small").unwrap();
                    }
                }
                queue.take(8, 4)
            })
            .collect();
        assert_eq!(groups[1], ["large"], "{groups:?}");
        assert_eq!((groups[0].len(), groups[2].len()), (8, 8));
    }

    #[test]
    fn nobody_alone_can_shut_others_out_and_all_together_are_bounded() {
        let mut queue = queue();
        queue.push(A, of(50), "a").unwrap();
        assert_eq!(queue.push(A, of(1), "a"), Err(Full::Share));
        queue.push(B, of(50), "b").unwrap();
        assert_eq!(queue.push(Uuid::from_u128(3), of(1), "c"), Err(Full::All));
        queue.take(50, 50);
        queue.push(Uuid::from_u128(3), of(1), "c").unwrap();
    }

    #[test]
    fn the_bytes_count_as_well_and_an_empty_queue_takes_anything() {
        let mut queue = queue();
        let heavy = Load {
            events: 1,
            bytes: 1_000_000,
        };
        queue.push(A, heavy, "heavy").unwrap();
        assert_eq!(queue.push(B, of(1), "b"), Err(Full::All));
        assert_eq!(queue.take(10, 4), ["heavy"]);
        queue.push(B, of(1), "b").unwrap();
    }
}
