//! Taking out of the log what has had its time, by whole months, with a record of what was taken.

use std::time::Duration;

use async_trait::async_trait;
use pts_domain::Timestamp;
use pts_domain::retention::{Month, MonthSurvey};
use uuid::Uuid;

use crate::StoreError;

/// Who has events removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remover {
    /// Somebody who confirmed it.
    Command,
    /// The service, as it is configured.
    Schedule,
}

impl Remover {
    /// As it is recorded.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Schedule => "schedule",
        }
    }
}

/// What one thinning is to do, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thinning {
    /// Names the run.
    pub id: Uuid,
    /// When it was decided.
    pub at: Timestamp,
    /// By whom.
    pub who: Remover,
    /// What lies before this has had its time.
    pub horizon: Timestamp,
    /// The month as it was when that was decided.
    pub survey: MonthSurvey,
}

/// The record of what was taken out of one month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionRun {
    /// Its name.
    pub id: Uuid,
    /// When it was decided.
    pub at: Timestamp,
    /// By whom.
    pub who: Remover,
    /// What lay before this had had its time.
    pub horizon: Timestamp,
    /// The month of receipt.
    pub month: Month,
    /// Events removed; with 0 the month was only looked through.
    pub removed: u64,
    /// Events of the month that stayed.
    pub kept: u64,
    /// Bytes freed on the disk.
    pub freed_bytes: u64,
    /// The lowest position removed.
    pub first_removed: Option<i64>,
    /// The highest position removed.
    pub last_removed: Option<i64>,
    /// When the first of what was removed happened.
    pub oldest: Option<Timestamp>,
    /// When the last of what was removed happened.
    pub newest: Option<Timestamp>,
    /// [`pts_domain::retention::RemovalDigest`] of what was removed.
    pub digest: [u8; 32],
    /// Milliseconds from its beginning until everything was ready to be committed.
    pub duration_ms: u64,
}

/// What became of a thinning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thinned {
    /// It is done and recorded.
    Done {
        /// The record.
        run: Box<RetentionRun>,
        /// For how long appends and searches may have had to wait for it, at the most.
        locked: Duration,
    },
    /// The month is not what it was when it was surveyed; nothing has changed.
    Changed,
}

/// A month for which there is room in the log, or shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthAhead {
    /// The month.
    pub month: Month,
    /// Whether there is room already; otherwise it is made when it is needed.
    pub ready: bool,
}

/// The log's months, and the record of what was taken out of them.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait RetentionStore: Send + Sync {
    /// The months behind the horizon that nobody has looked through yet, or that have had arrivals
    /// since, oldest first, with what would go: every event for which
    /// [`pts_domain::retention::is_kept`] is false. Changes nothing.
    async fn survey(&self, horizon: Timestamp) -> Result<Vec<MonthSurvey>, StoreError>;

    /// Takes out of one month what would go, in one transaction with the record of it, or answers
    /// [`Thinned::Changed`] if the month is not what the survey says. A month out of which nothing
    /// would go is only recorded.
    ///
    /// Positions MUST stay what they are, with holes where something was. Readers MUST see the month
    /// as it was or as it will be, and nothing else. MUST leave everything as it was on an error, or
    /// when it is dropped or killed half way, and MUST NOT keep appends and searches waiting without
    /// a bound: where the swap does not get its turn, it is [`StoreError::Unavailable`]. Of several
    /// that thin at the same time one does; what it did is [`Thinned::Changed`] to the others, or
    /// [`StoreError::Unavailable`] while it is at it.
    async fn thin(&self, thinning: Thinning) -> Result<Thinned, StoreError>;

    /// The records, newest first, at most `limit`.
    async fn history(&self, limit: usize) -> Result<Vec<RetentionRun>, StoreError>;

    /// Events removed, by source, the most first, then by name, at most `limit` sources: what was
    /// stored of a source is what is in the log and this.
    async fn removed_by_source(&self, limit: usize) -> Result<Vec<(String, u64)>, StoreError>;

    /// The month of `now` and so many after it.
    async fn ahead(&self, now: Timestamp, months: u32) -> Result<Vec<MonthAhead>, StoreError>;

    /// Makes room for the month of `now` and so many after it; returns for how many it was missing.
    async fn prepare(&self, now: Timestamp, months: u32) -> Result<u32, StoreError>;
}
