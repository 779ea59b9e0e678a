//! What is known of an act before it is known how it ends.

use pts_domain::Timestamp;
use pts_domain::access::{Origin, Principal, Workspace};
use pts_domain::audit::{Actor, Effect, Hash, Outcome, Record, input_digest};
use serde::Serialize;
use uuid::Uuid;

/// Somebody does something.
#[derive(Debug, Clone)]
pub struct Act {
    actor: Actor,
    action: String,
    effect: Effect,
    input: Option<Hash>,
    origin: Origin,
    workspace: Option<Workspace>,
    intent: Option<Uuid>,
}

impl Act {
    /// Somebody who was let in does something.
    pub fn of(principal: &Principal, action: impl Into<String>, effect: Effect) -> Self {
        Self {
            origin: principal.origin.clone(),
            workspace: Some(principal.workspace.clone()),
            ..Self::by(principal.into(), action, effect)
        }
    }

    /// Somebody else does.
    pub fn by(actor: Actor, action: impl Into<String>, effect: Effect) -> Self {
        Self {
            actor,
            action: action.into(),
            effect,
            input: None,
            origin: Origin::default(),
            workspace: None,
            intent: None,
        }
    }

    /// It came from there.
    pub fn from(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    /// It concerns this workspace.
    pub fn within(self, workspace: Workspace) -> Self {
        Self {
            workspace: Some(workspace),
            ..self
        }
    }

    /// With this input. Only its digest is kept.
    pub fn with(self, input: &impl Serialize) -> Self {
        let input = serde_json::to_value(input).ok();
        Self {
            input: input.as_ref().map(input_digest),
            ..self
        }
    }

    /// With an input of which the digest alone is known.
    pub(crate) fn with_digest(self, input: Option<Hash>) -> Self {
        Self { input, ..self }
    }

    /// It was announced by that entry.
    pub(super) fn announced_by(self, intent: Uuid) -> Self {
        Self {
            intent: Some(intent),
            ..self
        }
    }

    pub(super) fn action(&self) -> &str {
        &self.action
    }

    pub(crate) fn record(
        self,
        id: Uuid,
        at: Timestamp,
        outcome: Outcome,
        reason: Option<String>,
    ) -> Record {
        let record = Record {
            id,
            at,
            last_at: at,
            times: 1,
            actor: self.actor,
            action: self.action,
            input: self.input,
            effect: self.effect,
            outcome,
            reason,
            request_id: self.origin.request_id,
            address: self.origin.address,
            workspace: self.workspace.map(String::from),
            intent: self.intent,
        };
        record.tidy()
    }
}
