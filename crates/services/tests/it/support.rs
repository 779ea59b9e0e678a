//! What the tests of the use cases share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pts_domain::Timestamp;
use pts_domain::access::{Principal, Scope};
use pts_domain::quarantine::Verdict;
use pts_ports::{
    Clock, EventLog, MockAccounting, MockBlindSpots, MockClock, MockConfirmations, MockElevations,
    MockEntropy, MockEventLog, MockMaintenance, MockProjections, MockQuarantine,
    MockRetentionStore, MockTokenStore,
};
use pts_services::{EventBus, Gateway, Parts};
use pts_testkit::fakes::{MemoryStore, SeededEntropy, StepClock};
use uuid::Uuid;

pub(crate) fn noon() -> Timestamp {
    pts_domain::time::parse("2026-03-01T12:00:00Z").unwrap()
}

pub(crate) fn clock_at(time: Timestamp) -> MockClock {
    let mut clock = MockClock::new();
    clock.expect_now().return_const(time);
    clock
}

pub(crate) fn entropy() -> MockEntropy {
    let mut entropy = MockEntropy::new();
    let mut drawn = 0_u8;
    entropy.expect_draw().returning(move || {
        drawn += 1;
        [drawn; 20]
    });
    entropy
}

/// Somebody with these scopes.
pub(crate) fn principal(scopes: &[Scope]) -> Principal {
    Principal::holding(Uuid::from_u128(1), "tester", scopes.iter().copied())
}

/// A gateway over a mocked log; projections, tokens and accounts must not be asked.
pub(crate) fn over(log: MockEventLog) -> Gateway {
    over_log(Arc::new(log))
}

/// The same over any log. What is no event is put aside.
pub(crate) fn over_log(log: Arc<dyn EventLog>) -> Gateway {
    let mut quarantine = MockQuarantine::new();
    quarantine
        .expect_keep()
        .returning(|batch, _| Ok(vec![Verdict::Kept; batch.len()]));
    over_both(log, quarantine)
}

/// The same with a quarantine of its own.
pub(crate) fn over_both(log: Arc<dyn EventLog>, quarantine: MockQuarantine) -> Gateway {
    Gateway::new(Parts {
        log,
        projections: Arc::new(MockProjections::new()),
        tokens: Arc::new(MockTokenStore::new()),
        elevations: Arc::new(MockElevations::new()),
        confirmations: Arc::new(MockConfirmations::new()),
        retention: Arc::new(MockRetentionStore::new()),
        maintenance: Arc::new(MockMaintenance::new()),
        accounting: Arc::new(MockAccounting::new()),
        quarantine: Arc::new(quarantine),
        blind_spots: Arc::new(MockBlindSpots::new()),
        audit: Arc::new(MemoryStore::new(Arc::new(EventBus::with_domain_handlers()))),
        clock: Arc::new(clock_at(noon())),
        entropy: Arc::new(entropy()),
    })
}

/// A gateway over the in-memory store.
pub(crate) fn in_memory() -> (Gateway, Arc<MemoryStore>) {
    in_memory_at(Arc::new(StepClock::from(noon(), chrono::Duration::zero())))
}

/// The same by another clock.
pub(crate) fn in_memory_at(clock: Arc<dyn Clock>) -> (Gateway, Arc<MemoryStore>) {
    let store = Arc::new(MemoryStore::new(Arc::new(EventBus::with_domain_handlers())));
    (over_store(&store, clock), store)
}

/// Another gateway over a store, as another process would have it.
pub(crate) fn over_store(store: &Arc<MemoryStore>, clock: Arc<dyn Clock>) -> Gateway {
    static GATEWAYS: AtomicU64 = AtomicU64::new(7);
    let seed = GATEWAYS.fetch_add(1, Ordering::Relaxed);
    Gateway::new(Parts::of(
        store.clone(),
        clock,
        Arc::new(SeededEntropy::new(seed)),
    ))
}
