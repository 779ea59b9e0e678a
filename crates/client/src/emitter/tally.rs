//! What became of each event, counted once.

/// Why an event was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// As much was waiting as may wait.
    Full,
    /// It is longer than an event may be.
    TooLong,
    /// It cannot be written as JSON.
    Unwritable,
    /// It came after the end had begun.
    Closed,
    /// The server does not accept it.
    Refused,
    /// The end came first. It may have been stored, if its batch was on its way.
    Abandoned,
}

/// What became of all that was handed to an emitter: `emitted` is the sum of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Handed over.
    pub emitted: u64,
    /// Safe on the server's disk, those included that were there already.
    pub stored: u64,
    /// Waiting or on their way.
    pub waiting: u64,
    /// Dropped: as much was waiting as may wait.
    pub full: u64,
    /// Dropped: longer than an event may be.
    pub too_long: u64,
    /// Dropped: cannot be written as JSON.
    pub unwritable: u64,
    /// Dropped: came after the end had begun.
    pub closed: u64,
    /// Dropped: not accepted by the server.
    pub refused: u64,
    /// Dropped: the end came first.
    pub abandoned: u64,
}

impl Tally {
    /// All that was dropped.
    pub fn dropped(&self) -> u64 {
        self.full + self.too_long + self.unwritable + self.closed + self.refused + self.abandoned
    }

    /// Of those that were taken, the ones of which it is known what became of them. They are settled
    /// in the order in which they were taken.
    pub(super) fn settled(&self) -> u64 {
        self.stored + self.refused + self.abandoned
    }

    /// Those that were taken.
    pub(super) fn taken(&self) -> u64 {
        self.settled() + self.waiting
    }

    pub(super) fn drop(&mut self, reason: DropReason, events: u64) {
        *match reason {
            DropReason::Full => &mut self.full,
            DropReason::TooLong => &mut self.too_long,
            DropReason::Unwritable => &mut self.unwritable,
            DropReason::Closed => &mut self.closed,
            DropReason::Refused => &mut self.refused,
            DropReason::Abandoned => &mut self.abandoned,
        } += events;
    }
}
