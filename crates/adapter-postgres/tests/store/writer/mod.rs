//! The quick way into the log: that it is taken, that it gives way when it must, and that whoever
//! follows the log sees every event once and none too early, whoever else appends meanwhile.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use pts_adapter_postgres::PgEventLog;
use pts_domain::event::NewEvent;
use pts_ports::{Appended, EventLog, Maintenance, StoreError};
use pts_testkit::generate::{Sender, epoch};
use pts_testkit::postgres::TestDb;
use serde_json::json;
use tokio::time::timeout;

use super::support::{log, maintenance, outside, pool, pool_of, sql, until};

mod order;
mod projections;

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
