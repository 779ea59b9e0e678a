//! The domain's own handlers behind the projector's port, as the event bus carries them out.

use pts_domain::projection::{
    AggregateKey, Aggregates, Contradiction, Happened, fold, handlers, keys_of,
};
use pts_domain::{Event, PlatformEvent, StoredEvent};
use pts_ports::Projector;

/// Every handler of the domain, in order.
#[derive(Debug, Clone, Copy, Default)]
pub struct DomainProjector;

/// A platform event, or nothing for an event that means nothing to the handlers.
fn read(event: &Event) -> Option<PlatformEvent> {
    event.platform().ok().flatten()
}

impl Projector for DomainProjector {
    fn keys(&self, event: &Event) -> Vec<AggregateKey> {
        read(event)
            .map(|platform| keys_of(handlers(), &platform))
            .unwrap_or_default()
    }

    fn fold(&self, aggregates: &mut Aggregates, event: &StoredEvent) -> Vec<Contradiction> {
        read(&event.event)
            .map(|platform| fold(handlers(), aggregates, &Happened::new(event, &platform)))
            .unwrap_or_default()
    }
}
