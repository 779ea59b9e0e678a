//! The quick way into the log: that it is taken, that it gives way when it must, and that whoever
//! follows the log sees every event once and none too early, whoever else appends meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use pts_adapter_postgres::PgEventLog;
use pts_domain::Identity;
use pts_domain::event::NewEvent;
use pts_domain::filter::EventFilter;
use pts_ports::{Appended, EventLog, Maintenance, StoreError};
use pts_testkit::generate::{Dice, Sender, epoch};
use pts_testkit::postgres::TestDb;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

use super::support::{count, log, maintenance, outside, pool, pool_of, sql, until};

const PATIENCE: Duration = Duration::from_secs(30);

/// As events mostly are: in the first days of a month the month before is looked into first, and
/// the unique index need not say no.
fn mid_month(mut event: NewEvent) -> NewEvent {
    event.received_at += chrono::Duration::days(14);
    event
}

fn notices(sender: &mut Sender, many: usize) -> Vec<NewEvent> {
    let notice = json!({"message": "m", "service": "payments"});
    (0..many)
        .map(|_| mid_month(sender.event("platform.notice", epoch(), notice.clone())))
        .collect()
}

/// The positions, of events that must all be stored.
#[track_caller]
fn positions(appended: &[Appended]) -> Vec<i64> {
    let position = |one: &Appended| match one {
        Appended::Stored { position, .. } => *position,
        other => panic!("not stored: {other:?}"),
    };
    appended.iter().map(position).collect()
}

/// Appends a deployment's beginning, which changes a projection; it must get the next position.
async fn goes_on(log: &PgEventLog, sender: &mut Sender) {
    let before = log.head().await.unwrap();
    let event = sender.deployment("started", "a", "d", epoch(), json!({"version": "1"}));
    let appended = log.append(vec![mid_month(event)]).await.unwrap();
    assert_eq!(positions(&appended), [before + 1]);
}

/// Appends until that goes the quick way again, several times in a row.
async fn comes_back_to_the_quick_way(log: &PgEventLog, sender: &mut Sender, why: &str) {
    let mut in_a_row = 0;
    for _ in 0..200 {
        let (quick, _) = log.appends();
        goes_on(log, sender).await;
        in_a_row = if log.appends().0 > quick {
            in_a_row + 1
        } else {
            0
        };
        if in_a_row == 5 {
            return;
        }
    }
    panic!("after {why}: quick and sure {:?}", log.appends());
}

async fn all_is_well(database: &TestDb) {
    let upkeep = maintenance(&pool(database));
    assert_eq!(upkeep.check().await.unwrap(), []);
    assert_eq!(upkeep.verify().await.unwrap().faults, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn ordinary_use_goes_the_quick_way() {
    let database = TestDb::fresh().await;
    let log = Arc::new(log(&pool(&database)));
    let mut sender = Sender::named("s");
    let mut expected = 1..;
    for size in [1, 2, 5, 95, 96, 250, 1] {
        let batch = notices(&mut sender, size);
        let again = batch
            .iter()
            .take(3)
            .map(|event| sender.again(event))
            .collect();
        let got = positions(&log.append(batch).await.unwrap());
        assert_eq!(got, expected.by_ref().take(size).collect::<Vec<_>>());
        let repeats: Vec<_> = log.append(again).await.unwrap();
        assert!(
            repeats
                .iter()
                .all(|one| matches!(one, Appended::Repeat { .. }))
        );
    }
    let several = (0..8).map(|n| {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            let mut sender = Sender::named(&format!("task {n}"));
            for _ in 0..10 {
                goes_on_somewhere(&log, &mut sender).await;
            }
        })
    });
    for task in several.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(log.appends(), (7 + 7 + 80, 0));
    all_is_well(&database).await;
}

async fn goes_on_somewhere(log: &PgEventLog, sender: &mut Sender) {
    let event = sender.deployment("started", "a", "d", epoch(), json!({"version": "1"}));
    positions(&log.append(vec![mid_month(event)]).await.unwrap());
}

#[tokio::test]
async fn whatever_disturbs_it_the_quick_way_is_right_and_comes_back() {
    let database = TestDb::fresh().await;
    let first = log(&pool(&database));
    let mut sender = Sender::named("s");
    let old = notices(&mut sender, 3);
    first.append(old.clone()).await.unwrap();
    goes_on(&first, &mut sender).await;

    // One that has no memory of what another stored.
    let log = log(&pool(&database));
    let mut batch: Vec<_> = old.iter().map(|event| sender.again(event)).collect();
    batch.insert(1, notices(&mut sender, 1).remove(0));
    batch[3].event.data = json!({"message": "another"});
    let appended = log.append(batch).await.unwrap();
    let named = |one: &Appended| match one {
        Appended::Repeat { id, .. } | Appended::Conflict { id, .. } => Some(*id),
        _ => None,
    };
    let ids: Vec<_> = appended.iter().map(named).collect();
    assert_eq!(
        ids,
        [Some(old[0].id), None, Some(old[1].id), Some(old[2].id)]
    );
    assert!(matches!(appended[1], Appended::Stored { position: 5, .. }));
    assert!(matches!(appended[3], Appended::Conflict { .. }));
    assert_eq!(log.appends(), (0, 1));
    comes_back_to_the_quick_way(&log, &mut sender, "a repeat of what it did not remember").await;

    maintenance(&pool(&database)).rebuild().await.unwrap();
    goes_on(&log, &mut sender).await;
    comes_back_to_the_quick_way(&log, &mut sender, "a rebuild").await;

    goes_on(&first, &mut sender).await;
    let (_, sure) = log.appends();
    goes_on(&log, &mut sender).await;
    assert_eq!(log.appends().1, sure + 1, "what it remembers is old");
    comes_back_to_the_quick_way(&log, &mut sender, "another's append").await;

    database.cut_connections().await;
    goes_on(&log, &mut sender).await;
    comes_back_to_the_quick_way(&log, &mut sender, "a cut connection").await;
    all_is_well(&database).await;
}

#[tokio::test]
async fn after_an_append_that_was_dropped_the_next_are_right_and_quick() {
    let database = TestDb::fresh().await;
    let log = log(&pool(&database));
    let mut sender = Sender::named("s");
    goes_on(&log, &mut sender).await;
    for polls in 0..12 {
        // Few and many: arrays and COPY.
        let batch = notices(&mut sender, if polls % 2 == 0 { 3 } else { 120 });
        {
            let mut append = pin!(log.append(batch.clone()));
            for _ in 0..polls {
                if futures::poll!(append.as_mut()).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        // Sent again, all of it is there once, and what is there twice is a repeat of the same.
        let appended = log.append(batch.clone()).await.unwrap();
        let stored = appended
            .iter()
            .filter(|one| matches!(one, Appended::Stored { .. }))
            .count();
        assert!(
            stored == 0 || stored == batch.len(),
            "{stored} of {}",
            batch.len()
        );
        for (event, one) in batch.iter().zip(&appended) {
            match one {
                Appended::Stored { .. } => {}
                Appended::Repeat { id, .. } => assert_eq!(*id, event.id),
                other => panic!("{other:?}"),
            }
        }
        goes_on(&log, &mut sender).await;
    }
    comes_back_to_the_quick_way(&log, &mut sender, "dropped appends").await;
    all_is_well(&database).await;
}

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
async fn an_event_that_the_database_refuses_harms_no_other() {
    let database = TestDb::fresh().await;
    let client = outside(&database).await;
    sql(
        &client,
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION 'not this one'; END $$; \
         CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON platform.events \
         DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.type = 'poison') \
         EXECUTE FUNCTION public.refuse()",
    )
    .await;
    let log = log(&pool_of(&database, 2));
    let mut sender = Sender::named("s");
    let mut head = 0;
    // Of a few, and of many.
    for (size, at) in [(3, 1), (5, 4), (120, 50), (2, 0)] {
        let mut batch = notices(&mut sender, size);
        batch[at] = sender.event("poison", epoch(), json!({}));
        let mut appended = log.append(batch).await.unwrap();
        let refused = appended.remove(at);
        assert!(matches!(refused, Appended::Refused { .. }), "{refused:?}");
        let last = head + i64::try_from(size - 1).unwrap();
        assert_eq!(positions(&appended), (head + 1..=last).collect::<Vec<_>>());
        head = last;
        assert_eq!(log.head().await.unwrap(), head);
    }
    // Where nothing is taken, it is not the event that is to blame.
    for size in [1, 4] {
        let poison = (0..size).map(|_| sender.event("poison", epoch(), json!({})));
        let failed = log.append(poison.collect()).await;
        assert!(matches!(failed, Err(StoreError::Other(_))), "{failed:?}");
    }
    comes_back_to_the_quick_way(&log, &mut sender, "refusals").await;
    all_is_well(&database).await;
}

#[tokio::test]
async fn what_one_process_announces_another_hears() {
    let database = TestDb::fresh().await;
    let (one, two) = (log(&pool(&database)), log(&pool(&database)));
    let mut heard = two.announced().await.unwrap();
    for position in [1, 12, 345_678_901_234] {
        one.announce(position).await.unwrap();
        let next = timeout(PATIENCE, heard.next()).await;
        assert_eq!(next.unwrap(), Some(position));
    }
    // Whoever was cut off knows it, and can listen again.
    database.cut_connections().await;
    assert_eq!(timeout(PATIENCE, heard.next()).await.unwrap(), None);
    let mut heard = two.announced().await.unwrap();
    until("the announcement is made", || async {
        one.announce(7).await.is_ok()
    })
    .await;
    assert_eq!(timeout(PATIENCE, heard.next()).await.unwrap(), Some(7));
}
