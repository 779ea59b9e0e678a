//! All entries that fit, a page at a time, newest first. The chain only grows, so what was there when it
//! began is a snapshot; nothing is held in the store between two pages.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt as _};
use pts_api::Coverage;
use pts_api::actions::audit::{AuditEntry, ExportAudit, ExportAuditInput};
use pts_domain::access::Principal;
use pts_domain::audit::{AuditFilter, Entry, Head};
use pts_domain::filter::{Cursor, Page};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::coverage::Question;
use crate::queries::audit::confined;
use crate::{ActionError, CallOptions, Gateway, Wanted};

/// Entries that are read together.
const STRETCH: usize = 1_000;
/// How long a reader may take for them before its place is given to somebody else.
const PATIENCE: Duration = Duration::from_mins(1);

/// An export that has begun.
pub struct AuditExport {
    /// The number of the last entry that may be in it.
    pub up_to: i64,
    /// What it rests on, as far as it is known at the begin.
    pub coverage: Coverage,
    /// Its parts. It is whole if the last one is [`AuditPart::End`].
    pub parts: BoxStream<'static, Result<AuditPart, ActionError>>,
}

/// A part of an export.
#[derive(Debug)]
pub enum AuditPart {
    /// Some entries.
    Entries(Vec<AuditEntry>),
    /// All of them were given, so many.
    End {
        /// How many.
        entries: u64,
        /// What all of it rests on.
        coverage: Coverage,
    },
}

impl Gateway {
    /// Begins an export of the audit. Nothing more is held for it than a page or two, and a place among
    /// a few.
    ///
    /// # Errors
    /// As [`Gateway::export`].
    pub async fn export_audit(
        self: Arc<Self>,
        principal: &Principal,
        input: ExportAuditInput,
        options: CallOptions,
    ) -> Result<AuditExport, ActionError> {
        self.admit(principal, Wanted::of::<ExportAudit>())?;
        let (token, now) = (principal.token_id, self.now());
        self.gate.call(token, now)?;
        self.shed()?;
        let workspace = confined(principal, input.workspace)?;
        let filter = self.audit_filter(ExportAuditInput { workspace, ..input })?;
        let gaps = self.unwritten().await.into_iter().collect();
        let coverage = self.coverage(&Question::itself(), gaps).await;
        if options.deny_partial && !coverage.complete {
            return Err(ActionError::Incomplete(Box::new(coverage)));
        }
        let place = self.exports.place()?;
        let stream = self.gate.stream(token, now)?;
        let turn = self.gate.heavy(token, now).await?;
        let end = self.audit.store().end().await?.unwrap_or(Head::START);
        let begin = Cursor::Position(end.sequence + 1);
        let first = self.audit.store().entries(&filter, Some(begin), STRETCH);
        let reading = Reading {
            first: first.await?,
            filter,
            coverage: coverage.clone(),
            token,
            gateway: self,
        };
        let (parts, given) = mpsc::channel(1);
        tokio::spawn(async move {
            let _held = (place, stream, turn);
            tokio::select! {
                () = parts.closed() => tracing::debug!("nobody takes the export any more"),
                () = reading.give(&parts) => {}
            }
        });
        let parts = stream::unfold(given, |mut given| async {
            given.recv().await.map(|part| (part, given))
        });
        Ok(AuditExport {
            up_to: end.sequence,
            coverage,
            parts: parts.boxed(),
        })
    }
}

/// What reads an export, on behalf of whoever takes its parts.
struct Reading {
    gateway: Arc<Gateway>,
    filter: AuditFilter,
    first: Page<Entry>,
    coverage: Coverage,
    token: Uuid,
}

impl Reading {
    async fn give(self, parts: &mpsc::Sender<Result<AuditPart, ActionError>>) {
        let Self {
            gateway,
            filter,
            first,
            coverage,
            token,
        } = self;
        let mut entries = 0;
        let mut page = Ok(first);
        loop {
            let (part, next) = match page {
                Ok(Page { items, next }) => {
                    let rows = items.len() as u64;
                    entries += rows;
                    gateway.gate.read(token, gateway.now(), rows, 0);
                    let items = items.into_iter().map(AuditEntry::from).collect();
                    (Ok(AuditPart::Entries(items)), Some(next))
                }
                Err(error) => (Err(ActionError::from(error)), None),
            };
            if let Err(error) = parts.send_timeout(part, PATIENCE).await {
                tracing::info!(%error, "an export was given up: nobody took it");
                return;
            }
            match next {
                // It broke off.
                None => return,
                Some(None) => break,
                Some(next @ Some(_)) => {
                    page = gateway.audit.store().entries(&filter, next, STRETCH).await;
                }
            }
        }
        let end = Ok(AuditPart::End { entries, coverage });
        let _ = parts.send_timeout(end, PATIENCE).await;
    }
}
