//! Events in.

use std::sync::Arc;

use pts_domain::FieldError;
use pts_domain::access::Scope;
use pts_domain::event::Form;
use pts_ports::{Appended, MockEventLog, StoreError, Written};
use pts_services::{ActionError, Item, ItemOutcome, Mode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{in_memory, noon, over, principal};

fn good(id: &str) -> Value {
    json!({"type": "platform.notice", "source": "s", "id": id, "data": {"message": "m"}})
}

fn bad() -> Value {
    json!({"type": "deployment.started", "source": "s", "data": {}})
}

#[tokio::test]
async fn bad_events_do_not_hurt_their_neighbours_and_results_keep_their_order() {
    let mut log = MockEventLog::new();
    log.expect_write()
        .once()
        .withf(|batch| batch.len() == 3)
        .returning(|batch| {
            let received_at = noon();
            Ok(Written::safe(vec![
                Appended::Stored {
                    position: 1,
                    contradictions: Vec::new(),
                },
                Appended::Repeat {
                    id: Uuid::from_u128(9),
                    received_at,
                },
                Appended::Conflict {
                    id: batch[0].id,
                    received_at,
                },
            ]))
        });
    // Looked at, in case that it differs in nothing but what was masked.
    log.expect_get().once().returning(|_| Ok(None));
    let not_json = Err(FieldError::invalid("line 2", "a brace", "JSON"));
    let items = vec![
        good("1").into(),
        bad().into(),
        good("2").into(),
        Item::part(not_json, &Arc::new(b"{".to_vec()), 0..1),
        good("3").into(),
    ];
    let writer = principal(&[Scope::EventsWrite]);
    let outcomes = over(log)
        .ingest(&writer, items, Form::Lenient, Mode::Store)
        .await
        .unwrap();
    assert!(matches!(&outcomes[0], ItemOutcome::Created(receipt) if !receipt.duplicate));
    assert!(
        matches!(&outcomes[1], ItemOutcome::Invalid { errors, quarantine_id: Some(_) }
            if errors.len() == 4)
    );
    assert!(matches!(&outcomes[2], ItemOutcome::Duplicate(receipt)
            if receipt.duplicate && receipt.id == Some(Uuid::from_u128(9))));
    assert!(
        matches!(&outcomes[3], ItemOutcome::Invalid { errors, .. } if errors[0].field == "line 2")
    );
    assert!(matches!(outcomes[4], ItemOutcome::Conflict { .. }));
}

#[tokio::test]
async fn validation_alone_stores_nothing() {
    let items = vec![good("1").into(), bad().into()];
    let writer = principal(&[Scope::EventsWrite]);
    // A mock that expects nothing fails when it is called.
    let gateway = over(MockEventLog::new());
    let outcomes = gateway
        .ingest(&writer, items, Form::Lenient, Mode::Validate)
        .await
        .unwrap();
    assert!(matches!(outcomes[0], ItemOutcome::Valid(_)));
    assert!(matches!(outcomes[1], ItemOutcome::Invalid { .. }));
}

#[tokio::test]
async fn a_batch_of_bad_events_does_not_trouble_the_log() {
    let writer = principal(&[Scope::EventsWrite]);
    let gateway = over(MockEventLog::new());
    let outcomes = gateway
        .ingest(&writer, vec![bad().into()], Form::Lenient, Mode::Store)
        .await
        .unwrap();
    assert!(matches!(outcomes[0], ItemOutcome::Invalid { .. }));
}

#[tokio::test]
async fn reading_does_not_allow_writing() {
    let reader = principal(&[Scope::EventsRead]);
    let gateway = over(MockEventLog::new());
    let denied = gateway
        .ingest(&reader, vec![good("1").into()], Form::Lenient, Mode::Store)
        .await;
    assert!(matches!(
        denied,
        Err(ActionError::Denied {
            scope: Scope::EventsWrite
        })
    ));
}

#[tokio::test]
async fn a_store_that_is_away_is_said_to_be_away() {
    let mut log = MockEventLog::new();
    log.expect_write()
        .returning(|_| Err(StoreError::unavailable("gone")));
    let writer = principal(&[Scope::EventsWrite]);
    let refused = over(log)
        .ingest(&writer, vec![good("1").into()], Form::Lenient, Mode::Store)
        .await;
    assert!(matches!(refused, Err(ActionError::Unavailable { .. })));
}

#[tokio::test]
async fn a_contradiction_is_told_to_its_sender() {
    let (gateway, _) = in_memory();
    let event = pts_domain::platform::find("deployment.succeeded")
        .unwrap()
        .example();
    let writer = principal(&[Scope::EventsWrite]);
    let outcomes = gateway
        .ingest(&writer, vec![event.into()], Form::Lenient, Mode::Store)
        .await
        .unwrap();
    let ItemOutcome::Created(receipt) = &outcomes[0] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(receipt.contradictions[0].code, "finished_without_start");
}
