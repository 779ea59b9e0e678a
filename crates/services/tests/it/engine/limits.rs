//! Who is turned away, who waits for whom, and that nobody is left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pts_api::SourceState;
use pts_api::actions::accounting::Tally;
use pts_domain::event::Form;
use pts_ports::{Appended, StoreError};
use pts_services::{ActionError, ItemOutcome, Mode};
use pts_testkit::generate::Dice;
use tokio::time::{Instant, timeout};

use super::{Bench, Fate, HANGS, items, many, outcome, sender, stored, until};

#[tokio::test]
async fn too_much_is_refused_at_once_and_one_sender_does_not_shut_out_another() {
    let bench = Bench::new();
    // Both writers hang.
    let hang = bench.send_as(1, many("w", 1), Mode::Store);
    until(|| bench.writes.len() == 1).await;
    let hang_too = bench.send_as(1, many("x", 250), Mode::Store);
    until(|| bench.writes.len() == 2).await;
    // Half of the room.
    let mut inside = vec![bench.send_as(1, many("a", 10_000), Mode::Store)];
    inside.push(bench.send_as(1, many("b", 10_000), Mode::Store));
    bench.waiting(20_000).await;
    let refused = bench.send_as(1, many("c", 1), Mode::Store).await.unwrap();
    assert!(
        matches!(refused, Err(ActionError::TooMuch { retry_after_s: 1.. })),
        "{refused:?}"
    );
    let accepted = bench.send_as(1, many("c", 1), Mode::Accept).await.unwrap();
    assert!(matches!(accepted, Err(ActionError::TooMuch { .. })));
    bench.search(None).await.unwrap();
    inside.push(bench.send_as(2, many("d", 10_000), Mode::Store));
    bench.waiting(30_000).await;
    // Whoever asks waits for better times, whoever sends does not.
    let shed = bench.search(None).await;
    assert!(
        matches!(shed, Err(ActionError::Overloaded { retry_after_s: 1.. })),
        "{shed:?}"
    );
    inside.push(bench.send_as(2, many("e", 9_999), Mode::Store));
    bench.waiting(39_999).await;
    let refused = bench.send_as(3, many("f", 2), Mode::Store).await.unwrap();
    assert!(
        matches!(refused, Err(ActionError::Overloaded { retry_after_s: 1.. })),
        "{refused:?}"
    );
    inside.push(bench.send_as(3, many("g", 1), Mode::Store));
    bench.waiting(40_000).await;
    let refused = bench.send_as(2, many("h", 1), Mode::Store).await.unwrap();
    assert!(matches!(refused, Err(ActionError::Overloaded { .. })));
    let told = bench.told();
    assert_eq!((told.received, told.refused), (5, 5));
    assert!(
        inside
            .iter()
            .chain([&hang, &hang_too])
            .all(|one| !one.is_finished())
    );
}

#[tokio::test(start_paused = true)]
async fn a_question_is_cut_at_its_deadline_and_names_its_source() {
    let bench = Bench::new();
    let asked = Instant::now();
    let Err(ActionError::TimedOut { after_s, coverage }) = bench.search(Some(HANGS)).await else {
        panic!("it was answered");
    };
    assert_eq!((after_s, asked.elapsed()), (20, Duration::from_secs(20)));
    assert_eq!(coverage.sources[0].state, SourceState::TimedOut);
    assert!(!coverage.complete);
    bench.search(None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn with_a_store_that_hangs_requests_are_answered_within_ten_seconds() {
    let mut bench = Bench::new();
    let begun = Instant::now();
    let being_written = bench.send(&["a"]);
    let write = bench.write().await;
    let waiting = bench.send(&["b"]);
    for request in [being_written, waiting] {
        let refused = request.await.unwrap();
        assert!(
            matches!(refused, Err(ActionError::Unavailable { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(begun.elapsed().as_secs(), 10);
    // When it goes on, who has been told "no" is not written any more; others are.
    let late = bench.send(&["c"]);
    bench.waiting(2).await;
    write.store().send(Ok(())).unwrap();
    let write = bench.write().await;
    assert_eq!(write.ids(), ["c"]);
    write.store().send(Ok(())).unwrap();
    assert!(matches!(outcome(late).await, ItemOutcome::Created(_)));
}

#[tokio::test(start_paused = true)]
async fn acceptance_comes_before_the_write_and_what_fails_afterwards_is_counted() {
    let mut bench = Bench::new();
    let accepted = bench.send_as(1, items(&["a"]), Mode::Accept);
    assert!(
        matches!(outcome(accepted).await, ItemOutcome::Accepted(receipt) if receipt.id.is_some())
    );
    let write = bench.write().await;
    let accepted = bench.send_as(1, items(&["b", "c"]), Mode::Accept);
    assert!(matches!(outcome(accepted).await, ItemOutcome::Accepted(_)));
    assert_eq!(bench.told().received, 0);
    // Nobody waits for them, so nobody gives them up.
    tokio::time::sleep(Duration::from_mins(1)).await;
    write.store().send(Ok(())).unwrap();
    let write = bench.write().await;
    assert_eq!(write.ids(), ["b", "c"]);
    write.end(Fate::Failed(StoreError::unavailable("away")));
    until(|| bench.told().received == 3).await;
    let told = bench.told();
    assert_eq!((told.stored, told.refused), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_the_store_refuses_is_invalid_and_harms_no_other() {
    let mut bench = Bench::new();
    let first = bench.send(&["a"]);
    let write = bench.write().await;
    let others = [bench.send(&["b"]), bench.send(&["c"]), bench.send(&["d"])];
    bench.waiting(3).await;
    write.store().send(Ok(())).unwrap();
    first.await.unwrap().unwrap();
    let refused = Appended::Refused {
        reason: "something".into(),
    };
    let answer = vec![stored(2), refused, stored(3)];
    bench.write().await.end(Fate::Answered(answer));
    let [b, c, d] = others;
    assert!(matches!(outcome(b).await, ItemOutcome::Created(_)));
    assert!(matches!(outcome(c).await, ItemOutcome::Invalid { errors, .. } if errors.len() == 1),);
    assert!(matches!(outcome(d).await, ItemOutcome::Created(_)));
    let told = bench.told();
    assert_eq!((told.stored, told.refused), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn senders_take_turns_so_that_who_sends_a_lot_waits_for_itself() {
    let mut bench = Bench::new();
    let first = bench.send(&["w"]);
    let write = bench.write().await;
    let mut greedy = Vec::new();
    // Fewer than what another writer would begin for, and then some: that one hangs.
    greedy.push(bench.send_as(1, many("a", 250), Mode::Store));
    let other = bench.write().await;
    assert_eq!(other.ids().len(), 250);
    for n in 0..40 {
        greedy.push(bench.send_as(1, many(&format!("b{n}-"), 50), Mode::Store));
    }
    bench.waiting(2_000).await;
    let modest = bench.send_as(2, items(&["modest"]), Mode::Store);
    bench.waiting(2_001).await;
    write.store().send(Ok(())).unwrap();
    first.await.unwrap().unwrap();
    let write = bench.write().await;
    let place = write.ids().iter().position(|id| *id == "modest");
    assert!(place.is_some_and(|place| place <= 100), "{place:?}");
    assert!(write.ids().len() >= 900, "{}", write.ids().len());
    write.store().send(Ok(())).unwrap();
    assert!(matches!(outcome(modest).await, ItemOutcome::Created(_)));
    assert!(greedy.iter().any(|request| !request.is_finished()));
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_panics_leaves_its_place_to_another() {
    let mut bench = Bench::new();
    let begun = Instant::now();
    for round in 0..4 {
        let request = bench.send(&["a"]);
        bench.write().await.end(Fate::Panics);
        let refused = request.await.unwrap();
        assert!(
            matches!(refused, Err(ActionError::Unavailable { .. })),
            "{round}"
        );
    }
    let request = bench.send(&["b"]);
    bench.write().await.store().send(Ok(())).unwrap();
    assert!(matches!(outcome(request).await, ItemOutcome::Created(_)));
    assert_eq!(
        begun.elapsed(),
        Duration::ZERO,
        "nobody waited to be given up"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn no_request_is_ever_left_behind() {
    const SENDERS: u64 = 12;
    const ROUNDS: u64 = 150;
    let Bench {
        gateway,
        mut writes,
    } = Bench::new();
    // A store that takes its time, now here, now there.
    let most_at_once = Arc::new(AtomicUsize::new(0));
    let store = tokio::spawn({
        let most = Arc::clone(&most_at_once);
        async move {
            let mut dice = Dice::new(1);
            let at_once = Arc::new(AtomicUsize::new(0));
            while let Some(write) = writes.recv().await {
                let (before, after) = (dice.below(12), dice.below(12));
                let now = at_once.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                let at_once = Arc::clone(&at_once);
                tokio::spawn(async move {
                    pause(before).await;
                    at_once.fetch_sub(1, Ordering::SeqCst);
                    let disk = write.store();
                    pause(after).await;
                    disk.send(Ok(())).unwrap();
                });
            }
        }
    });
    let senders = (0..SENDERS).map(|n| {
        let gateway = Arc::clone(&gateway);
        tokio::spawn(async move {
            let mut dice = Dice::new(100 + n);
            let mut sent = 0;
            for round in 0..ROUNDS {
                let size = if dice.chance(5) {
                    300
                } else {
                    1 + dice.below(3)
                };
                let batch = many(&format!("{n}-{round}-"), usize::try_from(size).unwrap());
                let token = sender(u128::from(n % 3));
                let asked = gateway.ingest(&token, batch, Form::Lenient, Mode::Store);
                let outcomes = timeout(Duration::from_secs(9), asked).await;
                let outcomes = outcomes.expect("an answer").unwrap();
                assert_eq!(outcomes.len() as u64, size);
                for outcome in outcomes {
                    assert!(matches!(outcome, ItemOutcome::Created(_)), "{outcome:?}");
                }
                sent += size;
                pause(dice.below(20)).await;
            }
            sent
        })
    });
    let mut sent = 0;
    for sender in senders.collect::<Vec<_>>() {
        sent += sender.await.unwrap();
    }
    assert_eq!(Tally::from(gateway.tallies().totals()).stored, sent);
    assert_eq!(gateway.waiting(), (0, 0));
    assert!(
        most_at_once.load(Ordering::SeqCst) <= 2,
        "writers are bounded"
    );
    drop(gateway);
    timeout(Duration::from_secs(9), store)
        .await
        .unwrap()
        .unwrap();
}

async fn pause(steps: u64) {
    for _ in 0..steps {
        tokio::task::yield_now().await;
    }
}
