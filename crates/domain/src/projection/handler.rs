//! The handlers themselves: who subscribes to what, which state each needs, and in which order
//! they run. The event bus carries them out; nothing here knows how.

use uuid::Uuid;

use super::{
    Aggregate, AggregateKey, Aggregates, Contradiction, EventRef, config, deployment, image,
    incident, instance, service, state,
};
use crate::platform::PlatformEvent;
use crate::{StoredEvent, Timestamp};

/// A platform event in its place in the log: all that a handler is told.
#[derive(Debug, Clone, Copy)]
pub struct Happened<'a> {
    /// Place in the log.
    pub position: i64,
    /// Internal id.
    pub id: Uuid,
    /// The type's name.
    pub event_type: &'a str,
    /// When it happened.
    pub time: Timestamp,
    /// What happened.
    pub event: &'a PlatformEvent,
}

impl<'a> Happened<'a> {
    /// Puts a checked event in its place.
    pub fn new(stored: &'a StoredEvent, event: &'a PlatformEvent) -> Self {
        Self {
            position: stored.position,
            id: stored.id,
            event_type: &stored.event.event_type,
            time: stored.event.time,
            event,
        }
    }

    pub(super) fn reference(&self) -> EventRef {
        EventRef {
            id: self.id,
            position: self.position,
            event_type: self.event_type.to_owned(),
            time: self.time,
        }
    }
}

/// What a handler wants to be different.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Aggregates as they shall be from now on.
    pub put: Vec<Aggregate>,
    /// What did not fit.
    pub contradictions: Vec<Contradiction>,
}

impl Changes {
    pub(super) fn put(aggregate: Aggregate) -> Self {
        Self {
            put: vec![aggregate],
            contradictions: Vec::new(),
        }
    }

    pub(super) fn contradict(&mut self, contradiction: Contradiction) {
        self.contradictions.push(contradiction);
    }
}

/// One handler.
#[derive(Clone, Copy)]
pub struct Handler {
    /// Its name in logs.
    pub name: &'static str,
    /// The families of platform events that it subscribes to.
    pub families: &'static [&'static str],
    /// Which aggregates it needs to see for an event; it may change no others but new runs.
    pub keys: fn(&PlatformEvent) -> Vec<AggregateKey>,
    /// The decision: state and event in, changes out.
    pub handle: fn(&Aggregates, &Happened<'_>) -> Changes,
}

impl Handler {
    /// Whether it wants to hear of such an event.
    pub fn subscribes_to(&self, event: &PlatformEvent) -> bool {
        self.families.contains(&event.family())
    }
}

/// All handlers, in the order in which they see each event: deployments before services, because
/// what a deployment replaced is what the service had declared until then.
pub fn handlers() -> &'static [Handler] {
    &[
        Handler {
            name: "deployments",
            families: &["deployment"],
            keys: deployment::keys,
            handle: deployment::handle,
        },
        Handler {
            name: "services",
            families: &["deployment", "service", "config", "state", "incident"],
            keys: service::keys,
            handle: service::handle,
        },
        Handler {
            name: "instances",
            families: &["service"],
            keys: instance::keys,
            handle: instance::handle,
        },
        Handler {
            name: "images",
            families: &["image"],
            keys: image::keys,
            handle: image::handle,
        },
        Handler {
            name: "states",
            families: &["state"],
            keys: state::keys,
            handle: state::handle,
        },
        Handler {
            name: "configs",
            families: &["config"],
            keys: config::keys,
            handle: config::handle,
        },
        Handler {
            name: "incidents",
            families: &["incident"],
            keys: incident::keys,
            handle: incident::handle,
        },
    ]
}

/// The aggregates that the handlers need to see for an event.
pub fn keys_of<'a>(
    handlers: impl IntoIterator<Item = &'a Handler>,
    event: &PlatformEvent,
) -> Vec<AggregateKey> {
    let interested = handlers
        .into_iter()
        .filter(|handler| handler.subscribes_to(event));
    let mut keys: Vec<_> = interested
        .flat_map(|handler| (handler.keys)(event))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Runs every handler that subscribes to the event, in order; each sees what those before it
/// changed. Returns what did not fit.
pub fn fold<'a>(
    handlers: impl IntoIterator<Item = &'a Handler>,
    aggregates: &mut Aggregates,
    happened: &Happened<'_>,
) -> Vec<Contradiction> {
    let mut contradictions = Vec::new();
    for handler in handlers {
        if handler.subscribes_to(happened.event) {
            let changes = (handler.handle)(aggregates, happened);
            changes
                .put
                .into_iter()
                .for_each(|aggregate| aggregates.put(aggregate));
            contradictions.extend(changes.contradictions);
        }
    }
    contradictions
}
