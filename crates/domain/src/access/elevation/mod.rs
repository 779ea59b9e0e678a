//! Rights for a while: somebody asks for scopes and says why, others approve or deny, and what was
//! approved ends by itself. What it is at a moment follows from the request, the steps after it and
//! the time; nothing is ever overwritten.

mod rules;

use std::collections::BTreeSet;

use chrono::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Holder, Principal, Scope, Workspace};
use crate::Timestamp;

pub use rules::ElevationRules;

/// A request for scopes, and everything that happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elevation {
    /// Names it; time-ordered.
    pub id: Uuid,
    /// Whose it is.
    pub holder: Holder,
    /// What the token is called that it was asked with.
    pub name: String,
    /// The only workspace in which it holds; without one, wherever the holder may act.
    pub workspace: Option<Workspace>,
    /// What is asked for.
    pub scopes: BTreeSet<Scope>,
    /// What for.
    pub reason: String,
    /// How long it lasts from its approval.
    pub minutes: u32,
    /// How many others have to approve it.
    pub needed: u32,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Who has not decided by then, need not.
    pub decide_by: Timestamp,
    /// What happened since, in order.
    pub steps: Vec<Step>,
}

/// What somebody did about a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What it was.
    pub what: StepKind,
    /// Who did it.
    pub by: Holder,
    /// What the token is called that they did it with.
    pub name: String,
    /// Why, if they said so.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// The things that can be done about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Somebody else agrees.
    Approved,
    /// Somebody else does not: it is over, whatever others say.
    Denied,
    /// It is given back or taken away before its end, or is not wanted any more.
    Ended,
}

/// What a request is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ElevationState {
    /// It waits for approval.
    Requested,
    /// Its scopes are held.
    Active,
    /// Somebody denied it before it was active.
    Denied,
    /// Nobody decided in time.
    Expired,
    /// It was taken back before it was active.
    Withdrawn,
    /// It was active, and is over: its time was up, or somebody ended it.
    Ended,
}

impl ElevationState {
    /// All there are.
    pub const ALL: [Self; 6] = [
        Self::Requested,
        Self::Active,
        Self::Denied,
        Self::Expired,
        Self::Withdrawn,
        Self::Ended,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Active => "active",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Ended => "ended",
        }
    }

    /// Whether nothing can happen to it any more.
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Requested | Self::Active)
    }
}

/// Why a step is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StepRefused {
    /// Nobody decides on what they asked for themselves.
    #[error("nobody decides on a request of their own")]
    Own,
    /// They approved it before.
    #[error("it was approved by the same person or token before")]
    Twice,
    /// It is active: there is nothing left to approve.
    #[error("it is approved already")]
    Approved,
    /// It is over.
    #[error("it is over: {}", .0.as_str())]
    Over(ElevationState),
}

impl Elevation {
    /// From when its scopes are held, and until when at the most; `None` while it is not approved.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let approvals = self.steps.iter();
        let mut approvals = approvals.filter(|step| step.what == StepKind::Approved);
        let from = match self.needed.checked_sub(1) {
            None => self.requested_at,
            Some(before) => approvals.nth(before as usize)?.at,
        };
        let end = from + self.lasts();
        let closed = self.closed().map_or(end, |step| step.at.min(end));
        (closed >= from).then_some((from, closed))
    }

    fn lasts(&self) -> Duration {
        Duration::minutes(i64::from(self.minutes))
    }

    /// After this moment its scopes are held by nobody, whatever happens until then.
    pub fn over_by(&self) -> Timestamp {
        self.decide_by.max(self.requested_at) + self.lasts()
    }

    /// The step that ended it.
    pub fn closed(&self) -> Option<&Step> {
        let mut steps = self.steps.iter();
        steps.find(|step| step.what != StepKind::Approved)
    }

    /// How many have approved it.
    pub fn approvals(&self) -> usize {
        let steps = self.steps.iter();
        steps.filter(|step| step.what == StepKind::Approved).count()
    }

    /// What it is at `now`.
    pub fn state(&self, now: Timestamp) -> ElevationState {
        match (self.span(), self.closed()) {
            (Some(_), Some(_)) => ElevationState::Ended,
            (Some((_, until)), None) if until <= now => ElevationState::Ended,
            (Some(_), None) => ElevationState::Active,
            (None, Some(step)) if step.what == StepKind::Denied => ElevationState::Denied,
            (None, Some(_)) => ElevationState::Withdrawn,
            (None, None) if self.decide_by <= now => ElevationState::Expired,
            (None, None) => ElevationState::Requested,
        }
    }

    /// Whether `by` may approve it at `now`.
    ///
    /// # Errors
    /// Why not.
    pub fn may_approve(&self, by: &Holder, now: Timestamp) -> Result<(), StepRefused> {
        self.may_deny(by, now)?;
        if self.state(now) == ElevationState::Active {
            return Err(StepRefused::Approved);
        }
        let steps = self.steps.iter();
        let mut approved = steps.filter(|step| step.what == StepKind::Approved);
        if approved.any(|step| step.by == *by) {
            return Err(StepRefused::Twice);
        }
        Ok(())
    }

    /// Whether `by` may deny it at `now`: also when others have approved it, and when it is active,
    /// which it is then no longer.
    ///
    /// # Errors
    /// Why not.
    pub fn may_deny(&self, by: &Holder, now: Timestamp) -> Result<(), StepRefused> {
        if self.holder == *by {
            return Err(StepRefused::Own);
        }
        self.may_end(now)
    }

    /// Whether it can be ended at `now`.
    ///
    /// # Errors
    /// That it is over.
    pub fn may_end(&self, now: Timestamp) -> Result<(), StepRefused> {
        match self.state(now) {
            state if state.is_over() => Err(StepRefused::Over(state)),
            _ => Ok(()),
        }
    }

    /// Whether it can be for somebody: theirs, and in no other workspace than they are bound to.
    pub fn is_for(&self, principal: &Principal) -> bool {
        let within = match &self.workspace {
            None => true,
            Some(workspace) => principal.bound && principal.workspace == *workspace,
        };
        within && self.holder == principal.holder()
    }

    /// Whether somebody may know of it: who is bound to a workspace sees what is asked for there.
    pub fn is_visible_to(&self, principal: &Principal) -> bool {
        !principal.bound || self.workspace.as_ref() == Some(&principal.workspace)
    }
}

#[cfg(test)]
mod tests;
