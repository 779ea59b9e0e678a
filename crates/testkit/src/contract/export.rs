//! What reading everything promises: each event up to a place once, in order, as it was stored,
//! whatever is appended meanwhile.

use pts_domain::event::RawEvent;
use pts_domain::filter::EventFilter;
use serde_json::{Value, json};

use super::Harness;
use super::search::{fill, filters, newest_first};
use crate::generate::{Sender, minute};

/// Reads all stretches, looking at each.
async fn all(store: &Harness, filter: &EventFilter, up_to: i64) -> Vec<RawEvent> {
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let stretch = store.log.stretch(filter, up_to, cursor).await.unwrap();
        found.extend(stretch.events);
        match stretch.next {
            Some(next) => cursor = Some(next),
            None => return found,
        }
    }
}

/// What a search gives for every filter of searches, all stretches together give too, as the same
/// values.
pub async fn all_stretches_together_are_what_a_search_finds(store: Harness) {
    let log = fill(&store).await;
    let up_to = store.log.head().await.unwrap();
    for (name, filter) in filters() {
        let found = all(&store, &filter, up_to).await;
        let fit = log.iter().filter(|stored| filter.fits(stored)).cloned();
        let wanted = newest_first(fit.collect());
        let wanted: Vec<RawEvent> = wanted.into_iter().map(Into::into).collect();
        assert_eq!(found.len(), wanted.len(), "{name}");
        for (found, wanted) in found.iter().zip(&wanted) {
            assert!(!found.data.contains('\n'), "{name}: more than a line");
            assert_eq!(values(found), values(wanted), "{name}");
            let bare = |event: &RawEvent| RawEvent {
                data: String::new(),
                attributes: String::new(),
                ..event.clone()
            };
            assert_eq!(bare(found), bare(wanted), "{name}");
        }
    }
}

fn values(event: &RawEvent) -> [Value; 2] {
    [&event.data, &event.attributes].map(|text| {
        let value: Value = serde_json::from_str(text).expect("JSON");
        numbers(value)
    })
}

/// A number has more than one spelling.
fn numbers(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.into_iter().map(numbers).collect(),
        Value::Object(map) => map.into_iter().map(|(k, v)| (k, numbers(v))).collect(),
        other => other,
    }
}

/// A place in the log is a snapshot: what comes later is not in it, wherever it belongs in time.
pub async fn what_is_appended_meanwhile_is_not_in_it(store: Harness) {
    let mut sender = Sender::named("export");
    let mut at = |n| sender.event("com.acme.x", minute(n), json!({ "n": n }));
    store.append((0..40).map(&mut at).collect()).await;
    let up_to = store.log.head().await.unwrap();
    let filter = EventFilter::default();
    let (mut found, mut cursor) = (Vec::new(), None);
    let mut late = 0;
    loop {
        let stretch = store.log.stretch(&filter, up_to, cursor).await.unwrap();
        found.extend(stretch.events.iter().map(|event| event.position));
        // Older and newer than what has been read, and among it.
        store.append(vec![at(late), at(20), at(40 + late)]).await;
        late += 1;
        match stretch.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    let wanted: Vec<i64> = (1..=40).rev().collect();
    assert_eq!(found, wanted);
}

/// More than fits into one stretch, by number and by size.
pub async fn many_events_and_large_ones_are_all_read(store: Harness) {
    let mut sender = Sender::named("bulk");
    let long = "x".repeat(200_000);
    for batch in 0..5_u32 {
        let events = (0..1_000_u32).map(|n| {
            let large = batch == 2 && n % 10 == 0;
            let text = if large { long.as_str() } else { "" };
            sender.event(
                "com.acme.x",
                minute(i64::from(n % 50)),
                json!({ "text": text }),
            )
        });
        store.append(events.collect()).await;
    }
    let found = all(&store, &EventFilter::default(), 5_000).await;
    let places: Vec<_> = found
        .iter()
        .map(|event| (event.time, event.position))
        .collect();
    assert_eq!(places.len(), 5_000);
    assert!(places.is_sorted_by(|one, next| one > next));
    let large = found.iter().filter(|event| event.data.len() > 200_000);
    assert_eq!(large.count(), 100);
}
