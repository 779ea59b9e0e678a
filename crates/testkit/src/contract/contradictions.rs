//! What the list of contradictions promises: all of them, newest first, by what they are about.

use std::collections::BTreeSet;

use pts_domain::projection::Contradiction;
use serde_json::json;

use super::Harness;
use crate::generate::{Babel, Sender, minute};

async fn all_pages(store: &Harness, about: Option<&str>, limit: usize) -> Vec<Contradiction> {
    let mut found: Vec<Contradiction> = Vec::new();
    let mut cursor = None;
    loop {
        let about = about.map(ToOwned::to_owned);
        let page = store
            .log
            .contradictions(about, cursor, limit)
            .await
            .unwrap();
        assert!(page.items.len() <= limit);
        found.extend(page.items);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return found,
        }
    }
}

fn named(contradiction: &Contradiction) -> (i64, String, String) {
    (
        contradiction.position,
        contradiction.code.clone(),
        contradiction.about.clone(),
    )
}

/// All there are, newest first, in pages of any size, with several of one event among them.
pub async fn contradictions_are_listed_newest_first_in_pages(store: Harness) {
    for batch in Babel::new(11).batches(400, 40) {
        store.append(batch).await;
    }
    let expected = store.model().await.contradictions;
    let most = expected
        .windows(2)
        .filter(|two| two[0].position == two[1].position)
        .count();
    assert!(
        expected.len() > 50 && most > 0,
        "the test is weak: {}",
        expected.len()
    );
    for limit in [1, 7, 1_000] {
        let found = all_pages(&store, None, limit).await;
        assert!(
            found.is_sorted_by(|a, b| a.position >= b.position),
            "limit {limit}"
        );
        assert_eq!(found.len(), expected.len(), "limit {limit}");
        let set = |list: &[Contradiction]| list.iter().map(named).collect::<BTreeSet<_>>();
        assert_eq!(set(&found), set(&expected), "limit {limit}");
        for contradiction in &found {
            assert!(expected.contains(contradiction), "{contradiction:?}");
        }
    }
}

/// `about` narrows to one subject, spelt exactly so.
pub async fn contradictions_are_narrowed_to_what_they_are_about(store: Harness) {
    let mut sender = Sender::named("about");
    let mut failed =
        |id: &str, at| sender.deployment("failed", "payments", id, minute(at), json!({}));
    let batch = vec![
        failed("d-1", 1),
        failed("d-2", 2),
        failed("d-10", 3),
        failed("d-1", 4),
    ];
    store.append(batch).await;
    let found = all_pages(&store, Some("deployment payments/production/d-1"), 1).await;
    let positions: Vec<_> = found.iter().map(|found| found.position).collect();
    assert_eq!(positions, [4, 1]);
    for nobody in [
        "deployment payments/production/d",
        "",
        "Deployment payments/production/d-1",
    ] {
        assert_eq!(all_pages(&store, Some(nobody), 10).await, []);
    }
}
