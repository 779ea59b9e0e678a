//! The data of each family of platform events, as it stands in an event's `data`. Fields that are
//! not named here are kept with the event and searchable, and mean nothing to the handlers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Timestamp;

/// Data of `deployment.*`: one attempt to bring a version of a service into an environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeploymentData {
    /// The service that is deployed.
    pub service: String,
    /// Where it is deployed to, such as `production`.
    pub environment: String,
    /// Names the attempt within the service and environment; the same in all its events.
    pub deployment_id: String,
    /// The version that is brought.
    pub version: Option<String>,
    /// The image that is brought: `registry/name:tag@sha256:…` or a part of it.
    pub image: Option<String>,
    /// The commit that the version was built from.
    pub commit: Option<String>,
    /// When that commit was made; lead time starts here.
    pub commit_time: Option<Timestamp>,
    /// Who or what acts.
    pub actor: Option<String>,
    /// Where the pipeline's run can be looked at.
    pub pipeline_url: Option<String>,
    /// Why, in words.
    pub reason: Option<String>,
    /// The version that ran before, where the sender knows it.
    pub previous_version: Option<String>,
    /// True for work nobody planned, done because production hurt; rework rate counts it.
    pub unplanned: Option<bool>,
}

/// Data of `service.*`: a service, or one instance of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceData {
    /// The service.
    pub service: String,
    /// Where it runs, such as `production`.
    pub environment: String,
    /// One process or container of it; without it the event speaks of the service's only instance.
    pub instance: Option<String>,
    /// The version that runs.
    pub version: Option<String>,
    /// The image that runs.
    pub image: Option<String>,
    /// The machine it runs on.
    pub host: Option<String>,
    /// Its process id.
    pub pid: Option<i64>,
    /// How its process ended.
    pub exit_code: Option<i64>,
    /// Why, in words.
    pub reason: Option<String>,
    /// For so many seconds the instance may be silent before it counts as gone.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub ttl_s: Option<u32>,
}

/// Data of `image.*`: one container image. A `tag` or a `digest` is needed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ImageData {
    /// Registry and repository, such as `ghcr.io/acme/payments`.
    pub image: String,
    /// The tag.
    pub tag: Option<String>,
    /// The content digest, `sha256:…`; the only name that cannot move.
    pub digest: Option<String>,
    /// The commit it was built from.
    pub commit: Option<String>,
    /// Its size in bytes.
    #[schemars(range(min = 0))]
    pub size_bytes: Option<i64>,
    /// What a scan found.
    pub vulnerabilities: Option<Vulnerabilities>,
    /// The service that the image is of.
    pub service: Option<String>,
    /// The environment that it was promoted to.
    pub environment: Option<String>,
    /// Who or what acts.
    pub actor: Option<String>,
    /// Why, in words.
    pub reason: Option<String>,
}

/// Counts of known vulnerabilities by severity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Vulnerabilities {
    /// Critical ones.
    pub critical: u32,
    /// High ones.
    pub high: u32,
    /// Medium ones.
    pub medium: u32,
    /// Low ones.
    pub low: u32,
}

/// Data of `state.changed`: a component went from one operational state to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StateData {
    /// What changed: a database, a queue, a load balancer, a feature.
    pub component: String,
    /// The state it left, where the sender knows it.
    pub from: Option<String>,
    /// The state it is in now.
    pub to: String,
    /// Why, in words.
    pub reason: Option<String>,
    /// Who or what changed it.
    pub actor: Option<String>,
    /// The service it belongs to.
    pub service: Option<String>,
    /// Where.
    pub environment: Option<String>,
}

/// Data of `config.changed`: a setting got another value; a change that explains things.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigData {
    /// Which setting.
    pub key: String,
    /// The value before, where the sender knows it.
    pub from: Option<Value>,
    /// The value now; null when it was removed.
    pub to: Option<Value>,
    /// Who or what changed it.
    pub actor: Option<String>,
    /// Why, in words.
    pub reason: Option<String>,
    /// The service that it configures.
    pub service: Option<String>,
    /// Where.
    pub environment: Option<String>,
}

/// Data of `incident.*`: a time of trouble.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IncidentData {
    /// Names the incident; the same in all its events.
    pub incident_id: String,
    /// How bad, in the sender's own terms, such as `SEV1`.
    pub severity: Option<String>,
    /// What it is, in a line.
    pub title: Option<String>,
    /// The deployment that caused it, where that is known.
    pub deployment_id: Option<String>,
    /// The service that suffers.
    pub service: Option<String>,
    /// Where.
    pub environment: Option<String>,
    /// Who or what acts.
    pub actor: Option<String>,
    /// Why, in words.
    pub reason: Option<String>,
}

/// Data of `platform.notice`: something worth knowing that fits no other type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NoticeData {
    /// What there is to know.
    pub message: String,
    /// The service that it is about.
    pub service: Option<String>,
    /// Where.
    pub environment: Option<String>,
    /// Anything more.
    pub attributes: Option<Map<String, Value>>,
}

/// Data of `platform.measured`: one figure at one moment. Not a metric store: that is another room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MeasuredData {
    /// What was measured.
    pub name: String,
    /// How much.
    pub value: f64,
    /// In which unit (UCUM where possible: `s`, `By`, `1`).
    pub unit: Option<String>,
    /// The service that it is about.
    pub service: Option<String>,
    /// Where.
    pub environment: Option<String>,
    /// Anything more.
    pub attributes: Option<Map<String, Value>>,
}
