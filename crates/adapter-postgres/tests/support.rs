//! What the tests of the stores share.

use std::sync::Arc;

use pts_adapter_postgres::{
    DatabaseSettings, PgEventLog, PgMaintenance, PgPool, PgProjections, PgTokenStore, connect,
};
use pts_testkit::contract::Harness;
use pts_testkit::fakes::DomainProjector;
use pts_testkit::postgres::TestDb;

/// A pool over a test's database.
pub(crate) fn pool(database: &TestDb) -> PgPool {
    let settings = DatabaseSettings {
        max_connections: 4,
        ..DatabaseSettings::new(database.url())
    };
    connect(&settings).expect("the URL is right")
}

/// An event log over a pool.
pub(crate) fn log(pool: &PgPool) -> PgEventLog {
    PgEventLog::new(pool.clone(), Arc::new(DomainProjector))
}

/// Every port over a fresh database of a major version; nothing where there is no such server.
pub(crate) async fn harness_on(major: u16) -> Option<Harness> {
    TestDb::fresh_on(major).await.map(harness)
}

/// Every port over a database.
pub(crate) fn harness(database: TestDb) -> Harness {
    let pool = pool(&database);
    Harness::new(
        Arc::new(log(&pool)),
        Arc::new(PgProjections::new(pool.clone())),
        Arc::new(PgMaintenance::new(pool.clone(), Arc::new(DomainProjector))),
        Arc::new(PgTokenStore::new(pool)),
    )
    .keeping(database)
}
