//! `GET /v1/events/export`: what happened.

use std::sync::Arc;

use futures::StreamExt as _;
use pts_api::actions::export::{ExportEnd, ExportEvents, ExportFormat, ExportInput};
use pts_domain::access::Principal;
use pts_domain::event::RawEvent;
use pts_services::{ActionError, CallOptions, Gateway, Part};

use super::{Begun, End, Piece, Written, csv, ndjson};

impl Written for ExportEvents {
    type Item = RawEvent;
    const FILE: &'static str = "events";

    fn format(input: &ExportInput) -> Option<ExportFormat> {
        input.format
    }

    async fn begin(
        gateway: Arc<Gateway>,
        principal: &Principal,
        input: ExportInput,
        options: CallOptions,
    ) -> Result<Begun<RawEvent>, ActionError> {
        let export = gateway.export(principal, input, options).await?;
        let parts = export.parts.map(|part| {
            part.map(|part| match part {
                Part::Events(events) => Piece::Items(events),
                Part::End { events, coverage } => Piece::Whole(events, coverage),
            })
        });
        Ok(Begun {
            up_to: export.up_to,
            coverage: export.coverage,
            parts: parts.boxed(),
        })
    }

    fn columns(out: &mut Vec<u8>) {
        csv::head(out);
    }

    fn row(out: &mut Vec<u8>, event: &RawEvent) {
        csv::row(out, event);
    }

    fn line(out: &mut Vec<u8>, event: &RawEvent) {
        ndjson::line(out, event);
    }

    fn end(out: &mut Vec<u8>, end: End) {
        let end = ExportEnd {
            end: true,
            events: end.count,
            up_to: end.up_to,
            coverage: end.coverage,
        };
        ndjson::end(out, &end);
    }
}
