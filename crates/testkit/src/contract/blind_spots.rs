//! What the record of blind spots promises: nothing of it is lost or told twice.

use chrono::Duration;
use pts_domain::Timestamp;
use pts_domain::access::Workspace;
use pts_domain::blind::{Expectation, Hearing, Hindrance, Refusal, Reporter, Uptime};
use serde_json::json;
use uuid::Uuid;

use super::Harness;
use crate::generate::{Sender, now};

fn at(second: i64) -> Timestamp {
    now() + Duration::seconds(second)
}

fn up(process: u128, from: i64, until: i64, stopped: bool) -> Uptime {
    Uptime {
        process: Uuid::from_u128(process),
        from: at(from),
        until: at(until),
        stopped,
    }
}

fn refusal(number: i64, why: Hindrance, events: u64) -> Refusal {
    Refusal {
        process: Uuid::from_u128(1),
        number,
        from: at(number),
        until: at(number + 1),
        why,
        events,
        more: number % 2 == 0,
    }
}

fn reporter(source: &str, beats: i64) -> Reporter {
    let data = json!({"service": "ä \"payments\""});
    let new = Sender::named(source).event("com.acme.beat", at(0), data);
    let mut reporter = Reporter::new(&new.event, at(0));
    for n in 1..=beats {
        reporter.hear(&new.event, at(n * 10), at(0), None);
    }
    reporter
}

/// An uptime is one row however often it is told, and its end does not move back.
pub async fn an_uptime_grows_and_is_kept_once(store: Harness) {
    let spots = &store.blind_spots;
    for uptime in [
        up(1, 0, 0, false),
        up(1, 0, 10, false),
        up(1, 0, 5, false),
        up(2, 3, 4, false),
        up(1, 0, 12, true),
        up(1, 0, 12, false),
    ] {
        spots.report(uptime, &[]).await.unwrap();
    }
    let mut found = spots.received(None).await.unwrap().uptimes;
    found.sort_by_key(|up| up.process);
    assert_eq!(found, [up(1, 0, 12, true), up(2, 3, 4, false)]);
    // By the store's clock, all of it was written just now.
    let lately = spots.received(Some(Timestamp::UNIX_EPOCH)).await.unwrap();
    assert_eq!(lately.uptimes.len(), 2);
}

/// What was refused is kept as it was first told, once.
pub async fn a_refusal_is_kept_once_however_often_it_is_told(store: Harness) {
    let spots = &store.blind_spots;
    let all = [
        refusal(1, Hindrance::Overloaded, 7),
        refusal(2, Hindrance::StoreAway, 0),
        refusal(3, Hindrance::Fault, 1),
    ];
    let uptime = up(1, 0, 10, false);
    spots.report(uptime, &all[..2]).await.unwrap();
    spots.report(uptime, &all).await.unwrap();
    let mut found = spots.received(None).await.unwrap().refusals;
    found.sort_by_key(|refusal| refusal.number);
    assert_eq!(found, all);
}

/// Something of the usual workspace.
fn here<T>(one: T) -> (Workspace, T) {
    (Workspace::default(), one)
}

/// Several processes hear one source: whoever heard it last knows best.
pub async fn of_two_views_of_a_source_the_later_stays(store: Harness) {
    let spots = &store.blind_spots;
    assert_eq!(spots.reporters(None).await.unwrap(), []);
    spots.keep_reporters(&[]).await.unwrap();
    let (old, new) = (reporter("a", 9), reporter("a", 20));
    for batch in [
        [here(reporter("b", 1)), here(new.clone())],
        [here(old.clone()), here(reporter("b", 1))],
    ] {
        spots.keep_reporters(&batch).await.unwrap();
    }
    let found = spots.reporters(None).await.unwrap();
    let mut found: Vec<_> = found.into_iter().map(|(_, one)| one).collect();
    found.sort_by(|a, b| a.source.cmp(&b.source));
    assert_eq!(found.len(), 2);
    let (a, b) = (&found[0], &found[1]);
    assert_eq!((a.heard_at, &a.about), (new.heard_at, &new.about));
    assert_eq!(b.heard_at, at(10));
    let heard = |reporter: &Reporter| reporter.hearing(at(200), at(0), None);
    let (Hearing::Heard { every_s: found }, Hearing::Heard { every_s: kept }) =
        (heard(a), heard(&new))
    else {
        panic!("its habit was lost: {a:?}");
    };
    assert!((found - kept).abs() < 1e-6);
}

/// A source is expected by one declaration at a time, of so many at the most.
pub async fn what_is_expected_is_declared_replaced_and_taken_back(store: Harness) {
    let spots = &store.blind_spots;
    let home = Workspace::default();
    let expectation = |source: &str, every_s| Expectation {
        source: source.to_owned(),
        every_s,
        since: at(i64::from(every_s)),
    };
    for (source, every_s, taken) in [
        ("z", 60, true),
        ("ä \"b\"", 5, true),
        ("one too many", 1, false),
        ("z", 30, true),
    ] {
        let told = spots.expect(&home, &expectation(source, every_s), 2).await;
        assert_eq!(told.unwrap(), taken, "{source}");
    }
    let expected = [expectation("z", 30), expectation("ä \"b\"", 5)].map(here);
    assert_eq!(spots.expectations().await.unwrap(), expected);
    assert!(spots.unexpect(&home, "z").await.unwrap());
    assert!(!spots.unexpect(&home, "z").await.unwrap());
    assert_eq!(spots.expectations().await.unwrap(), expected[1..]);
}

/// What ended long ago goes, what did not stays.
pub async fn what_is_long_over_is_forgotten(store: Harness) {
    let spots = &store.blind_spots;
    let old = refusal(1, Hindrance::Fault, 1);
    spots.report(up(1, 0, 5, true), &[old]).await.unwrap();
    let new = refusal(9, Hindrance::Fault, 1);
    spots.report(up(2, 6, 20, false), &[new]).await.unwrap();
    let both = [reporter("a", 0), reporter("b", 2)].map(here);
    spots.keep_reporters(&both).await.unwrap();
    spots.forget(at(9)).await.unwrap();
    let found = spots.received(None).await.unwrap();
    assert_eq!(
        (found.uptimes, found.refusals),
        (vec![up(2, 6, 20, false)], vec![new])
    );
    let found = spots.reporters(None).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1.source, "b");
}
