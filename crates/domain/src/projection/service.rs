//! Services: the registry. What each environment is declared to run, and what changed lately.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Aggregate, AggregateKey, Aggregates, Changes, Deployment, Happened, Run, RunKind, deployment,
    remember_in_order, shorten,
};
use crate::Timestamp;
use crate::platform::{DeploymentData, DeploymentVerb, PlatformEvent, ServiceData, ServiceVerb};

/// Bytes of one line in the list of changes.
const LONGEST_SUMMARY: usize = 300;

/// What is known of one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Service {
    /// Its name.
    pub service: String,
    /// When it was first heard of, by the time of the events.
    pub first_seen_at: Timestamp,
    /// What each environment is declared to run.
    pub environments: BTreeMap<String, ServiceEnvironment>,
    /// The last hundred changes by the time they happened: deployments, configuration, states,
    /// incidents, crashes; oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recent_changes: Vec<ServiceChange>,
    /// Place in the log of the first event that named it.
    pub first_position: i64,
    /// Place in the log of the last event that changed it.
    pub last_position: i64,
}

/// One environment of a service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceEnvironment {
    /// What the deployments say runs there.
    pub declared: Option<Declared>,
    /// When the service said that it exists there.
    pub registered_at: Option<Timestamp>,
    /// When it said that it does not any more.
    pub deregistered_at: Option<Timestamp>,
}

/// What the deployments say runs in an environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Declared {
    /// The version; absent when nobody named one.
    pub version: Option<String>,
    /// The image, where it was named.
    pub image: Option<String>,
    /// The commit, where it was named.
    pub commit: Option<String>,
    /// The deployment that brought it; after a rollback to a version that no deployment here
    /// brought, none.
    pub deployment_id: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

/// A change that may explain something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceChange {
    /// The event that said so.
    pub event_id: Uuid,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When it happened.
    pub time: Timestamp,
    /// Where, if it was said.
    pub environment: Option<String>,
    /// What changed, in a line.
    pub summary: String,
}

pub(super) fn keys(event: &PlatformEvent) -> Vec<AggregateKey> {
    let Some(service) = service_of(event) else {
        return Vec::new();
    };
    let mut keys = vec![AggregateKey::Service {
        service: service.to_owned(),
    }];
    if let PlatformEvent::Deployment(_, data) = event {
        keys.push(deployment::key(data));
    }
    keys
}

pub(super) fn handle(state: &Aggregates, event: &Happened<'_>) -> Changes {
    let Some(name) = service_of(event.event) else {
        return Changes::default();
    };
    let known = state.service(&AggregateKey::Service {
        service: name.to_owned(),
    });
    if known.is_some_and(|known| is_old_news(known, event)) {
        return Changes::default();
    }
    let mut service = known.cloned().unwrap_or_else(|| Service {
        service: name.to_owned(),
        first_seen_at: event.time,
        environments: BTreeMap::new(),
        recent_changes: Vec::new(),
        first_position: event.position,
        last_position: event.position,
    });
    service.first_seen_at = service.first_seen_at.min(event.time);
    let mut runs = Vec::new();
    match event.event {
        PlatformEvent::Deployment(verb, data) => {
            runs.extend(deployed(&mut service, state, *verb, data, event));
        }
        PlatformEvent::Service(verb, data) => {
            runs.extend(reported(&mut service, *verb, data, event));
        }
        _ => {}
    }
    if let Some(mut summary) = summary(event.event) {
        shorten(&mut summary, LONGEST_SUMMARY);
        let change = ServiceChange {
            event_id: event.id,
            event_type: event.event_type.to_owned(),
            time: event.time,
            environment: environment_of(event.event).map(ToOwned::to_owned),
            summary,
        };
        remember_in_order(&mut service.recent_changes, change, |change| change.time);
    }
    // A heartbeat of a known service changes nothing here, and must cost no write.
    if known != Some(&service) {
        service.last_position = event.position;
    }
    let mut changes = Changes::put(Aggregate::Service(service));
    changes.put.extend(runs.into_iter().map(Aggregate::Run));
    changes
}

/// Whether an event tells nothing about a service that is known: most are heartbeats, and must not
/// cost a copy of all that is known.
fn is_old_news(known: &Service, event: &Happened<'_>) -> bool {
    let PlatformEvent::Service(verb, data) = event.event else {
        return false;
    };
    matches!(
        verb,
        ServiceVerb::Heartbeat | ServiceVerb::Started | ServiceVerb::Ready | ServiceVerb::Stopped
    ) && known.first_seen_at <= event.time
        && known.environments.contains_key(&data.environment)
}

fn deployed(
    service: &mut Service,
    state: &Aggregates,
    verb: DeploymentVerb,
    data: &DeploymentData,
    event: &Happened<'_>,
) -> Option<Run> {
    let environment = service
        .environments
        .entry(data.environment.clone())
        .or_default();
    let current = environment.declared.as_ref();
    let known = state.deployment(&deployment::key(data));
    let declared = match verb {
        // Told after it was taken back already: it runs no more.
        DeploymentVerb::Succeeded
            if known.is_some_and(|d| d.rolled_back_at.is_some_and(|at| at >= event.time)) =>
        {
            return None;
        }
        DeploymentVerb::Succeeded => Declared {
            version: data
                .version
                .clone()
                .or_else(|| known.and_then(|d| d.version.clone())),
            image: data
                .image
                .clone()
                .or_else(|| known.and_then(|d| d.image.clone())),
            commit: data
                .commit
                .clone()
                .or_else(|| known.and_then(|d| d.commit.clone())),
            deployment_id: Some(data.deployment_id.clone()),
            since: event.time,
        },
        // A rollback of something that was replaced since takes nothing away.
        DeploymentVerb::RolledBack
            if current.is_some_and(|c| {
                c.deployment_id.as_deref() == Some(&data.deployment_id) && c.since <= event.time
            }) =>
        {
            before(data, known, event.time)
        }
        _ => return None,
    };
    let run = declared_run(data, &declared, event);
    let newest = current.is_none_or(|current| current.since <= declared.since);
    if newest
        && environment
            .deregistered_at
            .is_none_or(|gone| gone <= declared.since)
    {
        environment.declared = Some(declared);
        environment.deregistered_at = None;
    }
    Some(run)
}

/// What a rollback returns to: what the deployment had replaced or, where its sender names another
/// version, that one, of which no more is known.
fn before(data: &DeploymentData, known: Option<&Deployment>, since: Timestamp) -> Declared {
    let said = data
        .previous_version
        .as_ref()
        .or_else(|| known?.previous_version.as_ref());
    let replaced = known
        .and_then(|known| known.replaced.as_ref())
        .filter(|replaced| said.is_none() || replaced.version.as_ref() == said);
    match replaced {
        Some(replaced) => Declared {
            since,
            ..replaced.clone()
        },
        None => Declared {
            version: said.cloned(),
            image: None,
            commit: None,
            deployment_id: None,
            since,
        },
    }
}

fn declared_run(data: &DeploymentData, declared: &Declared, event: &Happened<'_>) -> Run {
    Run {
        kind: RunKind::Declared,
        service: data.service.clone(),
        environment: data.environment.clone(),
        instance: None,
        version: declared.version.clone(),
        image: declared.image.clone(),
        deployment_id: declared.deployment_id.clone(),
        from: event.time,
        to: None,
        ends: false,
        opened_position: event.position,
    }
}

fn reported(
    service: &mut Service,
    verb: ServiceVerb,
    data: &ServiceData,
    event: &Happened<'_>,
) -> Option<Run> {
    let environment = service
        .environments
        .entry(data.environment.clone())
        .or_default();
    match verb {
        ServiceVerb::Registered => {
            let at = environment
                .registered_at
                .map_or(event.time, |at| at.min(event.time));
            environment.registered_at = Some(at);
            environment.deregistered_at = environment
                .deregistered_at
                .filter(|gone| *gone > event.time);
            None
        }
        ServiceVerb::Deregistered if data.instance.is_none() => {
            let declared_later = environment
                .declared
                .as_ref()
                .is_some_and(|declared| declared.since > event.time);
            if !declared_later {
                environment.declared = None;
                environment.deregistered_at = environment.deregistered_at.max(Some(event.time));
            }
            // The mark is left even if nothing was declared: that may be told late.
            Some(Run {
                kind: RunKind::Declared,
                service: data.service.clone(),
                environment: data.environment.clone(),
                instance: None,
                version: None,
                image: None,
                deployment_id: None,
                from: event.time,
                to: None,
                ends: true,
                opened_position: event.position,
            })
        }
        _ => None,
    }
}

fn service_of(event: &PlatformEvent) -> Option<&str> {
    match event {
        PlatformEvent::Deployment(_, data) => Some(&data.service),
        PlatformEvent::Service(_, data) => Some(&data.service),
        PlatformEvent::State(data) => data.service.as_deref(),
        PlatformEvent::Config(data) => data.service.as_deref(),
        PlatformEvent::Incident(_, data) => data.service.as_deref(),
        PlatformEvent::Image(..) | PlatformEvent::Notice(_) | PlatformEvent::Measured(_) => None,
    }
}

fn environment_of(event: &PlatformEvent) -> Option<&str> {
    match event {
        PlatformEvent::Deployment(_, data) => Some(&data.environment),
        PlatformEvent::Service(_, data) => Some(&data.environment),
        PlatformEvent::State(data) => data.environment.as_deref(),
        PlatformEvent::Config(data) => data.environment.as_deref(),
        PlatformEvent::Incident(_, data) => data.environment.as_deref(),
        PlatformEvent::Image(..) | PlatformEvent::Notice(_) | PlatformEvent::Measured(_) => None,
    }
}

/// The line that stands in the list of changes, for events that belong there.
fn summary(event: &PlatformEvent) -> Option<String> {
    let because = |reason: &Option<String>| {
        reason
            .as_ref()
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default()
    };
    Some(match event {
        PlatformEvent::Deployment(verb, data) => {
            let id = &data.deployment_id;
            let version = data
                .version
                .as_ref()
                .map(|version| format!(" of {version}"))
                .unwrap_or_default();
            let what = match verb {
                DeploymentVerb::Requested | DeploymentVerb::Started => return None,
                DeploymentVerb::Succeeded => "succeeded",
                DeploymentVerb::Failed => "failed",
                DeploymentVerb::Cancelled => "was cancelled",
                DeploymentVerb::RolledBack => "was rolled back",
            };
            format!("deployment {id}{version} {what}{}", because(&data.reason))
        }
        PlatformEvent::Service(verb, data) => {
            let instance = data.instance.as_deref().unwrap_or("the instance");
            let what = match verb {
                ServiceVerb::Degraded => "is degraded",
                ServiceVerb::Recovered => "has recovered",
                ServiceVerb::Crashed => "crashed",
                ServiceVerb::Deregistered => "was deregistered",
                _ => return None,
            };
            format!("{instance} {what}{}", because(&data.reason))
        }
        PlatformEvent::State(data) => {
            format!("{} is {}{}", data.component, data.to, because(&data.reason))
        }
        PlatformEvent::Config(data) => {
            let to = data
                .to
                .as_ref()
                .map_or_else(|| "removed".to_owned(), |to| format!("set to {to}"));
            format!("{} was {to}{}", data.key, because(&data.reason))
        }
        PlatformEvent::Incident(verb, data) => {
            let what = match verb {
                crate::platform::IncidentVerb::Opened => "opened",
                crate::platform::IncidentVerb::Acknowledged => return None,
                crate::platform::IncidentVerb::Resolved => "resolved",
            };
            let title = data
                .title
                .as_ref()
                .map(|t| format!(": {t}"))
                .unwrap_or_default();
            format!("incident {} {what}{title}", data.incident_id)
        }
        PlatformEvent::Image(..) | PlatformEvent::Notice(_) | PlatformEvent::Measured(_) => {
            return None;
        }
    })
}
