//! What is found wrong, in words for whoever has to act on it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Head;

/// What was done to a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tampering {
    /// An entry says something else than it did.
    Changed,
    /// Entries are missing between others.
    Removed,
    /// Entries are there that never were.
    Inserted,
    /// Entries stand in each other's places.
    Reordered,
    /// The end is missing.
    Truncated,
    /// From somewhere on, all of it was written anew: right in itself, and not what was signed.
    Rewritten,
}

impl Tampering {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Inserted => "inserted",
            Self::Reordered => "reordered",
            Self::Truncated => "truncated",
            Self::Rewritten => "rewritten",
        }
    }
}

/// The first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What was done.
    pub kind: Tampering,
    /// The first entry that it was done to. Of what was [rewritten](Tampering::Rewritten) it is the
    /// first that may have been.
    pub first: i64,
    /// The last of them, as far as it can be told.
    pub last: i64,
    /// How it shows.
    pub detail: String,
}

impl Fault {
    pub(super) fn of(kind: Tampering, (first, last): (i64, i64), detail: String) -> Self {
        Self {
            kind,
            first,
            last,
            detail,
        }
    }

    pub(super) fn at(kind: Tampering, sequence: i64, detail: String) -> Self {
        Self::of(kind, (sequence, sequence), detail)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            first,
            last,
            detail,
        } = self;
        let kind = kind.as_str();
        if first == last {
            write!(f, "entry {first} was {kind}: {detail}")
        } else {
            write!(f, "entries {first} to {last} were {kind}: {detail}")
        }
    }
}

/// A checkpoint that is no good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The entry that it is about.
    pub sequence: i64,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the checkpoint of entry {}: {}",
            self.sequence, self.what
        )
    }
}

/// What reading a chain showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Entries that were looked at.
    pub entries: u64,
    /// The last of them up to which everything is right.
    pub head: Head,
    /// Checkpoints that were looked at.
    pub checkpoints: u64,
    /// Entries at the end, of those that are right, that no checkpoint speaks of yet.
    pub unsigned: u64,
    /// The first thing that is wrong.
    pub fault: Option<Fault>,
    /// Checkpoints that are no good; at most a hundred.
    pub flaws: Vec<Flaw>,
    /// What is missing of that by which the store refuses changes.
    pub unguarded: Vec<String>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.fault.is_none() && self.flaws.is_empty() && self.unguarded.is_empty()
    }
}
