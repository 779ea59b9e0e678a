//! Incidents: times of trouble, and the deployment that caused them where somebody knows it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Aggregate, AggregateKey, Aggregates, Changes, Contradiction, EventRef, Happened, learn,
    remember,
};
use crate::Timestamp;
use crate::platform::{IncidentData, IncidentVerb, PlatformEvent};

/// How far an incident has come.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum IncidentStatus {
    /// It goes on.
    Open,
    /// It goes on, and somebody looks after it.
    Acknowledged,
    /// It is over.
    Resolved,
}

impl IncidentStatus {
    /// Every status there is.
    pub const ALL: [Self; 3] = [Self::Open, Self::Acknowledged, Self::Resolved];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }

    const fn of(verb: IncidentVerb) -> Self {
        match verb {
            IncidentVerb::Opened => Self::Open,
            IncidentVerb::Acknowledged => Self::Acknowledged,
            IncidentVerb::Resolved => Self::Resolved,
        }
    }
}

/// What is known of one incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Incident {
    /// The sender's name for it.
    pub incident_id: String,
    /// How far it has come.
    pub status: IncidentStatus,
    /// When that was reached.
    pub status_at: Timestamp,
    /// How bad, in the sender's own terms.
    pub severity: Option<String>,
    /// What it is, in a line.
    pub title: Option<String>,
    /// The service that suffers.
    pub service: Option<String>,
    /// Where.
    pub environment: Option<String>,
    /// The deployment that caused it.
    pub deployment_id: Option<String>,
    /// When it began.
    pub opened_at: Option<Timestamp>,
    /// When somebody took it up.
    pub acknowledged_at: Option<Timestamp>,
    /// When it ended; absent while it goes on.
    pub resolved_at: Option<Timestamp>,
    /// Place in the log of the first event that named it.
    pub first_position: i64,
    /// Place in the log of the last one.
    pub last_position: i64,
    /// The last hundred events that named it, in the order of the log.
    pub events: Vec<EventRef>,
}

fn key(data: &IncidentData) -> AggregateKey {
    AggregateKey::Incident {
        incident_id: data.incident_id.clone(),
    }
}

pub(super) fn keys(event: &PlatformEvent) -> Vec<AggregateKey> {
    match event {
        PlatformEvent::Incident(_, data) => vec![key(data)],
        _ => Vec::new(),
    }
}

pub(super) fn handle(state: &Aggregates, event: &Happened<'_>) -> Changes {
    let PlatformEvent::Incident(verb, data) = event.event else {
        return Changes::default();
    };
    let status = IncidentStatus::of(*verb);
    let known = state.incident(&key(data));
    let mut changes = Changes::default();
    if status != IncidentStatus::Open && known.is_none_or(|known| known.opened_at.is_none()) {
        let about = format!("incident {}", data.incident_id);
        let message = format!(
            "it is {} and nobody had said that it opened",
            status.as_str()
        );
        changes.contradict(Contradiction::new(event, about, "never_opened", message));
    }
    let mut incident = known.cloned().unwrap_or_else(|| Incident {
        incident_id: data.incident_id.clone(),
        status,
        status_at: event.time,
        severity: None,
        title: None,
        service: None,
        environment: None,
        deployment_id: None,
        opened_at: None,
        acknowledged_at: None,
        resolved_at: None,
        first_position: event.position,
        last_position: event.position,
        events: Vec::new(),
    });
    let newer = (event.time, status) >= (incident.status_at, incident.status);
    let moves = match (status, incident.status) {
        // Taking up what is over does not open it again.
        (IncidentStatus::Acknowledged, IncidentStatus::Resolved) => false,
        // Whoever took it up did not see that it was over by then.
        (IncidentStatus::Resolved, IncidentStatus::Acknowledged) => {
            last_opened(&incident).is_none_or(|opened| opened <= event.time)
        }
        _ => newer,
    };
    if moves {
        incident.status = status;
        incident.status_at = event.time;
    }
    learn(&mut incident.severity, data.severity.as_ref(), newer);
    learn(&mut incident.title, data.title.as_ref(), newer);
    learn(&mut incident.service, data.service.as_ref(), newer);
    learn(&mut incident.environment, data.environment.as_ref(), newer);
    learn(
        &mut incident.deployment_id,
        data.deployment_id.as_ref(),
        newer,
    );
    let first = |slot: &mut Option<Timestamp>| {
        *slot = Some(slot.map_or(event.time, |at| at.min(event.time)));
    };
    match status {
        IncidentStatus::Open => {
            first(&mut incident.opened_at);
            if newer {
                // Opened again: it is not over after all.
                incident.resolved_at = None;
            }
        }
        IncidentStatus::Acknowledged => first(&mut incident.acknowledged_at),
        IncidentStatus::Resolved if moves => incident.resolved_at = Some(event.time),
        IncidentStatus::Resolved => {}
    }
    incident.last_position = event.position;
    remember(&mut incident.events, event.reference());
    changes.put.push(Aggregate::Incident(incident));
    changes
}

/// When it was last opened, as far as is remembered.
fn last_opened(incident: &Incident) -> Option<Timestamp> {
    let opened = incident
        .events
        .iter()
        .filter(|event| event.event_type == "incident.opened");
    opened.map(|event| event.time).max().or(incident.opened_at)
}
