//! Reading a chain that may have been meddled with by somebody who owns the database: entry by entry,
//! held against what was signed. Of everything that is wrong the first is named, and what was done to
//! it.
//!
//! What does not go on from the entry before it is a suspect. Some tampering can only be told from
//! other by what comes behind, so that the rest of the chain is heard before it is named.

mod doubt;
mod fault;

use std::collections::{BTreeMap, VecDeque};

pub use fault::{Fault, Flaw, Report, Tampering};

use self::doubt::{Case, Doubt};
use super::chain::hash;
use super::{Checkpoint, Hash, Head, PublicKey, Record};

/// So many entries are remembered behind the last one: as many forged ones may stand before a true one
/// and still be told from it.
const MOST_RECENT: usize = 1_024;
/// So many flaws are told.
const MOST_FLAWS: usize = 100;

/// An entry as it stands in a store. What cannot be read is missing here, and is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its number.
    pub sequence: i64,
    /// What it gives as the hash of the entry before it.
    pub previous: Option<Hash>,
    /// What it gives as its own.
    pub hash: Option<Hash>,
    /// What it says.
    pub record: Option<Record>,
}

impl Stored {
    /// Whether it would be right in this place.
    fn fits(&self, previous: Hash, sequence: i64) -> bool {
        let said = self.record.as_ref();
        said.is_some_and(|record| self.hash == Some(hash(previous, sequence, record)))
    }
}

/// Reads a chain from its first entry on. It is told the checkpoints first, then the entries in the
/// order of their numbers, and at last where the store says that the chain ends.
pub struct Verifier {
    keys: Vec<PublicKey>,
    signed: BTreeMap<i64, Hash>,
    checkpoints: u64,
    flaws: Vec<Flaw>,
    unguarded: Vec<String>,
    entries: u64,
    head: Head,
    recent: VecDeque<Head>,
    /// The last entry that is as it was signed.
    last_signed: i64,
    /// What is not as it was signed, unless the next entry tells more exactly.
    pending: Option<Fault>,
    doubt: Option<Doubt>,
    fault: Option<Fault>,
}

impl Verifier {
    /// One that trusts these keys.
    pub fn new(keys: Vec<PublicKey>) -> Self {
        Self {
            keys,
            signed: BTreeMap::new(),
            checkpoints: 0,
            flaws: Vec::new(),
            unguarded: Vec::new(),
            entries: 0,
            head: Head::START,
            recent: VecDeque::from([Head::START]),
            last_signed: 0,
            pending: None,
            doubt: None,
            fault: None,
        }
    }

    /// Takes a checkpoint, from wherever it was kept.
    pub fn checkpoint(&mut self, checkpoint: &Checkpoint) {
        self.checkpoints += 1;
        let Checkpoint {
            sequence,
            hash,
            key,
            ..
        } = checkpoint;
        let Some(known) = self.keys.iter().find(|known| known.id() == *key) else {
            return self.flaw(
                *sequence,
                format!("signed by the key {key}, which is not trusted"),
            );
        };
        if *sequence < 1 || !checkpoint.is_by(known) {
            return self.flaw(*sequence, format!("not as the key {key} signed it"));
        }
        let before = *self.signed.entry(*sequence).or_insert(*hash);
        if before != *hash {
            self.flaw(
                *sequence,
                "two that contradict each other were signed".to_owned(),
            );
        }
    }

    /// Notes that a checkpoint could not even be read.
    pub fn flaw(&mut self, sequence: i64, what: String) {
        if self.flaws.len() < MOST_FLAWS {
            self.flaws.push(Flaw { sequence, what });
        }
    }

    /// Notes what is missing of that by which the store refuses changes.
    pub fn unguarded(&mut self, missing: Vec<String>) {
        self.unguarded.extend(missing);
    }

    /// Takes the next entry.
    pub fn look(&mut self, row: Stored) {
        self.entries += 1;
        if self.fault.is_some() {
            return;
        }
        if let Some(doubt) = &mut self.doubt {
            doubt.hear(&row);
            return;
        }
        let place = self.head.sequence + 1;
        let goes_on = row.sequence == place
            && row.previous == Some(self.head.hash)
            && row.fits(self.head.hash, place);
        if !goes_on {
            self.suspect(row);
        } else if let Some(pending) = self.pending.take() {
            self.fault = Some(pending);
        } else if let Some(hash) = row.hash {
            self.accept(Head {
                sequence: place,
                hash,
            });
        }
    }

    fn accept(&mut self, head: Head) {
        self.head = head;
        if self.recent.len() == MOST_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(head);
        match self.signed.get(&head.sequence) {
            Some(signed) if *signed == head.hash => self.last_signed = head.sequence,
            Some(_) => {
                let detail = format!("entry {} is not the one that was signed", head.sequence);
                let first = self.last_signed + 1;
                self.pending = Some(Fault::of(
                    Tampering::Rewritten,
                    (first, head.sequence),
                    detail,
                ));
            }
            None => {}
        }
    }

    /// Looks at an entry that does not go on from the one before it.
    fn suspect(&mut self, row: Stored) {
        let (place, head) = (self.head.sequence + 1, self.head);
        if let Some(forged) = self.stepped_over(&row) {
            let detail = format!(
                "the entry at {} goes on from {} and passes it over",
                row.sequence,
                forged.first - 1
            );
            self.fault = Some(Fault { detail, ..forged });
            return;
        }
        let at_once = if row.sequence < place {
            let detail = "a second entry has this number".to_owned();
            Some(Fault::at(Tampering::Inserted, row.sequence, detail))
        } else if row.sequence > place && row.fits(head.hash, place) {
            let detail = format!("the entry stands at {} instead", row.sequence);
            Some(Fault::at(Tampering::Reordered, place, detail))
        } else if row.sequence > place && row.previous == Some(head.hash) {
            let detail = format!("it goes on from {}, out of turn", head.sequence);
            Some(Fault::at(Tampering::Inserted, row.sequence, detail))
        } else if row.sequence == place
            && row.previous != Some(head.hash)
            && row.fits(head.hash, place)
        {
            let detail = "it does not name the entry before it any more".to_owned();
            Some(Fault::at(Tampering::Changed, place, detail))
        } else {
            None
        };
        let Some(fault) = at_once else {
            let case = match row.previous {
                _ if row.sequence > place => Case::Gap,
                Some(previous) if previous == head.hash => Case::Linked,
                Some(previous) if row.fits(previous, place) => Case::OfAnother {
                    after_signed: self.last_signed == head.sequence,
                },
                _ => Case::Odd,
            };
            self.doubt = Some(Doubt::about(row, case, head));
            return;
        };
        self.fault = self.pending.take().or(Some(fault));
    }

    /// The entries that stand between this one and the one that it goes on from.
    fn stepped_over(&self, row: &Stored) -> Option<Fault> {
        let previous = row.previous?;
        let mut before = self.recent.iter().rev().skip(1);
        let from = before.find(|head| head.hash == previous)?;
        let first = from.sequence + 1;
        let range = (first, self.head.sequence);
        row.fits(previous, first)
            .then(|| Fault::of(Tampering::Inserted, range, String::new()))
    }

    /// Ends: the store says that the chain ends there.
    pub fn finish(mut self, end: Option<Head>) -> Report {
        if end.is_none() {
            let what = "nothing in the database says where the chain ends".to_owned();
            self.flaw(self.head.sequence, what);
        }
        let last = self.signed.last_key_value().map_or(0, |(last, _)| *last);
        let concluded = self.doubt.take().map(|doubt| {
            let known = end.map_or(0, |end| end.sequence).max(last);
            doubt.conclude(known)
        });
        let exact = concluded.filter(|fault| {
            let pending = self.pending.as_ref();
            // What was signed says that something is wrong up to there; this says what.
            pending.is_none_or(|pending| fault.first <= pending.last)
        });
        let fault = self.fault.take().or(exact).or(self.pending.take());
        let fault = fault.or_else(|| self.end_fault(end, last));
        Report {
            entries: self.entries,
            head: self.head,
            checkpoints: self.checkpoints,
            unsigned: u64::try_from(self.head.sequence - self.last_signed).unwrap_or(0),
            fault,
            flaws: self.flaws,
            unguarded: self.unguarded,
        }
    }

    /// What is wrong with the end of a chain that is right up to it.
    fn end_fault(&self, end: Option<Head>, signed: i64) -> Option<Fault> {
        let ours = self.head;
        if signed > ours.sequence {
            let detail = format!("entry {signed} was signed");
            let range = (ours.sequence + 1, signed);
            return Some(Fault::of(Tampering::Truncated, range, detail));
        }
        let end = end?;
        if end.sequence > ours.sequence {
            let detail = format!("the chain ended at {}", end.sequence);
            let range = (ours.sequence + 1, end.sequence);
            return Some(Fault::of(Tampering::Truncated, range, detail));
        }
        if end.sequence < ours.sequence {
            let detail = format!("the chain ended at {}", end.sequence);
            let range = (end.sequence + 1, ours.sequence);
            return Some(Fault::of(Tampering::Inserted, range, detail));
        }
        (end.hash != ours.hash).then(|| {
            let detail = "it is not the entry with which the chain ended".to_owned();
            Fault::at(Tampering::Changed, ours.sequence, detail)
        })
    }
}

#[cfg(test)]
mod tests;
