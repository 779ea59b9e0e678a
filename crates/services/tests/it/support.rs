//! What the tests of the use cases share.

use std::sync::Arc;

use pts_domain::Timestamp;
use pts_domain::access::{Principal, Scope, TokenKind};
use pts_ports::{EventLog, MockClock, MockEntropy, MockEventLog, MockProjections, MockTokenStore};
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
    Principal {
        token_id: Uuid::from_u128(1),
        name: "tester".into(),
        kind: TokenKind::Bearer,
        scopes: scopes.iter().copied().collect(),
    }
}

/// A gateway over a mocked log; projections and tokens must not be asked.
pub(crate) fn over(log: MockEventLog) -> Gateway {
    over_log(Arc::new(log))
}

pub(crate) fn over_log(log: Arc<dyn EventLog>) -> Gateway {
    Gateway::new(Parts {
        log,
        projections: Arc::new(MockProjections::new()),
        tokens: Arc::new(MockTokenStore::new()),
        clock: Arc::new(clock_at(noon())),
        entropy: Arc::new(entropy()),
    })
}

/// A gateway over the in-memory store.
pub(crate) fn in_memory() -> (Gateway, Arc<MemoryStore>) {
    let store = Arc::new(MemoryStore::new(Arc::new(EventBus::with_domain_handlers())));
    let gateway = Gateway::new(Parts {
        log: store.clone(),
        projections: store.clone(),
        tokens: store.clone(),
        clock: Arc::new(StepClock::from(noon(), chrono::Duration::zero())),
        entropy: Arc::new(SeededEntropy::new(7)),
    });
    (gateway, store)
}
