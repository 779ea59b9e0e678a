//! What this process has seen, in memory: counted on every event, so a count takes a hash and a
//! short lock that others rarely hold, and what it remembers is bounded.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pts_domain::access::Workspace;
use pts_domain::accounting::{Counts, Line, OTHER, Outcome};
use uuid::Uuid;

/// How many parts there are, each with a lock of its own.
const SHARDS: usize = 16;
/// So many senders and sources are told apart; what is beyond is counted under [`OTHER`].
const MOST_KEYS: usize = 10_000;

/// What became of the events that this process received.
#[derive(Default)]
pub struct Tallies {
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
    outcomes: [AtomicU64; Outcome::ALL.len()],
    stored: AtomicBool,
}

#[derive(Default)]
struct Shard {
    /// Since the process began.
    totals: Table,
    /// Not in the books yet.
    pending: Table,
}

/// By workspace, sender and source. In steps, so that looking one up allocates nothing.
#[derive(Default)]
struct Table {
    workspaces: HashMap<Workspace, Senders>,
    keys: usize,
}

type Senders = HashMap<Option<Uuid>, HashMap<Box<str>, Counts>>;

/// Whose events they are: the workspace, the token and the source.
pub type Whose<'a> = (&'a Workspace, Option<Uuid>, &'a str);

impl Table {
    fn add(&mut self, (workspace, sender, source): Whose<'_>, outcome: Outcome, number: u64) {
        if !self.workspaces.contains_key(workspace) {
            self.workspaces
                .insert(workspace.clone(), Senders::default());
        }
        let Some(senders) = self.workspaces.get_mut(workspace) else {
            return;
        };
        let sources = senders.entry(sender).or_default();
        let counts = match sources.get_mut(source) {
            Some(counts) => counts,
            None if self.keys < MOST_KEYS / SHARDS => {
                self.keys += 1;
                sources.entry(source.into()).or_default()
            }
            // Senders are known by their tokens, so there are not very many of them.
            None => sources.entry(OTHER.into()).or_default(),
        };
        *counts.of_mut(outcome) += number;
    }

    fn lines(&self) -> impl Iterator<Item = (&Workspace, Line)> {
        let all = self.workspaces.iter();
        let all = all.flat_map(|(workspace, senders)| {
            let senders = senders.iter();
            senders.map(move |(sender, sources)| (workspace, *sender, sources))
        });
        all.flat_map(|(workspace, sender, sources)| {
            sources.iter().map(move |(source, counts)| {
                let line = Line {
                    sender,
                    source: source.as_ref().to_owned(),
                    counts: *counts,
                };
                (workspace, line)
            })
        })
    }
}

/// The figures of this process: those of the senders and sources that sent most, and of all others
/// together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Busiest {
    /// Those that sent most, the first one first.
    pub lines: Vec<Line>,
    /// All others.
    pub others: Counts,
}

impl Tallies {
    /// Counts events of a sender and source. Of those that the store does not count by itself
    /// (repeated and refused ones) the books are told within a second or so.
    pub fn count(&self, whose: Whose<'_>, outcome: Outcome, number: u64) {
        match outcome {
            Outcome::Stored => self.mark_stored(),
            Outcome::Repeated | Outcome::Refused if number > 0 => {
                self.shard(whose).pending.add(whose, outcome, number);
            }
            Outcome::Repeated | Outcome::Refused | Outcome::Quarantined => {}
        }
        self.note(whose, outcome, number);
    }

    /// Counts events that the books have already, for the figures of this process alone.
    pub(crate) fn note(&self, whose: Whose<'_>, outcome: Outcome, number: u64) {
        if number == 0 {
            return;
        }
        self.outcomes[outcome as usize].fetch_add(number, Ordering::Relaxed);
        self.shard(whose).totals.add(whose, outcome, number);
    }

    /// What this process has counted since it began.
    pub fn totals(&self) -> Counts {
        let mut totals = Counts::default();
        for outcome in Outcome::ALL {
            *totals.of_mut(outcome) = self.outcomes[outcome as usize].load(Ordering::Relaxed);
        }
        totals
    }

    /// The same by sender and source, for so many of them, over all workspaces.
    pub fn busiest(&self, most: usize) -> Busiest {
        let mut sums: HashMap<(Option<Uuid>, String), Counts> = HashMap::new();
        for shard in &self.shards {
            for (_, line) in lock(shard).totals.lines() {
                *sums.entry((line.sender, line.source)).or_default() += line.counts;
            }
        }
        let mut lines: Vec<_> = sums.into_iter().map(line).collect();
        sort(&mut lines);
        let others = lines.split_off(most.min(lines.len()));
        Busiest {
            lines,
            others: others.iter().map(|line| line.counts).sum(),
        }
    }

    /// Takes out what the books have not been told yet.
    pub(crate) fn take_pending(&self) -> Vec<(Workspace, Line)> {
        let mut lines: HashMap<(Workspace, Option<Uuid>, String), Counts> = HashMap::new();
        for shard in &self.shards {
            let pending = mem::take(&mut lock(shard).pending);
            // Sources beyond the bound stand in several shards under the same name.
            for (workspace, line) in pending.lines() {
                let key = (workspace.clone(), line.sender, line.source);
                *lines.entry(key).or_default() += line.counts;
            }
        }
        let lines = lines.into_iter();
        lines
            .map(|((workspace, sender, source), counts)| {
                (workspace, line(((sender, source), counts)))
            })
            .collect()
    }

    /// Whether anything was stored since this was last asked.
    pub(crate) fn take_stored(&self) -> bool {
        self.stored.swap(false, Ordering::Relaxed)
    }

    /// There is something in the log that is not counted.
    pub(crate) fn mark_stored(&self) {
        self.stored.store(true, Ordering::Relaxed);
    }

    fn shard(&self, whose: Whose<'_>) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one(whose);
        let index = usize::try_from(hash % SHARDS as u64).unwrap_or(0);
        lock(&self.shards[index])
    }
}

/// Those that sent most first; ties by name, so that the same figures are always told alike.
fn sort(lines: &mut [Line]) {
    lines.sort_unstable_by(|a, b| {
        let received = b.counts.received().cmp(&a.counts.received());
        received.then_with(|| (a.sender, &a.source).cmp(&(b.sender, &b.source)))
    });
}

fn line(((sender, source), counts): ((Option<Uuid>, String), Counts)) -> Line {
    Line {
        sender,
        source,
        counts,
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    #[test]
    fn only_what_the_store_does_not_count_is_handed_over_and_only_once() {
        let tallies = Tallies::default();
        assert!(!tallies.take_stored());
        tallies.count(
            (&Workspace::default(), Some(sender(1)), "s"),
            Outcome::Stored,
            5,
        );
        tallies.count(
            (&Workspace::default(), Some(sender(1)), "s"),
            Outcome::Quarantined,
            2,
        );
        tallies.count(
            (&Workspace::default(), Some(sender(1)), "s"),
            Outcome::Repeated,
            3,
        );
        tallies.count(
            (&Workspace::default(), Some(sender(1)), "s"),
            Outcome::Refused,
            1,
        );
        tallies.count(
            (&Workspace::default(), Some(sender(1)), "s"),
            Outcome::Refused,
            0,
        );
        tallies.note(
            (&Workspace::default(), Some(sender(1)), "s"),
            Outcome::Repeated,
            10,
        );
        assert!(tallies.take_stored() && !tallies.take_stored());
        let pending = Counts {
            repeated: 3,
            refused: 1,
            ..Counts::default()
        };
        let line = Line {
            sender: Some(sender(1)),
            source: "s".into(),
            counts: pending,
        };
        assert_eq!(tallies.take_pending(), [(Workspace::default(), line)]);
        assert_eq!(tallies.take_pending(), []);
        let all = Counts {
            stored: 5,
            quarantined: 2,
            repeated: 13,
            refused: 1,
        };
        assert_eq!(tallies.totals(), all);
        assert_eq!(tallies.totals().received(), 21);
    }

    #[test]
    fn the_busiest_come_first_and_nothing_of_the_others_is_lost() {
        let tallies = Tallies::default();
        for n in 1..=100_u64 {
            tallies.count(
                (&Workspace::default(), Some(sender(1)), &format!("s{n}")),
                Outcome::Stored,
                n,
            );
        }
        tallies.count((&Workspace::default(), None, "s100"), Outcome::Refused, 100);
        let busiest = tallies.busiest(3);
        let shown: Vec<_> = busiest
            .lines
            .iter()
            .map(|line| (line.sender, &*line.source))
            .collect();
        assert_eq!(
            shown,
            [
                (None, "s100"),
                (Some(sender(1)), "s100"),
                (Some(sender(1)), "s99")
            ]
        );
        let shown: Counts = busiest.lines.iter().map(|line| line.counts).sum();
        assert_eq!(shown + busiest.others, tallies.totals());
    }

    #[test]
    fn memory_is_bounded_and_what_is_beyond_is_counted_all_the_same() {
        let tallies = Tallies::default();
        for n in 0..30_000 {
            tallies.count(
                (&Workspace::default(), Some(sender(1)), &n.to_string()),
                Outcome::Refused,
                1,
            );
        }
        let pending = tallies.take_pending();
        assert!(pending.len() <= MOST_KEYS + 1, "{} lines", pending.len());
        let other = pending
            .iter()
            .map(|(_, line)| line)
            .find(|line| line.source == OTHER)
            .unwrap();
        assert!(other.counts.refused >= 20_000 - 1);
        assert_eq!(
            pending
                .iter()
                .map(|(_, line)| line.counts.refused)
                .sum::<u64>(),
            30_000
        );
        // What was handed over leaves room for what comes.
        tallies.count(
            (&Workspace::default(), Some(sender(1)), "new"),
            Outcome::Refused,
            1,
        );
        assert_eq!(tallies.take_pending()[0].1.source, "new");
        assert_eq!(tallies.totals().refused, 30_001);
    }
}
