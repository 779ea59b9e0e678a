//! Deployments and incidents for feed readers and calendars.

use pts_domain::access::Scope;
use pts_domain::projection::{Deployment, DeploymentStatus, Incident, IncidentStatus};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::actions::LARGEST_LIMIT;
use crate::{Action, Binding, Effect};

/// The media type of Atom feeds (RFC 4287).
pub const ATOM: &str = "application/atom+xml";
/// The media type of calendars (RFC 5545).
pub const CALENDAR: &str = "text/calendar";

/// What feeds have in common.
macro_rules! about {
    ($what:literal) => {
        concat!(
            $what,
            " Feed readers and calendars cannot send a bearer token; they may send it as the password of \
             `Authorization: Basic`, with any user name. A token in the URL is not accepted: URLs end up \
             in logs and histories. Ask again with `If-None-Match` (or `If-Modified-Since`): 304 tells \
             that nothing has changed. `x-pts-coverage` is `incomplete` when something is known to be \
             missing."
        )
    };
}

/// Which deployments are wanted. Everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeploymentsFeedInput {
    /// Of this service.
    pub service: Option<String>,
    /// Into this environment.
    pub environment: Option<String>,
    /// Of this status.
    pub status: Option<DeploymentStatus>,
    /// At most so many, 1 to 1,000; 100 if not given.
    #[schemars(range(min = 1, max = LARGEST_LIMIT))]
    pub limit: Option<usize>,
}

/// Which incidents are wanted. Everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IncidentsFeedInput {
    /// Of this service.
    pub service: Option<String>,
    /// Where.
    pub environment: Option<String>,
    /// Of this status.
    pub status: Option<IncidentStatus>,
    /// At most so many, 1 to 1,000; 100 if not given.
    #[schemars(range(min = 1, max = LARGEST_LIMIT))]
    pub limit: Option<usize>,
}

/// `platform.deployments.feed`
pub struct DeploymentsFeed;

impl Action for DeploymentsFeed {
    const NAME: &'static str = "platform.deployments.feed";
    const SUMMARY: &'static str = "Follow deployments in a feed reader (Atom)";
    const DESCRIPTION: &'static str = about!(
        "One entry a deployment, the one first reported last first; an entry changes with the status of \
         its deployment."
    );
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/deployments/feed.atom";
    const BINDING: Binding = Binding::Feed;
    const MEDIA_TYPES: &'static [&'static str] = &[ATOM];
    type Input = DeploymentsFeedInput;
    type Output = Vec<Deployment>;

    fn example() -> Value {
        json!({ "environment": "production", "limit": 50 })
    }
}

/// `platform.deployments.calendar`
pub struct DeploymentsCalendar;

impl Action for DeploymentsCalendar {
    const NAME: &'static str = "platform.deployments.calendar";
    const SUMMARY: &'static str = "Show deployments in a calendar (iCalendar)";
    const DESCRIPTION: &'static str = about!(
        "One event a deployment, from when it was asked for or began to when it ended. `SEQUENCE` counts \
         the reports of it."
    );
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/deployments/calendar.ics";
    const BINDING: Binding = Binding::Feed;
    const MEDIA_TYPES: &'static [&'static str] = &[CALENDAR];
    type Input = DeploymentsFeedInput;
    type Output = Vec<Deployment>;

    fn example() -> Value {
        json!({ "service": "payments", "environment": "production" })
    }
}

/// `platform.incidents.feed`
pub struct IncidentsFeed;

impl Action for IncidentsFeed {
    const NAME: &'static str = "platform.incidents.feed";
    const SUMMARY: &'static str = "Follow incidents in a feed reader (Atom)";
    const DESCRIPTION: &'static str = about!(
        "One entry an incident, the one first reported last first; an entry changes with the status of \
         its incident."
    );
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/incidents/feed.atom";
    const BINDING: Binding = Binding::Feed;
    const MEDIA_TYPES: &'static [&'static str] = &[ATOM];
    type Input = IncidentsFeedInput;
    type Output = Vec<Incident>;

    fn example() -> Value {
        json!({ "environment": "production" })
    }
}

/// `platform.incidents.calendar`
pub struct IncidentsCalendar;

impl Action for IncidentsCalendar {
    const NAME: &'static str = "platform.incidents.calendar";
    const SUMMARY: &'static str = "Show incidents in a calendar (iCalendar)";
    const DESCRIPTION: &'static str = about!(
        "One event an incident, from its begin to its end; one that goes on has a begin alone. \
         `SEQUENCE` counts what was logged since it was first named."
    );
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/incidents/calendar.ics";
    const BINDING: Binding = Binding::Feed;
    const MEDIA_TYPES: &'static [&'static str] = &[CALENDAR];
    type Input = IncidentsFeedInput;
    type Output = Vec<Incident>;

    fn example() -> Value {
        json!({ "service": "payments" })
    }
}
