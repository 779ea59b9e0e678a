//! Questions and answers.

use pts_api::actions::deployments::{GetDeployment, GetDeploymentInput};
use pts_api::actions::dora::{GetDora, GetDoraInput};
use pts_api::actions::event_types::{GetEventType, GetEventTypeInput};
use pts_api::actions::events::{SearchEvents, SearchInput};
use pts_api::actions::images::{SearchImages, SearchImagesInput};
use pts_api::actions::services::{GetService, GetServiceInput, ListServices, ListServicesInput};
use pts_api::actions::timeline::{WhatRanAt, WhatRanAtInput};
use pts_domain::access::Scope;
use pts_domain::event::Form;
use pts_domain::projection::Liveness;
use pts_domain::time::Moment;
use pts_services::{ActionError, CallOptions, Gateway, Item, ItemOutcome, Mode};
use serde_json::{Value, json};

use crate::support::{in_memory, principal};

async fn send(gateway: &Gateway, events: Vec<Value>) {
    let writer = principal(&[Scope::EventsWrite]);
    let items = events.into_iter().map(Item::from).collect();
    let outcomes = gateway
        .ingest(&writer, items, Form::Lenient, Mode::Store)
        .await
        .unwrap();
    assert!(
        outcomes
            .iter()
            .all(|o| matches!(o, ItemOutcome::Created(_))),
        "{outcomes:?}"
    );
}

fn event(event_type: &str, time: &str, data: &Value) -> Value {
    json!({"type": event_type, "source": "ci", "time": time, "data": data})
}

fn deployed(id: &str, version: &str, time: &str) -> Value {
    let data = json!({
        "service": "payments", "environment": "production", "deployment_id": id,
        "version": version, "image": format!("acme/payments:{version}")
    });
    event("deployment.succeeded", time, &data)
}

fn beat(instance: &str, version: &str, time: &str) -> Value {
    let data = json!({
        "service": "payments", "environment": "production", "instance": instance,
        "version": version, "ttl_s": 60
    });
    event("service.heartbeat", time, &data)
}

async fn ask<A: pts_api::Action>(
    gateway: &Gateway,
    input: A::Input,
) -> Result<pts_api::Answer<A::Output>, ActionError>
where
    Gateway: pts_services::UseCase<A>,
{
    let reader = principal(&[Scope::EventsRead]);
    gateway
        .call::<A>(&reader, input, CallOptions::default())
        .await
}

#[tokio::test]
async fn a_reader_needs_the_scope() {
    let (gateway, _) = in_memory();
    let writer = principal(&[Scope::EventsWrite]);
    let denied = gateway
        .call::<SearchEvents>(&writer, SearchInput::default(), CallOptions::default())
        .await;
    assert!(matches!(
        denied,
        Err(ActionError::Denied {
            scope: Scope::EventsRead
        })
    ));
}

#[tokio::test]
async fn limits_cursors_and_periods_are_checked_by_name() {
    let (gateway, _) = in_memory();
    let moment = |text: &str| Some(Moment::try_from(text.to_owned()).unwrap());
    let bad = [
        (
            "limit",
            SearchInput {
                limit: Some(0),
                ..SearchInput::default()
            },
        ),
        (
            "limit",
            SearchInput {
                limit: Some(1_001),
                ..SearchInput::default()
            },
        ),
        (
            "cursor",
            SearchInput {
                cursor: Some("nonsense".into()),
                ..SearchInput::default()
            },
        ),
        (
            "until",
            SearchInput {
                since: moment("1h"),
                until: moment("2h"),
                ..SearchInput::default()
            },
        ),
    ];
    for (field, input) in bad {
        let Err(ActionError::Invalid(errors)) = ask::<SearchEvents>(&gateway, input).await else {
            panic!("a bad {field} was taken");
        };
        assert_eq!(errors[0].field, field);
    }
}

#[tokio::test]
async fn declared_is_held_against_observed_and_silence_is_said() {
    let (gateway, _) = in_memory();
    send(
        &gateway,
        vec![
            deployed("d-1", "1.0", "2026-03-01T10:00:00Z"),
            beat("alive", "0.9", "2026-03-01T11:59:50Z"),
            beat("silent", "0.8", "2026-03-01T11:00:00Z"),
        ],
    )
    .await;
    let list = ask::<ListServices>(&gateway, ListServicesInput::default())
        .await
        .unwrap();
    let production = &list.data[0].environments[0];
    assert_eq!(
        production.declared.as_ref().unwrap().version.as_deref(),
        Some("1.0")
    );
    assert_eq!(production.agrees, Some(false));
    let detail = ask::<GetService>(
        &gateway,
        GetServiceInput {
            name: "payments".into(),
        },
    );
    let detail = detail.await.unwrap();
    let silent = detail
        .data
        .instances
        .iter()
        .find(|i| i.instance.instance == "silent")
        .unwrap();
    assert_eq!(silent.liveness, Liveness::Silent);
    assert!(
        detail.warnings[0].contains("production/silent"),
        "{:?}",
        detail.warnings
    );
}

#[tokio::test]
async fn what_ran_at_a_moment_is_what_had_been_deployed_by_then() {
    let (gateway, _) = in_memory();
    send(
        &gateway,
        vec![
            deployed("d-2", "2.0", "2026-03-01T11:00:00Z"),
            deployed("d-1", "1.0", "2026-03-01T10:00:00Z"),
        ],
    )
    .await;
    for (time, version) in [
        ("2026-03-01T09:00:00Z", None),
        ("2026-03-01T10:30:00Z", Some("1.0")),
        ("now", Some("2.0")),
    ] {
        let input = WhatRanAtInput {
            time: Some(Moment::try_from(time.to_owned()).unwrap()),
            ..WhatRanAtInput::default()
        };
        let answer = ask::<WhatRanAt>(&gateway, input).await.unwrap();
        let ran: Vec<_> = answer
            .data
            .declared
            .iter()
            .map(|run| run.version.as_deref())
            .collect();
        assert_eq!(
            ran,
            version.map(Some).into_iter().collect::<Vec<_>>(),
            "{time}"
        );
    }
}

#[tokio::test]
async fn an_image_knows_where_it_ran() {
    let (gateway, _) = in_memory();
    let built = json!({"image": "acme/payments", "tag": "1.0", "digest": "sha256:aa"});
    send(
        &gateway,
        vec![
            event("image.built", "2026-03-01T09:00:00Z", &built),
            deployed("d-1", "1.0", "2026-03-01T10:00:00Z"),
            deployed("d-2", "2.0", "2026-03-01T11:00:00Z"),
        ],
    )
    .await;
    let answer = ask::<SearchImages>(&gateway, SearchImagesInput::default())
        .await
        .unwrap();
    let ran = &answer.data[0].ran;
    assert_eq!(ran.len(), 1);
    assert_eq!(
        ran[0].to,
        Some(pts_domain::time::parse("2026-03-01T11:00:00Z").unwrap())
    );
}

#[tokio::test]
async fn an_id_that_two_services_used_is_not_guessed() {
    let (gateway, _) = in_memory();
    let mut other = deployed("d-1", "1.0", "2026-03-01T10:00:00Z");
    other["data"]["environment"] = json!("staging");
    send(
        &gateway,
        vec![deployed("d-1", "1.0", "2026-03-01T10:00:00Z"), other],
    )
    .await;
    let input = |environment: Option<&str>| GetDeploymentInput {
        id: "d-1".into(),
        service: None,
        environment: environment.map(Into::into),
    };
    let Err(ActionError::Ambiguous { detail }) = ask::<GetDeployment>(&gateway, input(None)).await
    else {
        panic!("one of two was guessed");
    };
    assert!(
        detail.contains("staging") && detail.contains("production"),
        "{detail}"
    );
    let chosen = ask::<GetDeployment>(&gateway, input(Some("staging")))
        .await
        .unwrap();
    assert_eq!(chosen.data.events.len(), 1);
    assert_eq!(chosen.data.contradictions[0].code, "finished_without_start");
}

#[tokio::test]
async fn unknown_things_are_not_found_and_near_misses_are_pointed_out() {
    let (gateway, _) = in_memory();
    let input = GetEventTypeInput {
        name: "deployment.strated".into(),
    };
    let Err(ActionError::NotFound { what }) = ask::<GetEventType>(&gateway, input).await else {
        panic!("a type that is not there was found");
    };
    assert!(what.contains("deployment.started"), "{what}");
}

#[tokio::test]
async fn dora_says_what_it_leaves_out() {
    let (gateway, _) = in_memory();
    send(
        &gateway,
        vec![deployed("d-1", "1.0", "2026-03-01T10:00:00Z")],
    )
    .await;
    let answer = ask::<GetDora>(&gateway, GetDoraInput::default())
        .await
        .unwrap();
    assert_eq!(answer.data.metrics.deployment_frequency.deployments, 1);
    assert_eq!(answer.data.metrics.change_lead_time.median_s, None);
    assert!(
        answer.warnings[0].contains("commit_time"),
        "{:?}",
        answer.warnings
    );
}

#[tokio::test]
async fn every_answer_tells_how_old_its_source_is() {
    let (gateway, _) = in_memory();
    let empty = ask::<SearchEvents>(&gateway, SearchInput::default())
        .await
        .unwrap();
    assert_eq!(empty.coverage.sources[0].age_s, None);
    send(
        &gateway,
        vec![deployed("d-1", "1.0", "2026-03-01T10:00:00Z")],
    )
    .await;
    let one = ask::<SearchEvents>(&gateway, SearchInput::default())
        .await
        .unwrap();
    assert!(one.coverage.complete && one.coverage.sources[0].age_s.is_some());
}
