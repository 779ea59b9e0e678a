//! Operational states of components, and how they came to be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Aggregate, AggregateKey, Aggregates, Changes, Contradiction, Happened, REMEMBERED};
use crate::Timestamp;
use crate::platform::{PlatformEvent, StateData};

/// The operational state of one component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComponentState {
    /// Which component.
    pub component: String,
    /// Where, if it was said.
    pub environment: Option<String>,
    /// The service it belongs to, if it was said.
    pub service: Option<String>,
    /// The state it is in.
    pub state: String,
    /// Since when.
    pub since: Timestamp,
    /// The last hundred changes, by the time they happened, oldest first.
    pub timeline: Vec<StateChange>,
    /// Place in the log of the first event that named it.
    pub first_position: i64,
    /// Place in the log of the last one.
    pub last_position: i64,
}

/// One change of state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateChange {
    /// The event that said so.
    pub event_id: Uuid,
    /// When it happened.
    pub time: Timestamp,
    /// The state it left, as the sender said.
    pub from: Option<String>,
    /// The state it came to.
    pub to: String,
    /// Why, in words.
    pub reason: Option<String>,
    /// Who or what changed it.
    pub actor: Option<String>,
}

fn key(data: &StateData) -> AggregateKey {
    AggregateKey::State {
        component: data.component.clone(),
        environment: data.environment.clone().unwrap_or_default(),
    }
}

pub(super) fn keys(event: &PlatformEvent) -> Vec<AggregateKey> {
    match event {
        PlatformEvent::State(data) => vec![key(data)],
        _ => Vec::new(),
    }
}

pub(super) fn handle(state: &Aggregates, event: &Happened<'_>) -> Changes {
    let PlatformEvent::State(data) = event.event else {
        return Changes::default();
    };
    let known = state.state(&key(data));
    let mut changes = Changes::default();
    if let (Some(known), Some(from)) = (known, &data.from)
        && known.since <= event.time
        && known.state != *from
    {
        let about = format!("state of {}", data.component);
        let message = format!("it is said to have left {from} and was {}", known.state);
        changes.contradict(Contradiction::new(
            event,
            about,
            "left_another_state",
            message,
        ));
    }
    let mut component = known.cloned().unwrap_or_else(|| ComponentState {
        component: data.component.clone(),
        environment: data.environment.clone(),
        service: None,
        state: data.to.clone(),
        since: event.time,
        timeline: Vec::new(),
        first_position: event.position,
        last_position: event.position,
    });
    if component.since <= event.time {
        if component.state != data.to {
            component.since = event.time;
        }
        component.state.clone_from(&data.to);
    }
    component.service = data.service.clone().or(component.service);
    let change = StateChange {
        event_id: event.id,
        time: event.time,
        from: data.from.clone(),
        to: data.to.clone(),
        reason: data.reason.clone(),
        actor: data.actor.clone(),
    };
    let place = component
        .timeline
        .partition_point(|other| other.time <= change.time);
    component.timeline.insert(place, change);
    if component.timeline.len() > REMEMBERED {
        component.timeline.remove(0);
    }
    component.last_position = event.position;
    changes.put.push(Aggregate::State(component));
    changes
}
