//! Who is written with whom, and who is told what and when.

use std::time::Duration;

use futures::StreamExt as _;
use pts_api::actions::events::StreamInput;
use pts_ports::{Appended, StoreError};
use pts_services::{ActionError, ItemOutcome};
use tokio::time::Instant;
use uuid::Uuid;

use crate::support::noon;

use super::{Bench, Fate, in_doubt, outcome, sender, stored, unanswered};

#[tokio::test(start_paused = true)]
async fn requests_that_come_during_a_write_are_one_group_and_each_is_told_its_own() {
    let mut bench = Bench::new();
    let first = bench.send(&["a"]);
    let write = bench.write().await;
    assert_eq!(write.ids(), ["a"], "nobody waits for company");
    let two = bench.send(&["b", "c"]);
    bench.waiting(2).await;
    let (three, four) = (bench.send(&["d"]), bench.send(&["e"]));
    bench.waiting(4).await;
    write.store().send(Ok(())).unwrap();
    assert!(matches!(outcome(first).await, ItemOutcome::Created(_)));

    let write = bench.write().await;
    assert_eq!(write.ids(), ["b", "c", "d", "e"]);
    let known = Uuid::from_u128(77);
    write.end(Fate::Answered(vec![
        stored(2),
        Appended::Repeat {
            id: known,
            received_at: noon(),
        },
        Appended::Conflict {
            id: known,
            received_at: noon(),
        },
        stored(3),
    ]));
    let two = two.await.unwrap().unwrap();
    assert!(matches!(&two[0], ItemOutcome::Created(_)));
    assert!(matches!(&two[1], ItemOutcome::Duplicate(receipt) if receipt.id == Some(known)));
    assert_eq!(two.len(), 2);
    assert!(matches!(outcome(three).await, ItemOutcome::Conflict { id, .. } if id == known));
    assert!(matches!(outcome(four).await, ItemOutcome::Created(_)));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_answered_before_the_disk_has_it_and_the_next_group_does_not_wait_for_that() {
    let mut bench = Bench::new();
    let mut first = bench.send(&["a"]);
    let disk_of_first = bench.write().await.store();
    assert!(unanswered(&mut first).await);
    let second = bench.send(&["b"]);
    let write = bench.write().await;
    assert_eq!(write.ids(), ["b"]);
    write.store().send(Ok(())).unwrap();
    assert!(matches!(outcome(second).await, ItemOutcome::Created(_)));
    assert!(
        unanswered(&mut first).await,
        "its own disk has not answered"
    );
    disk_of_first.send(Ok(())).unwrap();
    assert!(matches!(outcome(first).await, ItemOutcome::Created(_)));
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_fails_is_said_to_everybody_of_the_group_and_nothing_is_counted() {
    let mut bench = Bench::new();
    let first = bench.send(&["a"]);
    let write = bench.write().await;
    let others = [bench.send(&["b"]), bench.send(&["c", "d"])];
    bench.waiting(3).await;
    write.store().send(Ok(())).unwrap();
    first.await.unwrap().unwrap();
    bench.write().await.store().send(Err(in_doubt())).unwrap();
    for request in others {
        let refused = request.await.unwrap();
        assert!(
            matches!(refused, Err(ActionError::Unavailable { .. })),
            "{refused:?}"
        );
    }
    // They may be in the log, which counts them itself.
    let told = bench.told();
    assert_eq!((told.stored, told.refused), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_certainly_failed_is_counted_once_for_each_event() {
    let mut bench = Bench::new();
    let first = bench.send(&["a"]);
    let write = bench.write().await;
    let second = bench.send(&["b", "c"]);
    bench.waiting(2).await;
    write.end(Fate::Failed(StoreError::unavailable("away")));
    bench
        .write()
        .await
        .end(Fate::Failed(StoreError::Corrupt("nonsense".into())));
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert!(matches!(first, Err(ActionError::Unavailable { .. })));
    assert!(matches!(second, Err(ActionError::Internal)));
    let told = bench.told();
    assert_eq!((told.received, told.refused), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn who_goes_away_while_waiting_is_not_written_and_who_is_being_written_is() {
    let mut bench = Bench::new();
    let follower = StreamInput {
        after: Some(0),
        ..StreamInput::default()
    };
    let mut tail = bench
        .gateway
        .follow(&sender(1), follower, None)
        .await
        .unwrap();
    let first = bench.send(&["a"]);
    let write = bench.write().await;
    let second = bench.send(&["b"]);
    bench.waiting(1).await;
    let third = bench.send(&["c"]);
    bench.waiting(2).await;
    for gone in [first, second] {
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
    }
    let asked = Instant::now();
    write.store().send(Ok(())).unwrap();
    // Whoever follows the log hears of it although nobody was there to be answered.
    assert_eq!(tail.next().await.unwrap().unwrap().event_id, "a");
    assert_eq!(asked.elapsed(), Duration::ZERO, "told, not looked for");
    let write = bench.write().await;
    assert_eq!(write.ids(), ["c"]);
    write.store().send(Ok(())).unwrap();
    assert!(matches!(outcome(third).await, ItemOutcome::Created(_)));
}
