//! What upkeep promises: a rebuild changes nothing, a check of an untouched store finds nothing,
//! and a log that nobody touched is intact.

use pts_domain::projection::Contradiction;
use pts_ports::{DeploymentQuery, ImageQuery, IncidentQuery, RunQuery, StateQuery};

use super::Harness;
use crate::generate::{Babel, deployments};

/// Everything that can be read from the projections, as text.
pub(super) async fn dump(store: &Harness) -> Vec<String> {
    let read = &store.projections;
    let services = read.services(None, None, 1_000).await.unwrap().items;
    let names: Vec<_> = services
        .iter()
        .map(|service| service.service.clone())
        .collect();
    let mut dump = vec![format!("{services:?}")];
    for name in &names {
        dump.push(format!("{:?}", read.configs(name, 1_000).await.unwrap()));
    }
    dump.push(format!("{:?}", read.instances(names, 1_000).await.unwrap()));
    dump.push(format!(
        "{:?}",
        read.runs(&RunQuery::default(), 10_000).await.unwrap()
    ));
    let all = DeploymentQuery::default();
    dump.push(format!(
        "{:?}",
        read.deployments(&all, None, 1_000).await.unwrap()
    ));
    let all = ImageQuery::default();
    dump.push(format!(
        "{:?}",
        read.images(&all, None, 1_000).await.unwrap()
    ));
    let all = StateQuery::default();
    dump.push(format!(
        "{:?}",
        read.states(&all, None, 1_000).await.unwrap()
    ));
    let all = IncidentQuery::default();
    dump.push(format!(
        "{:?}",
        read.incidents(&all, None, 1_000).await.unwrap()
    ));
    let contradictions = store
        .log
        .contradictions(None, None, 10_000)
        .await
        .unwrap()
        .items;
    let mut contradictions: Vec<_> = contradictions.iter().map(named).collect();
    contradictions.sort();
    dump.push(format!("{contradictions:?}"));
    dump
}

fn named(contradiction: &Contradiction) -> (i64, String, String, String) {
    let Contradiction {
        position,
        about,
        code,
        message,
        ..
    } = contradiction.clone();
    (position, about, code, message)
}

/// Projections that were dropped and replayed are those that lived through it all.
pub async fn a_rebuild_gives_what_was_there(store: Harness) {
    for batch in Babel::new(23).batches(1_500, 100) {
        store.append(batch).await;
    }
    let before = dump(&store).await;
    let report = store.maintenance.rebuild().await.unwrap();
    assert_eq!(dump(&store).await, before);
    let head = store.log.head().await.unwrap();
    assert_eq!(i64::try_from(report.events).unwrap(), head);
    let aggregates = store.model().await.aggregates.len();
    assert_eq!(usize::try_from(report.aggregates).unwrap(), aggregates);
    assert_eq!(store.maintenance.check().await.unwrap(), []);
    // Life goes on from there.
    store.append(Babel::new(24).events(100)).await;
    assert_eq!(store.maintenance.check().await.unwrap(), []);
}

/// Live projections are what the log gives, whatever was in it and however it was batched.
pub async fn a_check_of_an_untouched_store_finds_nothing(store: Harness) {
    assert_eq!(store.maintenance.check().await.unwrap(), []);
    for (seed, largest) in [(31, 1), (32, 7), (33, 300)] {
        for batch in Babel::new(seed).batches(200, largest) {
            store.append(batch).await;
        }
        assert_eq!(
            store.maintenance.check().await.unwrap(),
            [],
            "batches up to {largest}"
        );
    }
    let mut sender = crate::generate::Sender::named("story");
    let story = deployments(8, 100, 4).events;
    store
        .append(story.into_iter().map(|event| sender.read(event)).collect())
        .await;
    let before = dump(&store).await;
    assert_eq!(store.maintenance.check().await.unwrap(), []);
    assert_eq!(dump(&store).await, before, "a check changes nothing");
}

/// A log that nobody touched is intact, an empty one too.
pub async fn a_log_that_nobody_touched_is_intact(store: Harness) {
    let report = store.maintenance.verify().await.unwrap();
    assert_eq!((report.events, report.head), (0, 0));
    assert_eq!(report.faults, [""; 0]);
    for batch in Babel::new(77).batches(400, 90) {
        store.append(batch).await;
    }
    let head = store.log.head().await.unwrap();
    let report = store.maintenance.verify().await.unwrap();
    assert_eq!(report.faults, [""; 0]);
    assert_eq!(report.head, head);
    assert_eq!(i64::try_from(report.events).unwrap(), head);
}

/// A rebuild of nothing is nothing.
pub async fn a_rebuild_of_an_empty_log_is_empty(store: Harness) {
    let report = store.maintenance.rebuild().await.unwrap();
    assert_eq!((report.events, report.aggregates), (0, 0));
    assert_eq!(store.maintenance.check().await.unwrap(), []);
}
