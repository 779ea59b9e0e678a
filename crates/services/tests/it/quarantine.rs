//! What is no event: put aside, replayed, given up.

use std::sync::Arc;

use chrono::Duration;
use pts_api::actions::accounting::{GetAccounting, GetAccountingInput, Tally};
use pts_api::actions::events::{GetEvent, GetEventInput};
use pts_api::actions::quarantine::{
    DiscardQuarantined, DiscardQuarantinedInput, GetQuarantined, GetQuarantinedInput,
    ReplayQuarantine, ReplayQuarantineInput, ReplayReport, ReplayStatus, SearchQuarantine,
    SearchQuarantineInput,
};
use pts_domain::access::Scope;
use pts_domain::event::Form;
use pts_domain::quarantine::State;
use pts_domain::{FieldError, Timestamp};
use pts_ports::{AccountQuery, Accounting, StoreError};
use pts_services::{ActionError, CallOptions, Item, ItemOutcome, Mode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{noon, principal};
use crate::world::World;

fn world() -> World {
    World::of(&[Scope::Admin])
}

impl World {
    async fn replay(&self, input: ReplayQuarantineInput) -> ReplayReport {
        self.call::<ReplayQuarantine>(input).await.unwrap().data
    }

    async fn replay_all(&self) -> ReplayReport {
        self.replay(ReplayQuarantineInput::default()).await
    }

    async fn totals(&self) -> Tally {
        let answer = self.call::<GetAccounting>(GetAccountingInput::default());
        answer.await.unwrap().data.totals
    }
}

/// Too far ahead of the clock to be an event before `hours` have passed.
fn early(id: &str, hours: i64) -> Value {
    let time: Timestamp = noon() + pts_domain::time::MOST_AHEAD + Duration::hours(hours);
    json!({"type": "com.acme.x", "source": "s", "id": id, "time": time, "data": {"n": 1}})
}

#[tokio::test]
async fn what_has_become_valid_is_stored_under_its_first_sender() {
    let world = world();
    let id = world.bad(early("1", 1)).await;
    assert_eq!(
        world.bad(early("1", 1)).await,
        id,
        "the same again is kept once"
    );
    let report = world.replay_all().await;
    assert_eq!((report.replayed, report.waiting), (0, 1));
    assert_eq!(report.items[0].status, ReplayStatus::Invalid);
    assert_eq!(report.items[0].errors[0].field, "time");
    let before = world.totals().await;
    assert_eq!(
        (before.received, before.quarantined, before.repeated),
        (2, 1, 1)
    );

    world.clock.advance(Duration::hours(2));
    let report = world.replay_all().await;
    assert_eq!((report.replayed, report.waiting), (1, 0));
    assert_eq!(report.items[0].event, Some(id));
    let event = world
        .call::<GetEvent>(GetEventInput { id })
        .await
        .unwrap()
        .data;
    assert_eq!(event.event_id, "1");
    assert_eq!(event.received_at, noon() + Duration::hours(2));
    let query = AccountQuery {
        sender: Some(Uuid::from_u128(42)),
        ..AccountQuery::default()
    };
    let account = world.store.account(&query, 10).await.unwrap();
    assert_eq!(account.totals.stored, 1);
    let after = world.totals().await;
    assert_eq!((after.received, after.stored, after.quarantined), (2, 1, 0));

    // Nothing of it waits any more, and naming it changes nothing.
    assert_eq!(world.replay_all().await.items, []);
    let ids = vec![id, Uuid::nil()];
    let report = world
        .replay(ReplayQuarantineInput {
            ids,
            ..Default::default()
        })
        .await;
    let statuses: Vec<_> = report.items.iter().map(|item| item.status).collect();
    assert_eq!(statuses, [ReplayStatus::Settled, ReplayStatus::Unknown]);
    let item = world
        .call::<GetQuarantined>(GetQuarantinedInput { id })
        .await
        .unwrap()
        .data;
    assert_eq!(
        (item.state, item.replayed_as, item.item),
        (State::Replayed, Some(id), None)
    );
}

#[tokio::test]
async fn a_replay_whose_answer_was_lost_is_found_by_the_next_one() {
    let world = world();
    // Without an id of its own: nothing but the item tells that it is the same event.
    let mut event = early("", 1);
    event.as_object_mut().unwrap().remove("id");
    let id = world.bad(event).await;
    world.clock.advance(Duration::hours(2));
    world.store.fail_after_next_append(StoreError::Unavailable {
        reason: "cut".into(),
        maybe_done: true,
    });
    let lost = world
        .call::<ReplayQuarantine>(ReplayQuarantineInput::default())
        .await;
    assert!(matches!(lost, Err(ActionError::Unavailable { .. })));
    world.clock.advance(Duration::hours(2));
    let report = world.replay_all().await;
    assert_eq!(report.items[0].event, Some(id));
    let totals = world.totals().await;
    assert_eq!((totals.received, totals.stored, totals.repeated), (1, 1, 0));
}

#[tokio::test]
async fn what_was_sent_well_meanwhile_is_a_duplicate_and_a_conflict_goes_on_waiting() {
    let world = world();
    let (same, other) = (
        world.bad(early("1", 1)).await,
        world.bad(early("2", 1)).await,
    );
    world.clock.advance(Duration::hours(2));
    let mut changed = early("2", 1);
    changed["data"] = json!({"n": 2});
    let writer = principal(&[Scope::EventsWrite]);
    let sent = vec![early("1", 1).into(), changed.into()];
    let outcomes = world
        .gateway
        .ingest(&writer, sent, Form::Lenient, Mode::Store);
    let outcomes = outcomes.await.unwrap();
    let ItemOutcome::Created(first) = &outcomes[0] else {
        panic!("{outcomes:?}")
    };
    let report = world.replay_all().await;
    let find = |id| report.items.iter().find(|item| item.id == id).unwrap();
    assert_eq!(find(same).status, ReplayStatus::Duplicate);
    assert_eq!(find(same).event, first.id);
    assert_eq!(find(other).status, ReplayStatus::Invalid);
    assert_eq!(find(other).errors[0].code, "conflict");
    let totals = world.totals().await;
    assert_eq!((totals.received, totals.stored), (4, 2));
    assert_eq!((totals.repeated, totals.quarantined), (1, 1));
}

#[tokio::test]
async fn an_event_without_a_time_happened_when_it_was_sent() {
    let world = world();
    // Valid but for its identity, which stands for another event until that is out of the way.
    let text = r#"{"type":"com.acme.x","source":"s","data":{}}"#;
    let body = Arc::new(text.as_bytes().to_vec());
    let refused = FieldError::invalid("the body", "something", "something else");
    let id = world
        .bad(Item::part(Err(refused), &body, 0..text.len()))
        .await;
    world.clock.advance(Duration::hours(5));
    assert_eq!(world.replay_all().await.replayed, 1);
    let event = world
        .call::<GetEvent>(GetEventInput { id })
        .await
        .unwrap()
        .data;
    assert_eq!(event.time, noon());
    assert_eq!(event.received_at, noon() + Duration::hours(5));
}

#[tokio::test]
async fn a_replay_goes_page_by_page_the_oldest_first() {
    let world = world();
    let mut ids = Vec::new();
    for n in 0..7_i64 {
        world.clock.advance(Duration::seconds(1));
        ids.push(world.bad(early(&n.to_string(), 1 + n % 2 * 9)).await);
    }
    world.clock.advance(Duration::hours(2));
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let input = ReplayQuarantineInput {
            limit: Some(2),
            cursor,
            ..Default::default()
        };
        let answer = world.call::<ReplayQuarantine>(input).await.unwrap();
        let mut page: Vec<_> = answer.data.items.iter().map(|item| item.id).collect();
        page.sort_unstable();
        seen.extend(page);
        cursor = answer.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);
    let waiting = SearchQuarantineInput {
        state: Some(State::Waiting),
        ..Default::default()
    };
    let found = world.call::<SearchQuarantine>(waiting).await.unwrap().data;
    let found: Vec<_> = found.iter().map(|item| item.id).collect();
    assert_eq!(found, [ids[5], ids[3], ids[1]]);
}

#[tokio::test]
async fn an_item_is_shown_as_it_came() {
    let world = world();
    let event = json!({"type": "deployment.strated", "source": 7, "data": {"a": "\u{0}"}});
    let id = world.bad(event.clone()).await;
    let item = world
        .call::<GetQuarantined>(GetQuarantinedInput { id })
        .await
        .unwrap()
        .data;
    assert_eq!(item.item, Some(event));
    assert_eq!(
        (item.source, item.event_type.as_deref()),
        (None, Some("deployment.strated"))
    );
    assert_eq!((item.token, item.times), (Uuid::from_u128(42), 1));
    assert!(!item.errors.is_empty());
    let id = Uuid::nil();
    let missing = world
        .call::<GetQuarantined>(GetQuarantinedInput { id })
        .await;
    assert!(matches!(missing, Err(ActionError::NotFound { .. })));
}

#[tokio::test]
async fn giving_up_needs_a_reason_and_names_what_was_not_there() {
    let world = world();
    let id = world.bad(json!(7)).await;
    let discard = |ids: Vec<Uuid>, reason: &str| {
        let reason = reason.to_owned();
        world.call::<DiscardQuarantined>(DiscardQuarantinedInput { ids, reason })
    };
    for (ids, reason) in [
        (vec![id], " "),
        (vec![id], "a\nb"),
        (vec![], "r"),
        (vec![id; 1_001], "r"),
    ] {
        let refused = discard(ids, reason).await;
        assert!(
            matches!(refused, Err(ActionError::Invalid(_))),
            "{reason:?}"
        );
    }
    let report = discard(vec![id, Uuid::nil(), id], " a test ")
        .await
        .unwrap()
        .data;
    assert_eq!((report.discarded, report.others), (1, vec![Uuid::nil()]));
    let item = world
        .call::<GetQuarantined>(GetQuarantinedInput { id })
        .await
        .unwrap()
        .data;
    assert_eq!(
        (item.state, item.reason.as_deref()),
        (State::Discarded, Some("a test"))
    );
    assert_eq!(world.totals().await.quarantined, 1);
}

#[tokio::test]
async fn what_to_replay_is_named_or_described_and_not_both() {
    let world = world();
    let refused = async |input: ReplayQuarantineInput| {
        let answer = world.call::<ReplayQuarantine>(input).await;
        assert!(matches!(answer, Err(ActionError::Invalid(_))), "{answer:?}");
    };
    let ids = vec![Uuid::nil()];
    let source = Some("s".to_owned());
    refused(ReplayQuarantineInput {
        ids: ids.clone(),
        source,
        ..Default::default()
    })
    .await;
    let cursor = Some(pts_domain::filter::Cursor::Name(vec!["x".into()]).to_string());
    refused(ReplayQuarantineInput {
        cursor,
        ..Default::default()
    })
    .await;
    refused(ReplayQuarantineInput {
        limit: Some(0),
        ..Default::default()
    })
    .await;
    refused(ReplayQuarantineInput {
        ids: vec![Uuid::nil(); 1_001],
        ..Default::default()
    })
    .await;
}

#[tokio::test]
async fn quarantine_is_for_whoever_operates() {
    let world = world();
    let reader = principal(&[Scope::EventsRead, Scope::EventsWrite, Scope::MetricsRead]);
    let options = CallOptions::default();
    let (gateway, operate) = (&world.gateway, Scope::Operate);
    let search = gateway
        .call::<SearchQuarantine>(&reader, SearchQuarantineInput::default(), options)
        .await;
    assert!(matches!(search, Err(ActionError::Denied { scope }) if scope == operate));
    let replay = gateway
        .call::<ReplayQuarantine>(&reader, ReplayQuarantineInput::default(), options)
        .await;
    assert!(matches!(replay, Err(ActionError::Denied { scope }) if scope == operate));
}
