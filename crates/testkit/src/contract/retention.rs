//! What retention promises: only what no handler reads goes, by whole months, as it was surveyed; and
//! everybody who reads or writes meanwhile goes on as if nothing had happened.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use pts_domain::event::NewEvent;
use pts_domain::filter::EventFilter;
use pts_domain::retention::{Month, MonthSurvey, RemovalDigest, is_kept};
use pts_domain::{StoredEvent, Timestamp};
use pts_ports::{AccountQuery, Appended, Remover, RetentionRun, Thinned, Thinning};
use serde_json::json;
use uuid::Uuid;

use super::Harness;
use super::maintenance::dump;
use crate::generate::{Babel, Sender, epoch};

/// The beginning of a month of 2023: long ago, whenever the tests are run.
fn month(number: u32) -> Timestamp {
    format!("2023-{number:02}")
        .parse::<Month>()
        .expect("a month")
        .start()
}

/// An event as if it had been received and had happened then; when it happened keeps its order.
fn received(mut new: NewEvent, at: Timestamp) -> NewEvent {
    let into_history = new.event.time - epoch();
    new.received_at = at;
    new.event.time = if new.event.time_given {
        at - Duration::days(1) + into_history.clamp(Duration::zero(), Duration::days(1))
    } else {
        at
    };
    new
}

/// Events of every kind for one month: some of all that stays, and much that goes.
fn mixture(number: u32, count: usize) -> Vec<NewEvent> {
    let mut babel = Babel::new(u64::from(number));
    let mut others = Sender::named(&format!("others/{number}"));
    let at = |n: usize| month(number) + Duration::minutes(i64::try_from(n).expect("few") * 7);
    let events = (0..count).map(|n| {
        let new = match n % 5 {
            0 | 1 => babel.event(),
            2 => others.event("com.acme.click", epoch(), json!({"n": n})),
            3 => others.event(
                "dev.cdevents.service.deployed.0.1.1",
                epoch() + Duration::minutes(i64::try_from(n).expect("few")),
                // Every other one lacks what a handler needs.
                json!({"context": {"id": n.to_string()}, "subject": {"id": "payments", "content": {
                    "environment": if n % 2 == 0 { json!({"id": "production"}) } else { json!(null) },
                    "artifactId": "pkg:oci/payments@1.2"
                }}}),
            ),
            _ => others.event(&format!("com.acme.t{}", n % 15), epoch(), json!(["x", n])),
        };
        received(new, at(n))
    });
    events.collect()
}

/// January to April, appended in batches that cross the turns of months.
async fn fill(store: &Harness) {
    let mut events: Vec<_> = (1..=4).flat_map(|number| mixture(number, 120)).collect();
    while !events.is_empty() {
        let rest = events.split_off(events.len().min(50));
        store.append(std::mem::replace(&mut events, rest)).await;
    }
}

fn thinning(survey: MonthSurvey, horizon: Timestamp) -> Thinning {
    let number = u128::from(survey.last_position.unsigned_abs()) << 32 | u128::from(survey.events);
    Thinning {
        id: Uuid::from_u128(number),
        at: horizon + Duration::days(90),
        who: Remover::Command,
        horizon,
        survey,
    }
}

async fn thin(store: &Harness, order: Thinning) -> RetentionRun {
    match store
        .retention
        .thin(order.clone())
        .await
        .expect("it can be thinned")
    {
        Thinned::Done { run, .. } => *run,
        Thinned::Changed => panic!("{order:?}: the month is said to have changed"),
    }
}

/// Thins all that has had its time.
async fn thin_all(store: &Harness, horizon: Timestamp) -> Vec<RetentionRun> {
    let mut runs = Vec::new();
    for survey in store.retention.survey(horizon).await.unwrap() {
        runs.push(thin(store, thinning(survey, horizon)).await);
    }
    runs
}

fn goes(event: &StoredEvent, horizon: Timestamp) -> bool {
    Month::of(event.received_at).is_behind(horizon) && !is_kept(&event.event)
}

fn positions<'a>(events: impl IntoIterator<Item = &'a StoredEvent>) -> Vec<i64> {
    events.into_iter().map(|event| event.position).collect()
}

async fn is_whole(store: &Harness) {
    assert_eq!(store.maintenance.verify().await.unwrap().faults, [""; 0]);
    assert_eq!(store.maintenance.check().await.unwrap(), []);
}

/// What goes is what no handler ever saw: everything that was worked out stays, and is worked out
/// again from what is left.
pub async fn what_stays_gives_the_same_projections(store: Harness) {
    fill(&store).await;
    let (before, meant) = (store.everything().await, dump(&store).await);
    let head = store.log.head().await.unwrap();
    let horizon = month(3) + Duration::days(20);
    let runs = thin_all(&store, horizon).await;
    assert_eq!(runs.len(), 2);
    assert!(
        runs.iter().all(|run| run.removed > 50 && run.kept > 20),
        "{runs:?}"
    );

    let left: Vec<_> = before
        .iter()
        .filter(|event| !goes(event, horizon))
        .cloned()
        .collect();
    assert_eq!(store.everything().await, left);
    assert_eq!(dump(&store).await, meant);
    is_whole(&store).await;
    let report = store.maintenance.rebuild().await.unwrap();
    assert_eq!(report.events, left.len() as u64);
    assert_eq!(dump(&store).await, meant);
    // Places are not given twice, whatever became free.
    assert_eq!(store.log.head().await.unwrap(), head);
    let next = store
        .append(vec![received(Babel::new(9).event(), month(5))])
        .await;
    assert!(matches!(next[0], Appended::Stored { position, .. } if position == head + 1));
    is_whole(&store).await;
}

/// A survey counts what then goes, the record says what went, and both are right.
pub async fn a_survey_says_what_goes_and_the_record_what_went(store: Harness) {
    fill(&store).await;
    let before = store.everything().await;
    let horizon = month(4);
    let surveys = store.retention.survey(horizon).await.unwrap();
    let of = |number: u32| {
        let of_month = Month::of(month(number));
        let events = before
            .iter()
            .filter(move |event| Month::of(event.received_at) == of_month);
        (of_month, events)
    };
    let expected: Vec<_> = (1..=3)
        .zip(&surveys)
        .map(|(number, found)| {
            let (of_month, events) = of(number);
            MonthSurvey::of(of_month, events, found.bytes)
        })
        .collect();
    assert_eq!(surveys, expected);
    assert!(
        surveys
            .iter()
            .all(|found| found.bytes > 0 && found.types.len() > 5)
    );
    assert_eq!(store.everything().await, before, "a survey changes nothing");

    let runs = thin_all(&store, horizon).await;
    let mut by_source: BTreeMap<String, u64> = BTreeMap::new();
    for ((number, run), found) in (1..=3).zip(&runs).zip(&surveys) {
        let mut digest = RemovalDigest::default();
        let gone: Vec<_> = of(number).1.filter(|event| goes(event, horizon)).collect();
        for event in &gone {
            digest.add(event.position, event.event.digest());
            *by_source
                .entry(event.event.identity.source.clone())
                .or_default() += 1;
        }
        assert_eq!(run.month, found.month);
        assert_eq!((run.removed, run.kept), (found.removable, found.kept()));
        assert_eq!((run.oldest, run.newest), (found.oldest, found.newest));
        assert_eq!(run.first_removed, gone.first().map(|event| event.position));
        assert_eq!(run.last_removed, gone.last().map(|event| event.position));
        assert_eq!(run.digest, digest.finish(), "{}", run.month);
        assert_eq!((run.who, run.horizon), (Remover::Command, horizon));
    }
    let mut history = store.retention.history(100).await.unwrap();
    assert_eq!(store.retention.history(1).await.unwrap(), history[..1]);
    history.sort_by_key(|run| run.month);
    assert_eq!(history, runs);
    let removed = store.retention.removed_by_source(100).await.unwrap();
    assert!(
        removed.is_sorted_by(|one, other| one.1 >= other.1),
        "{removed:?}"
    );
    assert_eq!(removed.into_iter().collect::<BTreeMap<_, _>>(), by_source);
    assert_eq!(
        store.retention.survey(horizon).await.unwrap(),
        [],
        "all is done"
    );
}

/// What was stored of a source is what is left of it and what was removed.
pub async fn what_a_source_stored_is_what_is_left_and_what_was_removed(store: Harness) {
    let mut stored: BTreeMap<String, u64> = BTreeMap::new();
    for number in 1..=3 {
        let batch = mixture(number, 90);
        let sources: Vec<_> = batch
            .iter()
            .map(|new| new.event.identity.source.clone())
            .collect();
        for (source, outcome) in sources.into_iter().zip(store.append(batch).await) {
            if matches!(outcome, Appended::Stored { .. }) {
                *stored.entry(source).or_default() += 1;
            }
        }
    }
    thin_all(&store, month(3)).await;
    let mut there: BTreeMap<_, _> = store
        .retention
        .removed_by_source(100)
        .await
        .unwrap()
        .into_iter()
        .collect();
    for event in store.everything().await {
        *there.entry(event.event.identity.source).or_default() += 1;
    }
    assert_eq!(there, stored);
    // The accounts say so too, whether the log was counted before or not.
    let account = store
        .accounting
        .account(&AccountQuery::default(), 100)
        .await
        .unwrap();
    let lines = account.lines.into_iter();
    let counted: BTreeMap<_, _> = lines
        .map(|line| (line.source, line.counts.stored))
        .collect();
    assert_eq!(counted, stored);
}

/// A month goes when its last moment is behind the horizon, and not a moment earlier.
pub async fn only_whole_months_behind_the_horizon_go(store: Harness) {
    let mut sender = Sender::named("edges");
    let edges = [
        month(1),
        month(2) - Duration::microseconds(1),
        month(2),
        month(3),
    ];
    let batch = edges.map(|at| received(sender.event("com.acme.x", epoch(), json!({})), at));
    store.append(batch.to_vec()).await;
    let months = async |horizon: Timestamp| -> Vec<String> {
        let surveys = store.retention.survey(horizon).await.unwrap();
        surveys
            .iter()
            .map(|found| found.month.to_string())
            .collect()
    };
    assert_eq!(months(month(1)).await, [""; 0]);
    assert_eq!(months(month(2) - Duration::microseconds(1)).await, [""; 0]);
    assert_eq!(months(month(2)).await, ["2023-01"]);
    assert_eq!(months(month(4)).await, ["2023-01", "2023-02", "2023-03"]);
    thin_all(&store, month(2)).await;
    assert_eq!(positions(&store.everything().await), [3, 4]);
    is_whole(&store).await;
}

/// A decision is about what was surveyed: if something has come in since, nothing goes.
pub async fn a_month_that_is_not_as_it_was_surveyed_is_left_alone(store: Harness) {
    fill(&store).await;
    let horizon = month(2);
    let survey = store.retention.survey(horizon).await.unwrap().remove(0);
    // A clock that went back brings events into a month that was over.
    let late = received(
        Sender::named("late").event("com.acme.x", epoch(), json!({})),
        month(1),
    );
    store.append(vec![late]).await;
    let before = store.everything().await;
    let order = thinning(survey, horizon);
    assert_eq!(store.retention.thin(order).await.unwrap(), Thinned::Changed);
    assert_eq!(store.everything().await, before);
    assert_eq!(store.retention.history(10).await.unwrap(), []);
    let again = store.retention.survey(horizon).await.unwrap().remove(0);
    let done = thinning(again, horizon);
    thin(&store, done.clone()).await;
    // What is done already is nobody's decision any more.
    assert_eq!(store.retention.thin(done).await.unwrap(), Thinned::Changed);
    assert_eq!(store.retention.history(10).await.unwrap().len(), 1);
    is_whole(&store).await;
}

/// A month out of which nothing goes is gone through once, and again when something comes into it.
pub async fn a_month_is_gone_through_once_unless_something_comes_into_it(store: Harness) {
    let mut sender = Sender::named("quiet");
    let notice = sender.event("platform.notice", epoch(), json!({"message": "m"}));
    store.append(vec![received(notice, month(1))]).await;
    let horizon = month(3);
    let runs = thin_all(&store, horizon).await;
    assert_eq!((runs.len(), runs[0].removed, runs[0].kept), (1, 0, 1));
    assert_eq!((runs[0].first_removed, runs[0].freed_bytes), (None, 0));
    assert_eq!(store.retention.survey(horizon).await.unwrap(), []);
    let late = sender.event("com.acme.x", epoch(), json!({}));
    store.append(vec![received(late, month(1))]).await;
    assert_eq!(thin_all(&store, horizon).await[0].removed, 1);
    assert_eq!(positions(&store.everything().await), [1]);
    is_whole(&store).await;
}

/// Who follows the log, pages through it or looks something up goes on over what was removed.
pub async fn readers_go_on_over_what_was_removed(store: Harness) {
    fill(&store).await;
    let before = store.everything().await;
    let horizon = month(4);
    let everything = EventFilter::default();
    let first = store.log.search(&everything, None, 40).await.unwrap();
    let mut seen = positions(&first.items);
    let mut cursor = first.next;
    // Between two pages of one search, the months that it is going to come to are thinned.
    thin_all(&store, horizon).await;
    while let Some(next) = cursor {
        let page = store.log.search(&everything, Some(next), 40).await.unwrap();
        seen.extend(positions(&page.items));
        cursor = page.next;
    }
    let shown: BTreeSet<_> = seen.iter().copied().collect();
    assert_eq!(shown.len(), seen.len(), "nothing is shown twice");
    let stays = before.iter().filter(|event| !goes(event, horizon));
    let left = positions(stays);
    assert!(
        left.iter().all(|position| shown.contains(position)),
        "nothing that stays is skipped"
    );

    // From any place, one that is no more too.
    let head = store.log.head().await.unwrap();
    for from in (0..head).step_by(17) {
        for limit in [1, 7, 1_000] {
            let (mut position, mut read) = (from, Vec::new());
            while position < head {
                let tail = store.log.after(position, &everything, limit).await.unwrap();
                assert!(tail.scanned_to > position, "it stops at {position}");
                position = tail.scanned_to;
                read.extend(positions(&tail.events));
            }
            let expected = left.iter().copied().filter(|position| *position > from);
            assert_eq!(
                read,
                expected.collect::<Vec<_>>(),
                "from {from}, {limit} at once"
            );
        }
    }
    for event in before.iter().step_by(11) {
        let found = store.log.get(event.id).await.unwrap();
        assert_eq!(found.is_none(), goes(event, horizon), "{}", event.position);
    }
}

/// What was removed is forgotten: the same event is a new one, and the next one a repeat of it.
pub async fn what_was_removed_is_forgotten_and_may_come_again(store: Harness) {
    let mut sender = Sender::named("again");
    let gone = received(
        sender.event("com.acme.x", epoch(), json!({"n": 1})),
        month(1),
    );
    store.append(vec![gone.clone()]).await;
    thin_all(&store, month(2)).await;
    let come_again = [sender.again(&gone), sender.again(&gone)].map(|new| received(new, month(4)));
    let first = come_again[0].id;
    let outcomes = store.append(come_again.to_vec()).await;
    assert!(
        matches!(outcomes[0], Appended::Stored { position: 2, .. }),
        "{outcomes:?}"
    );
    assert!(
        matches!(outcomes[1], Appended::Repeat { id, .. } if id == first),
        "{outcomes:?}"
    );
    is_whole(&store).await;
}

/// A month of which nothing stays may be written to again all the same.
pub async fn a_month_of_which_nothing_stays_may_be_written_to_again(store: Harness) {
    let mut sender = Sender::named("gone");
    let mut click = || sender.event("com.acme.x", epoch(), json!({}));
    let batch = vec![received(click(), month(1)), received(click(), month(1))];
    store.append(batch).await;
    let runs = thin_all(&store, month(2)).await;
    assert_eq!((runs[0].removed, runs[0].kept), (2, 0));
    assert_eq!(store.everything().await, []);
    assert_eq!(store.log.head().await.unwrap(), 2);
    is_whole(&store).await;
    let late = store.append(vec![received(click(), month(1))]).await;
    assert!(
        matches!(late[0], Appended::Stored { position: 3, .. }),
        "{late:?}"
    );
    is_whole(&store).await;
}

/// While months are thinned, others append, read on and thin too: nothing is lost, done twice or
/// seen in halves.
pub async fn everybody_goes_on_while_months_are_thinned(store: Harness) {
    fill(&store).await;
    let before = store.everything().await;
    let horizon = month(4);
    let mut sender = Sender::named("meanwhile");
    let mut appended = 0;
    let thinning_all = async {
        // Two at the same time, on their own surveys: one of them does each month.
        let one = async || {
            for survey in store.retention.survey(horizon).await.unwrap() {
                // The other one being at it is no fault.
                let _ = store.retention.thin(thinning(survey, horizon)).await;
            }
        };
        futures::join!(one(), one());
        thin_all(&store, horizon).await;
    };
    let mut thinning_all = std::pin::pin!(thinning_all);
    loop {
        let kind = if appended % 2 == 0 {
            "com.acme.x"
        } else {
            "platform.notice"
        };
        let new = sender.event(kind, epoch(), json!({"message": "m"}));
        let working = async {
            store.append(vec![received(new, month(6))]).await;
            let kept = before.iter().filter(|event| is_kept(&event.event));
            let there: BTreeSet<_> = positions(&store.everything().await).into_iter().collect();
            assert!(kept.clone().all(|event| there.contains(&event.position)));
        };
        appended += 1;
        let working = std::pin::pin!(working);
        match futures::future::select(&mut thinning_all, working).await {
            futures::future::Either::Left(((), working)) => {
                working.await;
                break;
            }
            futures::future::Either::Right(_) => {}
        }
    }
    let left = before.iter().filter(|event| !goes(event, horizon)).count();
    assert_eq!(store.everything().await.len(), left + appended);
    let history = store.retention.history(100).await.unwrap();
    let months: BTreeSet<_> = history.iter().map(|run| run.month).collect();
    assert_eq!(
        (history.len(), months.len()),
        (3, 3),
        "each month is done once"
    );
    let removed: u64 = history.iter().map(|run| run.removed).sum();
    assert_eq!(removed, (before.len() - left) as u64);
    is_whole(&store).await;
}

/// Room for months to come is made once.
pub async fn room_is_made_for_months_to_come(store: Harness) {
    let now = "2033-11".parse::<Month>().unwrap().start() + Duration::days(12);
    let ahead = async || {
        let ahead = store.retention.ahead(now, 3).await.unwrap();
        ahead
            .iter()
            .map(|one| (one.month.to_string(), one.ready))
            .collect::<Vec<_>>()
    };
    let months = |ready: [bool; 4]| {
        let names = ["2033-11", "2033-12", "2034-01", "2034-02"];
        names
            .into_iter()
            .map(str::to_owned)
            .zip(ready)
            .collect::<Vec<_>>()
    };
    assert_eq!(ahead().await, months([false; 4]));
    assert_eq!(store.retention.prepare(now, 1).await.unwrap(), 2);
    assert_eq!(ahead().await, months([true, true, false, false]));
    assert_eq!(store.retention.prepare(now, 3).await.unwrap(), 2);
    assert_eq!(store.retention.prepare(now, 3).await.unwrap(), 0);
    assert_eq!(ahead().await, months([true; 4]));
}
