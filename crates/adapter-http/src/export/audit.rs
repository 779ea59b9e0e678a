//! `GET /v1/audit/export`: who did what.

use std::io::Write as _;
use std::sync::Arc;

use futures::StreamExt as _;
use pts_api::actions::audit::{AuditEntry, AuditExportEnd, ExportAudit, ExportAuditInput};
use pts_api::actions::export::ExportFormat;
use pts_domain::access::Principal;
use pts_services::{ActionError, AuditPart, CallOptions, Gateway};

use super::{Begun, End, Piece, Written, csv, ndjson};

/// The columns, in the order in which they stay.
const COLUMNS: &str = "sequence,id,at,last_at,times,principal_kind,principal,token,subject,action,effect,\
                       outcome,reason,input,request_id,address,workspace,intent,previous,hash\r\n";

impl Written for ExportAudit {
    type Item = AuditEntry;
    const FILE: &'static str = "audit";

    fn format(input: &ExportAuditInput) -> Option<ExportFormat> {
        input.format
    }

    async fn begin(
        gateway: Arc<Gateway>,
        principal: &Principal,
        input: ExportAuditInput,
        options: CallOptions,
    ) -> Result<Begun<AuditEntry>, ActionError> {
        let export = gateway.export_audit(principal, input, options).await?;
        let parts = export.parts.map(|part| {
            part.map(|part| match part {
                AuditPart::Entries(entries) => Piece::Items(entries),
                AuditPart::End { entries, coverage } => Piece::Whole(entries, coverage),
            })
        });
        Ok(Begun {
            up_to: export.up_to,
            coverage: export.coverage,
            parts: parts.boxed(),
        })
    }

    fn columns(out: &mut Vec<u8>) {
        out.extend_from_slice(COLUMNS.as_bytes());
    }

    fn row(out: &mut Vec<u8>, entry: &AuditEntry) {
        let _ = write!(out, "{},{},", entry.sequence, entry.id);
        ndjson::moment(out, entry.at);
        out.push(b',');
        ndjson::moment(out, entry.last_at);
        let _ = write!(out, ",{},{},", entry.times, entry.principal.kind.as_str());
        csv::text(out, &entry.principal.name);
        let token = entry.principal.id.map(|id| id.to_string());
        let texts = [
            token.as_ref(),
            entry.principal.subject.as_ref(),
            Some(&entry.action),
        ];
        texts.into_iter().for_each(|text| field(out, text));
        let _ = write!(out, ",{},{}", entry.effect.as_str(), entry.outcome.as_str());
        let input = entry.input.map(|hash| hash.to_string());
        let intent = entry.intent.map(|id| id.to_string());
        let texts = [
            &entry.reason,
            &input,
            &entry.request_id,
            &entry.address,
            &entry.workspace,
            &intent,
        ];
        texts.into_iter().for_each(|text| field(out, text.as_ref()));
        let _ = write!(out, ",{},{}\r\n", entry.previous, entry.hash);
    }

    fn line(out: &mut Vec<u8>, entry: &AuditEntry) {
        // Writing to memory cannot fail, and these are plain values.
        let _ = serde_json::to_writer(&mut *out, entry);
        out.push(b'\n');
    }

    fn end(out: &mut Vec<u8>, end: End) {
        let end = AuditExportEnd {
            end: true,
            entries: end.count,
            up_to: end.up_to,
            coverage: end.coverage,
        };
        let _ = serde_json::to_writer(&mut *out, &end);
        out.push(b'\n');
    }
}

/// A text behind a comma; nothing at all where there is none.
fn field(out: &mut Vec<u8>, text: Option<&String>) {
    out.push(b',');
    if let Some(text) = text {
        csv::text(out, text);
    }
}
