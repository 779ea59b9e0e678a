//! Retention where it depends on how PostgreSQL keeps tables: locks, kills, protection, clocks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pts_adapter_postgres::{PgAccounting, PgPool, PgRetention};
use pts_domain::Timestamp;
use pts_domain::event::NewEvent;
use pts_domain::filter::EventFilter;
use pts_domain::retention::MonthSurvey;
use pts_domain::time::parse;
use pts_ports::{
    Accounting, EventLog, Maintenance, Remover, RetentionRun, RetentionStore, StoreError, Thinned,
    Thinning,
};
use pts_testkit::generate::Sender;
use pts_testkit::postgres::TestDb;
use serde_json::json;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use super::support::{count, log, maintenance, outside, pool, sql, until};

/// Locks of this database, as a table: the server has others, whose tables have the same numbers.
const LOCKS: &str = "(SELECT l.* FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database \
     WHERE d.datname = current_database()) AS locks";

/// Tables of the log, those that nobody shall see among them.
const TABLES: &str = "SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n \
     ON n.oid = c.relnamespace WHERE n.nspname = 'platform' AND c.relkind = 'r' \
     AND c.relname LIKE 'events\\_%'";

fn at(text: &str) -> Timestamp {
    parse(text).unwrap()
}

fn horizon() -> Timestamp {
    at("2023-04-01T00:00:00Z")
}

/// One event of each kind: one that stays and `foreign` that go.
fn events(sender: &mut Sender, when: &str, foreign: usize) -> Vec<NewEvent> {
    let time = at(when);
    let mut events = vec![sender.deployment("succeeded", "a", when, time, json!({"version": "1"}))];
    events.extend((0..foreign).map(|n| sender.event("com.acme.x", time, json!({"n": n}))));
    for event in &mut events {
        event.received_at = time;
    }
    events
}

/// A database whose log has some events in January to March 2023 and in the present.
async fn filled() -> (TestDb, PgPool, Client) {
    let database = TestDb::fresh().await;
    let pool = pool(&database);
    let log = log(&pool);
    let mut sender = Sender::named("s");
    for month in [
        "2023-01-15T00:00:00Z",
        "2023-02-15T00:00:00Z",
        "2023-03-15T00:00:00Z",
    ] {
        log.append(events(&mut sender, month, 50)).await.unwrap();
    }
    log.append(events(&mut sender, "2026-03-15T00:00:00Z", 5))
        .await
        .unwrap();
    let client = outside(&database).await;
    (database, pool, client)
}

fn thinning(survey: MonthSurvey) -> Thinning {
    Thinning {
        id: Uuid::from_u128(u128::from(survey.last_position.unsigned_abs())),
        at: at("2026-03-20T00:00:00Z"),
        who: Remover::Schedule,
        horizon: horizon(),
        survey,
    }
}

async fn first(retention: &PgRetention) -> Thinning {
    thinning(retention.survey(horizon()).await.unwrap().remove(0))
}

async fn thin(retention: &PgRetention, order: Thinning) -> (RetentionRun, Duration) {
    match retention.thin(order).await.unwrap() {
        Thinned::Done { run, locked } => (*run, locked),
        Thinned::Changed => panic!("nobody has changed it"),
    }
}

async fn thin_all(retention: &PgRetention) {
    for survey in retention.survey(horizon()).await.unwrap() {
        thin(retention, thinning(survey)).await;
    }
}

async fn is_whole(pool: &PgPool) {
    let upkeep = maintenance(pool);
    assert_eq!(upkeep.verify().await.unwrap().faults, [""; 0]);
    assert_eq!(upkeep.check().await.unwrap(), []);
}

/// What there is on a partition, by what it does and not by its name.
async fn fittings(client: &Client, partition: &str) -> Vec<String> {
    let rows = client
        .query(
            &format!(
                "SELECT regexp_replace(pg_get_indexdef(indexrelid), '^.* ON \\S+ ', '') \
                 || ' ' || indisunique || ' ' || EXISTS (SELECT FROM pg_inherits \
                 WHERE inhrelid = indexrelid) FROM pg_index WHERE indrelid = '{partition}'::regclass \
                 UNION ALL SELECT tgname || ' ' || tgenabled::text || ' ' || tgtype \
                 FROM pg_trigger WHERE tgrelid = '{partition}'::regclass \
                 UNION ALL SELECT conname || ' ' || contype::text FROM pg_constraint \
                 WHERE conrelid = '{partition}'::regclass AND contype = 'c' \
                 UNION ALL SELECT 'statistics ' || stxkeys::text FROM pg_statistic_ext \
                 WHERE stxrelid = '{partition}'::regclass \
                 UNION ALL SELECT attnum || attname || attnotnull || attstorage::text \
                 FROM pg_attribute WHERE attrelid = '{partition}'::regclass AND attnum > 0 ORDER BY 1"
            ),
            &[],
        )
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_thinned_month_is_a_partition_like_the_others() {
    let (_database, pool, client) = filled().await;
    let retention = PgRetention::new(pool.clone());
    let tables = count(&client, TABLES).await;
    let like = fittings(&client, "platform.events_2026_03").await;
    thin_all(&retention).await;
    assert_eq!(
        count(&client, TABLES).await,
        tables,
        "nothing is left lying about"
    );
    assert_eq!(fittings(&client, "platform.events_2023_01").await, like);
    for statement in [
        "UPDATE platform.events_2023_01 SET type = 'forged'",
        "DELETE FROM platform.events_2023_01",
        "TRUNCATE platform.events_2023_01",
        "DELETE FROM platform.retention_runs",
        "UPDATE platform.retention_runs SET removed = 0",
        "DELETE FROM platform.retention_removed",
        "TRUNCATE platform.retention_removed, platform.retention_runs",
        "SET session_replication_role = replica; DELETE FROM platform.events",
        "TRUNCATE platform.events_2023_01",
        "DELETE FROM platform.retention_runs",
    ] {
        let refused = client.batch_execute(statement).await.unwrap_err();
        assert_eq!(
            refused.code(),
            Some(&SqlState::RESTRICT_VIOLATION),
            "{statement}"
        );
    }
    sql(&client, "SET session_replication_role = origin").await;
    // It can be thinned again, when a clock that went back has brought something.
    let mut sender = Sender::named("late");
    log(&pool)
        .append(events(&mut sender, "2023-01-20T00:00:00Z", 3))
        .await
        .unwrap();
    let (run, _) = thin(&retention, first(&retention).await).await;
    assert_eq!((run.removed, run.kept), (3, 2));
    assert_eq!(fittings(&client, "platform.events_2023_01").await, like);
    is_whole(&pool).await;
}

#[tokio::test]
async fn a_run_that_is_killed_half_way_leaves_nothing_behind() {
    let (database, pool, client) = filled().await;
    let retention = Arc::new(PgRetention::new(pool.clone()));
    let surveys = retention.survey(horizon()).await.unwrap();
    let tables = count(&client, TABLES).await;
    let reader = outside(&database).await;
    for dropped in [false, true] {
        // A long read holds the swap up, with everything but the swap done.
        sql(
            &reader,
            "BEGIN; LOCK TABLE platform.events IN ACCESS SHARE MODE",
        )
        .await;
        let (working, order) = (Arc::clone(&retention), first(&retention).await);
        let run = tokio::spawn(async move { working.thin(order).await });
        let waits = format!(
            "SELECT count(*) FROM {LOCKS} WHERE NOT granted \
             AND relation = 'platform.events'::regclass AND mode = 'AccessExclusiveLock'"
        );
        until("the swap waits for its turn", async || {
            count(&client, &waits).await > 0
        })
        .await;
        if dropped {
            run.abort();
            assert!(run.await.unwrap_err().is_cancelled());
        } else {
            let kill = format!(
                "SELECT pg_terminate_backend(pid) FROM {LOCKS} WHERE locktype = 'advisory' \
                 AND classid = 7020100 AND objid = 2"
            );
            assert_eq!(client.query(&kill, &[]).await.unwrap().len(), 1);
            let error = run.await.unwrap().unwrap_err();
            assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        }
        let gone = format!(
            "SELECT count(*) FROM {LOCKS} WHERE locktype = 'advisory' \
             AND classid = 7020100 AND objid = 2"
        );
        until("its connection is gone", async || {
            count(&client, &gone).await == 0
        })
        .await;
        sql(&reader, "COMMIT").await;
        assert_eq!(count(&client, TABLES).await, tables);
        assert_eq!(
            count(&client, "SELECT count(*) FROM platform.retention_runs").await,
            0
        );
        assert_eq!(retention.survey(horizon()).await.unwrap(), surveys);
    }
    is_whole(&pool).await;
    thin_all(&retention).await;
    is_whole(&pool).await;
}

#[tokio::test]
async fn what_cannot_be_written_leaves_everything_as_it_was() {
    let (_database, pool, client) = filled().await;
    let retention = PgRetention::new(pool.clone());
    let tables = count(&client, TABLES).await;
    // The words of a disk that is full.
    sql(
        &client,
        "CREATE FUNCTION public.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         RAISE EXCEPTION 'could not extend file \"base/1/2\": No space left on device' \
         USING ERRCODE = 'disk_full'; END $$; \
         CREATE TRIGGER full_disk BEFORE INSERT ON platform.retention_removed \
         EXECUTE FUNCTION public.full_disk()",
    )
    .await;
    let error = retention.thin(first(&retention).await).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Unavailable { reason, maybe_done: false }
            if reason.contains("the disk is full") && reason.contains("No space left")),
        "{error:?}"
    );
    assert_eq!(count(&client, TABLES).await, tables);
    assert_eq!(
        count(&client, "SELECT count(*) FROM platform.events").await,
        159
    );
    sql(
        &client,
        "DROP TRIGGER full_disk ON platform.retention_removed",
    )
    .await;
    thin_all(&retention).await;
    assert_eq!(
        count(&client, "SELECT count(*) FROM platform.events").await,
        9
    );
    is_whole(&pool).await;
}

#[tokio::test]
async fn a_long_reader_is_waited_for_with_pauses_in_which_appends_go_on() {
    let (database, pool, client) = filled().await;
    let patience = Duration::from_millis(1_500);
    let retention = PgRetention::new(pool.clone()).with_patience(patience);
    let order = first(&retention).await;
    let reader = outside(&database).await;
    sql(
        &reader,
        "BEGIN; LOCK TABLE platform.events IN ACCESS SHARE MODE",
    )
    .await;
    let log = log(&pool);
    let mut sender = Sender::named("meanwhile");
    let (begun, mut slowest, mut appended) = (Instant::now(), Duration::ZERO, 0);
    let mut trying = std::pin::pin!(retention.thin(order.clone()));
    let outcome = loop {
        let asked = Instant::now();
        let appending = log.append(events(&mut sender, "2026-03-16T00:00:00Z", 1));
        let mut appending = std::pin::pin!(appending);
        tokio::select! {
            outcome = &mut trying => { appending.await.unwrap(); break outcome }
            done = &mut appending => { done.unwrap(); }
        }
        appended += 1;
        slowest = slowest.max(asked.elapsed());
    };
    let error = outcome.unwrap_err().to_string();
    assert!(error.contains("try again later"), "{error}");
    let took = begun.elapsed();
    assert!(
        took < patience + Duration::from_secs(5),
        "it gave up after {took:?}"
    );
    assert!(appended > 3, "{appended} appends meanwhile");
    // Two tries long at the most, whatever else this machine does.
    assert!(
        slowest < Duration::from_secs(1),
        "an append took {slowest:?}"
    );
    sql(&reader, "COMMIT").await;
    thin(&retention, order).await;
    assert_eq!(
        count(&client, "SELECT count(*) FROM platform.retention_runs").await,
        1
    );
    is_whole(&pool).await;
}

#[tokio::test]
async fn the_log_is_held_only_for_the_swap_however_much_a_month_holds() {
    let (_database, pool, client) = filled().await;
    // As much as fits into a test: one in ten stays.
    sql(
        &client,
        "INSERT INTO platform.events (position, id, source, event_id, type, \"time\", time_given, \
         received_at, service, environment, data, attributes, digest, workspace) \
         SELECT n, gen_random_uuid(), 'bulk', n::text, \
         CASE WHEN n % 10 = 0 THEN 'platform.notice' ELSE 'com.acme.x' END, '2023-01-20', true, \
         '2023-01-20', NULL, NULL, jsonb_build_object('message', repeat('x', 200)), '{}', \
         decode(md5(n::text), 'hex'), 0 FROM generate_series(1000, 60999) AS n; \
         UPDATE platform.log_head SET position = 60999; \
         UPDATE platform.log_durable SET position = 60999",
    )
    .await;
    let retention = PgRetention::new(pool.clone());
    let begun = Instant::now();
    let (run, locked) = thin(&retention, first(&retention).await).await;
    let took = begun.elapsed();
    assert_eq!((run.removed, run.kept), (54_050, 6_001));
    assert!(run.freed_bytes > 20_000_000, "{}", run.freed_bytes);
    assert!(
        locked < Duration::from_millis(500),
        "everybody waited for {locked:?}"
    );
    assert!(locked * 2 < took, "{locked:?} of {took:?}");
}

#[tokio::test]
async fn a_check_or_a_verification_beside_a_swap_finds_nothing() {
    let (_database, pool, _client) = filled().await;
    let retention = PgRetention::new(pool.clone());
    let upkeep = maintenance(&pool);
    let mut thinning = std::pin::pin!(thin_all(&retention));
    let mut looks = 0;
    loop {
        let looking = async {
            assert_eq!(upkeep.check().await.unwrap(), []);
            assert_eq!(upkeep.verify().await.unwrap().faults, [""; 0]);
        };
        let mut looking = std::pin::pin!(looking);
        looks += 1;
        tokio::select! {
            () = &mut thinning => { looking.await; break }
            () = &mut looking => {}
        }
    }
    assert!(looks > 0);
    is_whole(&pool).await;
}

#[tokio::test]
async fn a_verification_that_has_begun_keeps_the_tables_that_it_is_going_to_read() {
    let (database, pool, client) = filled().await;
    let retention = PgRetention::new(pool.clone());
    let order = first(&retention).await;
    PgAccounting::new(pool.clone()).count(1_000).await.unwrap();
    let holder = outside(&database).await;
    // It stops at the head of the log, after it has decided as of when it looks at everything.
    sql(
        &holder,
        "BEGIN; LOCK TABLE platform.log_head IN ACCESS EXCLUSIVE MODE",
    )
    .await;
    let upkeep = maintenance(&pool);
    let verifying = tokio::spawn(async move { upkeep.verify().await });
    let waits = |relation: &str| {
        format!(
            "SELECT count(*) FROM {LOCKS} WHERE NOT granted AND relation = '{relation}'::regclass"
        )
    };
    let (head, events) = (waits("platform.log_head"), waits("platform.events"));
    until("it waits for the head", async || {
        count(&client, &head).await > 0
    })
    .await;
    let thinning = tokio::spawn(async move { thin(&retention, order).await });
    let next = async || thinning.is_finished() || count(&client, &events).await > 0;
    until("the swap is tried", next).await;
    sql(&holder, "COMMIT").await;
    assert_eq!(verifying.await.unwrap().unwrap().faults, [""; 0]);
    thinning.await.unwrap();
    is_whole(&pool).await;
}

#[tokio::test]
async fn whoever_follows_the_log_steps_over_a_hole_at_once() {
    let (_database, pool, client) = filled().await;
    // Retention took millions of events, as far as positions tell.
    sql(
        &client,
        "UPDATE platform.log_head SET position = 20000000; \
         UPDATE platform.log_durable SET position = 20000000",
    )
    .await;
    let log = log(&pool);
    let mut sender = Sender::named("after");
    log.append(events(&mut sender, "2026-03-17T00:00:00Z", 1))
        .await
        .unwrap();
    let (mut position, mut steps, mut read) = (0, 0, Vec::new());
    let head = log.head().await.unwrap();
    while position < head {
        let tail = log
            .after(position, &EventFilter::default(), 1_000)
            .await
            .unwrap();
        assert!(tail.scanned_to > position, "it stops at {position}");
        position = tail.scanned_to;
        read.extend(tail.events.iter().map(|event| event.position));
        steps += 1;
    }
    assert!(steps < 10, "{steps} steps");
    assert!(
        read.iter()
            .copied()
            .eq((1..=159).chain(20_000_001..=20_000_002))
    );
}

#[tokio::test]
async fn a_loss_is_told_from_a_removal() {
    let (_database, pool, client) = filled().await;
    let retention = PgRetention::new(pool.clone());
    thin(&retention, first(&retention).await).await;
    is_whole(&pool).await;
    sql(
        &client,
        "ALTER TABLE platform.events DISABLE TRIGGER events_are_kept; \
         DELETE FROM platform.events WHERE position IN (1, 60, 156); \
         ALTER TABLE platform.retention_runs DISABLE TRIGGER retention_runs_are_kept; \
         UPDATE platform.retention_runs SET removed = 49, first_removed = 1",
    )
    .await;
    let faults = maintenance(&pool).verify().await.unwrap().faults;
    let check = |want: &str| {
        let found = faults.iter().any(|fault| fault.contains(want));
        assert!(found, "{want}: {faults:?}");
    };
    check("1 to 51: retention removed 49 events and 51 are missing");
    check("61: the event before it is at 59");
    check("157: the event before it is at 155");
    check("platform.retention_runs: nothing refuses UPDATE and DELETE");
}

#[tokio::test]
async fn a_program_whose_clock_runs_ahead_removes_nothing() {
    let database = TestDb::fresh().await;
    let pool = pool(&database);
    let client = outside(&database).await;
    let mut batch = events(&mut Sender::named("s"), "2026-01-01T00:00:00Z", 3);
    let now = Timestamp::from_timestamp_micros(
        count(
            &client,
            "SELECT (extract(epoch FROM now()) * 1000000)::bigint",
        )
        .await,
    );
    for event in &mut batch {
        event.received_at = now.unwrap();
    }
    log(&pool).append(batch).await.unwrap();
    let retention = PgRetention::new(pool.clone());
    let year_ahead = now.unwrap() + chrono::Duration::days(365);
    let survey = retention.survey(year_ahead).await.unwrap().remove(0);
    let error = retention
        .thin(thinning(survey))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("the clocks do not agree"), "{error}");
    assert_eq!(log(&pool).head().await.unwrap(), 4);
    assert_eq!(
        count(&client, "SELECT count(*) FROM platform.events").await,
        4
    );
}
