//! Calling actions by their names: who may, and what is said to a name or an input that is none.

use pts_api::{Answer, Binding};
use pts_domain::event::Form;
use pts_services::{ActionError, CallOptions, Gateway, Item, Mode};
use serde_json::{Value, json};

use super::{admin, on_the_platform};
use crate::support::principal;

async fn act(gateway: &Gateway, key: &str, input: &Value) -> Result<Answer<Value>, ActionError> {
    let options = CallOptions::default();
    gateway.act(&admin(), key, input, options).await
}

#[tokio::test]
async fn nobody_does_by_name_what_they_may_not_do() {
    let gateway = on_the_platform().await;
    let nobody = principal(&[]);
    for action in pts_api::actions::all() {
        if action.free_for_own {
            continue;
        }
        // What is wrong with the input is not said before it is known who asks.
        let options = CallOptions::default();
        let denied = gateway.act(&nobody, action.name, &json!(7), options).await;
        assert!(
            matches!(denied, Err(ActionError::Denied { scope }) if scope == action.scope),
            "{}: {denied:?}",
            action.name
        );
    }
}

#[tokio::test]
async fn an_unknown_name_is_answered_with_the_nearest_ones() {
    let gateway = on_the_platform().await;
    let near = async |key: &str| match act(&gateway, key, &json!({})).await {
        Err(ActionError::UnknownAction { near, .. }) => near,
        other => panic!("{key}: {other:?}"),
    };
    assert_eq!(
        near("platform.event.search").await[0],
        "platform.events.search"
    );
    assert_eq!(
        near("platform.services.find").await,
        ["platform.services.list", "platform.services.get"]
    );
    assert!(near("nonsense").await.is_empty());
}

#[tokio::test]
async fn what_is_no_answer_names_its_own_route_and_only_questions_may_be_incomplete() {
    let gateway = on_the_platform().await;
    let options = CallOptions {
        deny_partial: true,
        ..CallOptions::default()
    };
    for action in pts_api::actions::all() {
        let (name, example) = (action.name, (action.example)());
        let answer = gateway.act(&admin(), name, &example, options).await;
        match action.binding {
            Binding::Query => match (answer, act(&gateway, name, &example).await) {
                (Ok(answer), _) => assert!(answer.coverage.complete, "{name}"),
                (Err(ActionError::Incomplete(coverage)), Ok(answer)) => {
                    assert_eq!(*coverage, answer.coverage, "{name}");
                }
                other => panic!("{name}: {other:?}"),
            },
            Binding::Command | Binding::Ingest => assert!(
                matches!(&answer, Err(ActionError::Invalid(errors)) if errors[0].field == "partial"),
                "{name}: {answer:?}"
            ),
            Binding::Stream | Binding::Download | Binding::Feed => assert!(
                matches!(&answer, Err(ActionError::OwnRoute { path, .. }) if *path == action.path),
                "{name}: {answer:?}"
            ),
        }
    }
}

#[tokio::test]
async fn events_come_in_by_name_as_they_do_by_route() {
    let gateway = on_the_platform().await;
    let append = async |input: Value| act(&gateway, "platform.events.append", &input).await;
    let event = |id: &str, n: u32| json!({"type": "com.acme.x", "source": "tests", "id": id, "data": {"n": n}});

    let one = append(json!({ "events": event("a", 1) })).await.unwrap();
    assert_eq!(one.data["items"][0]["status"], "created");
    let again = gateway
        .ingest(
            &admin(),
            vec![Item::from(event("a", 1))],
            Form::Lenient,
            Mode::Store,
        )
        .await
        .unwrap();
    assert!(
        matches!(again[0], pts_services::ItemOutcome::Duplicate(_)),
        "{again:?}"
    );

    // One that came alone is an error; of several, each has its result.
    let conflict = append(json!({ "events": event("a", 2) })).await;
    assert!(
        matches!(&conflict, Err(ActionError::NotAccepted(problem)) if problem.code == "identity_conflict"),
        "{conflict:?}"
    );
    let mixed = append(json!({ "events": [event("b", 1), {"type": 7}, event("a", 2)] })).await;
    let mixed = mixed.unwrap();
    assert_eq!(
        (&mixed.data["created"], &mixed.data["rejected"]),
        (&json!(1), &json!(2))
    );
    assert!(mixed.data["items"][1]["problem"]["quarantine_id"].is_string());
    assert_eq!(
        mixed.warnings,
        ["of 3 events, 2 were not accepted: see `items`"]
    );

    for (input, field) in [
        (json!({}), "events"),
        (json!({ "events": "x" }), "events"),
        (json!({ "events": [] }), "events"),
        (json!({ "events": vec![1; 10_001] }), "events"),
        (json!({ "events": [], "ack": 1 }), "ack"),
    ] {
        let Err(ActionError::Invalid(errors)) = append(input.clone()).await else {
            panic!("{input} was taken");
        };
        assert_eq!(errors[0].field, field, "{errors:?}");
    }
    let large =
        json!({ "events": [{"type": "x", "source": "s", "data": "x".repeat(1024 * 1024)}] });
    let large = append(large).await.unwrap();
    assert_eq!(
        large.data["items"][0]["problem"]["errors"][0]["code"],
        "too_long"
    );
}
