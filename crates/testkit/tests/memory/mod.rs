//! The store in memory, held to what the ports promise.

use std::sync::Arc;

use pts_testkit::contract::Harness;
use pts_testkit::fakes::{DomainProjector, MemoryStore};

async fn empty_store() -> Harness {
    Harness::of(Arc::new(MemoryStore::new(Arc::new(DomainProjector))))
}

pts_testkit::contract_suite!(empty_store());
