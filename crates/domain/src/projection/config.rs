//! Settings: what each is set to, as far as somebody said so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Aggregate, AggregateKey, Aggregates, Changes, Contradiction, Happened};
use crate::Timestamp;
use crate::platform::{ConfigData, PlatformEvent};

/// What one setting is set to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigEntry {
    /// The service it configures; absent for the platform's own.
    pub service: Option<String>,
    /// Where, if it was said.
    pub environment: Option<String>,
    /// Which setting.
    pub key: String,
    /// The value; null when it was removed.
    pub value: Option<Value>,
    /// The value before, as known here or as its sender said.
    pub previous: Option<Value>,
    /// When it was changed.
    pub changed_at: Timestamp,
    /// Who or what changed it.
    pub actor: Option<String>,
    /// Why, in words.
    pub reason: Option<String>,
    /// Place in the log of the first event that named it.
    pub first_position: i64,
    /// Place in the log of the last one.
    pub last_position: i64,
}

fn key(data: &ConfigData) -> AggregateKey {
    AggregateKey::Config {
        service: data.service.clone().unwrap_or_default(),
        environment: data.environment.clone().unwrap_or_default(),
        key: data.key.clone(),
    }
}

pub(super) fn keys(event: &PlatformEvent) -> Vec<AggregateKey> {
    match event {
        PlatformEvent::Config(data) => vec![key(data)],
        _ => Vec::new(),
    }
}

pub(super) fn handle(state: &Aggregates, event: &Happened<'_>) -> Changes {
    let PlatformEvent::Config(data) = event.event else {
        return Changes::default();
    };
    let known = state.config(&key(data));
    let mut changes = Changes::default();
    if let Some(known) = known {
        if known.changed_at > event.time {
            let mut late = known.clone();
            late.last_position = event.position;
            return Changes::put(Aggregate::Config(late));
        }
        if data.from.is_some() && data.from != known.value {
            let about = format!("setting {}", data.key);
            let message = "the value it is said to have had is not the one known here";
            changes.contradict(Contradiction::new(
                event,
                about,
                "left_another_value",
                message,
            ));
        }
    }
    changes.put.push(Aggregate::Config(ConfigEntry {
        service: data.service.clone(),
        environment: data.environment.clone(),
        key: data.key.clone(),
        value: data.to.clone(),
        previous: known
            .and_then(|known| known.value.clone())
            .or_else(|| data.from.clone()),
        changed_at: event.time,
        actor: data.actor.clone(),
        reason: data.reason.clone(),
        first_position: known.map_or(event.position, |known| known.first_position),
        last_position: event.position,
    }));
    changes
}
