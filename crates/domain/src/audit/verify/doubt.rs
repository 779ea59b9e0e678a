//! An entry that does not go on from the one before it, and what the entries behind it tell of why.

use super::{Fault, Head, Stored, Tampering};
use crate::audit::chain::hash;

/// So many places further on an entry is tried: as many removed ones before it are recognised where
/// those behind were numbered anew and nothing follows.
const NEAR: i64 = 256;

/// How the entry looks by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// There is a hole before it.
    Gap,
    /// It names the right entry before it, and is not what its hash says.
    Linked,
    /// It is right in itself, and names another entry before it.
    OfAnother {
        /// Whether the one that stands before it is as it was signed.
        after_signed: bool,
    },
    /// Neither.
    Odd,
}

/// A suspect.
pub(super) struct Doubt {
    row: Stored,
    case: Case,
    /// The last entry that is right.
    head: Head,
    /// Where the entry that belongs here stands.
    genuine_at: Option<i64>,
    /// Where the words stand that belong here.
    words_at: Option<i64>,
    /// Whether another entry names the suspect as the one before it.
    is_named: bool,
    /// Whether anything follows.
    is_last: bool,
}

impl Doubt {
    pub(super) fn about(row: Stored, case: Case, head: Head) -> Self {
        Self {
            row,
            case,
            head,
            genuine_at: None,
            words_at: None,
            is_named: false,
            is_last: true,
        }
    }

    /// Hears an entry behind it.
    pub(super) fn hear(&mut self, other: &Stored) {
        self.is_last = false;
        let (place, head) = (self.head.sequence + 1, self.head.hash);
        if other.previous == Some(head) && other.fits(head, place) {
            self.genuine_at.get_or_insert(other.sequence);
        }
        self.is_named |= other.previous.is_some() && other.previous == self.row.hash;
        if self.case == Case::Linked
            && let Some(record) = &other.record
            && self.row.hash == Some(hash(head, place, record))
        {
            self.words_at.get_or_insert(other.sequence);
        }
    }

    /// Names it, when everything was heard. Entries up to `known` are known to have been there.
    pub(super) fn conclude(self, known: i64) -> Fault {
        let place = self.head.sequence + 1;
        let at = |kind, detail: String| Fault::at(kind, place, detail);
        let elsewhere = |other: i64| format!("the entry that belongs here stands at {other}");
        match (self.case, self.genuine_at, self.words_at) {
            (Case::Gap, Some(other), _) => at(Tampering::Reordered, elsewhere(other)),
            (Case::Gap, None, _) => {
                let range = (place, self.row.sequence - 1);
                let detail = "nothing has this number, and others follow".to_owned();
                Fault::of(Tampering::Removed, range, detail)
            }
            (Case::Linked, _, Some(other)) => at(
                Tampering::Reordered,
                format!("what it said stands at {other}"),
            ),
            (Case::Linked, None, None) if self.is_last && known < place => at(
                Tampering::Inserted,
                format!("the chain ended at {}", self.head.sequence),
            ),
            (Case::Linked, None, None) => at(
                Tampering::Changed,
                "it is not what its hash says".to_owned(),
            ),
            (
                Case::OfAnother {
                    after_signed: false,
                },
                None,
                _,
            ) if place > 1 => Fault::at(
                Tampering::Changed,
                self.head.sequence,
                "the entry behind it goes on from another one".to_owned(),
            ),
            (Case::OfAnother { .. }, None, _) => at(
                Tampering::Changed,
                "it goes on from an entry that never was".to_owned(),
            ),
            (Case::Odd, Some(other), _) if self.is_genuine_at(other) => {
                at(Tampering::Reordered, elsewhere(other))
            }
            (Case::Linked | Case::OfAnother { .. } | Case::Odd, Some(other), _) => {
                at(Tampering::Inserted, elsewhere(other))
            }
            (Case::Odd, None, _) if self.is_from_further_on() => {
                let detail = "what stands here belongs further back".to_owned();
                at(Tampering::Removed, detail)
            }
            (Case::Odd, None, _) => at(
                Tampering::Changed,
                "neither what it says nor what it goes on from is right".to_owned(),
            ),
        }
    }

    /// Whether the suspect is an entry of this chain, and that other place may be its own.
    fn is_genuine_at(&self, other: i64) -> bool {
        self.is_named || self.fits_at(other)
    }

    fn is_from_further_on(&self) -> bool {
        let place = self.head.sequence + 1;
        self.is_named || (place + 1..=place + NEAR).any(|other| self.fits_at(other))
    }

    fn fits_at(&self, place: i64) -> bool {
        (self.row.previous).is_some_and(|previous| self.row.fits(previous, place))
    }
}
