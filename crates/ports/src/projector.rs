//! What a store calls back while it appends: the pure decision of what an event changes.

use pts_domain::projection::{AggregateKey, Aggregates, Contradiction};
use pts_domain::{Event, StoredEvent};

/// Decides what events change. Pure: the same aggregates and events give the same changes. Stores
/// are given one when they are made and call it inside the transaction that appends.
pub trait Projector: Send + Sync {
    /// The aggregates that must be loaded before the event can be folded.
    fn keys(&self, event: &Event) -> Vec<AggregateKey>;

    /// Folds one event into the loaded aggregates; returns what did not fit.
    fn fold(&self, aggregates: &mut Aggregates, event: &StoredEvent) -> Vec<Contradiction>;
}
