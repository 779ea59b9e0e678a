//! Where it is kept what became of everything that was sent.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;
use pts_domain::access::Workspace;
use pts_domain::accounting::{Counts, Days, Line};
use uuid::Uuid;

use crate::StoreError;

/// What one process counted by itself since it last handed it over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// The process, by a name that no other has.
    pub process: Uuid,
    /// Counts the handovers of the process, from 1.
    pub number: i64,
    /// Counts under this day.
    pub day: NaiveDate,
    /// What was counted, and where it belongs; of one workspace, sender and source there is one line.
    pub lines: Vec<(Workspace, Line)>,
}

/// How far the log has been counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Up to its end.
    All,
    /// Not up to its end: go on.
    Further,
    /// Another process counts at the moment.
    ByAnother,
}

/// Whose account is wanted. Everything that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountQuery {
    /// In these days.
    pub days: Days,
    /// Of this sender.
    pub sender: Option<Uuid>,
    /// Under this source.
    pub source: Option<String>,
}

/// What became of what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Of everything that was asked for.
    pub totals: Counts,
    /// By sender and source, those that sent most first.
    pub lines: Vec<Line>,
    /// How many lines there are, those beyond the limit too.
    pub all_lines: u64,
    /// Events of the log that are not counted yet: more than can be counted while somebody waits.
    pub uncounted: u64,
}

/// The account of everything that was sent.
///
/// What is stored is counted from the log itself, so no crash can make the two disagree. What is
/// quarantined is counted by [`crate::Quarantine`] in its own transactions. The rest is handed over
/// by the processes that saw it.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Accounting: Send + Sync {
    /// The same, as it is seen from a workspace: an account is of what was sent there, and MUST be as if
    /// nothing else had been. What is made first is seen from the usual one. Adding and counting is
    /// over all.
    fn within(&self, workspace: &Workspace) -> Arc<dyn Accounting>;

    /// Adds what a process counted. MUST add it once, however often the same handover is given.
    async fn add(&self, handover: &Handover) -> Result<(), StoreError>;

    /// Counts the next stretch of the log, at most so many positions, in one transaction with the
    /// place up to which it is counted.
    async fn count(&self, most: i64) -> Result<Counted, StoreError>;

    /// The account, with at most `limit` lines. What lies behind the place up to which the log is
    /// counted MUST be counted on the spot and in the same view of the store, so that what is
    /// stored is exact at any time; only a bounded part of it, though: the rest is
    /// [`Account::uncounted`].
    async fn account(&self, query: &AccountQuery, limit: usize) -> Result<Account, StoreError>;
}
