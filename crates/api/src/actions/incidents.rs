//! Incidents.

use pts_domain::access::Scope;
use pts_domain::projection::{Incident, IncidentStatus};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::actions::LARGEST_LIMIT;
use crate::{Action, Effect};

/// This area's actions; see [`each_action`](crate::each_action).
#[doc(hidden)]
#[macro_export]
macro_rules! each_incidents_action {
    ($each:ident) => {
        $each!(answer $crate::actions::incidents::SearchIncidents);
        $each!(feed $crate::actions::feeds::IncidentsFeed);
        $each!(feed $crate::actions::feeds::IncidentsCalendar);
        $each!(download $crate::actions::export::ExportIncidents);
    };
}

/// `platform.incidents.search`
pub struct SearchIncidents;

/// Which incidents are wanted. Everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SearchIncidentsInput {
    /// Of this service.
    pub service: Option<String>,
    /// Where.
    pub environment: Option<String>,
    /// Of this status.
    pub status: Option<IncidentStatus>,
    /// Of this id.
    pub incident_id: Option<String>,
    /// At most so many, 1 to 1,000; 100 if not given.
    #[schemars(range(min = 1, max = LARGEST_LIMIT))]
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Action for SearchIncidents {
    const NAME: &'static str = "platform.incidents.search";
    const SUMMARY: &'static str = "Search incidents, the one first reported last first";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/incidents";
    type Input = SearchIncidentsInput;
    type Output = Vec<Incident>;

    fn example() -> Value {
        json!({ "status": "open" })
    }
}
