//! What the store of elevations promises: requests and steps are kept as they came and in order, of
//! two steps at the same time one is first, and what may be active is found.

use chrono::Duration;
use pts_domain::access::{Elevation, ElevationState, Holder, Scope, Step, StepKind};
use pts_domain::filter::Cursor;
use pts_ports::ElevationQuery;
use uuid::Uuid;

use super::Harness;
use crate::generate::minute;

fn asked(n: u8) -> Elevation {
    Elevation {
        id: Uuid::from_u128(u128::from(n)),
        holder: Holder::Token(Uuid::from_u128(1_000 + u128::from(n))),
        name: format!("tökén {n} \"x\""),
        workspace: None,
        scopes: [Scope::Operate].into(),
        reason: format!("why {n}"),
        minutes: 10,
        needed: 1,
        requested_at: minute(i64::from(n)),
        decide_by: minute(i64::from(n) + 60),
        steps: Vec::new(),
    }
}

fn step(what: StepKind, by: u8, at: i64) -> Step {
    Step {
        what,
        by: Holder::Person(format!("pérson {by}")),
        name: format!("by {by}"),
        reason: by.is_multiple_of(2).then(|| "because".to_owned()),
        at: minute(at) + Duration::microseconds(1),
    }
}

/// A request is found as it came, with its steps in order.
pub async fn a_request_is_kept_with_its_steps_in_order(store: Harness) {
    let mut whole = Elevation {
        holder: Holder::Person("alice@example.com".into()),
        workspace: Some("team-7".parse().unwrap()),
        scopes: Scope::ALL.into(),
        needed: 2,
        ..asked(1)
    };
    let plain = asked(2);
    store.elevations.request(whole.clone()).await.unwrap();
    store.elevations.request(plain.clone()).await.unwrap();
    for (before, step) in [
        step(StepKind::Approved, 1, 5),
        step(StepKind::Approved, 2, 6),
        step(StepKind::Ended, 3, 8),
    ]
    .into_iter()
    .enumerate()
    {
        let kept = store.elevations.step(whole.id, before, step.clone()).await;
        assert!(kept.unwrap());
        whole.steps.push(step);
    }
    let found = store.elevations.get(whole.id).await.unwrap().unwrap();
    assert_eq!(found, whole);
    assert_eq!(found.state(minute(9)), ElevationState::Ended);
    let found = store.elevations.get(plain.id).await.unwrap();
    assert_eq!(found, Some(plain));
    assert_eq!(store.elevations.get(Uuid::nil()).await.unwrap(), None);
}

/// A step is kept only behind exactly those that its taker knows of.
pub async fn of_steps_at_the_same_time_one_is_first(store: Harness) {
    let id = asked(1).id;
    let first = step(StepKind::Approved, 1, 2);
    assert!(!store.elevations.step(id, 0, first.clone()).await.unwrap());
    store.elevations.request(asked(1)).await.unwrap();
    assert!(!store.elevations.step(id, 1, first.clone()).await.unwrap());
    let racing = (1..=8).map(|by| store.elevations.step(id, 0, step(StepKind::Denied, by, 2)));
    let kept = futures::future::join_all(racing).await;
    let kept = kept.into_iter().filter(|kept| *kept.as_ref().unwrap());
    assert_eq!(kept.count(), 1);
    assert!(!store.elevations.step(id, 0, first.clone()).await.unwrap());
    assert!(store.elevations.step(id, 1, first).await.unwrap());
    assert_eq!(
        store.elevations.get(id).await.unwrap().unwrap().steps.len(),
        2
    );
}

/// Lists are newest first, in pages, by every filter.
pub async fn elevations_are_listed_in_pages_by_every_filter(store: Harness) {
    let bound = Elevation {
        workspace: Some("team-7".parse().unwrap()),
        ..asked(3)
    };
    let all = [asked(5), asked(4), bound, asked(2), asked(1)];
    for one in all.iter().rev() {
        store.elevations.request(one.clone()).await.unwrap();
    }
    let find = async |query: &ElevationQuery, cursor: Option<Cursor>, limit| {
        let page = store.elevations.search(query, cursor, limit).await.unwrap();
        let numbers: Vec<_> = page.items.iter().map(|one| one.id.as_u128()).collect();
        (numbers, page.next)
    };
    let any = ElevationQuery::default();
    let (first, next) = find(&any, None, 2).await;
    assert_eq!(first, [5, 4]);
    let (second, next) = find(&any, next, 2).await;
    assert_eq!(second, [3, 2]);
    assert_eq!(find(&any, next, 2).await, (vec![1], None));
    let check = async |query: ElevationQuery, expected: &[u128]| {
        let by_hand = all.iter().filter(|one| query.fits(one));
        let by_hand: Vec<_> = by_hand.map(|one| one.id.as_u128()).collect();
        assert_eq!(by_hand, expected, "{query:?}");
        assert_eq!(find(&query, None, 10).await.0, expected, "{query:?}");
    };
    let holder = Some(asked(4).holder);
    check(
        ElevationQuery {
            holder,
            ..any.clone()
        },
        &[4],
    )
    .await;
    let workspace = Some("team-7".parse().unwrap());
    check(
        ElevationQuery {
            workspace,
            ..any.clone()
        },
        &[3],
    )
    .await;
    let (since, until) = (Some(minute(2)), Some(minute(4)));
    check(
        ElevationQuery {
            since,
            until,
            ..any.clone()
        },
        &[3, 2],
    )
    .await;
    let open_at = Some(minute(73));
    check(
        ElevationQuery {
            open_at,
            ..any.clone()
        },
        &[5, 4],
    )
    .await;
}

/// What may be active is what is not certainly over.
pub async fn what_may_be_active_is_found_with_its_steps(store: Harness) {
    for n in 1..=3 {
        store.elevations.request(asked(n)).await.unwrap();
    }
    let approved = step(StepKind::Approved, 1, 4);
    let id = asked(2).id;
    assert!(
        store
            .elevations
            .step(id, 0, approved.clone())
            .await
            .unwrap()
    );
    let open = async |now, limit| {
        let open = store.elevations.current(minute(now), limit).await.unwrap();
        open.iter().map(|one| one.id.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(open(0, 10).await, [3, 2, 1]);
    assert_eq!(open(0, 2).await, [3, 2]);
    assert_eq!(open(71, 10).await, [3, 2]);
    assert_eq!(open(73, 10).await, [] as [u128; 0]);
    let found = store.elevations.current(minute(5), 10).await.unwrap();
    assert_eq!(found[1].steps, [approved]);
    assert_eq!(found[1].state(minute(5)), ElevationState::Active);
}
