//! What appending promises: an order without holes, every identity once, all of a batch or nothing.

use std::collections::{BTreeSet, HashSet};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use chrono::Duration;
use futures::StreamExt as _;
use futures::future::join_all;
use pts_domain::event::NewEvent;
use pts_ports::Appended;
use serde_json::json;

use super::Harness;
use crate::generate::{Babel, Sender, minute};

/// Far longer than anything here takes.
const LONG: std::time::Duration = std::time::Duration::from_secs(20);

fn notice(sender: &mut Sender, text: &str) -> NewEvent {
    sender.event("platform.notice", minute(0), json!({"message": text}))
}

fn position(outcome: &Appended) -> i64 {
    match outcome {
        Appended::Stored { position, .. } => *position,
        other => panic!("{other:?} is not stored"),
    }
}

fn repeat_of(first: &NewEvent) -> Appended {
    Appended::Repeat {
        id: first.id,
        received_at: first.received_at,
    }
}

fn conflict_with(first: &NewEvent) -> Appended {
    Appended::Conflict {
        id: first.id,
        received_at: first.received_at,
    }
}

/// Positions count from 1, in the order of appends and within a batch in the order of the batch.
pub async fn positions_count_from_one_without_holes(store: Harness) {
    let mut sender = Sender::named("order");
    assert_eq!(store.log.head().await.unwrap(), 0);
    let mut expected = 1;
    for size in [1, 3, 1, 40] {
        let batch: Vec<_> = (0..size)
            .map(|n| notice(&mut sender, &n.to_string()))
            .collect();
        let outcomes = store.append(batch).await;
        for outcome in &outcomes {
            assert_eq!(position(outcome), expected);
            expected += 1;
        }
        assert_eq!(store.log.head().await.unwrap(), expected - 1);
    }
    let positions: Vec<_> = store
        .everything()
        .await
        .iter()
        .map(|e| e.position)
        .collect();
    assert_eq!(positions, (1..expected).collect::<Vec<_>>());
}

/// A repeat is stored once, whenever it comes, and is told the first one's id.
pub async fn a_repeated_event_is_stored_once_and_names_the_first(store: Harness) {
    let mut sender = Sender::named("repeats");
    let first = notice(&mut sender, "hello");
    store.append(vec![first.clone()]).await;
    for _ in 0..3 {
        let again = sender.again(&first);
        assert_ne!(again.id, first.id);
        assert_eq!(store.append(vec![again]).await, [repeat_of(&first)]);
    }
    assert_eq!(store.log.head().await.unwrap(), 1);
    let stored = store.log.get(first.id).await.unwrap().unwrap();
    assert_eq!(stored.received_at, first.received_at);
}

/// A repeat is one after seven days, too, over the end of a month and of a year; and where clocks
/// differ, before the first one.
pub async fn a_repeat_is_recognised_for_seven_days_whatever_the_calendar_says(store: Harness) {
    let mut sender = Sender::named("days");
    for hours in [1, 24, 7 * 24 - 1, -1, -24] {
        let mut first = notice(&mut sender, "hello");
        // `now` is the first moment of a year.
        first.received_at -= Duration::hours(20);
        store.append(vec![first.clone()]).await;
        let mut again = sender.again(&first);
        again.received_at = first.received_at + Duration::hours(hours);
        let mut other = sender.again(&again);
        other.event.data = json!({"message": "changed"});
        let outcomes = store.append(vec![again, other]).await;
        assert_eq!(
            outcomes,
            [repeat_of(&first), conflict_with(&first)],
            "after {hours} h"
        );
    }
    assert_eq!(store.log.head().await.unwrap(), 5);
}

/// An identity that stands for something else already is a conflict, and nothing is stored of it.
pub async fn another_event_of_the_same_identity_is_a_conflict(store: Harness) {
    let mut sender = Sender::named("conflicts");
    let first = notice(&mut sender, "one thing");
    store.append(vec![first.clone()]).await;
    let mut other = sender.again(&first);
    other.event.data = json!({"message": "another thing"});
    let neighbour = notice(&mut sender, "neighbour");
    let outcomes = store.append(vec![other.clone(), neighbour.clone()]).await;
    assert_eq!(outcomes[0], conflict_with(&first));
    assert_eq!(position(&outcomes[1]), 2);
    assert!(store.log.get(other.id).await.unwrap().is_none());
    let stored = store.log.get(first.id).await.unwrap().unwrap();
    assert_eq!(stored.event, first.event);
    // Every part of the content counts, and the source is a part of the identity.
    let mut changed = sender.again(&first);
    changed.event.subject = Some("a subject".to_owned());
    assert_eq!(store.append(vec![changed]).await, [conflict_with(&first)]);
    let mut elsewhere = sender.again(&first);
    elsewhere.event.identity.source.insert(0, 'x');
    assert_eq!(position(&store.append(vec![elsewhere]).await[0]), 3);
}

/// Within one batch the first of an identity counts; the others are repeats or conflicts of it.
pub async fn repeats_and_conflicts_inside_one_batch_are_told_apart(store: Harness) {
    let mut sender = Sender::named("inside");
    let old = notice(&mut sender, "old");
    store.append(vec![old.clone()]).await;
    let new = notice(&mut sender, "new");
    let mut new_changed = sender.again(&new);
    new_changed.event.data = json!({"message": "changed"});
    let batch = vec![
        sender.again(&old),
        new.clone(),
        sender.again(&new),
        new_changed.clone(),
        sender.again(&old),
        notice(&mut sender, "last"),
    ];
    let outcomes = store.append(batch).await;
    assert_eq!(outcomes[0], repeat_of(&old));
    assert_eq!(position(&outcomes[1]), 2);
    assert_eq!(outcomes[2], repeat_of(&new));
    assert_eq!(outcomes[3], conflict_with(&new));
    assert_eq!(outcomes[4], repeat_of(&old));
    assert_eq!(position(&outcomes[5]), 3);
    assert_eq!(store.log.head().await.unwrap(), 3);
}

/// A batch of nothing, or of nothing new, changes nothing.
pub async fn a_batch_with_nothing_new_changes_nothing(store: Harness) {
    assert_eq!(store.append(Vec::new()).await, []);
    let mut sender = Sender::named("nothing");
    let event = sender.deployment("started", "a", "d", minute(0), json!({"version": "1"}));
    store.append(vec![event.clone()]).await;
    let before = store.model().await.aggregates;
    store.append(vec![sender.again(&event)]).await;
    store.append(Vec::new()).await;
    assert_eq!(store.log.head().await.unwrap(), 1);
    assert_eq!(store.model().await.aggregates, before);
    assert_eq!(store.maintenance.check().await.unwrap(), []);
}

/// A thousand events are one batch.
pub async fn a_batch_of_a_thousand_events_is_stored_whole(store: Harness) {
    let batch: Vec<_> = Babel::new(1000).events(1_000);
    let ids: HashSet<_> = batch.iter().map(|event| event.id).collect();
    let outcomes = store.append(batch).await;
    let stored = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Appended::Stored { .. }))
        .count();
    let log = store.everything().await;
    assert_eq!(log.len(), stored);
    assert!(log.iter().all(|event| ids.contains(&event.id)));
    assert_eq!(store.maintenance.check().await.unwrap(), []);
}

/// Many appends of the same event at the same time store it once, and all name the same first.
pub async fn concurrent_appends_of_one_identity_store_it_once(store: Harness) {
    let mut sender = Sender::named("race");
    for round in 0..5 {
        let event = notice(&mut sender, &round.to_string());
        let appends = (0..8).map(|_| {
            let (log, copy) = (Arc::clone(&store.log), sender.again(&event));
            tokio::spawn(async move { (copy.id, log.append(vec![copy]).await.unwrap()) })
        });
        let outcomes = join_all(appends).await;
        let outcomes: Vec<_> = outcomes.into_iter().map(|done| done.unwrap()).collect();
        let winners: Vec<_> = outcomes
            .iter()
            .filter(|(_, outcome)| matches!(outcome[0], Appended::Stored { .. }))
            .map(|(id, _)| *id)
            .collect();
        assert_eq!(winners.len(), 1, "{outcomes:?}");
        for (_, outcome) in &outcomes {
            if let Appended::Repeat { id, .. } = &outcome[0] {
                assert_eq!(*id, winners[0]);
            } else {
                assert!(matches!(outcome[0], Appended::Stored { .. }), "{outcome:?}");
            }
        }
    }
    assert_eq!(store.log.head().await.unwrap(), 5);
}

/// Appends at the same time, of events about the same things, leave no hole and lose nothing.
pub async fn concurrent_appends_leave_no_hole_and_fold_everything(store: Harness) {
    let appends = (0..6).map(|seed| {
        let log = Arc::clone(&store.log);
        tokio::spawn(async move {
            let mut positions = Vec::new();
            for batch in Babel::new(seed).batches(60, 7) {
                let outcomes = log.append(batch).await.unwrap();
                let stored = outcomes.iter().filter_map(|outcome| match outcome {
                    Appended::Stored { position, .. } => Some(*position),
                    _ => None,
                });
                positions.extend(stored);
            }
            positions
        })
    });
    let mut all = BTreeSet::new();
    for positions in join_all(appends).await {
        let positions = positions.unwrap();
        assert!(
            positions.is_sorted(),
            "a later append got an earlier position"
        );
        for position in positions {
            assert!(all.insert(position), "position {position} was given twice");
        }
    }
    let count = i64::try_from(all.len()).unwrap();
    assert_eq!(all, (1..=count).collect());
    assert_eq!(store.log.head().await.unwrap(), count);
    assert_eq!(store.maintenance.check().await.unwrap(), []);
    assert_eq!(store.maintenance.verify().await.unwrap().faults, [""; 0]);
}

/// A caller that goes away in the middle of an append leaves all of it or nothing of it behind,
/// and a store that works.
pub async fn an_append_dropped_half_way_leaves_nothing_half_stored(store: Harness) {
    let mut sender = Sender::named("dropped");
    for polls in 0..30_usize {
        let batch: Vec<_> = (0..5)
            .map(|n| notice(&mut sender, &n.to_string()))
            .collect();
        let ids: Vec<_> = batch.iter().map(|event| event.id).collect();
        {
            // Polled so often, each time when something it waits for has happened, then dropped.
            let mut append = pin!(store.log.append(batch));
            let mut left = polls;
            poll_fn(|context| {
                if left == 0 {
                    return Poll::Ready(());
                }
                left -= 1;
                append.as_mut().poll(context).map(|_| ())
            })
            .await;
        }
        let next = notice(&mut sender, "next");
        let outcome = store.append(vec![next]).await;
        assert!(position(&outcome[0]) >= 1);
        let mut there = 0;
        for id in ids {
            there += usize::from(store.log.get(id).await.unwrap().is_some());
        }
        assert!(there == 0 || there == 5, "{there} of 5 after {polls} polls");
    }
    let log = store.everything().await;
    assert_eq!(
        store.log.head().await.unwrap(),
        i64::try_from(log.len()).unwrap()
    );
    assert!(
        (1..)
            .zip(&log)
            .all(|(place, event)| event.position == place)
    );
    assert_eq!(store.maintenance.check().await.unwrap(), []);
}

/// What did not fit is told to the sender and kept beside the event.
pub async fn contradictions_are_told_and_the_event_is_stored_all_the_same(store: Harness) {
    let mut sender = Sender::named("contradictions");
    let event = sender.deployment("succeeded", "a", "d-1", minute(0), json!({"version": "1"}));
    let outcomes = store.append(vec![event.clone()]).await;
    let Appended::Stored { contradictions, .. } = &outcomes[0] else {
        panic!("{outcomes:?}");
    };
    assert_eq!(contradictions.len(), 1);
    assert_eq!(contradictions[0].code, "finished_without_start");
    assert_eq!(contradictions[0].event_id, event.id);
    assert_eq!(contradictions[0].position, 1);
    assert!(store.log.get(event.id).await.unwrap().is_some());
    let page = store.log.contradictions(None, None, 10).await.unwrap();
    assert_eq!(page.items, *contradictions);
    // Its repeat contradicts nothing: it did not happen again.
    store.append(vec![sender.again(&event)]).await;
    let page = store.log.contradictions(None, None, 10).await.unwrap();
    assert_eq!(page.items.len(), 1);
}

/// A store that can commit says that it is ready.
pub async fn a_store_that_works_is_ready(store: Harness) {
    store.log.ready().await.unwrap();
}

/// What is announced reaches everybody who listens, from the moment that they do.
pub async fn what_is_announced_is_heard_by_all_who_listen(store: Harness) {
    store.log.announce(3).await.unwrap();
    let mut listeners = Vec::new();
    for _ in 0..3 {
        listeners.push(store.log.announced().await.unwrap());
    }
    for position in [4, 9, 1_000_000_000_000] {
        store.log.announce(position).await.unwrap();
        for listener in &mut listeners {
            let heard = tokio::time::timeout(LONG, listener.next()).await;
            assert_eq!(heard.expect("it is heard"), Some(position));
        }
    }
}

/// Several may write before any of it is safe; when one is, it and all before it are told and read.
pub async fn what_is_written_is_seen_when_it_is_safe(store: Harness) {
    let mut sender = Sender::named("written");
    let mut written = Vec::new();
    for size in [3_i64, 1, 120] {
        let batch = (0..size).map(|n| notice(&mut sender, &n.to_string()));
        written.push(store.log.write(batch.collect()).await.unwrap());
    }
    let mut places = written.iter().flat_map(|one| &one.appended).map(position);
    assert!(places.by_ref().eq(1..=124));
    // The last first.
    for one in written.into_iter().rev() {
        one.durable.await.unwrap();
        assert_eq!(store.log.head().await.unwrap(), 124);
    }
    assert_eq!(store.everything().await.len(), 124);
}
