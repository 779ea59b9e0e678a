//! Everything that fits, as a file: of events, of deployments, of incidents.

use pts_domain::access::Scope;
use pts_domain::projection::{Deployment, Incident};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use crate::actions::deployments::ExportDeploymentsInput;
pub use crate::actions::events::ExportInput;
pub use crate::actions::incidents::ExportIncidentsInput;
use crate::{Action, Binding, Coverage, Effect, EventRecord};

/// An action that writes out everything that fits.
pub trait Export: Action {
    /// How it shall be written, if its input says so.
    fn format(input: &Self::Input) -> Option<ExportFormat>;
}

/// The formats as every export declares them.
const FORMATS: &[&str] = &["application/x-ndjson", "text/csv"];

/// What exports have in common.
macro_rules! about {
    ($what:literal, $columns:literal) => {
        concat!(
            $what,
            " As NDJSON, each line is what a search gives, and the last line (`{\"end\": true, \"count\": …, \
             \"up_to\": …, \"coverage\": …}`) tells how many there were and what is known to be missing. As \
             CSV (RFC 4180), the columns are ",
            $columns,
            ". A field that a spreadsheet could take for a formula (it begins with = + - @, a tab or a line \
             break), or that begins with an apostrophe, is written behind an apostrophe: take the first one \
             off to have the field again. Lines end with CRLF. `x-pts-up-to` and `x-pts-coverage` \
             (`complete` or `incomplete`) tell of every export how far it goes and what it rests on. An \
             export that cannot go on is broken off: its body then does not end as HTTP says it should, \
             which clients report as an error."
        )
    };
}

/// `platform.events.export`
pub struct ExportEvents;

/// How an export is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// One a line, as a search gives them; a last line tells what the export rests on.
    #[default]
    Ndjson,
    /// Comma-separated values (RFC 4180), one a row.
    Csv,
}

impl ExportFormat {
    /// Every format, the usual one first.
    pub const ALL: [Self; 2] = [Self::Ndjson, Self::Csv];

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv",
        }
    }

    /// The usual end of a file's name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }
}

/// The last line of an export as NDJSON. Without it, the export broke off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExportEnd {
    /// Always true; nothing that is exported has this field.
    pub end: bool,
    /// How many there were.
    pub count: u64,
    /// The place in the log up to which it holds everything that fits.
    pub up_to: i64,
    /// Where it comes from, and what is missing.
    pub coverage: Coverage,
}

impl Action for ExportEvents {
    const NAME: &'static str = "platform.events.export";
    const SUMMARY: &'static str = "Export all events that fit, newest first";
    const DESCRIPTION: &'static str = about!(
        "Everything that a search with the same filter would page through, in one answer: the state of the \
         log when the export began, whatever is appended meanwhile.",
        "position, id, time, received_at, type, source, event_id, subject, service, environment, data, \
         attributes, in this order; `data` and `attributes` are JSON"
    );
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/events/export";
    const BINDING: Binding = Binding::Download;
    const MEDIA_TYPES: &'static [&'static str] = FORMATS;
    type Input = ExportInput;
    type Output = EventRecord;

    fn example() -> Value {
        json!({ "format": "csv", "type": ["deployment.*"], "service": "payments", "since": "30d" })
    }
}

impl Export for ExportEvents {
    fn format(input: &ExportInput) -> Option<ExportFormat> {
        input.format
    }
}

/// `platform.deployments.export`
pub struct ExportDeployments;

impl Action for ExportDeployments {
    const NAME: &'static str = "platform.deployments.export";
    const SUMMARY: &'static str =
        "Export all deployments that fit, the one first reported last first";
    const DESCRIPTION: &'static str = about!(
        "Every deployment that was reported when the export began, each as it is when it is read.",
        "deployment_id, service, environment, status, status_at, version, previous_version, image, commit, \
         commit_time, actor, pipeline_url, reason, unplanned, requested_at, started_at, succeeded_at, \
         finished_at, rolled_back_at, first_position, last_position, event_count, in this order"
    );
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/deployments/export";
    const BINDING: Binding = Binding::Download;
    const MEDIA_TYPES: &'static [&'static str] = FORMATS;
    type Input = ExportDeploymentsInput;
    type Output = Deployment;

    fn example() -> Value {
        json!({ "format": "csv", "service": "payments", "since": "30d" })
    }
}

impl Export for ExportDeployments {
    fn format(input: &ExportDeploymentsInput) -> Option<ExportFormat> {
        input.format
    }
}

/// `platform.incidents.export`
pub struct ExportIncidents;

impl Action for ExportIncidents {
    const NAME: &'static str = "platform.incidents.export";
    const SUMMARY: &'static str =
        "Export all incidents that fit, the one first reported last first";
    const DESCRIPTION: &'static str = about!(
        "Every incident that was reported when the export began, each as it is when it is read.",
        "incident_id, service, environment, status, status_at, severity, title, deployment_id, opened_at, \
         acknowledged_at, resolved_at, first_position, last_position, in this order"
    );
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/incidents/export";
    const BINDING: Binding = Binding::Download;
    const MEDIA_TYPES: &'static [&'static str] = FORMATS;
    type Input = ExportIncidentsInput;
    type Output = Incident;

    fn example() -> Value {
        json!({ "format": "ndjson", "environment": "production" })
    }
}

impl Export for ExportIncidents {
    fn format(input: &ExportIncidentsInput) -> Option<ExportFormat> {
        input.format
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_declared_is_what_the_formats_are() {
        let types = ExportFormat::ALL.map(ExportFormat::media_type);
        assert_eq!(FORMATS, types);
        assert_eq!(ExportFormat::default(), ExportFormat::ALL[0]);
    }
}
