//! Services: what there is, what it is declared to run and what it is seen to run.

use pts_domain::Timestamp;
use pts_domain::access::Scope;
use pts_domain::projection::{ConfigEntry, Declared, Instance, Liveness, Service, ServiceChange};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::actions::LARGEST_LIMIT;
use crate::{Action, Effect};

/// This area's actions; see [`each_action`](crate::each_action).
#[doc(hidden)]
#[macro_export]
macro_rules! each_services_action {
    ($each:ident) => {
        $each!(answer $crate::actions::services::ListServices);
        $each!(answer $crate::actions::services::GetService);
    };
}

/// `platform.services.list`
pub struct ListServices;

/// Which services are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListServicesInput {
    /// Only those known in this environment.
    pub environment: Option<String>,
    /// At most so many, 1 to 1,000; 100 if not given.
    #[schemars(range(min = 1, max = LARGEST_LIMIT))]
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A service in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceSummary {
    /// Its name.
    pub service: String,
    /// When it was first heard of.
    pub first_seen_at: Timestamp,
    /// When one of its instances was last heard of.
    pub last_seen_at: Option<Timestamp>,
    /// What runs in each environment.
    pub environments: Vec<EnvironmentSummary>,
}

/// What runs in one environment: declared against observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentSummary {
    /// The environment.
    pub environment: String,
    /// What the deployments say runs there.
    pub declared: Option<Declared>,
    /// What its instances say runs there.
    pub observed: Vec<ObservedVersion>,
    /// Whether both say the same; absent when one of them says nothing.
    pub agrees: Option<bool>,
    /// When the service said that it left the environment.
    pub deregistered_at: Option<Timestamp>,
}

/// How many instances say that they run a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObservedVersion {
    /// The version; absent when they named none.
    pub version: Option<String>,
    /// Instances that run it and are alive as far as is known.
    pub instances: u64,
    /// Instances that should run it and have fallen silent.
    pub silent: u64,
}

impl Action for ListServices {
    const NAME: &'static str = "platform.services.list";
    const SUMMARY: &'static str = "List services and what runs where, declared against observed";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/services";
    type Input = ListServicesInput;
    type Output = Vec<ServiceSummary>;

    fn example() -> Value {
        json!({ "environment": "production" })
    }
}

/// `platform.services.get`
pub struct GetService;

/// Which service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetServiceInput {
    /// Its name.
    pub name: String,
}

/// An instance, and whether it can be believed to be alive now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceView {
    /// What is known of it.
    #[serde(flatten)]
    pub instance: Instance,
    /// Whether it can be believed to be alive now.
    pub liveness: Liveness,
    /// When it will count, or did begin to count, as silent.
    pub expires_at: Option<Timestamp>,
}

/// A service with everything known of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceDetail {
    /// The service.
    pub service: Service,
    /// What runs in each environment.
    pub environments: Vec<EnvironmentSummary>,
    /// Its instances; at most a thousand, those last heard of.
    pub instances: Vec<InstanceView>,
    /// Its settings, as far as somebody reported them; at most a thousand.
    pub config: Vec<ConfigEntry>,
    /// What changed lately, newest first.
    pub recent_changes: Vec<ServiceChange>,
}

impl Action for GetService {
    const NAME: &'static str = "platform.services.get";
    const SUMMARY: &'static str = "Look up one service: instances, versions, recent changes";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/services/{name}";
    const ERRORS: &'static [u16] = &[404];
    type Input = GetServiceInput;
    type Output = ServiceDetail;

    fn example() -> Value {
        json!({ "name": "payments" })
    }
}
