//! Reading everything: what is given up is given up in the database, too, and nothing is held between
//! two stretches.

use std::pin::pin;

use futures::future::Either;
use pts_domain::filter::EventFilter;
use pts_ports::EventLog as _;
use pts_testkit::generate::{Babel, Sender, minute};
use pts_testkit::postgres::TestDb;
use serde_json::json;

use super::support::{count, log, outside, pool, sql, until};

/// Statements about events that wait for a lock.
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
     AND wait_event_type = 'Lock' AND query LIKE '%FROM platform.events%'";

#[tokio::test]
async fn a_reader_who_goes_away_takes_his_query_with_him() {
    let database = TestDb::fresh().await;
    let pool = pool(&database);
    let log = log(&pool);
    log.append(Babel::new(3).events(10)).await.unwrap();
    let (holder, looker) = (outside(&database).await, outside(&database).await);
    sql(
        &holder,
        "BEGIN; LOCK TABLE platform.events IN ACCESS EXCLUSIVE MODE",
    )
    .await;

    let filter = EventFilter::default();
    let reading = log.stretch(&filter, 10, None);
    let seen = until("it waits", async || count(&looker, WAITING).await == 1);
    match futures::future::select(reading, pin!(seen)).await {
        Either::Right(((), reading)) => drop(reading),
        Either::Left((read, _)) => panic!("nothing could be read: {read:?}"),
    }
    until("nobody waits", async || count(&looker, WAITING).await == 0).await;
    sql(&holder, "COMMIT").await;
    let all = log.stretch(&filter, 10, None).await.unwrap();
    assert_eq!((all.events.len(), all.next), (10, None));
}

#[tokio::test]
async fn between_two_stretches_nothing_is_held() {
    let database = TestDb::fresh().await;
    let pool = pool(&database);
    let log = log(&pool);
    let mut sender = Sender::named("held");
    let text = "x".repeat(100_000);
    for _ in 0..3 {
        let events = (0..100).map(|n| sender.event("com.acme.x", minute(n), json!({ "t": text })));
        log.append(events.collect()).await.unwrap();
    }
    let looker = outside(&database).await;
    let filter = EventFilter::default();
    let first = log.stretch(&filter, 300, None).await.unwrap();
    // Large events end a stretch early, and the statement with it.
    assert!(
        first.next.is_some() && first.events.len() < 100,
        "{}",
        first.events.len()
    );
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND (xact_start IS NOT NULL OR state = 'active') AND pid <> pg_backend_pid()";
    until("nothing runs", async || count(&looker, open).await == 0).await;

    let (mut read, mut next) = (first.events.len(), first.next);
    while let Some(cursor) = next {
        let stretch = log.stretch(&filter, 300, Some(cursor)).await.unwrap();
        read += stretch.events.len();
        next = stretch.next;
    }
    assert_eq!(read, 300);
}
