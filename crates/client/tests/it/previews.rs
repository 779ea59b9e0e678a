//! Risky actions: looked at, confirmed, and what is said where that does not work.

use pts_api::actions::maintenance::{RebuildProjections, RebuildProjectionsInput};
use pts_api::actions::quarantine::{PurgeQuarantine, ReplayQuarantine, ReplayQuarantineInput};
use pts_api::{Action, Confirm};
use pts_client::{Client, ClientError, Previewed, ToConfirm};
use serde_json::json;

use crate::support::Server;

fn purge() -> <PurgeQuarantine as Action>::Input {
    serde_json::from_value(json!({ "source": "ci", "reason": "a test" })).unwrap()
}

async fn shown<A: Action>(client: &Client, input: A::Input) -> ToConfirm
where
    A::Output: std::fmt::Debug,
{
    match client.preview::<A>(input).await.unwrap() {
        Previewed::ToConfirm(shown) => *shown,
        Previewed::Done(done) => panic!("{done:?}"),
    }
}

#[tokio::test]
async fn what_is_shown_is_done_once_it_is_confirmed() {
    let server = Server::start().await;
    let client = server.client();
    let shown = shown::<PurgeQuarantine>(&client, purge()).await;
    assert_eq!(shown.preview.rows, Some(1));
    assert!(!format!("{shown:?}").contains(&shown.confirm.token));
    let done = client
        .confirm::<PurgeQuarantine>(purge(), &shown.confirm)
        .await;
    assert_eq!(done.unwrap().data.discarded, 1);
    let twice = client
        .confirm::<PurgeQuarantine>(purge(), &shown.confirm)
        .await;
    let twice = twice.unwrap_err();
    assert_eq!(
        (twice.status(), twice.code()),
        (Some(409), Some("confirmation_refused"))
    );
    let wrong = Confirm {
        token: "line\nbreak".into(),
        ..shown.confirm
    };
    let wrong = client.confirm::<PurgeQuarantine>(purge(), &wrong).await;
    assert!(
        matches!(wrong, Err(ClientError::Unreadable(_))),
        "{wrong:?}"
    );
}

#[tokio::test]
async fn what_is_no_longer_so_comes_with_a_new_preview() {
    let server = Server::start().await;
    let client = server.client();
    let shown = shown::<PurgeQuarantine>(&client, purge()).await;
    let all = ReplayQuarantineInput::default();
    client.call::<ReplayQuarantine>(all).await.unwrap();
    let outdated = client
        .confirm::<PurgeQuarantine>(purge(), &shown.confirm)
        .await;
    let outdated = outdated.unwrap_err();
    assert_eq!(outdated.code(), Some("preview_outdated"));
    let fresh = &outdated.refused().unwrap().problem;
    assert_eq!(fresh.preview.as_ref().unwrap().rows, Some(0));
    let confirm = fresh.confirm.as_ref().unwrap();
    let done = client.confirm::<PurgeQuarantine>(purge(), confirm).await;
    assert_eq!(done.unwrap().data.discarded, 0);
}

#[tokio::test]
async fn a_call_by_name_is_confirmed_in_the_same_way() {
    let server = Server::start().await;
    let client = server.client();
    let shown = client
        .act(RebuildProjections::NAME, json!({}))
        .await
        .unwrap_err();
    let problem = &shown.refused().unwrap().problem;
    assert_eq!(
        (problem.status, problem.code.as_str()),
        (428, "confirmation_required")
    );
    let confirm = problem.confirm.clone().unwrap();
    let by_name = client.act_with(RebuildProjections::NAME, json!({}), Some(&confirm));
    let events = by_name.await.unwrap().data["events"].as_u64();
    let typed = self::shown::<RebuildProjections>(&client, RebuildProjectionsInput {}).await;
    assert_eq!(typed.preview.rows, events);
}
