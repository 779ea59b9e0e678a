//! Every action carried out: its example, by its name, against the platform that examples speak of,
//! with its input and its answer held against the schemas that callers are shown. A file for each
//! area says what must be true of the answers; an action of which nothing is said fails here.

mod access;
mod accounting;
mod annotations;
mod audit;
mod deployments;
mod discovery;
mod dora;
mod elevations;
mod event_types;
mod events;
mod expectations;
mod export;
mod feeds;
mod images;
mod incidents;
mod maintenance;
mod names;
mod quarantine;
mod services;
mod sessions;
mod state;
mod timeline;
mod tokens;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::StreamExt as _;
use pts_api::actions::events::StreamEvents;
use pts_api::{Action, ActionSpec, Answer, Binding};
use pts_domain::access::{ConfirmationText, Scope};
use pts_services::{ActionError, CallOptions, Gateway, Shown};
use pts_testkit::fakes::FixedClock;
use pts_testkit::generate::platform;
use serde_json::{Value, json};

use crate::support::{in_memory_at, principal};

/// What must be true of the answer to an action's example.
struct Proof {
    action: &'static str,
    holds: fn(&Answer<Value>),
}

const fn proof<A: Action>(holds: fn(&Answer<Value>)) -> Proof {
    Proof {
        action: A::NAME,
        holds,
    }
}

fn proofs() -> impl Iterator<Item = &'static Proof> {
    [
        events::PROOFS,
        export::PROOFS,
        event_types::PROOFS,
        deployments::PROOFS,
        services::PROOFS,
        images::PROOFS,
        state::PROOFS,
        incidents::PROOFS,
        feeds::PROOFS,
        annotations::PROOFS,
        dora::PROOFS,
        timeline::PROOFS,
        accounting::PROOFS,
        expectations::PROOFS,
        quarantine::PROOFS,
        maintenance::PROOFS,
        elevations::PROOFS,
        tokens::PROOFS,
        access::PROOFS,
        sessions::PROOFS,
        audit::PROOFS,
        discovery::PROOFS,
    ]
    .into_iter()
    .flatten()
}

/// A gateway in front of the platform that examples speak of.
async fn on_the_platform() -> Arc<Gateway> {
    let (gateway, store) = in_memory_at(Arc::new(FixedClock::at(platform::now())));
    platform::seed_all(&*store).await;
    gateway.read_record().await.unwrap();
    Arc::new(gateway)
}

#[test]
fn every_action_has_a_proof() {
    let all = pts_api::actions::all();
    let declared: BTreeSet<_> = all.iter().map(|action| action.name).collect();
    let proved: BTreeSet<_> = proofs().map(|proof| proof.action).collect();
    assert_eq!(proved, declared);
    assert_eq!(proofs().count(), declared.len(), "one proof an action");
}

#[tokio::test]
async fn every_example_is_what_its_schemas_say_and_gives_what_it_shows() {
    for proof in proofs() {
        let gateway = on_the_platform().await;
        let (input, output) = schemas(&gateway, proof.action).await;
        let all = pts_api::actions::all();
        let action = all.iter().find(|action| action.name == proof.action);
        let action = action.expect("a proof of an action");
        let example = (action.example)();
        fits(proof.action, "input", &input, &example);
        let answer = carried_out(&gateway, action, &example).await;
        fits(proof.action, "output", &output, &answer.data);
        (proof.holds)(&answer);
    }
}

#[tokio::test]
async fn no_field_is_taken_that_a_schema_does_not_know() {
    let gateway = on_the_platform().await;
    for action in pts_api::actions::all() {
        let (input, _) = schemas(&gateway, action.name).await;
        let mut odd = (action.example)();
        odd["no_such_field"] = json!(1);
        assert!(!jsonschema::is_valid(&input, &odd), "{}", action.name);
        if !action.binding.has_own_route_only() {
            let options = CallOptions::default();
            let refused = gateway.act(&admin(), action.name, &odd, options).await;
            let refused = refused.expect_err(action.name).to_string();
            assert!(refused.contains("no_such_field"), "{refused}");
        }
    }
}

fn admin() -> pts_domain::access::Principal {
    principal(&[Scope::Admin])
}

async fn carried_out(
    gateway: &Arc<Gateway>,
    action: &ActionSpec,
    example: &Value,
) -> Answer<Value> {
    match action.binding {
        Binding::Query | Binding::Command | Binding::Ingest => {
            let options = CallOptions::default();
            let answer = gateway.act(&admin(), action.name, example, options).await;
            let answer = match answer {
                Err(ActionError::NotConfirmed {
                    outdated: false,
                    shown,
                }) if action.risky => {
                    let options = confirmed(&shown);
                    gateway.act(&admin(), action.name, example, options).await
                }
                answer => answer,
            };
            answer.unwrap_or_else(|error| panic!("{}: {error}", action.name))
        }
        Binding::Feed => feeds::carried_out(gateway, action.name, example).await,
        Binding::Download => export::carried_out(gateway, action.name, example).await,
        Binding::Stream => {
            assert_eq!(action.name, StreamEvents::NAME);
            let input = serde_json::from_value(example.clone()).expect(action.name);
            let followed = gateway.follow(&admin(), input, None).await;
            let first = followed.expect(action.name).next().await;
            whole(&first.expect("an event").expect("no end"))
        }
    }
}

/// On the word of whoever was shown it.
fn confirmed(shown: &Shown) -> CallOptions {
    let text = ConfirmationText::parse(&shown.confirm.token).unwrap();
    CallOptions {
        confirm: Some(text.hash()),
        ..CallOptions::default()
    }
}

/// Something that did not come as an answer.
fn whole(data: &impl serde::Serialize) -> Answer<Value> {
    Answer {
        data: serde_json::to_value(data).unwrap(),
        coverage: pts_api::Coverage::of(Vec::new(), Vec::new()),
        warnings: Vec::new(),
        next_cursor: None,
    }
}

/// The schemas of an action, as a program finds them out.
async fn schemas(gateway: &Gateway, action: &str) -> (Value, Value) {
    let key = json!({ "key": action });
    let found = gateway
        .act(
            &admin(),
            "platform.actions.get",
            &key,
            CallOptions::default(),
        )
        .await
        .unwrap();
    let mut record = found.data;
    (
        record["input_schema"].take(),
        record["output_schema"].take(),
    )
}

#[track_caller]
fn fits(action: &str, what: &str, schema: &Value, value: &Value) {
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(schema)
        .unwrap_or_else(|error| panic!("{action}: the {what} schema is none: {error}"));
    let errors: Vec<_> = validator
        .iter_errors(value)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{action}: {what} {value}: {errors:#?}");
}
