//! Exports: how many at the same time and for whom, and readers who do not read.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use pts_api::actions::export::{ExportEvents, ExportInput};
use pts_domain::access::{Principal, Scope};
use pts_domain::event::{Form, RawEvent};
use pts_services::{ActionError, CallOptions, Export, Gateway, Item, Mode, Part};
use serde_json::json;
use tokio::time::advance;
use uuid::Uuid;

use crate::support::{in_memory, principal};

/// More than a few stretches of the in-memory store.
const EVENTS: usize = 60;

fn reader(number: u128) -> Principal {
    Principal::holding(Uuid::from_u128(number), "reader", [Scope::EventsRead])
}

async fn filled() -> Arc<Gateway> {
    let (gateway, _) = in_memory();
    let item = |n: usize| Item::from(json!({"type": "t", "source": "s", "id": n.to_string()}));
    let items = (0..EVENTS).map(item).collect();
    let writer = principal(&[Scope::EventsWrite]);
    let sent = gateway.ingest(&writer, items, Form::Lenient, Mode::Store);
    sent.await.unwrap();
    Arc::new(gateway)
}

async fn begin(
    gateway: &Arc<Gateway>,
    reader: &Principal,
) -> Result<Export<RawEvent>, ActionError> {
    let (input, options) = (ExportInput::default(), CallOptions::default());
    let gateway = Arc::clone(gateway);
    gateway.export::<ExportEvents>(reader, input, options).await
}

/// Takes one part every now and then; how many events came, and whether all of them did.
async fn take(mut export: Export<RawEvent>, every: Duration) -> (usize, bool) {
    let mut count = 0;
    loop {
        advance(every).await;
        match export.parts.next().await {
            Some(Ok(Part::Rows(rows))) => count += rows.len(),
            Some(Ok(Part::End { .. })) => return (count, true),
            Some(Err(error)) => panic!("{error}"),
            None => return (count, false),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_is_waited_for_and_one_who_is_too_slow_is_given_up() {
    let gateway = filled().await;
    let all = take(begin(&gateway, &reader(1)).await.unwrap(), Duration::ZERO);
    assert_eq!(all.await, (EVENTS, true));
    // A stop is no slowness.
    let stopped = begin(&gateway, &reader(1)).await.unwrap();
    advance(Duration::from_secs(55)).await;
    assert_eq!(take(stopped, Duration::ZERO).await, (EVENTS, true));
    // A part now and then, each within the time of a stop, is not enough in the long run.
    let slow = begin(&gateway, &reader(1)).await.unwrap();
    let (count, whole) = take(slow, Duration::from_secs(25)).await;
    assert!(count < EVENTS && !whole, "{count} events");
    let none = begin(&gateway, &reader(1)).await.unwrap();
    advance(Duration::from_secs(61)).await;
    assert!(!take(none, Duration::ZERO).await.1);
}

#[tokio::test(start_paused = true)]
async fn one_token_has_half_of_the_places_and_whoever_is_given_up_makes_room() {
    let gateway = filled().await;
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(begin(&gateway, &reader(1)).await.unwrap());
    }
    match begin(&gateway, &reader(1)).await {
        Err(ActionError::Limited(limited)) => assert_eq!(limited.policy, "exports"),
        other => panic!("{:?}", other.map(|export| export.up_to)),
    }
    for _ in 0..2 {
        held.push(begin(&gateway, &reader(2)).await.unwrap());
    }
    let full = begin(&gateway, &reader(3)).await;
    assert!(matches!(full, Err(ActionError::Overloaded { .. })));
    // They are still held, and nobody reads.
    advance(Duration::from_secs(61)).await;
    let room = begin(&gateway, &reader(3)).await.unwrap();
    assert_eq!(take(room, Duration::ZERO).await, (EVENTS, true));
    let again = begin(&gateway, &reader(1)).await.unwrap();
    assert_eq!(take(again, Duration::ZERO).await, (EVENTS, true));
    assert_eq!(held.len(), 4);
}
