//! What the tests of the stores share.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use pts_adapter_postgres::{
    DatabaseSettings, PgAccounting, PgAuditLog, PgBlindSpots, PgConfirmations, PgElevations,
    PgEventLog, PgMaintenance, PgPool, PgProjections, PgQuarantine, PgRetention, PgTokenStore,
    connect,
};
use pts_testkit::contract::Harness;
use pts_testkit::fakes::DomainProjector;
use pts_testkit::postgres::TestDb;
use tokio_postgres::{Client, NoTls};

/// Far longer than anything here takes: a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A pool of a few connections over a test's database.
pub(crate) fn pool(database: &TestDb) -> PgPool {
    pool_of(database, 4)
}

/// A pool of so many connections.
pub(crate) fn pool_of(database: &TestDb, max_connections: usize) -> PgPool {
    let settings = DatabaseSettings {
        max_connections,
        ..DatabaseSettings::new(database.url())
    };
    connect(&settings).expect("the URL is right")
}

/// An event log over a pool.
pub(crate) fn log(pool: &PgPool) -> PgEventLog {
    PgEventLog::new(pool.clone(), Arc::new(DomainProjector))
}

/// Upkeep over a pool.
pub(crate) fn maintenance(pool: &PgPool) -> PgMaintenance {
    PgMaintenance::new(pool.clone(), Arc::new(DomainProjector))
}

/// Every port over a fresh database of a major version; nothing where there is no such server.
pub(crate) async fn harness_on(major: u16) -> Option<Harness> {
    TestDb::fresh_on(major).await.map(harness)
}

fn harness(database: TestDb) -> Harness {
    let pool = pool(&database);
    let log = log(&pool);
    let projections = PgProjections::of(&log);
    Harness::new(
        Arc::new(log),
        Arc::new(projections),
        Arc::new(maintenance(&pool)),
        (
            Arc::new(PgTokenStore::new(pool.clone())),
            Arc::new(PgElevations::new(pool.clone())),
            Arc::new(PgConfirmations::new(pool.clone())),
        ),
        (
            Arc::new(PgAccounting::new(pool.clone())),
            Arc::new(PgQuarantine::new(pool.clone())),
            Arc::new(PgBlindSpots::new(pool.clone())),
            Arc::new(PgAuditLog::new(pool.clone())),
        ),
        Arc::new(PgRetention::new(pool)),
    )
    .keeping(database)
}

/// A connection beside the store's own, to look and to meddle.
pub(crate) async fn outside(database: &TestDb) -> Client {
    let (client, connection) = tokio_postgres::connect(database.url(), NoTls)
        .await
        .expect("the database answers");
    tokio::spawn(connection);
    client
}

/// Runs statements that must work.
pub(crate) async fn sql(client: &Client, statements: &str) {
    if let Err(error) = client.batch_execute(statements).await {
        panic!("{statements}: {error:?}");
    }
}

/// One number.
pub(crate) async fn count(client: &Client, statement: &str) -> i64 {
    client.query_one(statement, &[]).await.unwrap().get(0)
}

/// Asks until it is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    let asking = async {
        while !ask().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .unwrap_or_else(|_| panic!("never came true: {what}"));
}
