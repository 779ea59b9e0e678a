//! Incidents.

use pts_domain::access::Scope;
use pts_domain::projection::{Incident, IncidentStatus};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::actions::inputs::search_and_export;
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

search_and_export! {
    /// Which incidents are wanted. Everything that is given must hold.
    pub struct SearchIncidentsInput;
    /// Which incidents are wanted, and how they are written. Everything that is given must hold.
    pub struct ExportIncidentsInput;
    filter {
        /// Of this service.
        pub service: Option<String>,
        /// Where.
        pub environment: Option<String>,
        /// Of this status.
        pub status: Option<IncidentStatus>,
    }
    search {
        /// Of this id.
        pub incident_id: Option<String>,
    }
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
