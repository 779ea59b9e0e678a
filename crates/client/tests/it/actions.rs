//! Every action, called with its example: a new one is covered without being remembered.

use pts_api::actions::deployments::{GetDeployment, GetDeploymentInput};
use pts_api::actions::events::{
    AppendEvents, AppendParameters, GetEvent, GetEventInput, SearchEvents, SearchInput,
    StreamEvents, Validate,
};
use pts_api::actions::services::ListServices;
use pts_api::{Action, ItemStatus, Partial};
use pts_client::{ClientError, Event};
use pts_testkit::generate::platform;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Server, notice};

fn input<A: Action>() -> A::Input {
    serde_json::from_value(A::example()).unwrap()
}

/// What an action gives over its route is what it gives by its name. Each on a server of its own,
/// since some of them change what is there.
async fn answers<A: Action>() {
    let (one, other) = (Server::start().await, Server::start().await);
    let typed = one.client().call::<A>(input::<A>()).await;
    let typed = typed.unwrap_or_else(|error| panic!("{}: {error}", A::NAME));
    let by_name = other.client().act(A::NAME, A::example()).await;
    let by_name = by_name.unwrap_or_else(|error| panic!("{} by name: {error}", A::NAME));
    let data = serde_json::to_value(typed.data).unwrap();
    assert_eq!(data, by_name.data, "{}", A::NAME);
    assert_eq!(typed.coverage, by_name.coverage, "{}", A::NAME);
    assert_eq!(typed.next_cursor, by_name.next_cursor, "{}", A::NAME);
}

async fn takes_in<A: Action>() {
    let server = Server::start().await;
    let example = A::example();
    let event: Event = Event::new("deployment.started", "ci")
        .at(platform::now())
        .with_data(example["events"]["data"].clone());
    let parameters = AppendParameters {
        validate: Some(Validate::Only),
        ..AppendParameters::default()
    };
    let result = server
        .client()
        .append_with(&[event], parameters)
        .await
        .unwrap();
    assert_eq!(result.items[0].status, ItemStatus::Valid, "{}", A::NAME);
    let by_name = server.client().act(A::NAME, example).await.unwrap();
    assert_eq!(by_name.data["rejected"], 0, "{}", A::NAME);
}

async fn flows<A: Action>() {
    let server = Server::start().await;
    let mut stream = server.client().stream::<A>(input::<A>()).await.unwrap();
    let first = stream.next().await.unwrap();
    first.unwrap_or_else(|error| panic!("{}: {error}", A::NAME));
    assert!(stream.last_event_id().is_some());
}

async fn comes_down<A: Action>() {
    let server = Server::start().await;
    let download = server.client().download::<A>(input::<A>()).await;
    let mut download = download.unwrap_or_else(|error| panic!("{}: {error}", A::NAME));
    let media_type = download.media_type().unwrap().split(';').next().unwrap();
    assert!(
        A::MEDIA_TYPES.contains(&media_type),
        "{}: {media_type}",
        A::NAME
    );
    let mut bytes = 0;
    while let Some(piece) = download.next().await.unwrap() {
        bytes += piece.len();
    }
    assert!(bytes > 0, "{}", A::NAME);
}

#[tokio::test]
async fn every_action_is_called_and_answers_as_declared() {
    let mut called = Vec::new();
    macro_rules! each {
        (answer $action:ty) => {
            answers::<$action>().await;
            called.push(<$action>::NAME);
        };
        (ingest $action:ty) => {
            takes_in::<$action>().await;
            called.push(<$action>::NAME);
        };
        (download $action:ty) => {
            comes_down::<$action>().await;
            called.push(<$action>::NAME);
        };
        (feed $action:ty) => {
            comes_down::<$action>().await;
            called.push(<$action>::NAME);
        };
        (stream $action:ty) => {
            flows::<$action>().await;
            called.push(<$action>::NAME);
        };
    }
    pts_api::each_action!(each);
    let all: Vec<_> = pts_api::actions::all()
        .iter()
        .map(|action| action.name)
        .collect();
    assert_eq!(called, all);
}

#[tokio::test]
async fn what_is_sent_is_there_and_sent_again_is_no_second_one() {
    let server = Server::start().await;
    let client = server.client();
    let mut events: Vec<_> = (0..3).map(notice).collect();
    events.push(Event::new("deployment.strated", "client").at(platform::now()));
    let first = client.append(&events).await.unwrap();
    assert_eq!((first.created, first.duplicates, first.rejected), (3, 0, 1));
    let problem = first.items[3].problem.as_ref().unwrap();
    assert_eq!(problem.errors[0].field, "type");
    let again = client.append(&events).await.unwrap();
    assert_eq!((again.created, again.duplicates, again.rejected), (0, 3, 1));

    let receipt = client.append_one(notice(0)).await.unwrap();
    assert!(receipt.duplicate);
    assert_eq!(receipt.id, first.items[0].receipt.as_ref().unwrap().id);
    let other = notice(0).with_data(json!({"message": "another"}));
    let conflict = client.append_one(other).await.unwrap_err();
    assert_eq!(conflict.status(), Some(409));
    let attribute = Event {
        attributes: [("team".to_owned(), json!("a"))].into_iter().collect(),
        ..notice(9)
    };
    let id = client.append_one(attribute).await.unwrap().id.unwrap();
    let stored = client
        .call::<GetEvent>(GetEventInput { id })
        .await
        .unwrap()
        .data;
    assert_eq!(
        (stored.event_id.as_str(), &stored.attributes["team"]),
        ("9", &json!("a"))
    );
}

#[tokio::test]
async fn a_refusal_says_everything_that_the_server_said() {
    let server = Server::start().await;
    let client = server.client();
    let input = SearchInput {
        limit: Some(0),
        ..SearchInput::default()
    };
    let error = client.call::<SearchEvents>(input).await.unwrap_err();
    assert_eq!(
        (error.status(), error.code()),
        (Some(400), Some("invalid_input"))
    );
    assert_eq!(error.field_errors()[0].field, "limit");
    assert!(error.request_id().is_some() && !error.may_have_been_done());
    let error = client
        .call::<GetEvent>(GetEventInput { id: Uuid::nil() })
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("not_found"));
    let error = client
        .act("platform.event.search", json!({}))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("unknown_action"));
    assert!(
        error.to_string().contains("platform.events.search"),
        "{error}"
    );
    let error = client
        .act(SearchEvents::NAME, json!({"limit": "x"}))
        .await
        .unwrap_err();
    assert_eq!(error.field_errors()[0].field, "payload.limit");
    let error = client.act(StreamEvents::NAME, json!({})).await.unwrap_err();
    assert_eq!(error.code(), Some("own_route"));
    let error = client
        .act(AppendEvents::NAME, json!({"events": {}}))
        .await
        .unwrap_err();
    assert_eq!(error.status(), Some(400));
}

#[tokio::test]
async fn texts_of_any_kind_arrive_as_they_are() {
    let server = Server::start().await;
    let client = server.client();
    for text in [
        "a/b",
        "ä ?#%&=+",
        "%2F",
        "日本",
        "a;b",
        "\"'<>",
        "~.-_",
        "a..b",
    ] {
        let data = json!({ "service": text, "environment": "e", "deployment_id": text, "version": "1", "odd": text });
        let event = Event::new("deployment.started", text)
            .at(platform::now())
            .with_data(data);
        client.append_one(event).await.unwrap();
        let input = GetDeploymentInput {
            id: text.into(),
            service: Some(text.into()),
            environment: None,
        };
        let found = client.call::<GetDeployment>(input).await;
        let found = found.unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(found.data.events[0].source, text);
        let input = SearchInput {
            source: Some(text.into()),
            types: vec!["deployment.*".into(), "image.built".into()],
            data: [("odd".to_owned(), text.to_owned())].into(),
            ..SearchInput::default()
        };
        let found = client.call::<SearchEvents>(input).await.unwrap();
        assert_eq!(found.data.len(), 1, "{text}");
    }
}

#[tokio::test]
async fn whole_answers_may_be_insisted_on() {
    let server = Server::start().await;
    let client = server.client();
    let answer = client
        .call_with::<ListServices>(input::<ListServices>(), Partial::Deny)
        .await;
    match answer {
        Ok(answer) => assert!(answer.coverage.complete),
        Err(ClientError::Refused(refused)) => {
            assert_eq!(refused.problem.code, "incomplete");
            assert!(!refused.problem.coverage.unwrap().complete);
        }
        Err(error) => panic!("{error}"),
    }
    let example: Value = SearchEvents::example();
    let input = serde_json::from_value(example).unwrap();
    assert!(client.call::<SearchEvents>(input).await.is_ok());
}

#[tokio::test]
async fn a_client_acts_in_the_workspace_that_it_names() {
    let server = Server::start().await;
    let mut options = server.options();
    options.workspace = Some("elsewhere".parse().unwrap());
    let elsewhere = pts_client::Client::new(options).unwrap();
    let all = || SearchInput::default();
    let found = elsewhere.call::<SearchEvents>(all()).await.unwrap();
    assert!(found.data.is_empty(), "{:?}", found.data);
    elsewhere.append(&[notice(1)]).await.unwrap();
    let found = elsewhere.call::<SearchEvents>(all()).await.unwrap();
    assert_eq!(found.data.len(), 1);
    let usual = server.client().call::<SearchEvents>(all()).await.unwrap();
    assert!(usual.data.iter().all(|event| event.id != found.data[0].id));
}
