//! The live tail.

use std::time::Duration;

use futures::StreamExt;
use pts_api::actions::events::StreamInput;
use pts_domain::access::Scope;
use pts_domain::event::Form;
use pts_ports::{MockEventLog, StoreError};
use pts_services::{ActionError, Gateway, ItemOutcome, Mode};
use serde_json::json;

use crate::support::{in_memory, over, principal};

async fn notice(gateway: &Gateway, id: usize, service: &str) {
    let event = json!({
        "type": "platform.notice", "source": "s", "id": id.to_string(),
        "data": {"message": "m", "service": service}
    });
    let writer = principal(&[Scope::EventsWrite]);
    let outcomes = gateway
        .ingest(&writer, vec![event.into()], Form::Lenient, Mode::Store)
        .await
        .unwrap();
    assert!(matches!(outcomes[0], ItemOutcome::Created(_)));
}

fn from_the_beginning(service: Option<&str>) -> StreamInput {
    StreamInput {
        after: Some(0),
        service: service.map(Into::into),
        ..StreamInput::default()
    }
}

#[tokio::test]
async fn a_follower_sees_what_was_there_and_what_comes_once_each_and_in_order() {
    let (gateway, _) = in_memory();
    let reader = principal(&[Scope::EventsRead]);
    notice(&gateway, 1, "a").await;
    notice(&gateway, 2, "b").await;
    let mut stream = gateway
        .follow(&reader, from_the_beginning(Some("a")), None)
        .await
        .unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().position, 1);
    let next = tokio::spawn(async move {
        let first = stream.next().await.unwrap().unwrap().position;
        (first, stream.next().await.unwrap().unwrap().position)
    });
    for id in 3..=6 {
        notice(&gateway, id, if id % 2 == 0 { "a" } else { "b" }).await;
    }
    let seen = tokio::time::timeout(Duration::from_secs(10), next)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(seen, (4, 6));
}

#[tokio::test]
async fn a_resumed_stream_goes_on_behind_the_last_event_it_gave() {
    let (gateway, _) = in_memory();
    let reader = principal(&[Scope::EventsRead]);
    for id in 1..=3 {
        notice(&gateway, id, "a").await;
    }
    let mut stream = gateway
        .follow(&reader, from_the_beginning(None), Some(2))
        .await
        .unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().position, 3);
}

#[tokio::test]
async fn a_place_that_is_not_in_the_log_is_refused() {
    let (gateway, _) = in_memory();
    let reader = principal(&[Scope::EventsRead]);
    for (after, last) in [(Some(7), None), (Some(-1), None), (None, Some(9))] {
        let input = StreamInput {
            after,
            ..StreamInput::default()
        };
        let refused = gateway.follow(&reader, input, last).await;
        assert!(
            matches!(refused, Err(ActionError::Invalid(_))),
            "{after:?} {last:?}"
        );
    }
}

#[tokio::test]
async fn a_failing_store_ends_the_stream_with_an_error() {
    let mut log = MockEventLog::new();
    log.expect_head().returning(|| Ok(5));
    log.expect_after()
        .once()
        .returning(|_, _, _| Err(StoreError::unavailable("gone")));
    let reader = principal(&[Scope::EventsRead]);
    let mut stream = over(log)
        .follow(&reader, from_the_beginning(None), None)
        .await
        .unwrap();
    assert!(matches!(
        stream.next().await,
        Some(Err(ActionError::Unavailable { .. }))
    ));
    assert!(stream.next().await.is_none());
}
