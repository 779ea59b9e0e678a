//! Deployments: what was brought where, and how it went.

use pts_domain::access::Scope;
use pts_domain::projection::{Contradiction, Deployment, DeploymentStatus};
use pts_domain::time::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::actions::inputs::search_and_export;
use crate::{Action, Effect, EventRecord};

/// This area's actions; see [`each_action`](crate::each_action).
#[doc(hidden)]
#[macro_export]
macro_rules! each_deployments_action {
    ($each:ident) => {
        $each!(answer $crate::actions::deployments::SearchDeployments);
        $each!(feed $crate::actions::feeds::DeploymentsFeed);
        $each!(feed $crate::actions::feeds::DeploymentsCalendar);
        $each!(download $crate::actions::export::ExportDeployments);
        $each!(answer $crate::actions::deployments::GetDeployment);
    };
}

/// `platform.deployments.search`
pub struct SearchDeployments;

search_and_export! {
    /// Which deployments are wanted. Everything that is given must hold.
    pub struct SearchDeploymentsInput;
    /// Which deployments are wanted, and how they are written. Everything that is given must hold.
    pub struct ExportDeploymentsInput;
    filter {
        /// Of this service.
        pub service: Option<String>,
        /// Into this environment.
        pub environment: Option<String>,
        /// Of this status.
        pub status: Option<DeploymentStatus>,
        /// Of this version.
        pub version: Option<String>,
        /// Whose status was reached at this moment or later.
        pub since: Option<Moment>,
        /// Whose status was reached before this moment.
        pub until: Option<Moment>,
    }
}

impl Action for SearchDeployments {
    const NAME: &'static str = "platform.deployments.search";
    const SUMMARY: &'static str = "Search deployments, the one first reported last first";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/deployments";
    type Input = SearchDeploymentsInput;
    type Output = Vec<Deployment>;

    fn example() -> Value {
        json!({ "service": "payments", "status": "failed", "since": "7d" })
    }
}

/// `platform.deployments.get`
pub struct GetDeployment;

/// Which deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetDeploymentInput {
    /// The sender's name for it.
    pub id: String,
    /// Its service; needed where the same id was used by several.
    #[serde(default)]
    pub service: Option<String>,
    /// Its environment; needed where the same id was used in several.
    #[serde(default)]
    pub environment: Option<String>,
}

/// A deployment and where the knowledge of it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeploymentDetail {
    /// The deployment.
    pub deployment: Deployment,
    /// The events that made it, in the order of the log; the last hundred.
    pub events: Vec<EventRecord>,
    /// What in them did not fit, newest first; at most a hundred.
    pub contradictions: Vec<Contradiction>,
}

impl Action for GetDeployment {
    const NAME: &'static str = "platform.deployments.get";
    const SUMMARY: &'static str = "Look up one deployment, with the events that made it";
    const DESCRIPTION: &'static str = "An id that several services or environments used answers \
        409 and lists them; `service` and `environment` choose.";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/deployments/{id}";
    const ERRORS: &'static [u16] = &[404, 409];
    type Input = GetDeploymentInput;
    type Output = DeploymentDetail;

    fn example() -> Value {
        json!({ "id": "d-42", "service": "payments" })
    }
}
