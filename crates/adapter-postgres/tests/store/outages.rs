//! Databases that go away, come back, are slow or in use: what is said, and that nothing stays
//! behind.

use std::pin::pin;
use std::time::{Duration, Instant};

use futures::future::Either;
use pts_adapter_postgres::{DatabaseSettings, PgProjections, PgTokenStore, connect};
use pts_domain::filter::EventFilter;
use pts_ports::{EventLog, Maintenance, Projections, StoreError, TokenStore};
use pts_testkit::generate::{Babel, Sender, epoch};
use pts_testkit::postgres::TestDb;
use serde_json::json;

use super::support::{count, log, maintenance, outside, pool, pool_of, sql, until};

#[track_caller]
fn unavailable<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    match result {
        Err(StoreError::Unavailable { maybe_done, .. }) => maybe_done,
        other => panic!("not unavailable: {other:?}"),
    }
}

#[tokio::test]
async fn a_database_that_is_away_is_unavailable_and_works_again_when_it_is_back() {
    let database = TestDb::fresh().await;
    let pool = pool(&database);
    let log = log(&pool);
    let projections = PgProjections::of(&log);
    let mut events = Babel::new(1);
    log.append(events.events(5)).await.unwrap();
    log.ready().await.unwrap();

    database.take_away().await;
    assert!(!unavailable(log.append(events.events(1)).await));
    assert!(!unavailable(log.head().await));
    assert!(!unavailable(projections.services(None, None, 10).await));
    let asked = Instant::now();
    assert!(!unavailable(log.ready().await));
    assert!(asked.elapsed() < Duration::from_secs(2));

    database.bring_back().await;
    let back = Instant::now();
    log.ready().await.unwrap();
    log.append(events.events(1)).await.unwrap();
    projections.services(None, None, 10).await.unwrap();
    assert!(back.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn connections_that_were_cut_are_replaced_without_an_error() {
    let database = TestDb::fresh().await;
    let pool = pool(&database);
    let log = log(&pool);
    let projections = PgProjections::of(&log);
    let mut events = Babel::new(1);
    for _ in 0..5 {
        let both = futures::join!(
            projections.services(None, None, 10),
            log.append(events.events(2)),
        );
        both.0.unwrap();
        both.1.unwrap();
        database.cut_connections().await;
    }
    assert_eq!(log.head().await.unwrap(), 10);
}

#[tokio::test]
async fn an_append_dropped_anywhere_leaves_nothing_to_the_next() {
    let database = TestDb::fresh().await;
    let client = outside(&database).await;
    // One connection: whatever a dropped append leaves, the next one meets.
    let log = log(&pool_of(&database, 1));
    let mut sender = Sender::named("s");
    let mut acknowledged = 0;
    for polls in 0..60 {
        let dropped = sender.deployment(
            "started",
            "a",
            "d-1",
            epoch(),
            json!({"version": "1", "n": polls}),
        );
        {
            let mut append = pin!(log.append(vec![dropped]));
            for _ in 0..polls {
                if futures::poll!(append.as_mut()).is_ready() {
                    break;
                }
                // Lets the connection's task move on by one step.
                tokio::task::yield_now().await;
            }
        }
        let kept = sender.deployment(
            "started",
            "a",
            "d-2",
            epoch(),
            json!({"version": "1", "n": polls}),
        );
        log.append(vec![kept]).await.unwrap();
        acknowledged += 1;
    }
    let head = log.head().await.unwrap();
    assert!((acknowledged..=2 * acknowledged).contains(&head), "{head}");
    let idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND state LIKE 'idle in transaction%'";
    until("no transaction is left open", || async {
        count(&client, idle).await == 0
    })
    .await;
    let upkeep = maintenance(&pool(&database));
    assert_eq!(upkeep.verify().await.unwrap().faults, Vec::<String>::new());
    assert_eq!(upkeep.check().await.unwrap(), []);
}

#[tokio::test]
async fn a_read_that_is_dropped_is_stopped_and_does_not_hold_up_the_next_one() {
    let database = TestDb::fresh().await;
    let client = outside(&database).await;
    let pool = pool_of(&database, 1);
    let projections = PgProjections::of(&log(&pool));
    // Whoever is in a transaction sees the others' activity as it was.
    let watcher = outside(&database).await;
    sql(&client, "BEGIN; LOCK TABLE platform.services").await;
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
         AND datname = current_database()";
    {
        let blocked = pin!(projections.services(None, None, 1));
        let watching = pin!(until("the read waits for the lock", || async {
            count(&watcher, waiting).await == 1
        }));
        let first = futures::future::select(blocked, watching).await;
        assert!(matches!(first, Either::Right(_)), "the read did not wait");
    }
    // The only connection was in the middle of something that does not end.
    log(&pool).head().await.unwrap();
    // Nobody waits for it any more, so the server does not either, though the lock is still held.
    until("the read is stopped in the database", || async {
        count(&watcher, waiting).await == 0
    })
    .await;
}

#[tokio::test]
async fn a_connection_lost_during_the_commit_leaves_the_one_doubt() {
    let database = TestDb::fresh().await;
    let client = outside(&database).await;
    // A commit that takes as long as somebody holds a lock.
    sql(
        &client,
        "CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON platform.log_head \
         DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.wait(); \
         SELECT pg_advisory_lock(42)",
    )
    .await;
    let log = std::sync::Arc::new(log(&pool(&database)));
    let event = Sender::named("s").event("t", epoch(), json!({}));
    let appending = tokio::spawn({
        let (log, event) = (log.clone(), event.clone());
        async move { log.append(vec![event]).await }
    });
    let committing = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
         WHERE datname = current_database() AND query = 'COMMIT' AND wait_event_type = 'Lock'";
    until("the commit is under way, and cut", || async {
        count(&client, committing).await == 1
    })
    .await;
    assert!(
        unavailable(appending.await.unwrap()),
        "the commit may have happened"
    );
    sql(&client, "SELECT pg_advisory_unlock(42)").await;
    // Sent again, it is stored once, whatever became of the first time.
    log.append(vec![event]).await.unwrap();
    assert_eq!(log.head().await.unwrap(), 1);
}

#[tokio::test]
async fn a_slow_database_and_a_busy_pool_are_given_up_in_time() {
    let database = TestDb::fresh().await;
    let client = outside(&database).await;
    let pool = connect(&DatabaseSettings {
        max_connections: 1,
        acquire_timeout: Duration::from_millis(100),
        statement_timeout: Duration::from_millis(400),
        ..DatabaseSettings::new(database.url())
    })
    .unwrap();
    let log = log(&pool);
    let mut events = Babel::new(1);
    log.append(events.events(1)).await.unwrap();
    sql(
        &client,
        "BEGIN; SELECT position FROM platform.log_head FOR UPDATE",
    )
    .await;
    let begun = Instant::now();
    let (append, head) = futures::join!(log.append(events.events(1)), log.head());
    // With its commit sent already, nobody knows what becomes of it.
    let _doubt: bool = unavailable(append);
    // Who reads does not wait for who writes.
    assert_eq!(head.unwrap(), 1);
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    sql(&client, "ROLLBACK").await;
    log.append(events.events(1)).await.unwrap();
}

#[tokio::test]
async fn reads_that_hang_leave_connections_for_events_and_tokens() {
    let database = TestDb::fresh().await;
    let (client, watcher) = (outside(&database).await, outside(&database).await);
    let pool = connect(&DatabaseSettings {
        max_connections: 4,
        acquire_timeout: Duration::from_millis(500),
        ..DatabaseSettings::new(database.url())
    })
    .unwrap();
    let (log, tokens) = (log(&pool), PgTokenStore::new(pool.clone()));
    sql(&client, "BEGIN; LOCK TABLE platform.services").await;
    let reads: Vec<_> = (0..6)
        .map(|_| {
            let projections = PgProjections::of(&log);
            tokio::spawn(async move { projections.services(None, None, 1).await })
        })
        .collect();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
         AND datname = current_database()";
    until("all turns are taken", || async {
        count(&watcher, waiting).await == 3
    })
    .await;
    let mut sender = Sender::named("s");
    let event = sender.event("com.acme.x", epoch(), json!({}));
    log.append(vec![event]).await.unwrap();
    assert_eq!(tokens.find([7; 32]).await.unwrap(), None);
    log.ready().await.unwrap();
    // Those without a turn are told so while the others still hang.
    until("three have given up", || async {
        reads.iter().filter(|read| read.is_finished()).count() == 3
    })
    .await;
    sql(&client, "ROLLBACK").await;
    let mut answered = 0;
    for read in reads {
        match read.await.unwrap() {
            Ok(_) => answered += 1,
            refused => assert!(!unavailable(refused)),
        }
    }
    assert_eq!(answered, 3);
}

#[tokio::test]
async fn a_database_that_takes_no_writes_is_not_ready_and_can_be_read() {
    let database = TestDb::fresh().await;
    let client = outside(&database).await;
    let name = database.name();
    sql(
        &client,
        &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"),
    )
    .await;
    let log = log(&pool(&database));
    let event = Sender::named("s").event("t", epoch(), json!({}));
    assert!(!unavailable(log.append(vec![event.clone()]).await));
    assert!(!unavailable(log.ready().await));
    let found = log.search(&EventFilter::default(), None, 10).await.unwrap();
    assert_eq!(found.items, []);
    // The setting of a session is that of its beginning: it takes new connections to notice.
    sql(&client, "SET default_transaction_read_only = off").await;
    sql(
        &client,
        &format!("ALTER DATABASE {name} RESET default_transaction_read_only"),
    )
    .await;
    database.cut_connections().await;
    log.append(vec![event]).await.unwrap();
    log.ready().await.unwrap();
}
