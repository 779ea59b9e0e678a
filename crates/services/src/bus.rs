//! The event bus: hands every event to the handlers that subscribed to its type, in order.

use pts_domain::projection::{
    AggregateKey, Aggregates, Contradiction, Handler, Happened, fold, handlers, keys_of,
};
use pts_domain::{Event, PlatformEvent, StoredEvent};
use pts_ports::Projector;

/// Carries events to handlers. Stores call it inside the transaction that appends.
pub struct EventBus {
    handlers: Vec<Handler>,
}

impl EventBus {
    /// A bus with every handler that the domain has.
    pub fn with_domain_handlers() -> Self {
        Self {
            handlers: handlers().to_vec(),
        }
    }

    /// A bus with these handlers, in this order.
    pub fn new(handlers: Vec<Handler>) -> Self {
        Self { handlers }
    }

    fn read(event: &Event) -> Option<PlatformEvent> {
        match event.platform() {
            Ok(platform) => platform,
            // Stored by an older version whose rules were looser: kept, and it changes nothing.
            Err(errors) => {
                let why = pts_domain::problem::join(&errors);
                tracing::warn!(
                    event.r#type = event.event_type,
                    why,
                    "an event no handler can read"
                );
                None
            }
        }
    }
}

impl Projector for EventBus {
    fn keys(&self, event: &Event) -> Vec<AggregateKey> {
        Self::read(event)
            .map(|platform| keys_of(&self.handlers, &platform))
            .unwrap_or_default()
    }

    fn fold(&self, aggregates: &mut Aggregates, event: &StoredEvent) -> Vec<Contradiction> {
        let Some(platform) = Self::read(&event.event) else {
            return Vec::new();
        };
        fold(&self.handlers, aggregates, &Happened::new(event, &platform))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use pts_domain::event::{Form, read};
    use pts_domain::projection::Changes;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    static SEEN: AtomicUsize = AtomicUsize::new(0);

    fn count(_: &Aggregates, _: &Happened<'_>) -> Changes {
        SEEN.fetch_add(1, Ordering::SeqCst);
        Changes::default()
    }

    #[test]
    fn a_handler_hears_only_of_the_families_it_subscribed_to() {
        let bus = EventBus::new(vec![Handler {
            name: "counts incidents",
            families: &["incident"],
            keys: |_| Vec::new(),
            handle: count,
        }]);
        for event_type in ["incident.opened", "platform.notice", "com.acme.incident"] {
            let known = pts_domain::platform::find(event_type);
            let data = known.map_or(json!({}), |known| known.example()["data"].clone());
            let json = json!({"type": event_type, "source": "s", "data": data});
            let now = pts_domain::time::parse("2026-03-01T12:00:00Z").unwrap();
            let new = read(json, Form::Lenient, Uuid::nil(), now).unwrap().event;
            let stored = StoredEvent {
                position: 1,
                id: new.id,
                received_at: now,
                event: new.event,
            };
            bus.fold(&mut Aggregates::default(), &stored);
        }
        assert_eq!(SEEN.load(Ordering::SeqCst), 1);
    }
}
