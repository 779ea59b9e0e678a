//! Who did what, and how sure that is.

use std::time::Duration;

use pts_api::actions::LARGEST_LIMIT;
use pts_api::actions::audit::{
    AuditEntry, AuditHead, AuditKey, ExportAudit, ExportAuditInput, GetAuditHead,
    GetAuditHeadInput, SearchAudit, SearchAuditInput,
};
use pts_api::{Coverage, Gap};
use pts_domain::access::Principal;
use pts_domain::audit::{AuditFilter, Head};
use pts_domain::filter::{Cursor, patterns};

use super::period;
use crate::coverage::{Found, Question, found, page};
use crate::gateway::{CursorKind, cursor, limit};
use crate::{ActionError, Exported, Gateway, Source, Stretch, UseCase};

/// What one entry is, roughly, in bytes.
const ENTRY_BYTES: usize = 1_024;
/// How long a question waits for what is about to be written.
const WRITTEN_WITHIN: Duration = Duration::from_secs(1);

impl UseCase<SearchAudit> for Gateway {
    async fn run(&self, input: SearchAuditInput) -> Result<Found<Vec<AuditEntry>>, ActionError> {
        let limit = limit(input.limit)?;
        let cursor = cursor(input.cursor.as_deref(), CursorKind::Position)?;
        let filter = self.audit_filter(input)?;
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
fn confined(caller: &Principal, asked: Option<String>) -> Result<Option<String>, ActionError> {
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

impl Exported<ExportAudit> for Gateway {
    type Row = AuditEntry;

    fn confined(by: &Principal, input: ExportAuditInput) -> Result<ExportAuditInput, ActionError> {
        let workspace = confined(by, input.workspace)?;
        Ok(ExportAuditInput { workspace, ..input })
    }

    async fn up_to(&self) -> Result<Option<i64>, ActionError> {
        let _ = self.unwritten().await;
        let end = self.audit.store().end().await?;
        Ok(Some(end.map_or(0, |end| end.sequence)))
    }

    fn source(
        &self,
        input: ExportAuditInput,
        up_to: i64,
    ) -> Result<impl Source<Row = AuditEntry>, ActionError> {
        let filter = self.audit_filter(input.into())?;
        Ok(Entries { filter, up_to })
    }
}

/// Entries up to a number: the chain only grows, so that is a snapshot.
struct Entries {
    filter: AuditFilter,
    up_to: i64,
}

impl Source for Entries {
    type Row = AuditEntry;

    async fn stretch(
        &self,
        gateway: &Gateway,
        behind: Option<Cursor>,
    ) -> Result<Stretch<AuditEntry>, ActionError> {
        let behind = behind.unwrap_or(Cursor::Position(self.up_to.saturating_add(1)));
        let store = gateway.audit.store();
        let page = store.entries(&self.filter, Some(behind), LARGEST_LIMIT);
        let page = page.await?;
        let entries = page.items.into_iter().map(AuditEntry::from);
        Ok((entries.collect(), page.next))
    }

    fn weight(entry: &AuditEntry) -> usize {
        ENTRY_BYTES + entry.reason.as_ref().map_or(0, String::len)
    }

    async fn coverage(&self, gateway: &Gateway) -> Coverage {
        let gaps = gateway.unwritten().await.into_iter().collect();
        gateway.coverage(&Question::itself(), gaps).await
    }
}

impl Gateway {
    /// What an input asks for.
    fn audit_filter(&self, input: SearchAuditInput) -> Result<AuditFilter, ActionError> {
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
    async fn unwritten(&self) -> Option<Gap> {
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
