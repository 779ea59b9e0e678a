//! What reading on promises: the order of the log, every event that fits, and a place to go on
//! from.

use pts_domain::StoredEvent;
use pts_domain::filter::{EventFilter, TypePattern};
use serde_json::json;

use super::Harness;
use crate::generate::{Babel, Sender, minute};

/// Reads from a place to the end; returns the events and the place.
async fn read_on(
    store: &Harness,
    filter: &EventFilter,
    mut position: i64,
    limit: usize,
) -> (Vec<StoredEvent>, i64) {
    let mut events: Vec<StoredEvent> = Vec::new();
    loop {
        let tail = store.log.after(position, filter, limit).await.unwrap();
        assert!(tail.events.len() <= limit);
        for event in &tail.events {
            assert!(position < event.position && event.position <= tail.scanned_to);
            assert!(
                events
                    .last()
                    .is_none_or(|last| last.position < event.position)
            );
            events.push(event.clone());
        }
        if tail.scanned_to == position {
            assert!(tail.events.is_empty());
            return (events, position);
        }
        assert!(
            tail.scanned_to > position,
            "it went back to {}",
            tail.scanned_to
        );
        position = tail.scanned_to;
    }
}

fn positions(events: &[StoredEvent]) -> Vec<i64> {
    events.iter().map(|stored| stored.position).collect()
}

/// From any place, all that fits comes in the order of the log, with any limit.
pub async fn the_tail_gives_what_fits_in_the_order_of_the_log(store: Harness) {
    for batch in Babel::new(3).batches(300, 30) {
        store.append(batch).await;
    }
    let log = store.everything().await;
    let head = store.log.head().await.unwrap();
    let filters = [
        EventFilter::default(),
        EventFilter {
            types: vec![TypePattern::from("incident.*")],
            service: Some("payments".to_owned()),
            ..EventFilter::default()
        },
        EventFilter {
            source: Some("nobody".to_owned()),
            ..EventFilter::default()
        },
    ];
    for filter in filters {
        for from in [0, 1, 150, head - 1, head] {
            let fit = log
                .iter()
                .filter(|stored| stored.position > from && filter.fits(stored));
            let expected: Vec<_> = fit.map(|stored| stored.position).collect();
            for limit in [1, 10, 1_000] {
                let (events, end) = read_on(&store, &filter, from, limit).await;
                assert_eq!(positions(&events), expected, "{filter:?} from {from}");
                assert_eq!(end, head);
            }
        }
    }
}

/// Who has read to the end gets what comes after, once; the full event, not a part of it.
pub async fn reading_on_gives_what_was_appended_since(store: Harness) {
    let all = EventFilter::default();
    let tail = store.log.after(0, &all, 10).await.unwrap();
    assert_eq!((tail.events.len(), tail.scanned_to), (0, 0));
    let mut sender = Sender::named("tail");
    let mut end = 0;
    for round in 0..5 {
        let event = sender.event("com.acme.x", minute(-round), json!({"round": round}));
        store.append(vec![event.clone()]).await;
        let (events, now) = read_on(&store, &all, end, 10).await;
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].event, event.event);
        assert_eq!(events[0].id, event.id);
        assert_eq!(now, end + 1);
        end = now;
    }
    // A place beyond the end is the end: nothing there, and no going back.
    let tail = store.log.after(end + 100, &all, 10).await.unwrap();
    assert_eq!((tail.events.len(), tail.scanned_to), (0, end + 100));
}
