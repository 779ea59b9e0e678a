//! A deployment or an incident as feeds and calendars see it: a thing with a name, a time and words.

use chrono::DateTime;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use pts_domain::Timestamp;
use pts_domain::projection::{Deployment, DeploymentStatus, EventRef, Incident};
use serde::Serialize;
use serde_json::Value;

/// How sure it is that a calendar's event takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Certainty {
    Tentative,
    Confirmed,
    Cancelled,
}

/// One entry of a feed.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// Names the thing for ever.
    pub(super) id: String,
    pub(super) title: String,
    /// A line a fact.
    pub(super) text: String,
    pub(super) categories: Vec<String>,
    /// Where to read more.
    pub(super) url: Option<String>,
    pub(super) start: Timestamp,
    /// Absent while it goes on.
    pub(super) end: Option<Timestamp>,
    /// When its status was reached.
    pub(super) updated: Timestamp,
    /// When the service heard of it last.
    pub(super) learned_at: Option<Timestamp>,
    /// Greater whenever more is known.
    pub(super) sequence: i64,
    pub(super) certainty: Certainty,
}

impl From<Deployment> for Item {
    fn from(d: Deployment) -> Self {
        let status = d.status.as_str();
        let what = match &d.version {
            Some(version) => format!("{} {version}", d.service),
            None => d.service.clone(),
        };
        let replaced = d
            .replaced
            .as_ref()
            .and_then(|before| before.version.clone());
        let facts = [
            ("Status", Some(status.to_owned())),
            ("Service", Some(d.service.clone())),
            ("Environment", Some(d.environment.clone())),
            ("Deployment", Some(d.deployment_id.clone())),
            ("Version", d.version.clone()),
            ("Before", d.previous_version.clone().or(replaced)),
            ("Image", d.image.clone()),
            ("Commit", d.commit.clone()),
            ("Actor", d.actor.clone()),
            ("Reason", d.reason.clone()),
            ("Pipeline", d.pipeline_url.clone()),
        ];
        let begun = d.started_at.or(d.requested_at).or(d.finished_at);
        Self {
            id: urn(
                "deployment",
                &[&d.service, &d.environment, &d.deployment_id],
            ),
            title: format!("{what} in {}: {}", d.environment, status.replace('_', " ")),
            text: lines(facts),
            categories: vec![status.to_owned(), d.service.clone(), d.environment.clone()],
            url: d.pipeline_url.filter(|url| is_web(url)),
            start: begun.unwrap_or(d.status_at),
            end: d.finished_at,
            updated: d.status_at,
            learned_at: learned_at(&d.events),
            sequence: i64::try_from(d.event_count).unwrap_or(i64::MAX),
            certainty: match d.status {
                DeploymentStatus::Requested => Certainty::Tentative,
                DeploymentStatus::Cancelled => Certainty::Cancelled,
                DeploymentStatus::Started
                | DeploymentStatus::Succeeded
                | DeploymentStatus::Failed
                | DeploymentStatus::RolledBack => Certainty::Confirmed,
            },
        }
    }
}

impl From<Incident> for Item {
    fn from(i: Incident) -> Self {
        let status = i.status.as_str();
        let name = i.title.as_ref().unwrap_or(&i.incident_id);
        let place = match (&i.service, &i.environment) {
            (Some(service), Some(environment)) => format!(" ({service} in {environment})"),
            (Some(one), None) | (None, Some(one)) => format!(" ({one})"),
            (None, None) => String::new(),
        };
        let facts = [
            ("Status", Some(status.to_owned())),
            ("Severity", i.severity.clone()),
            ("Service", i.service.clone()),
            ("Environment", i.environment.clone()),
            ("Incident", Some(i.incident_id.clone())),
            ("Deployment", i.deployment_id.clone()),
        ];
        let categories = [i.severity.clone(), i.service.clone(), i.environment.clone()];
        let categories = [Some(status.to_owned())].into_iter().chain(categories);
        Self {
            id: urn("incident", &[&i.incident_id]),
            title: format!("Incident{place}: {name}: {status}"),
            text: lines(facts),
            categories: categories.flatten().collect(),
            url: None,
            start: i.opened_at.unwrap_or(i.status_at),
            end: i.resolved_at,
            updated: i.status_at,
            learned_at: learned_at(&i.events),
            sequence: i.last_position - i.first_position,
            certainty: Certainty::Confirmed,
        }
    }
}

/// A name that is the same whenever the thing is met.
fn urn(kind: &str, parts: &[&str]) -> String {
    let parts: Vec<_> = parts.iter().map(|part| encoded(part)).collect();
    format!("urn:pts:{kind}:{}", parts.join(":"))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// What tells the feed of one input from that of another.
pub(super) fn identity(input: &impl Serialize) -> String {
    let Ok(Value::Object(input)) = serde_json::to_value(input) else {
        return String::new();
    };
    let given = input.iter().filter(|(_, value)| !value.is_null());
    let parts = given.map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), Into::into);
        format!(":{name}={}", encoded(&text))
    });
    parts.collect::<Vec<_>>().concat()
}

fn lines<const N: usize>(facts: [(&str, Option<String>); N]) -> String {
    let known = facts
        .into_iter()
        .filter_map(|(name, fact)| Some(format!("{name}: {}", fact?)));
    known.collect::<Vec<_>>().join("\n")
}

fn is_web(url: &str) -> bool {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && rest
                .bytes()
                .all(|b| b.is_ascii_graphic() && !b"<>\"{}|\\^`".contains(&b))
    })
}

/// The ids of events hold the moment of their receipt.
fn learned_at(events: &[EventRef]) -> Option<Timestamp> {
    let moments = events.iter().filter_map(|event| {
        let (seconds, nanos) = event.id.get_timestamp()?.to_unix();
        DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
    });
    moments.max()
}
