//! What searching promises: the newest first, what fits and nothing else, and pages that stay true
//! while others write.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use pts_domain::StoredEvent;
use pts_domain::filter::{EventFilter, TypePattern};
use serde_json::json;

use super::Harness;
use crate::generate::{Babel, Sender, minute};

/// Reads all pages, looking at each.
async fn all_pages(store: &Harness, filter: &EventFilter, limit: usize) -> Vec<StoredEvent> {
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.log.search(filter, cursor, limit).await.unwrap();
        assert!(page.items.len() <= limit, "{} items", page.items.len());
        assert!(
            page.next.is_none() || page.items.len() == limit,
            "a page is cut short"
        );
        found.extend(page.items);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return found,
        }
    }
}

pub(super) fn newest_first(mut events: Vec<StoredEvent>) -> Vec<StoredEvent> {
    events.sort_by_key(|stored| Reverse((stored.event.time, stored.position)));
    events
}

fn positions(events: &[StoredEvent]) -> Vec<i64> {
    events.iter().map(|stored| stored.position).collect()
}

/// Newest first by the time they happened; of one moment, the one that was stored last first.
pub async fn search_is_newest_first_and_a_tie_goes_to_the_later_position(store: Harness) {
    let mut sender = Sender::named("ties");
    let mut at = |n| sender.event("com.acme.x", minute(n), json!({}));
    store.append(vec![at(5), at(9), at(5)]).await;
    store.append(vec![at(7), at(5), at(1)]).await;
    for limit in [1, 2, 3, 100] {
        let found = all_pages(&store, &EventFilter::default(), limit).await;
        assert_eq!(positions(&found), [2, 4, 5, 3, 1, 6], "limit {limit}");
    }
}

/// The filters that follow, with words for failures.
pub(super) fn filters() -> Vec<(String, EventFilter)> {
    let mut filters = vec![("all".to_owned(), EventFilter::default())];
    let mut add = |name: String, change: &dyn Fn(&mut EventFilter)| {
        let mut filter = EventFilter::default();
        change(&mut filter);
        filters.push((name, filter));
    };
    for types in [
        &["deployment.started"][..],
        &["deployment.*"],
        &["deployment.*", "incident.opened"],
        &["com.acme.*"],
        &["*"],
        &["deployment"],
        &["no.such.type"],
        // Signs that mean something in a pattern of SQL, and nothing here.
        &["d%"],
        &["deployment_started"],
        &["deploymen_.*"],
    ] {
        add(format!("types {types:?}"), &|filter| {
            filter.types = types.iter().map(|text| TypePattern::from(*text)).collect();
        });
    }
    for service in ["payments", "Überweisung", "a b/c", "PAYMENTS", "nobody"] {
        add(format!("service {service}"), &|filter| {
            filter.service = Some(service.to_owned());
        });
    }
    for environment in ["production", "prod"] {
        add(format!("environment {environment}"), &|filter| {
            filter.environment = Some(environment.to_owned());
        });
    }
    for source in ["babel/7", "hand", "babel"] {
        add(format!("source {source}"), &|filter| {
            filter.source = Some(source.to_owned());
        });
    }
    for subject in ["subject/1", "subject"] {
        add(format!("subject {subject}"), &|filter| {
            filter.subject = Some(subject.to_owned());
        });
    }
    add("since".into(), &|filter| filter.since = Some(minute(250)));
    add("until".into(), &|filter| filter.until = Some(minute(250)));
    add("a window".into(), &|filter| {
        (filter.since, filter.until) = (Some(minute(100)), Some(minute(101)));
    });
    add("an empty window".into(), &|filter| {
        (filter.since, filter.until) = (Some(minute(100)), Some(minute(100)));
    });
    for (path, value) in [
        ("version", "1.0.0"),
        ("unplanned", "true"),
        ("ttl_s", "61"),
        ("vulnerabilities.critical", "2"),
        ("list.1.deep", "found"),
        ("list.0", "7"),
        ("list.9", "7"),
        ("list.x", "7"),
        ("nothing", "null"),
        ("text", "it's \"quoted\" \\ 100 %"),
        ("it's \"a key\" \\ 100 %", "yes"),
        ("negative", "-4"),
        ("half", "0.5"),
        ("text.more", "x"),
        ("no.such.path", ""),
        ("empty", ""),
    ] {
        add(format!("data.{path}={value}"), &|filter| {
            filter.data = BTreeMap::from([(path.to_owned(), value.to_owned())]);
        });
    }
    add("everything at once".into(), &|filter| {
        filter.types = vec![TypePattern::from("deployment.*")];
        filter.service = Some("payments".to_owned());
        filter.environment = Some("production".to_owned());
        filter.since = Some(minute(50));
        filter.until = Some(minute(450));
        filter.data = BTreeMap::from([
            ("deployment_id".to_owned(), "d-1".to_owned()),
            ("version".to_owned(), "1.0.0".to_owned()),
        ]);
    });
    filters
}

/// A log with something to find for every filter.
pub(super) async fn fill(store: &Harness) -> Vec<StoredEvent> {
    for batch in Babel::new(7).batches(500, 40) {
        store.append(batch).await;
    }
    let mut sender = Sender::named("hand");
    let data = json!({
        "text": "it's \"quoted\" \\ 100 %", "it's \"a key\" \\ 100 %": "yes", "nothing": null,
        "list": [7, {"deep": "found"}], "negative": -4, "half": 0.5, "empty": "",
    });
    store
        .append(vec![sender.event("com.acme.x", minute(3), data)])
        .await;
    for n in 0..6 {
        let more = json!({"version": "1.0.0"});
        let event = sender.deployment("started", "payments", "d-1", minute(90 + n), more);
        store.append(vec![event]).await;
    }
    store.everything().await
}

/// What fits is found, all of it, and nothing else, with every filter and any size of page.
pub async fn search_finds_what_fits_with_every_filter(store: Harness) {
    let log = fill(&store).await;
    for (name, filter) in filters() {
        let fit = log
            .iter()
            .filter(|stored| filter.fits(stored))
            .cloned()
            .collect();
        let expected = positions(&newest_first(fit));
        for limit in [7, 1_000] {
            let found = all_pages(&store, &filter, limit).await;
            assert_eq!(positions(&found), expected, "{name}, limit {limit}");
        }
    }
}

/// The page that ends with the last event is the last one.
pub async fn a_full_last_page_has_no_next(store: Harness) {
    let mut sender = Sender::named("last");
    let batch = (0..6).map(|n| sender.event("com.acme.x", minute(n), json!({})));
    store.append(batch.collect()).await;
    let page = store
        .log
        .search(&EventFilter::default(), None, 6)
        .await
        .unwrap();
    assert_eq!((page.items.len(), page.next), (6, None));
    let page = store
        .log
        .search(&EventFilter::default(), None, 3)
        .await
        .unwrap();
    let page = store
        .log
        .search(&EventFilter::default(), page.next, 3)
        .await
        .unwrap();
    assert_eq!((page.items.len(), page.next), (3, None));
}

/// Whatever is appended between two pages, no event that was there is skipped or shown twice.
pub async fn pages_neither_skip_nor_repeat_while_others_append(store: Harness) {
    let mut babel = Babel::new(99);
    store.append(babel.events(200)).await;
    let there = newest_first(store.everything().await);
    let filter = EventFilter {
        types: vec![
            TypePattern::from("deployment.*"),
            TypePattern::from("service.*"),
        ],
        ..EventFilter::default()
    };
    let expected: Vec<_> = there.iter().filter(|stored| filter.fits(stored)).collect();
    let head = store.log.head().await.unwrap();
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.log.search(&filter, cursor, 5).await.unwrap();
        seen.extend(page.items);
        // New ones, older ones and some of the very same moments.
        store.append(babel.events(5)).await;
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    let all = positions(&seen);
    let mut unique = all.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), all.len(), "an event was shown twice");
    seen.retain(|stored| stored.position <= head);
    assert_eq!(
        positions(&seen),
        expected
            .iter()
            .map(|stored| stored.position)
            .collect::<Vec<_>>()
    );
}

/// An id that nobody gave is nobody's.
pub async fn an_unknown_id_is_found_by_nobody(store: Harness) {
    let mut sender = Sender::named("unknown");
    let event = sender.event("com.acme.x", minute(0), json!({}));
    assert_eq!(store.log.get(event.id).await.unwrap(), None);
    store.append(vec![event.clone()]).await;
    assert_eq!(store.log.get(event.id).await.unwrap().unwrap().position, 1);
}
