//! How long a session may last.

use chrono::Duration;

/// The two ends of a session: it ends when it is not used for a while, and in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// Without a request for so long, it is over.
    pub idle: Duration,
    /// After so long it is over, whatever happens.
    pub absolute: Duration,
}

impl Lifetimes {
    /// Bounds of either end.
    pub const SHORTEST: Duration = Duration::minutes(1);
    /// Nobody is signed in for longer than this.
    pub const LONGEST: Duration = Duration::days(30);
}

impl Default for Lifetimes {
    /// An hour without a request; a working day at the most.
    fn default() -> Self {
        Self {
            idle: Duration::hours(1),
            absolute: Duration::hours(12),
        }
    }
}
