//! Who did what, and how sure that is.

use std::time::Duration;

use pts_api::Gap;
use pts_api::actions::audit::{
    AuditEntry, AuditHead, AuditKey, ExportAuditInput, GetAuditHead, GetAuditHeadInput,
    SearchAudit, SearchAuditInput,
};
use pts_domain::access::Principal;
use pts_domain::audit::{AuditFilter, Head};
use pts_domain::filter::patterns;

use super::period;
use crate::coverage::{Found, Question, found, page};
use crate::gateway::{CursorKind, cursor, limit};
use crate::{ActionError, Gateway, UseCase};

/// How long a question waits for what is about to be written.
const WRITTEN_WITHIN: Duration = Duration::from_secs(1);

impl UseCase<SearchAudit> for Gateway {
    async fn run(&self, input: SearchAuditInput) -> Result<Found<Vec<AuditEntry>>, ActionError> {
        let limit = limit(input.limit)?;
        let cursor = cursor(input.cursor.as_deref(), CursorKind::Position)?;
        let filter = self.audit_filter(in_one_piece(input))?;
        let unwritten = self.unwritten().await;
        let entries = self.audit.store().entries(&filter, cursor, limit).await?;
        let mut answer = page(entries, Question::itself(), AuditEntry::from);
        answer.gaps.extend(unwritten);
        Ok(answer)
    }

    async fn run_for(
        &self,
        caller: &Principal,
        input: SearchAuditInput,
    ) -> Result<Found<Vec<AuditEntry>>, ActionError> {
        let workspace = confined(caller, input.workspace)?;
        <Self as UseCase<SearchAudit>>::run(self, SearchAuditInput { workspace, ..input }).await
    }

    fn is_heavy(input: &SearchAuditInput) -> bool {
        // Nothing is kept that would find these.
        input.workspace.is_some() || input.outcome.is_some()
    }
}

impl UseCase<GetAuditHead> for Gateway {
    async fn run(&self, _: GetAuditHeadInput) -> Result<Found<AuditHead>, ActionError> {
        let end = self.audit.store().end().await?.unwrap_or(Head::START);
        let checkpoint = self.audit.store().last_checkpoint(None).await?;
        let key = self.audit.key().map(|key| AuditKey {
            id: key.id(),
            public_key: key.to_string(),
        });
        let head = AuditHead {
            sequence: end.sequence,
            hash: end.hash,
            key,
            checkpoint,
        };
        Ok(found(head, Question::itself()))
    }
}

/// The workspace that somebody may ask about: whoever is bound to one sees no other.
pub(crate) fn confined(
    caller: &Principal,
    asked: Option<String>,
) -> Result<Option<String>, ActionError> {
    if !caller.bound {
        return Ok(asked);
    }
    let own = caller.workspace.as_str();
    match asked {
        Some(other) if other != own => Err(ActionError::NotFound {
            what: format!("the workspace {other:?}"),
        }),
        _ => Ok(Some(own.to_owned())),
    }
}

/// The same filter, asked for in one piece.
fn in_one_piece(input: SearchAuditInput) -> ExportAuditInput {
    ExportAuditInput {
        format: None,
        principal: input.principal,
        token: input.token,
        action: input.action,
        outcome: input.outcome,
        workspace: input.workspace,
        request_id: input.request_id,
        since: input.since,
        until: input.until,
    }
}

impl Gateway {
    /// What an input asks for.
    pub(crate) fn audit_filter(&self, input: ExportAuditInput) -> Result<AuditFilter, ActionError> {
        let (since, until) = period(self, input.since.as_ref(), input.until.as_ref())?;
        Ok(AuditFilter {
            principal: input.principal,
            token: input.token,
            actions: patterns(&input.action),
            outcomes: input.outcome.into_iter().collect(),
            workspace: input.workspace,
            request_id: input.request_id,
            since,
            until,
        })
    }

    /// Has written what waits, and tells if something still does.
    pub(crate) async fn unwritten(&self) -> Option<Gap> {
        let written = tokio::time::timeout(WRITTEN_WITHIN, self.audit.flush()).await;
        if matches!(written, Ok(Ok(()))) {
            return None;
        }
        let acts = self.audit.waiting().await;
        (acts > 0).then(|| Gap {
            from: None,
            to: None,
            reason: "refused or done by this process, and not written yet".into(),
            count: Some(acts),
        })
    }
}
