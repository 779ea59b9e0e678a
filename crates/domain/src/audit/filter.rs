//! Which entries are wanted.

use uuid::Uuid;

use super::{Entry, Outcome};
use crate::Timestamp;
use crate::filter::TypePattern;

/// Which entries are wanted. Everything that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// By an actor of this name, or behind whom this person is.
    pub principal: Option<String>,
    /// By the token of this id.
    pub token: Option<Uuid>,
    /// Of these actions; all when empty.
    pub actions: Vec<TypePattern>,
    /// That ended so; all when empty.
    pub outcomes: Vec<Outcome>,
    /// Of this workspace.
    pub workspace: Option<String>,
    /// That came with this request.
    pub request_id: Option<String>,
    /// Happened at this moment or later.
    pub since: Option<Timestamp>,
    /// Happened before this moment.
    pub until: Option<Timestamp>,
}

impl AuditFilter {
    /// Whether an entry is wanted.
    pub fn fits(&self, entry: &Entry) -> bool {
        let record = &entry.record;
        let is = |want: &Option<String>, have: Option<&str>| {
            want.as_deref().is_none_or(|want| have == Some(want))
        };
        (is(&self.principal, Some(&record.actor.name))
            || is(&self.principal, record.actor.subject.as_deref()))
            && self
                .token
                .is_none_or(|token| record.actor.id == Some(token))
            && (self.actions.is_empty()
                || (self.actions.iter()).any(|pattern| pattern.fits(&record.action)))
            && (self.outcomes.is_empty() || self.outcomes.contains(&record.outcome))
            && is(&self.workspace, record.workspace.as_deref())
            && is(&self.request_id, record.request_id.as_deref())
            && self.since.is_none_or(|since| since <= record.last_at)
            && self.until.is_none_or(|until| record.at < until)
    }
}
