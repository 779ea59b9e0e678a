//! Operational states of components, and how they came to be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Aggregate, AggregateKey, Aggregates, Changes, Contradiction, Happened, learn,
    remember_in_order, shorten,
};
use crate::Timestamp;
use crate::platform::{PlatformEvent, StateData};

/// Bytes of a reason in a timeline.
const LONGEST_TEXT: usize = 1_000;

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
    let newer = known
        .and_then(|known| known.timeline.last())
        .is_none_or(|last| last.time <= event.time);
    let mut changes = Changes::default();
    if let (Some(known), Some(from)) = (known, &data.from)
        && newer
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
    if newer {
        component.state.clone_from(&data.to);
    }
    learn(&mut component.service, data.service.as_ref(), newer);
    let mut change = StateChange {
        event_id: event.id,
        time: event.time,
        from: data.from.clone(),
        to: data.to.clone(),
        reason: data.reason.clone(),
        actor: data.actor.clone(),
    };
    for text in [&mut change.reason, &mut change.actor]
        .into_iter()
        .flatten()
    {
        shorten(text, LONGEST_TEXT);
    }
    remember_in_order(&mut component.timeline, change, |change| change.time);
    component.since = since(&component);
    component.last_position = event.position;
    changes.put.push(Aggregate::State(component));
    changes
}

/// When the state it is in was reached: the first of the changes at the end of the timeline that
/// say the same. If the whole memory says the same, it may have been before that.
fn since(component: &ComponentState) -> Timestamp {
    let same = component
        .timeline
        .iter()
        .rev()
        .take_while(|change| change.to == component.state);
    let (count, first) = same.fold((0, None), |(count, _), change| {
        (count + 1, Some(change.time))
    });
    match first {
        Some(first) if count < component.timeline.len() => first,
        Some(first) => first.min(component.since),
        None => component.since,
    }
}
