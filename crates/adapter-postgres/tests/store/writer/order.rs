//! Appends that meet: two processes at one head, commits that come out of order, a disk that is
//! slow. Whoever follows the log skips nothing and is shown nothing that could be taken back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use pts_adapter_postgres::PgEventLog;
use pts_domain::Identity;
use pts_domain::event::NewEvent;
use pts_domain::filter::EventFilter;
use pts_ports::{Appended, EventLog};
use pts_testkit::generate::{Dice, Sender, epoch};
use pts_testkit::postgres::TestDb;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

use crate::store::support::{count, log, outside, pool, sql, until};

use super::{PATIENCE, all_is_well, mid_month, notices, positions};

/// Events of one sender among several: some of its own, some that all send, of which some stand for
/// something else.
fn mixed(dice: &mut Dice, sender: &mut Sender, name: &str) -> Vec<NewEvent> {
    let size = if dice.chance(20) { 300 } else { 12 };
    (0..=dice.below(size))
        .map(|_| {
            let mut event = if dice.chance(10) {
                let id = format!("shared {}", dice.below(60));
                sender.read(json!({
                    "type": "com.acme.shared", "source": "shared", "id": id,
                    "time": "2026-01-01T00:00:00Z", "data": {"value": dice.below(2)}
                }))
            } else {
                let service = format!("service {}", dice.below(4));
                let attempt = format!("{name} {}", dice.below(30));
                let verb = dice.pick(&["started", "succeeded"]);
                sender.deployment(verb, &service, &attempt, epoch(), json!({"version": "1"}))
            };
            // As real ones, no two of which come at the very same moment.
            event.received_at +=
                chrono::Duration::microseconds(i64::try_from(dice.below(1_000_000_000)).unwrap());
            mid_month(event)
        })
        .collect()
}

/// Follows the log until it is told to stop and has reached the end; every position once, in order,
/// none that is not told to be safe.
async fn follow(log: PgEventLog, stop: Arc<AtomicBool>) -> i64 {
    let everything = EventFilter::default();
    let mut position = 0;
    loop {
        let stopping = stop.load(Ordering::SeqCst);
        let tail = log.after(position, &everything, 100).await.unwrap();
        for event in &tail.events {
            position += 1;
            assert_eq!(event.position, position, "skipped, or not in order");
        }
        assert_eq!(tail.scanned_to, position, "the log has no holes");
        assert!(position <= log.head().await.unwrap());
        if stopping && tail.events.is_empty() {
            return position;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_logs_over_one_database_store_everything_once_and_a_reader_misses_nothing() {
    const TASKS: usize = 6;
    let database = TestDb::fresh().await;
    let logs = [(); 2].map(|()| Arc::new(log(&pool(&database))));
    let stop = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn(follow(log(&pool(&database)), Arc::clone(&stop)));
    let tasks = (0..TASKS).map(|n| {
        let log = Arc::clone(&logs[n % 2]);
        tokio::spawn(async move {
            let name = format!("task {n}");
            let mut dice = Dice::new(n as u64);
            let mut sender = Sender::named(&name);
            let mut outcomes = Vec::new();
            for _ in 0..12 {
                let batch = mixed(&mut dice, &mut sender, &name);
                let sent: Vec<_> = batch
                    .iter()
                    .map(|new| (new.event.identity.clone(), new.id))
                    .collect();
                let appended = log.append(batch).await.unwrap();
                assert_eq!(appended.len(), sent.len());
                outcomes.extend(sent.into_iter().zip(appended));
            }
            outcomes
        })
    });
    let finished = timeout(PATIENCE, join_all(tasks))
        .await
        .expect("nobody hangs");
    let outcomes: Vec<((Identity, Uuid), Appended)> =
        finished.into_iter().flat_map(Result::unwrap).collect();
    stop.store(true, Ordering::SeqCst);

    let (mut places, mut first) = (BTreeSet::new(), BTreeMap::new());
    for ((identity, id), one) in &outcomes {
        if let Appended::Stored { position, .. } = one {
            assert!(
                places.insert(*position),
                "position {position} was given twice"
            );
            assert_eq!(
                first.insert(identity, *id),
                None,
                "{identity:?} is stored twice"
            );
        }
    }
    let head = i64::try_from(places.len()).unwrap();
    assert_eq!(places, (1..=head).collect());
    let mut others = [0, 0];
    for ((identity, _), one) in &outcomes {
        match one {
            Appended::Stored { .. } => {}
            Appended::Repeat { id, .. } => {
                others[0] += 1;
                assert_eq!(first.get(identity), Some(id));
            }
            Appended::Conflict { id, .. } => {
                others[1] += 1;
                assert_eq!(first.get(identity), Some(id));
            }
            Appended::Refused { reason } => panic!("{reason}"),
        }
    }
    assert!(others.iter().all(|count| *count > 0), "{others:?}");
    assert_eq!(timeout(PATIENCE, reader).await.unwrap().unwrap(), head);
    all_is_well(&database).await;
}

/// Commits of events of the type `slow` take as long as somebody holds the lock 42, inserts of
/// `lame` the lock 43.
const SLOW: &str = "CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS \
     $$ BEGIN PERFORM pg_advisory_xact_lock(TG_ARGV[0]::bigint); RETURN NEW; END $$; \
     CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON platform.events \
     DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.type = 'slow') \
     EXECUTE FUNCTION public.wait(42); \
     CREATE TRIGGER lame BEFORE INSERT ON platform.events FOR EACH ROW \
     WHEN (NEW.type = 'lame') EXECUTE FUNCTION public.wait(43)";

fn appending(log: &Arc<PgEventLog>, event: NewEvent) -> JoinHandle<Vec<i64>> {
    let log = Arc::clone(log);
    tokio::spawn(async move { positions(&log.append(vec![event]).await.unwrap()) })
}

/// How many backends wait for a lock.
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity \
     WHERE datname = current_database() AND wait_event_type = 'Lock'";

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_skips_nothing_when_a_later_append_is_ready_first() {
    let database = TestDb::fresh().await;
    let (client, watcher) = (outside(&database).await, outside(&database).await);
    sql(&client, SLOW).await;
    let (one, two) = (
        Arc::new(log(&pool(&database))),
        Arc::new(log(&pool(&database))),
    );
    let (mut sender, mut other) = (Sender::named("one"), Sender::named("two"));
    let mut event = |name: &str| sender.event(name, epoch(), json!({}));
    one.append(vec![event("t")]).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn(follow(log(&pool(&database)), Arc::clone(&stop)));

    // The first is about to commit; of the same process one has its place behind it, and another
    // process has its rows in and wants the same places.
    sql(&client, "SELECT pg_advisory_lock(42)").await;
    let first = appending(&one, event("slow"));
    until("it commits", || async {
        count(&watcher, WAITING).await == 1
    })
    .await;
    let second = appending(&one, event("t"));
    let mut elsewhere = other.event("t", epoch(), json!({}));
    elsewhere.received_at += chrono::Duration::seconds(1);
    let third = appending(&two, elsewhere);
    // Nobody waits for a lock for long: then the first gives way, and the other overtakes it.
    until("the other waits for the head, or has it", || async {
        count(&watcher, WAITING).await == 2 || third.is_finished()
    })
    .await;
    let head = one.head().await.unwrap();
    assert!((1..=2).contains(&head) && !second.is_finished(), "{head}");
    sql(&client, "SELECT pg_advisory_unlock(42)").await;
    let mut all = Vec::new();
    for task in [first, second, third] {
        all.extend(timeout(PATIENCE, task).await.unwrap().unwrap());
    }
    all.sort_unstable();
    assert_eq!(all, [2, 3, 4]);

    // The first has its rows only half in when another process overtakes it.
    sql(&client, "SELECT pg_advisory_lock(43)").await;
    let lame = appending(&one, event("lame"));
    until("it waits", || async { count(&watcher, WAITING).await == 1 }).await;
    let mut elsewhere = other.event("t", epoch(), json!({}));
    elsewhere.received_at += chrono::Duration::seconds(1);
    let overtaking = appending(&two, elsewhere);
    until("it overtakes, or waits for who took the head", || async {
        overtaking.is_finished() || count(&watcher, WAITING).await == 2
    })
    .await;
    sql(&client, "SELECT pg_advisory_unlock(43)").await;
    let mut all = timeout(PATIENCE, lame).await.unwrap().unwrap();
    all.extend(timeout(PATIENCE, overtaking).await.unwrap().unwrap());
    all.sort_unstable();
    assert_eq!(all, [5, 6]);

    stop.store(true, Ordering::SeqCst);
    assert_eq!(timeout(PATIENCE, reader).await.unwrap().unwrap(), 6);
    all_is_well(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_on_disk_is_neither_acknowledged_nor_shown() {
    let database = TestDb::fresh().await;
    let (client, watcher) = (outside(&database).await, outside(&database).await);
    let (one, two) = (Arc::new(log(&pool(&database))), log(&pool(&database)));
    let mut sender = Sender::named("s");
    // The flush that tells that the disk has it cannot say so.
    sql(
        &client,
        "BEGIN; SELECT FROM platform.log_durable FOR UPDATE",
    )
    .await;
    let batch = notices(&mut sender, 5);
    let append = tokio::spawn({
        let (one, batch) = (Arc::clone(&one), batch.clone());
        async move { one.append(batch).await }
    });
    until("the flush waits", || async {
        count(&watcher, WAITING).await == 1
    })
    .await;
    assert_eq!(
        count(&watcher, "SELECT position FROM platform.log_head").await,
        5
    );
    let everything = EventFilter::default();
    for log in [&*one, &two] {
        assert_eq!(log.head().await.unwrap(), 0);
        let tail = log.after(0, &everything, 10).await.unwrap();
        assert_eq!((tail.events.len(), tail.scanned_to), (0, 0));
    }
    // Nor is who sends the same again told that it is there.
    let again = sender.again(&batch[0]);
    let repeat = tokio::spawn({
        let one = Arc::clone(&one);
        async move { one.append(vec![again]).await }
    });
    let written = one.write(vec![sender.again(&batch[1])]).await.unwrap();
    assert!(matches!(written.appended[0], Appended::Repeat { .. }));
    assert!(!append.is_finished() && !repeat.is_finished());
    sql(&client, "ROLLBACK").await;
    let appended = timeout(PATIENCE, append).await.unwrap().unwrap().unwrap();
    assert_eq!(positions(&appended), [1, 2, 3, 4, 5]);
    let repeated = timeout(PATIENCE, repeat).await.unwrap().unwrap().unwrap();
    assert!(matches!(repeated[0], Appended::Repeat { id, .. } if id == batch[0].id));
    written.durable.await.unwrap();
    for log in [&*one, &two] {
        assert_eq!(log.head().await.unwrap(), 5);
        assert_eq!(log.after(0, &everything, 10).await.unwrap().events.len(), 5);
    }
}

#[tokio::test]
async fn what_is_sent_behind_an_append_that_is_refused_is_stored_all_the_same() {
    let database = TestDb::fresh().await;
    let mut sender = Sender::named("s");
    let known = notices(&mut sender, 1);
    log(&pool(&database)).append(known.clone()).await.unwrap();

    // It does not remember what another process stored.
    let log = log(&pool(&database));
    log.append(notices(&mut sender, 1)).await.unwrap();
    for round in 0..5_usize {
        let appends = (0..20_usize).map(|n| {
            let mut batch = notices(&mut sender, 3);
            if n == 4 + 2 * round {
                batch.extend(known.clone());
            }
            log.append(batch)
        });
        let each = join_all(appends).await;
        let all: Vec<Appended> = each.into_iter().flat_map(Result::unwrap).collect();
        let mut positions: Vec<i64> = Vec::new();
        let mut repeats = 0;
        for one in &all {
            match one {
                Appended::Stored { position, .. } => positions.push(*position),
                Appended::Repeat { .. } => repeats += 1,
                other => panic!("{other:?}"),
            }
        }
        positions.sort_unstable();
        let first = 3 + 60 * i64::try_from(round).unwrap();
        assert_eq!(positions, (first..first + 60).collect::<Vec<_>>());
        assert_eq!(repeats, 1);
    }
    all_is_well(&database).await;
}
