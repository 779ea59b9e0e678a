//! Where it is kept what was sent and is no event.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pts_domain::access::Workspace;
use pts_domain::blind::Concern;
use pts_domain::filter::{Cursor, Page, TypePattern};
use pts_domain::quarantine::{Item, NewItem, State, Verdict};
use pts_domain::{FieldError, Timestamp};
use uuid::Uuid;

use crate::StoreError;

/// Which items are wanted. Everything that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuarantineQuery {
    /// Any of these; all when empty.
    pub ids: Vec<Uuid>,
    /// That this token sent.
    pub sender: Option<Uuid>,
    /// That say they are of this source.
    pub source: Option<String>,
    /// That say they are of any of these types; all when empty.
    pub types: Vec<TypePattern>,
    /// In this state.
    pub state: Option<State>,
    /// Received first at this moment or later.
    pub since: Option<Timestamp>,
    /// Received first before this moment.
    pub until: Option<Timestamp>,
    /// The oldest first instead of the newest.
    pub oldest_first: bool,
}

impl QuarantineQuery {
    /// Whether an item is wanted.
    pub fn fits(&self, item: &Item) -> bool {
        let event_type = item.event_type.as_deref();
        (self.ids.is_empty() || self.ids.contains(&item.id))
            && self.sender.is_none_or(|sender| sender == item.sender)
            && (self.source.is_none() || self.source == item.source)
            && (self.types.is_empty()
                || self
                    .types
                    .iter()
                    .any(|pattern| event_type.is_some_and(|name| pattern.fits(name))))
            && self.state.is_none_or(|state| state == item.state)
            && self.since.is_none_or(|since| since <= item.received_at)
            && self.until.is_none_or(|until| item.received_at < until)
    }
}

/// What replaying an item showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It is an event, and in the log now.
    Stored {
        /// The event's internal id.
        event: Uuid,
    },
    /// It is an event that was in the log already, from another sending.
    Repeated {
        /// That event's internal id.
        event: Uuid,
    },
    /// It is still none.
    Bad {
        /// Why.
        errors: Vec<FieldError>,
    },
}

/// What was sent and is no event.
///
/// Every change is counted in the accounting, in its own transaction: an item that is kept as
/// quarantined, one that waits already as repeated, and one that is replayed is no longer counted as
/// quarantined, but as repeated if it was in the log. (As stored it is counted from the log.)
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Quarantine: Send + Sync {
    /// The same, as it is seen from a workspace: what is put aside belongs there, and whatever is asked
    /// or done concerns what belongs there, and MUST be as if nothing else existed. What is made first
    /// is seen from the usual one. How much room there is, and what is too old, is the same for all.
    fn within(&self, workspace: &Workspace) -> Arc<dyn Quarantine>;

    /// Whether anything waits, in whatever workspace.
    async fn anything_waits(&self) -> Result<bool, StoreError>;

    /// Puts aside what one sender sent at once, and returns after COMMIT what became of each, in
    /// order, as [`pts_domain::quarantine::admit`] decides. MUST NOT take longer than `within`, and
    /// MUST NOT hold more than a few connections that appends need.
    async fn keep(&self, batch: Vec<NewItem>, within: Duration)
    -> Result<Vec<Verdict>, StoreError>;

    /// Items that fit, without their texts, by their ids: newest first, or oldest first. `cursor` is
    /// one that an earlier page of the same query returned ([`Cursor::Name`] of an id).
    async fn items(
        &self,
        query: &QuarantineQuery,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Item>, StoreError>;

    /// How many items wait that may become what a question asks for: received first in its window,
    /// and not known to be of another source or type. What says nothing of a kind may be anything.
    /// Counts to `most` and no further.
    async fn waiting(&self, concern: &Concern, most: u64) -> Result<u64, StoreError>;

    /// The items of these ids, in any order, with their texts; those that are not there are left
    /// out.
    async fn get(&self, ids: &[Uuid]) -> Result<Vec<Item>, StoreError>;

    /// Writes down what replaying items showed. One that was replayed before stays as it is; one
    /// that was discarded meanwhile is replayed all the same if its event is in the log.
    async fn settle(&self, findings: Vec<(Uuid, Finding)>, at: Timestamp)
    -> Result<(), StoreError>;

    /// Gives up items that wait, and removes their texts; returns the ids of those it gave up.
    async fn discard(
        &self,
        ids: Vec<Uuid>,
        reason: String,
        at: Timestamp,
    ) -> Result<Vec<Uuid>, StoreError>;

    /// Discards what was received before `waits_since` and still waits, and forgets what was
    /// replayed or discarded before `remembered_since`; a bounded part of it at once. Returns how
    /// many items were discarded.
    async fn expire(
        &self,
        waits_since: Timestamp,
        remembered_since: Timestamp,
        at: Timestamp,
    ) -> Result<u64, StoreError>;
}
