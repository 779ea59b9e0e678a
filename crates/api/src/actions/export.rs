//! Everything that fits, as a file.

use std::collections::BTreeMap;

use pts_domain::access::Scope;
use pts_domain::time::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::actions::events::SearchInput;
use crate::{Action, Binding, Coverage, Effect, EventRecord};

/// `platform.events.export`
pub struct ExportEvents;

/// Which events are wanted, and how they are written. Everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExportInput {
    /// How they are written. Without it, `Accept` decides; NDJSON if that names neither.
    pub format: Option<ExportFormat>,
    /// Types, any of which will do; `deployment.*` stands for a family. Repeat it or separate by
    /// commas.
    #[serde(rename = "type")]
    pub types: Vec<String>,
    /// Who sent them.
    pub source: Option<String>,
    /// `data.service`.
    pub service: Option<String>,
    /// `data.environment`.
    pub environment: Option<String>,
    /// What they are about.
    pub subject: Option<String>,
    /// Happened at this moment or later.
    pub since: Option<Moment>,
    /// Happened before this moment.
    pub until: Option<Moment>,
    /// Fields of the data, as `data.<path>=<text>`: `data.actor=alice`.
    pub data: BTreeMap<String, String>,
}

impl From<ExportInput> for SearchInput {
    /// The search that pages through the same events.
    fn from(export: ExportInput) -> Self {
        let ExportInput {
            format: _,
            types,
            source,
            service,
            environment,
            subject,
            since,
            until,
            data,
        } = export;
        Self {
            types,
            source,
            service,
            environment,
            subject,
            since,
            until,
            data,
            ..Self::default()
        }
    }
}

/// How an export is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// One event a line, as a search gives them; a last line tells what the export rests on.
    #[default]
    Ndjson,
    /// Comma-separated values (RFC 4180), one row an event.
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
    /// Always true; no event has this field.
    pub end: bool,
    /// How many events there were.
    pub events: u64,
    /// The place in the log up to which it holds everything that fits.
    pub up_to: i64,
    /// Where it comes from, and what is missing.
    pub coverage: Coverage,
}

impl Action for ExportEvents {
    const NAME: &'static str = "platform.events.export";
    const SUMMARY: &'static str = "Export all events that fit, newest first";
    const DESCRIPTION: &'static str = "Everything that a search with the same filter would page through, \
        in one answer: the state of the log when the export began, whatever is appended meanwhile. \
        As NDJSON, each line is an event as a search gives it, and the last line \
        (`{\"end\": true, \"events\": …, \"up_to\": …, \"coverage\": …}`) tells how many there were and \
        what is known to be missing. As CSV (RFC 4180), the columns are position, id, time, \
        received_at, type, source, event_id, subject, service, environment, data, attributes, in this \
        order; `data` and `attributes` are JSON. A field that a spreadsheet could take for a formula \
        (it begins with = + - @, a tab or a line break), or that begins with an apostrophe, is written \
        behind an apostrophe: take the first one off to have the field again. Lines end with CRLF. \
        `x-pts-up-to` and `x-pts-coverage` (`complete` or `incomplete`) tell of every export how far it \
        goes and what it rests on. An export that cannot go on is broken off: its body then does not end \
        as HTTP says it should, which clients report as an error.";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/events/export";
    const BINDING: Binding = Binding::Download;
    const MEDIA_TYPES: &'static [&'static str] = &["application/x-ndjson", "text/csv"];
    type Input = ExportInput;
    type Output = EventRecord;

    fn example() -> Value {
        json!({ "format": "csv", "type": ["deployment.*"], "service": "payments", "since": "30d" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_declared_is_what_the_formats_are() {
        let types = ExportFormat::ALL.map(ExportFormat::media_type);
        assert_eq!(ExportEvents::MEDIA_TYPES, types);
        assert_eq!(ExportFormat::default(), ExportFormat::ALL[0]);
    }
}
