//! Accounts and quarantine where PostgreSQL alone can show it: locks that others hold, answers that
//! are lost, and that what is remembered of what waits is what waits.

use std::time::{Duration, Instant};

use pts_adapter_postgres::{PgAccounting, PgPool, PgQuarantine};
use pts_domain::FieldError;
use pts_domain::access::Workspace;
use pts_domain::accounting::{Counts, Line, day_of};
use pts_domain::event::Form;
use pts_domain::quarantine::{NewItem, REMEMBERED, Verdict, WAITS};
use pts_ports::{
    AccountQuery, Accounting, Counted, EventLog, Finding, Handover, Quarantine, StoreError,
};
use pts_testkit::generate::{Sender, minute, now};
use pts_testkit::postgres::TestDb;
use serde_json::json;
use uuid::Uuid;

use super::support::{count, log, outside, pool, pool_of, sql, until};

const WITHIN: Duration = Duration::from_secs(20);

fn item(n: u128) -> NewItem {
    let errors = [FieldError::missing("source", "every event needs it")];
    let named = (Uuid::from_u128(n), now(), Uuid::from_u128(n % 3));
    NewItem::new(named, Form::Lenient, format!("{{\"n\":{n}}}"), &errors)
}

async fn stored(pool: &PgPool) -> u64 {
    let accounting = PgAccounting::new(pool.clone());
    let query = AccountQuery::default();
    let account = accounting.account(&query, 10).await.unwrap();
    assert_eq!(account.uncounted, 0);
    account.totals.stored
}

#[tokio::test]
async fn what_is_said_to_wait_is_what_waits() {
    let database = TestDb::fresh().await;
    let quarantine = PgQuarantine::new(pool(&database));
    let outside = outside(&database).await;
    let check = async |what: &str, waiting: i64| {
        let wrong = count(
            &outside,
            "SELECT count(*) FROM platform.quarantine_room AS room WHERE (waiting, bytes) <> \
             (SELECT count(*), coalesce(sum(bytes), 0) FROM platform.quarantine \
             WHERE state = 'waiting')",
        );
        assert_eq!(wrong.await, 0, "{what}");
        let waits = count(&outside, "SELECT waiting FROM platform.quarantine_room").await;
        assert_eq!(waits, waiting, "{what}");
    };
    for n in 1..=9 {
        let batch = vec![item(n), item(n), item(n + 1)];
        for one in &batch {
            let kept = quarantine.keep(vec![one.clone()], WITHIN).await.unwrap();
            assert_ne!(kept, [Verdict::NoRoom]);
        }
    }
    check("kept", 10).await;
    let ids = |range: std::ops::Range<u128>| range.map(Uuid::from_u128).collect::<Vec<_>>();
    let reason = || "a test".to_owned();
    for _ in 0..2 {
        quarantine
            .discard(ids(1..4), reason(), now())
            .await
            .unwrap();
        check("discarded", 7).await;
    }
    let found = |event| Finding::Stored { event };
    let findings: Vec<_> = ids(3..6).into_iter().map(|id| (id, found(id))).collect();
    for _ in 0..2 {
        quarantine.settle(findings.clone(), now()).await.unwrap();
        check("replayed", 5).await;
    }
    let at = now() + WAITS + chrono::Duration::seconds(1);
    let gone = quarantine.expire(at - WAITS, at - REMEMBERED, at).await;
    assert_eq!(gone.unwrap(), 5);
    check("expired", 0).await;
    let left = "SELECT count(*) FROM platform.quarantine WHERE item IS NOT NULL";
    assert_eq!(count(&outside, left).await, 0, "no text is left");
}

#[tokio::test]
async fn keeping_waits_no_longer_than_it_may_and_appends_do_not_wait_for_it() {
    let database = TestDb::fresh().await;
    let pool = pool_of(&database, 8);
    let quarantine = PgQuarantine::new(pool.clone());
    let meddler = outside(&database).await;
    sql(
        &meddler,
        "BEGIN; SELECT * FROM platform.quarantine_room FOR UPDATE",
    )
    .await;
    let begun = Instant::now();
    let keeps = (1..=12).map(|n| quarantine.keep(vec![item(n)], Duration::from_millis(400)));
    let mut sender = Sender::named("s");
    let append = async {
        let event = sender.event("com.acme.x", minute(0), json!({}));
        log(&pool).append(vec![event]).await.unwrap();
        begun.elapsed()
    };
    let (kept, appended) = futures::join!(futures::future::join_all(keeps), append);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(appended < Duration::from_secs(5));
    for kept in kept {
        assert!(matches!(
            kept,
            Err(StoreError::Unavailable {
                maybe_done: false,
                ..
            })
        ));
    }
    // Nobody is left behind who would still do it when the row is free.
    sql(&meddler, "COMMIT").await;
    let idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND pid <> pg_backend_pid() AND state <> 'idle' AND query LIKE '%quarantine%'";
    until("nobody waits any more", async || {
        count(&meddler, idle).await == 0
    })
    .await;
    let kept = "SELECT count(*) FROM platform.quarantine";
    assert_eq!(count(&meddler, kept).await, 0);
    let kept = quarantine.keep(vec![item(1)], WITHIN).await.unwrap();
    assert_eq!(kept, [Verdict::Kept]);
}

#[tokio::test]
async fn one_process_counts_and_answers_are_exact_all_the_same() {
    let database = TestDb::fresh().await;
    let pool = pool(&database);
    let accounting = PgAccounting::new(pool.clone());
    let mut sender = Sender::named("s");
    let batch = (0..5).map(|_| sender.event("com.acme.x", minute(0), json!({})));
    log(&pool).append(batch.collect()).await.unwrap();
    let other = outside(&database).await;
    sql(&other, "BEGIN; SELECT * FROM platform.accounted FOR UPDATE").await;
    assert_eq!(accounting.count(10).await.unwrap(), Counted::ByAnother);
    assert_eq!(stored(&pool).await, 5);
    // One that dies half way has counted nothing.
    sql(
        &other,
        "UPDATE platform.accounting SET stored = stored + 1; \
         UPDATE platform.accounted SET position = 3",
    )
    .await;
    drop(other);
    until("its lock is gone", async || {
        accounting.count(10).await.unwrap() == Counted::All
    })
    .await;
    assert_eq!(stored(&pool).await, 5);
    let place = "SELECT position FROM platform.accounted";
    assert_eq!(count(&outside(&database).await, place).await, 5);
}

#[tokio::test]
async fn a_log_from_before_is_counted_as_nobodys() {
    let database = TestDb::fresh().await;
    let pool = pool(&database);
    let outside = outside(&database).await;
    sql(
        &outside,
        "INSERT INTO platform.events SELECT n, gen_random_uuid(), 'old', 'id-' || n, 'com.acme.x', \
         NULL, now(), true, now(), NULL, NULL, '{}', '{}', decode(md5(n::text), 'hex'), NULL, 0 \
         FROM generate_series(1, 1000) AS n; UPDATE platform.log_head SET position = 1000",
    )
    .await;
    let accounting = PgAccounting::new(pool.clone());
    assert_eq!(stored(&pool).await, 1_000);
    assert_eq!(accounting.count(400).await.unwrap(), Counted::Further);
    assert_eq!(stored(&pool).await, 1_000);
    let query = AccountQuery::default();
    let account = accounting.account(&query, 10).await.unwrap();
    assert_eq!(account.lines[0].sender, None);
}

#[tokio::test]
async fn a_handover_is_all_or_nothing() {
    let database = TestDb::fresh().await;
    let pool = pool(&database);
    let accounting = PgAccounting::new(pool.clone());
    let line = |source: &str| Line {
        sender: None,
        source: source.to_owned(),
        counts: Counts {
            refused: 1,
            ..Counts::default()
        },
    };
    let handover = |number, lines| Handover {
        process: Uuid::from_u128(7),
        number,
        day: day_of(now()),
        lines: Vec::into_iter(lines)
            .map(|line| (Workspace::default(), line))
            .collect(),
    };
    // The database takes no such text, so the second line fails and the first with it.
    let bad = handover(1, vec![line("a"), line("b\0")]);
    assert!(accounting.add(&bad).await.is_err());
    let good = handover(1, vec![line("a"), line("b")]);
    accounting.add(&good).await.unwrap();
    let query = AccountQuery::default();
    let account = accounting.account(&query, 10).await.unwrap();
    assert_eq!(account.totals.refused, 2);
}
