//! What changes how the service behaves: announced in the audit before it is done, and not done if it
//! cannot be.

use std::sync::Arc;

use pts_domain::audit::{Outcome, Record};

use pts_ports::StoreError;

use super::{Act, Audit, AuditUnavailable};
use crate::{AccessError, ActionError, RetentionError};

/// How something ended, as the audit tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub outcome: Outcome,
    /// Why so, in a stable word or a few; never with anything of the input in it.
    pub reason: String,
}

impl Ended {
    fn of(outcome: Outcome, reason: impl Into<String>) -> Self {
        Self {
            outcome,
            reason: reason.into(),
        }
    }
}

impl From<&ActionError> for Ended {
    fn from(error: &ActionError) -> Self {
        match error {
            ActionError::Denied { scope } => {
                Self::of(Outcome::Denied, format!("needs the scope {scope}"))
            }
            ActionError::Bound { to } => {
                Self::of(Outcome::Denied, format!("bound to the workspace {to}"))
            }
            ActionError::Invalid(errors) => {
                let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
                Self::of(Outcome::Failed, format!("invalid: {}", fields.join(", ")))
            }
            ActionError::NotConfirmed { .. } => Self::of(Outcome::Failed, "not_confirmed"),
            ActionError::ConfirmationRefused(_) => {
                Self::of(Outcome::Denied, "confirmation_refused")
            }
            ActionError::Conflict { code, .. } => Self::of(Outcome::Failed, *code),
            ActionError::Forbidden { code, .. } => Self::of(Outcome::Denied, *code),
            ActionError::ForbiddenBy { by } => {
                Self::of(Outcome::Denied, format!("forbidden by {}", by.join(", ")))
            }
            ActionError::PoliciesAway { .. } => Self::of(Outcome::Denied, "policy_unavailable"),
            ActionError::NotFound { .. } => Self::of(Outcome::Failed, "not_found"),
            ActionError::UnknownAction { .. } => Self::of(Outcome::Failed, "unknown_action"),
            ActionError::OwnRoute { .. } => Self::of(Outcome::Failed, "own_route"),
            ActionError::NotAccepted(problem) => Self::of(Outcome::Failed, problem.code.clone()),
            ActionError::Ambiguous { .. } => Self::of(Outcome::Failed, "ambiguous"),
            ActionError::TooMuch { .. } => Self::of(Outcome::Failed, "too_many_requests"),
            ActionError::Limited(_) => Self::of(Outcome::Failed, "limited"),
            ActionError::Incomplete(_) => Self::of(Outcome::Failed, "incomplete"),
            ActionError::AuditUnavailable { .. } => Self::of(Outcome::Failed, "audit_unavailable"),
            // A part may have been done before these.
            ActionError::Unavailable { .. } => Self::of(Outcome::Unknown, "unavailable"),
            ActionError::Overloaded { .. } => Self::of(Outcome::Unknown, "overloaded"),
            ActionError::TimedOut { .. } => Self::of(Outcome::Unknown, "timed_out"),
            ActionError::Internal => Self::of(Outcome::Unknown, "internal"),
        }
    }
}

impl From<&AccessError> for Ended {
    fn from(error: &AccessError) -> Self {
        match error {
            AccessError::Refused(why) => Self::of(Outcome::Denied, why.to_string()),
            AccessError::Unavailable { .. } => Self::of(Outcome::Unknown, "unavailable"),
            AccessError::TooManyFailures { .. } => Self::of(Outcome::Denied, "too_many_failures"),
            AccessError::AuditUnavailable { .. } => Self::of(Outcome::Failed, "audit_unavailable"),
            AccessError::Internal => Self::of(Outcome::Unknown, "internal"),
        }
    }
}

impl From<&StoreError> for Ended {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Unavailable {
                maybe_done: false, ..
            } => Self::of(Outcome::Failed, "unavailable"),
            StoreError::Unavailable { .. } => Self::of(Outcome::Unknown, "unavailable"),
            StoreError::Corrupt(_) | StoreError::Other(_) => Self::of(Outcome::Unknown, "internal"),
        }
    }
}

impl From<&RetentionError> for Ended {
    fn from(error: &RetentionError) -> Self {
        match error {
            RetentionError::Unconfirmed(_) => Self::of(Outcome::Failed, "not_confirmed"),
            RetentionError::Outdated(_) => Self::of(Outcome::Failed, "outdated"),
            RetentionError::Stopped { done, month, .. } => {
                let done = done.len();
                let reason = format!("stopped at {month} after {done} months");
                Self::of(Outcome::Unknown, reason)
            }
            RetentionError::Store(error) => error.into(),
        }
    }
}

/// Something that was announced. Whoever drops it without telling how it ended went away: then that is
/// what the audit tells.
pub struct Intent {
    audit: Arc<Audit>,
    announced: Option<Act>,
}

impl Intent {
    /// Tells how it ended, and waits a while for that to be written. Where it cannot be now, it is as
    /// soon as it can be.
    pub async fn ended(mut self, ended: Ended) {
        self.put_down(ended.outcome, Some(ended.reason));
        let _ = self.audit.flush().await;
    }

    /// Tells that it was done.
    pub async fn done(mut self) {
        self.put_down(Outcome::Allowed, None);
        let _ = self.audit.flush().await;
    }

    fn put_down(&mut self, outcome: Outcome, reason: Option<String>) {
        if let Some(act) = self.announced.take() {
            let record = self.audit.draw_up(act, outcome, reason);
            self.audit.put_down(record);
        }
    }
}

impl Drop for Intent {
    fn drop(&mut self) {
        self.put_down(Outcome::Unknown, Some("its caller went away".to_owned()));
    }
}

impl Audit {
    /// Announces what is about to be done, and waits until that is written.
    ///
    /// # Errors
    /// That it cannot be: then it must not be done.
    pub async fn intend(self: &Arc<Self>, act: Act) -> Result<Intent, AuditUnavailable> {
        let id = self.new_id();
        let now = self.clock.now();
        let record: Record = act.clone().record(id, now, Outcome::Intended, None);
        let written = self.write(record).await;
        if written.is_err() {
            tracing::warn!(
                action = act.action(),
                "not done: the audit cannot be written"
            );
        }
        written?;
        Ok(Intent {
            audit: Arc::clone(self),
            announced: Some(act.announced_by(id)),
        })
    }

    /// Does something that changes how the service behaves, between the entry that announces it and
    /// the one that tells how it ended.
    ///
    /// # Errors
    /// That it cannot be announced; then nothing is done.
    pub async fn control<T, E>(
        self: &Arc<Self>,
        act: Act,
        run: impl Future<Output = Result<T, E>>,
    ) -> Result<Result<T, E>, AuditUnavailable>
    where
        for<'e> Ended: From<&'e E>,
    {
        let intent = self.intend(act).await?;
        let result = run.await;
        match &result {
            Ok(_) => intent.done().await,
            Err(error) => intent.ended(error.into()).await,
        }
        Ok(result)
    }
}
