//! The gateway's limits, seen from a caller.

use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use pts_api::Action;
use pts_api::actions::dora::{GetDora, GetDoraInput};
use pts_api::actions::events::{AppendEvents, SearchEvents, SearchInput, StreamInput};
use pts_domain::access::{Principal, Scope};
use pts_domain::event::Form;
use pts_services::{ActionError, CallOptions, Gateway, Item, Limits, Mode, UseCase};
use pts_testkit::fakes::FixedClock;
use serde_json::json;
use tokio::time::timeout;
use uuid::Uuid;

use crate::support::{in_memory_at, noon, principal};

async fn ask<A: Action>(gateway: &Gateway, input: A::Input) -> Result<(), ActionError>
where
    Gateway: UseCase<A>,
{
    let reader = principal(&[Scope::EventsRead]);
    let asked = gateway.call::<A>(&reader, input, CallOptions::default());
    asked.await.map(drop)
}

async fn send(gateway: &Gateway, number: usize) -> Result<(), ActionError> {
    let item = |n| Item::from(json!({"type": "t", "source": "s", "id": format!("{n}")}));
    let items = (0..number).map(item).collect();
    let writer = principal(&[Scope::EventsWrite]);
    let sent = gateway.ingest(&writer, items, Form::Lenient, Mode::Store);
    sent.await.map(drop)
}

fn policy(result: Result<(), ActionError>) -> &'static str {
    match result {
        Err(ActionError::Limited(limited)) => limited.policy,
        other => panic!("not limited: {other:?}"),
    }
}

#[tokio::test]
async fn requests_rows_bytes_and_sends_are_limited_each_by_itself() {
    let clock = Arc::new(FixedClock::at(noon()));
    let (gateway, _) = in_memory_at(clock.clone());
    let gateway = gateway.limited(Limits {
        calls_per_s: 1,
        sends_per_s: 1,
        rows_per_min: 50,
        bytes_per_min: 6_000,
        ..Limits::default()
    });
    for _ in 0..10 {
        send(&gateway, 60).await.unwrap();
    }
    assert_eq!(policy(send(&gateway, 1).await), "sends");
    let search = || ask::<SearchEvents>(&gateway, SearchInput::default());
    search().await.unwrap();
    assert_eq!(policy(search().await), "rows");
    clock.advance(chrono::Duration::minutes(2));
    gateway.note_read(&principal(&[]), 6_000);
    assert_eq!(policy(search().await), "bytes");
    clock.advance(chrono::Duration::minutes(2));
    for _ in 0..10 {
        ask::<GetDora>(&gateway, GetDoraInput::default())
            .await
            .unwrap();
    }
    assert_eq!(policy(search().await), "requests");
    let reader = principal(&[Scope::EventsRead]);
    let follow = gateway.follow(&reader, StreamInput::default(), None);
    assert_eq!(policy(follow.await.map(drop)), "requests");
}

#[tokio::test]
async fn a_stream_gives_its_place_back_when_it_ends() {
    let (gateway, _) = in_memory_at(Arc::new(FixedClock::at(noon())));
    let gateway = gateway.limited(Limits {
        streams: 1,
        ..Limits::default()
    });
    let reader = principal(&[Scope::EventsRead]);
    send(&gateway, 1).await.unwrap();
    let from_begin = || StreamInput {
        after: Some(0),
        ..StreamInput::default()
    };
    let mut first = gateway.follow(&reader, from_begin(), None).await.unwrap();
    assert!(first.next().await.unwrap().is_ok());
    let second = gateway.follow(&reader, from_begin(), None).await;
    assert_eq!(policy(second.map(drop)), "streams");
    drop(first);
    assert!(gateway.follow(&reader, from_begin(), None).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_stream_waits_for_room_and_loses_nothing() {
    let clock = Arc::new(FixedClock::at(noon()));
    let (gateway, _) = in_memory_at(clock.clone());
    let gateway = gateway.limited(Limits {
        rows_per_min: 3,
        bytes_per_min: 1_000,
        ..Limits::default()
    });
    send(&gateway, 10).await.unwrap();
    let reader = principal(&[Scope::EventsRead]);
    let input = StreamInput {
        after: Some(0),
        ..StreamInput::default()
    };
    let mut stream = gateway.follow(&reader, input, None).await.unwrap();
    assert_eq!(stream.behind, 0);
    let mut seen = Vec::new();
    let mut waits = 0;
    while seen.len() < 10 {
        if let Ok(event) = timeout(Duration::from_mins(5), stream.next()).await {
            seen.push(event.unwrap().unwrap().position);
        } else {
            waits += 1;
            // Rows are there again; whatever was read in bytes still counts.
            clock.advance(chrono::Duration::minutes(2));
            if waits == 1 {
                gateway.note_read(&reader, 1_000);
            }
        }
    }
    assert_eq!(seen, (1..=10).collect::<Vec<i64>>());
    assert!(waits >= 3, "{waits} waits");
}

#[tokio::test]
async fn whoever_sends_alone_has_everything_and_beside_others_a_share() {
    let clock = Arc::new(FixedClock::at(noon()));
    let (gateway, _) = in_memory_at(clock.clone());
    let gateway = gateway.limited(Limits {
        sends_beside_others: 4,
        ..Limits::default()
    });
    let sender = |n| Principal::holding(Uuid::from_u128(n), "sender", [Scope::EventsWrite]);
    let (greedy, polite) = (sender(1), sender(2));
    let share = |of, bytes| gateway.share(of, bytes).now_or_never().transpose().unwrap();
    let alone: Vec<_> = (0..100).map(|_| share(&greedy, 1).unwrap()).collect();
    let _polite = share(&polite, 1).unwrap();
    let mut beside: Vec<_> = (0..4).map(|_| share(&greedy, 1).unwrap()).collect();
    assert!(share(&greedy, 1).is_none());
    assert!(share(&polite, 1).is_some());
    // What was begun alone is of no account: a place is free when one of these ends.
    drop(alone);
    assert!(share(&greedy, 1).is_none());
    beside.pop();
    assert!(share(&greedy, 1).is_some());
    // However large a body is, it is half of a share; the rest is for what comes beside it.
    assert!(share(&greedy, 1 << 20).is_none());
    beside.pop();
    let large = share(&greedy, 1 << 20).unwrap();
    assert!(share(&greedy, 1).is_none());
    // It is no way around to send by the action's name.
    let nothing = json!({"events": []});
    let named = || {
        let options = CallOptions::default();
        let sent = gateway.act(&greedy, AppendEvents::NAME, &nothing, options);
        sent.now_or_never()
    };
    assert!(named().is_none());
    drop(large);
    assert!(matches!(named(), Some(Err(ActionError::Invalid(_)))));
    clock.advance(chrono::Duration::seconds(1));
    assert_eq!((0..10).filter_map(|_| share(&greedy, 1)).count(), 10);
}
