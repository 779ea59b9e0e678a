//! Deployments: one attempt to bring a version of a service into an environment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Aggregate, AggregateKey, Aggregates, Changes, Contradiction, Declared, EventRef, Happened,
    learn, remember,
};
use crate::Timestamp;
use crate::platform::{DeploymentData, DeploymentVerb, PlatformEvent};

/// How far a deployment has come.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentStatus {
    /// Asked for.
    Requested,
    /// Under way.
    Started,
    /// The new version runs.
    Succeeded,
    /// Ended without the new version running.
    Failed,
    /// Called off.
    Cancelled,
    /// Taken back.
    RolledBack,
}

impl DeploymentStatus {
    /// Every status there is.
    pub const ALL: [Self; 6] = [
        Self::Requested,
        Self::Started,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::RolledBack,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Started => "started",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::RolledBack => "rolled_back",
        }
    }

    const fn of(verb: DeploymentVerb) -> Self {
        match verb {
            DeploymentVerb::Requested => Self::Requested,
            DeploymentVerb::Started => Self::Started,
            DeploymentVerb::Succeeded => Self::Succeeded,
            DeploymentVerb::Failed => Self::Failed,
            DeploymentVerb::Cancelled => Self::Cancelled,
            DeploymentVerb::RolledBack => Self::RolledBack,
        }
    }

    /// Of two events of the same moment, the one further along speaks last.
    const fn rank(self) -> u8 {
        match self {
            Self::Requested => 0,
            Self::Started => 1,
            Self::Succeeded | Self::Failed | Self::Cancelled => 2,
            Self::RolledBack => 3,
        }
    }
}

/// What is known of one deployment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Deployment {
    /// The service.
    pub service: String,
    /// Where it was deployed to.
    pub environment: String,
    /// The sender's name for the attempt.
    pub deployment_id: String,
    /// How far it has come.
    pub status: DeploymentStatus,
    /// When that was reached.
    pub status_at: Timestamp,
    /// The version that it brings.
    pub version: Option<String>,
    /// The image that it brings.
    pub image: Option<String>,
    /// The commit that the version was built from.
    pub commit: Option<String>,
    /// When that commit was made.
    pub commit_time: Option<Timestamp>,
    /// Who or what acted.
    pub actor: Option<String>,
    /// The pipeline's run.
    pub pipeline_url: Option<String>,
    /// Why, in words; the newest that was given.
    pub reason: Option<String>,
    /// What ran before, as its sender said.
    pub previous_version: Option<String>,
    /// What ran before, as worked out from the deployment before it: this is what a rollback
    /// returns to.
    pub replaced: Option<Declared>,
    /// Whether its sender called it unplanned work.
    pub unplanned: Option<bool>,
    /// When it was asked for.
    pub requested_at: Option<Timestamp>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it succeeded.
    pub succeeded_at: Option<Timestamp>,
    /// When it ended, however it ended; absent while it goes on.
    pub finished_at: Option<Timestamp>,
    /// When it was taken back.
    pub rolled_back_at: Option<Timestamp>,
    /// Place in the log of the first event that named it.
    pub first_position: i64,
    /// Place in the log of the last one so far.
    pub last_position: i64,
    /// How many events named it.
    pub event_count: u64,
    /// The last hundred of those events, in the order of the log.
    pub events: Vec<EventRef>,
}

impl Deployment {
    fn begin(data: &DeploymentData, status: DeploymentStatus, event: &Happened<'_>) -> Self {
        Self {
            service: data.service.clone(),
            environment: data.environment.clone(),
            deployment_id: data.deployment_id.clone(),
            status,
            status_at: event.time,
            version: None,
            image: None,
            commit: None,
            commit_time: None,
            actor: None,
            pipeline_url: None,
            reason: None,
            previous_version: None,
            replaced: None,
            unplanned: None,
            requested_at: None,
            started_at: None,
            succeeded_at: None,
            finished_at: None,
            rolled_back_at: None,
            first_position: event.position,
            last_position: event.position,
            event_count: 0,
            events: Vec::new(),
        }
    }

    /// The version that it replaced, where one is known from the deployment before it.
    pub fn replaced_version(&self) -> Option<&str> {
        self.replaced.as_ref()?.version.as_deref()
    }

    fn about(&self) -> String {
        format!(
            "deployment {}/{}/{}",
            self.service, self.environment, self.deployment_id
        )
    }
}

pub(super) fn key(data: &DeploymentData) -> AggregateKey {
    AggregateKey::Deployment {
        service: data.service.clone(),
        environment: data.environment.clone(),
        deployment_id: data.deployment_id.clone(),
    }
}

pub(super) fn keys(event: &PlatformEvent) -> Vec<AggregateKey> {
    match event {
        PlatformEvent::Deployment(_, data) => {
            vec![
                key(data),
                AggregateKey::Service {
                    service: data.service.clone(),
                },
            ]
        }
        _ => Vec::new(),
    }
}

pub(super) fn handle(state: &Aggregates, event: &Happened<'_>) -> Changes {
    let PlatformEvent::Deployment(verb, data) = event.event else {
        return Changes::default();
    };
    let status = DeploymentStatus::of(*verb);
    let known = state.deployment(&key(data));
    let mut changes = Changes::default();
    for (code, message) in contradictions(known, status, data, event) {
        let about = Deployment::begin(data, status, event).about();
        changes.contradict(Contradiction::new(event, about, code, message));
    }

    let mut deployment = known
        .cloned()
        .unwrap_or_else(|| Deployment::begin(data, status, event));
    let newer = (event.time, status.rank()) >= (deployment.status_at, deployment.status.rank());
    if newer {
        deployment.status = status;
        deployment.status_at = event.time;
    }
    learn(&mut deployment.version, data.version.as_ref(), newer);
    learn(&mut deployment.image, data.image.as_ref(), newer);
    learn(&mut deployment.commit, data.commit.as_ref(), newer);
    learn(
        &mut deployment.commit_time,
        data.commit_time.as_ref(),
        newer,
    );
    learn(&mut deployment.actor, data.actor.as_ref(), newer);
    learn(
        &mut deployment.pipeline_url,
        data.pipeline_url.as_ref(),
        newer,
    );
    learn(&mut deployment.reason, data.reason.as_ref(), newer);
    learn(
        &mut deployment.previous_version,
        data.previous_version.as_ref(),
        newer,
    );
    learn(&mut deployment.unplanned, data.unplanned.as_ref(), newer);
    stamp(&mut deployment, status, event.time, newer);
    if status == DeploymentStatus::Succeeded && deployment.replaced.is_none() {
        deployment.replaced = replaced(state, data, event.time);
    }
    deployment.last_position = event.position;
    deployment.event_count += 1;
    remember(&mut deployment.events, event.reference());
    changes.put.push(Aggregate::Deployment(deployment));
    changes
}

/// Sets the times. Of several of one kind the newest counts, except that a deployment was asked
/// for and began when that was first said.
fn stamp(deployment: &mut Deployment, status: DeploymentStatus, time: Timestamp, newer: bool) {
    let first = |slot: &mut Option<Timestamp>| *slot = Some(slot.map_or(time, |at| at.min(time)));
    match status {
        DeploymentStatus::Requested => first(&mut deployment.requested_at),
        DeploymentStatus::Started => first(&mut deployment.started_at),
        DeploymentStatus::Succeeded => {
            learn(&mut deployment.succeeded_at, Some(&time), newer);
            learn(&mut deployment.finished_at, Some(&time), newer);
        }
        DeploymentStatus::Failed | DeploymentStatus::Cancelled => {
            learn(&mut deployment.finished_at, Some(&time), newer);
        }
        DeploymentStatus::RolledBack => learn(&mut deployment.rolled_back_at, Some(&time), newer),
    }
    // What was begun again goes on, whatever an earlier attempt came to.
    if matches!(
        deployment.status,
        DeploymentStatus::Requested | DeploymentStatus::Started
    ) {
        deployment.finished_at = None;
    }
}

/// What the service had declared for the environment when this deployment succeeded.
fn replaced(state: &Aggregates, data: &DeploymentData, time: Timestamp) -> Option<Declared> {
    let service = state.service(&AggregateKey::Service {
        service: data.service.clone(),
    })?;
    let declared = service
        .environments
        .get(&data.environment)?
        .declared
        .as_ref()?;
    let other = declared.deployment_id.as_deref() != Some(&data.deployment_id);
    (other && declared.since <= time).then(|| declared.clone())
}

fn contradictions(
    known: Option<&Deployment>,
    status: DeploymentStatus,
    data: &DeploymentData,
    event: &Happened<'_>,
) -> Vec<(&'static str, String)> {
    use DeploymentStatus as S;
    let mut found = Vec::new();
    let started = known.is_some_and(|d| d.started_at.is_some());
    let requested = known.is_some_and(|d| d.requested_at.is_some());
    // CDEvents have no word for the start of a deployment: its absence says nothing there.
    let could_say_so = event.event_type.starts_with("deployment.");
    match status {
        S::Succeeded | S::Failed if !started && could_say_so => found.push((
            "finished_without_start",
            format!("it {} and nobody had said that it started", status.as_str()),
        )),
        S::Cancelled if !started && !requested => found.push((
            "cancelled_without_request",
            "it was cancelled and nobody had asked for it or started it".to_owned(),
        )),
        S::RolledBack if known.is_none_or(|d| d.succeeded_at.is_none()) => found.push((
            "rolled_back_without_success",
            "it was rolled back and nobody had said that it succeeded".to_owned(),
        )),
        _ => {}
    }
    let Some(known) = known else { return found };
    if let Some(finished) = known.finished_at {
        match status {
            S::Started if event.time > finished => found.push((
                "started_after_finish",
                format!(
                    "it had already {} at {}",
                    known.status.as_str(),
                    finished.to_rfc3339()
                ),
            )),
            S::Succeeded | S::Failed | S::Cancelled if known.status != status => found.push((
                "finished_twice",
                format!(
                    "it had already {} at {}",
                    known.status.as_str(),
                    finished.to_rfc3339()
                ),
            )),
            _ => {}
        }
    }
    if let (Some(before), Some(now)) = (&known.version, &data.version)
        && before != now
    {
        found.push((
            "version_differs",
            format!("it was version {before} and is now {now}"),
        ));
    }
    found
}
