//! Deployments and incidents as marks on the graphs of others.

use std::fmt;

use pts_domain::Timestamp;
use pts_domain::access::Scope;
use pts_domain::time::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Action, Effect};

/// This area's actions; see [`each_action`](crate::each_action).
#[doc(hidden)]
#[macro_export]
macro_rules! each_annotations_action {
    ($each:ident) => {
        $each!(answer $crate::actions::annotations::ListAnnotations);
    };
}

/// `platform.annotations.list`
pub struct ListAnnotations;

/// A moment as dashboards write it: milliseconds since 1970, or any other way to name one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DashboardMoment(pub Moment);

impl TryFrom<String> for DashboardMoment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // The end of the year 9999 has 15 digits.
        let is_number = (1..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number {
            return Moment::try_from(text).map(Self);
        }
        let at = text.parse().ok().and_then(Timestamp::from_timestamp_millis);
        let at = at.filter(|at| at.timestamp() < 253_402_300_800);
        at.map(|at| Self(Moment::At(at)))
            .ok_or_else(|| format!("`{text}` is no number of milliseconds since 1970"))
    }
}

impl From<DashboardMoment> for String {
    fn from(moment: DashboardMoment) -> Self {
        moment.to_string()
    }
}

impl fmt::Display for DashboardMoment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl JsonSchema for DashboardMoment {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DashboardMoment".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "Milliseconds since 1970, an RFC 3339 time, a span back from now, or `now`.",
            "examples": ["1772000000000", "2026-03-01T12:30:00Z", "1h"],
        })
    }
}

/// What may be marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnnotationKind {
    /// Deployments.
    Deployment,
    /// Incidents.
    Incident,
}

/// Which marks are wanted. Everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AnnotationsInput {
    /// What went on at this moment or later; a day before `to` if not given.
    pub from: Option<DashboardMoment>,
    /// What began before this moment; now if not given.
    pub to: Option<DashboardMoment>,
    /// Of these kinds; all if not given.
    pub kind: Vec<AnnotationKind>,
    /// Of this service.
    pub service: Option<String>,
    /// Where.
    pub environment: Option<String>,
}

/// A mark on a graph, as Grafana takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Annotation {
    /// When it began, in milliseconds since 1970.
    pub time: i64,
    /// When it ended, or the end of the window for an incident that goes on; absent for a moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_end: Option<i64>,
    /// What it is, in a line.
    pub title: String,
    /// More about it.
    pub text: String,
    /// Its kind, status, severity, service and environment.
    pub tags: Vec<String>,
}

impl Action for ListAnnotations {
    const NAME: &'static str = "platform.annotations.list";
    const SUMMARY: &'static str = "Mark deployments and incidents on graphs";
    const DESCRIPTION: &'static str = "What went on between two moments, oldest first, in the shape that \
        Grafana takes annotations in (`data` is the list): give it `from=${__from}&to=${__to}`. A \
        deployment is there if its status was reached in the window or later; an incident that goes on \
        is marked to the end of the window. At most 1,000 of each kind; a warning tells when there were more.";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/annotations";
    type Input = AnnotationsInput;
    type Output = Vec<Annotation>;

    fn example() -> Value {
        json!({ "from": "1772323200000", "to": "1772409600000", "environment": "production" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_a_moment_and_so_is_everything_else_that_names_one() {
        let check = |text: &str, expected: Option<&str>| {
            let moment = DashboardMoment::try_from(text.to_owned()).ok();
            assert_eq!(moment.map(|m| m.to_string()).as_deref(), expected, "{text}");
        };
        check("1772000000000", Some("2026-02-25T06:13:20+00:00"));
        check("0", Some("1970-01-01T00:00:00+00:00"));
        check("2026-02-25T06:13:20Z", Some("2026-02-25T06:13:20+00:00"));
        check("1h", Some("3600s"));
        check("999999999999999", None);
        check("-5", None);
        check("", None);
    }
}
