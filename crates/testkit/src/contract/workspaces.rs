//! What workspaces promise: whatever is in one is as if no other existed, even where everything has the
//! same names.

use std::collections::BTreeSet;
use std::time::Duration;

use pts_domain::FieldError;
use pts_domain::access::Workspace;
use pts_domain::accounting::{Counts, Line, day_of};
use pts_domain::blind::{Concern, Expectation, Reporter};
use pts_domain::event::{Form, NewEvent};
use pts_domain::filter::EventFilter;
use pts_domain::projection::{Aggregate, Contradiction};
use pts_domain::quarantine::{NewItem, Verdict};
use pts_ports::{
    AccountQuery, Appended, DeploymentQuery, Finding, Handover, ImageQuery, IncidentQuery,
    QuarantineQuery, RunQuery, StateQuery,
};
use serde_json::json;
use uuid::Uuid;

use super::Harness;
use crate::generate::{Babel, Sender, deployments, minute, now};

const WITHIN: Duration = Duration::from_secs(20);
const MOST: usize = 1_000;

fn workspace(name: &str) -> Workspace {
    name.parse().expect("the name of a workspace")
}

fn put(batch: Vec<NewEvent>, workspace: &Workspace) -> Vec<NewEvent> {
    let here = |new| NewEvent {
        workspace: workspace.clone(),
        ..new
    };
    batch.into_iter().map(here).collect()
}

/// What does not depend on where in the log an event stands.
fn said(log: &[pts_domain::StoredEvent]) -> Vec<(Uuid, &pts_domain::Event)> {
    log.iter().map(|event| (event.id, &event.event)).collect()
}

/// The same identity of another workspace is another event; within one it is what it always was.
pub async fn the_same_identity_in_two_workspaces_is_two_events(store: Harness) {
    let (a, b) = (workspace("a"), workspace("b"));
    let event = Sender::named("s").event("com.acme.x", minute(0), json!({"of": "a"}));
    let mut other = event.clone();
    other.event.data = json!({"of": "b"});
    let in_a = put(vec![event.clone()], &a);
    let in_b = put(vec![other.clone()], &b);
    let both = [in_a.clone(), in_b.clone()].concat();
    let stored = |one: &Appended| matches!(one, Appended::Stored { .. });
    assert!(store.append(both.clone()).await.iter().all(stored));
    let repeat = |one: &Appended| matches!(one, Appended::Repeat { .. });
    assert!(store.append(both).await.iter().all(repeat));
    let conflict = |one: &Appended| matches!(one, Appended::Conflict { .. });
    let crossed = [put(vec![other], &a), put(vec![event.clone()], &b)].concat();
    assert!(store.append(crossed).await.iter().all(conflict));
    // Nothing is known of it anywhere else, however many there are.
    for n in 0..3 {
        let elsewhere = put(vec![event.clone()], &workspace(&format!("c{n}")));
        assert!(store.append(elsewhere).await.iter().all(stored));
    }
    assert!(store.append(vec![event]).await.iter().all(stored));
}

/// A batch large enough for whatever way a store has for such is told apart as well.
pub async fn a_large_batch_of_two_workspaces_is_told_apart(store: Harness) {
    let (a, b) = (workspace("a"), workspace("b"));
    let batch: Vec<_> = Babel::new(3).events(300);
    let both: Vec<NewEvent> = put(batch.clone(), &a)
        .into_iter()
        .zip(put(batch, &b))
        .flat_map(<[_; 2]>::from)
        .collect();
    let told = store.append(both).await;
    for pair in told.chunks(2) {
        let alike = std::mem::discriminant(&pair[0]) == std::mem::discriminant(&pair[1]);
        assert!(alike, "{pair:?}");
    }
    let (of_a, of_b) = (store.within(&a), store.within(&b));
    let (in_a, in_b) = (of_a.everything().await, of_b.everything().await);
    assert!(in_a.len() > 200 && said(&in_a) == said(&in_b));
    assert!(store.everything().await.is_empty());
}

/// Looking for events finds those of the workspace, by every way of looking.
pub async fn events_are_found_in_their_workspace_alone(store: Harness) {
    let (a, b) = (workspace("a"), workspace("b"));
    for (workspace, seed) in [(&a, 1), (&b, 2), (&Workspace::default(), 3)] {
        for batch in Babel::new(seed).batches(120, 30) {
            store.append(put(batch, workspace)).await;
        }
    }
    let all = EventFilter::default();
    let mut seen = BTreeSet::new();
    let mut count = 0;
    for workspace in [&a, &b, &Workspace::default()] {
        let here = store.within(workspace);
        let log = here.everything().await;
        assert!(!log.is_empty(), "{workspace}");
        count += log.len();
        seen.extend(log.iter().map(|event| event.position));
        let found = here.log.search(&all, None, MOST).await.unwrap();
        let places = |events: &[pts_domain::StoredEvent]| -> BTreeSet<i64> {
            events.iter().map(|event| event.position).collect()
        };
        assert_eq!(places(&found.items), places(&log), "{workspace}");
        let mut exported = BTreeSet::new();
        let mut cursor = None;
        loop {
            let stretch = here.log.stretch(&all, i64::MAX, cursor).await.unwrap();
            exported.extend(stretch.events.iter().map(|event| event.position));
            cursor = stretch.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(exported, places(&log), "{workspace}");
        for one in log.iter().step_by(17) {
            assert_eq!(here.log.get(one.id).await.unwrap().as_ref(), Some(one));
            for other in [&a, &b, &Workspace::default()] {
                if other != workspace {
                    let other = store.within(other);
                    assert_eq!(other.log.get(one.id).await.unwrap(), None);
                }
            }
        }
    }
    // None is lost between them, and the head is that of all.
    assert_eq!(count, seen.len());
    assert_eq!(store.log.head().await.unwrap(), count as i64);
    let nowhere = store.within(&workspace("nowhere"));
    assert!(nowhere.everything().await.is_empty());
    let found = nowhere.log.search(&all, None, MOST).await.unwrap();
    assert!(found.items.is_empty() && found.next.is_none());
}

/// What is worked out from one workspace is what its own events mean: the same service, deployment,
/// instance and incident of another are others. After a rebuild as well.
pub async fn what_has_the_same_name_in_two_workspaces_never_meets(store: Harness) {
    let (a, b) = (workspace("a"), workspace("b"));
    let batches = |seed| Babel::new(seed).batches(250, 25).into_iter();
    for (ours, theirs) in batches(5).zip(batches(6)) {
        // In one append, which folds both at once.
        store
            .append([put(ours, &a), put(theirs, &b)].concat())
            .await;
    }
    for _ in 0..2 {
        for workspace in [&a, &b] {
            is_what_its_log_means(&store.within(workspace), workspace).await;
        }
        let empty = store.within(&Workspace::default());
        let services = empty.projections.services(None, None, MOST).await.unwrap();
        assert!(services.items.is_empty(), "nothing is in the usual one");
        assert_eq!(store.maintenance.check().await.unwrap(), []);
        store.maintenance.rebuild().await.unwrap();
    }
    let report = store.maintenance.verify().await.unwrap();
    assert_eq!(report.faults, Vec::<String>::new());
}

async fn is_what_its_log_means(here: &Harness, name: &Workspace) {
    let model = here.model().await;
    macro_rules! every {
        ($variant:ident) => {{
            let all = model.every(|aggregate| match aggregate {
                Aggregate::$variant(value) => Some(value),
                _ => None,
            });
            assert!(!all.is_empty(), "{name}: the test is weak");
            all
        }};
    }
    let all = &here.projections;
    let mut expected = every!(Deployment);
    expected.sort_by_key(|one| std::cmp::Reverse(one.first_position));
    let query = DeploymentQuery::default();
    let found = all.deployments(&query, None, MOST).await.unwrap();
    assert_eq!(found.items, expected, "{name}");
    let expected = every!(Service);
    let found = all.services(None, None, MOST).await.unwrap();
    assert_eq!(found.items, expected, "{name}");
    for service in &expected {
        let found = all.service(&service.service).await.unwrap();
        assert_eq!(found.as_ref(), Some(service), "{name}");
    }
    let names: Vec<_> = expected.into_iter().map(|one| one.service).collect();
    let found = all.instances(names.clone(), MOST).await.unwrap();
    assert_eq!(found, every!(Instance), "{name}");
    let mut expected = every!(Image);
    expected.sort_by_key(|one| std::cmp::Reverse(one.first_position));
    let query = ImageQuery::default();
    let found = all.images(&query, None, MOST).await.unwrap();
    assert_eq!(found.items, expected, "{name}");
    let query = StateQuery::default();
    let found = all.states(&query, None, MOST).await.unwrap();
    assert_eq!(found.items, every!(State), "{name}");
    let mut expected = every!(Incident);
    expected.sort_by_key(|one| std::cmp::Reverse(one.first_position));
    let query = IncidentQuery::default();
    let found = all.incidents(&query, None, MOST).await.unwrap();
    assert_eq!(found.items, expected, "{name}");
    let runs = pts_domain::projection::close_declared(every!(Run));
    let mut expected: Vec<_> = runs.iter().map(|run| run.opened_position).collect();
    expected.sort_unstable();
    let found = all.runs(&RunQuery::default(), MOST).await.unwrap();
    let mut opened: Vec<_> = found.iter().map(|run| run.opened_position).collect();
    opened.sort_unstable();
    assert_eq!(opened, expected, "{name}");
    for run in &found {
        assert!(runs.contains(run), "{name}: {run:?}");
    }
    // Its contradictions, too.
    let key = |one: &Contradiction| (one.position, one.code.clone(), one.about.clone());
    let expected: BTreeSet<_> = model.contradictions.iter().map(key).collect();
    let found = here.log.contradictions(None, None, MOST).await.unwrap();
    let found: BTreeSet<_> = found.items.iter().map(key).collect();
    assert_eq!(found, expected, "{name}");
}

/// DORA's figures of one workspace know nothing of the incidents and deployments of another.
pub async fn the_figures_of_a_workspace_are_its_own(store: Harness) {
    let (a, b) = (workspace("a"), workspace("b"));
    let told = |seed| deployments(seed, 60, 3);
    for (workspace, seed) in [(&a, 4), (&b, 9)] {
        let mut sender = Sender::named("story");
        let batch = told(seed).events.into_iter().map(|one| sender.read(one));
        store.append(put(batch.collect(), workspace)).await;
    }
    let alone = told(4).window;
    for workspace in [&a, &b] {
        let here = store.within(workspace);
        let model = here.model().await;
        let deployments = model.every(|one| match one {
            Aggregate::Deployment(one) => Some(one),
            _ => None,
        });
        let incidents = model.every(|one| match one {
            Aggregate::Incident(one) => Some(one),
            _ => None,
        });
        let expected = pts_domain::dora::dora(&deployments, &incidents, alone);
        let facts = here.projections.dora_facts(None, None, alone).await;
        let facts = facts.unwrap();
        let found = pts_domain::dora::dora(&facts.deployments, &facts.incidents, alone);
        assert_eq!(found, expected, "{workspace}");
    }
}

fn item(n: u128, text: &str) -> NewItem {
    let errors = [FieldError::missing("type", "it is needed")];
    let named = (Uuid::from_u128(n), now(), Uuid::from_u128(1));
    NewItem::new(named, Form::Lenient, text.to_owned(), &errors)
}

/// The same that is no event waits once in each workspace, is seen in its own, and is settled and given
/// up there alone.
pub async fn what_waits_waits_in_its_workspace(store: Harness) {
    let (a, b) = (workspace("a"), workspace("b"));
    let text = r#"{"source":"s"}"#;
    assert!(!store.quarantine.anything_waits().await.unwrap());
    let (ours, theirs) = (store.within(&a), store.within(&b));
    let keep = |here: &Harness, n| {
        let quarantine = here.quarantine.clone();
        async move { quarantine.keep(vec![item(n, text)], WITHIN).await.unwrap() }
    };
    assert_eq!(keep(&ours, 1).await, [Verdict::Kept]);
    assert_eq!(keep(&theirs, 2).await, [Verdict::Kept]);
    let first = Uuid::from_u128(1);
    assert_eq!(keep(&ours, 3).await, [Verdict::Again(first)]);
    assert!(store.quarantine.anything_waits().await.unwrap());
    let (query, concern) = (QuarantineQuery::default(), Concern::default());
    for (here, n) in [(&ours, Some(1)), (&theirs, Some(2)), (&store, None)] {
        let quarantine = &here.quarantine;
        let n: Vec<_> = n.into_iter().map(Uuid::from_u128).collect();
        let found = quarantine.items(&query, None, MOST).await.unwrap();
        let found: Vec<_> = found.items.iter().map(|item| item.id).collect();
        assert_eq!(found, n);
        let both = [first, Uuid::from_u128(2)];
        let found = quarantine.get(&both).await.unwrap();
        let found: Vec<_> = found.iter().map(|item| item.id).collect();
        assert_eq!(found, n);
        let waiting = quarantine.waiting(&concern, 10).await.unwrap();
        assert_eq!(waiting, n.len() as u64);
    }
    // Somebody else's is as if it were not there.
    let give_up = |here: &Harness| {
        let quarantine = here.quarantine.clone();
        async move { quarantine.discard(vec![first], "r".into(), now()).await }
    };
    assert!(give_up(&theirs).await.unwrap().is_empty());
    let event = Finding::Stored { event: first };
    let settled = theirs.quarantine.settle(vec![(first, event)], now()).await;
    settled.unwrap();
    assert_eq!(ours.quarantine.waiting(&concern, 10).await.unwrap(), 1);
    assert_eq!(give_up(&ours).await.unwrap(), [first]);
    assert_eq!(theirs.quarantine.waiting(&concern, 10).await.unwrap(), 1);
}

/// What became of what was sent is told to the workspace that it was sent to.
pub async fn accounts_are_kept_for_each_workspace(store: Harness) {
    let (a, b) = (workspace("a"), workspace("b"));
    let refused = |number| Line {
        sender: None,
        source: "s".into(),
        counts: Counts {
            refused: number,
            ..Counts::default()
        },
    };
    let handover = Handover {
        process: Uuid::from_u128(7),
        number: 1,
        day: day_of(now()),
        lines: vec![(a.clone(), refused(2)), (b.clone(), refused(5))],
    };
    store.accounting.add(&handover).await.unwrap();
    let mut sender = Sender::named("s");
    let mut events = |count: usize| -> Vec<NewEvent> {
        let one = |_| sender.event("com.acme.x", minute(0), json!({}));
        (0..count).map(one).collect()
    };
    store.append(put(events(3), &a)).await;
    store.append(put(events(4), &b)).await;
    store.append(events(1)).await;
    let query = AccountQuery::default();
    for _ in 0..3 {
        for (name, stored, refused) in [("a", 3, 2), ("b", 4, 5), ("default", 1, 0), ("c", 0, 0)] {
            let here = store.within(&workspace(name));
            let account = here.accounting.account(&query, MOST).await.unwrap();
            let found = (account.totals.stored, account.totals.refused);
            assert_eq!(found, (stored, refused), "{name}");
            assert_eq!(account.all_lines, u64::from(stored > 0), "{name}");
        }
        store.accounting.count(5).await.unwrap();
    }
    let item = item(9, "{}");
    let here = store.within(&a);
    here.quarantine.keep(vec![item], WITHIN).await.unwrap();
    for (name, quarantined) in [("a", 1), ("b", 0), ("default", 0)] {
        let here = store.within(&workspace(name));
        let account = here.accounting.account(&query, MOST).await.unwrap();
        assert_eq!(account.totals.quarantined, quarantined, "{name}");
    }
}

/// A source of the same name in another workspace is another source.
pub async fn sources_are_known_and_expected_in_their_workspace(store: Harness) {
    let (a, b) = (workspace("a"), workspace("b"));
    let spots = &store.blind_spots;
    let event = Sender::named("s").event("com.acme.x", minute(0), json!({}));
    let heard = |seconds| Reporter::new(&event.event, now() + chrono::Duration::seconds(seconds));
    let both = [(a.clone(), heard(1)), (b.clone(), heard(2))];
    spots.keep_reporters(&both).await.unwrap();
    let mut found = spots.reporters(None).await.unwrap();
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    let found: Vec<_> = found.iter().map(|(of, one)| (of, one.heard_at)).collect();
    assert_eq!(found, [(&a, heard(1).heard_at), (&b, heard(2).heard_at)]);
    let expectation = |every_s| Expectation {
        source: "s".into(),
        every_s,
        since: now(),
    };
    for (of, every_s) in [(&b, 7), (&a, 5)] {
        assert!(spots.expect(of, &expectation(every_s), 2).await.unwrap());
    }
    // How many there may be is over all of them.
    let one_more = spots.expect(&workspace("c"), &expectation(1), 2).await;
    assert!(!one_more.unwrap());
    let all = [(a.clone(), expectation(5)), (b.clone(), expectation(7))];
    assert_eq!(spots.expectations().await.unwrap(), all);
    assert!(!spots.unexpect(&workspace("c"), "s").await.unwrap());
    assert!(spots.unexpect(&a, "s").await.unwrap());
    assert!(!spots.unexpect(&a, "s").await.unwrap());
    assert_eq!(spots.expectations().await.unwrap(), all[1..]);
}
