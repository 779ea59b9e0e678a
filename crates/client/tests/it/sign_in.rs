//! A person signs in for a command line.

use std::net::TcpListener;
use std::sync::Arc;

use pts_api::actions::sessions::{ListSessions, ListSessionsInput, SessionPlace};
use pts_client::{Client, ClientError, ClientOptions, SignedIn};
use pts_domain::signin::{RoleMapping, Rule};
use pts_ports::{DevicePoll, ProviderError};
use pts_services::SignIn;
use pts_testkit::fakes::FakeProvider;

use crate::support::Server;

async fn server(provider: &Arc<FakeProvider>) -> Server {
    let mapping = RoleMapping::new(vec![Rule {
        group: "sre".into(),
        roles: ["operator".to_owned()].into(),
        workspace: None,
    }]);
    let sign_in = SignIn::new(provider.clone(), "Acme".into(), mapping);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    Server::with(listener, |gateway| gateway.signing_in(sign_in)).await
}

fn without_token(server: &Server) -> Client {
    let address = server.running.local_addr();
    let options = ClientOptions::without_token(&format!("http://{address}")).unwrap();
    Client::new(options).unwrap()
}

async fn signed_in(
    provider: &Arc<FakeProvider>,
    answers: Vec<Result<DevicePoll, ProviderError>>,
) -> (Server, Result<SignedIn, ClientError>) {
    let server = server(provider).await;
    provider.will_poll(answers);
    let begun = without_token(&server).sign_in().await.unwrap();
    assert_eq!(begun.started().user_code, "WDJB-MJHT");
    let signed_in = begun.wait(None).await;
    (server, signed_in)
}

#[tokio::test]
async fn a_person_signs_in_on_another_device_and_the_client_is_given_a_token() {
    let provider = Arc::new(FakeProvider::new());
    let ada = DevicePoll::Granted(FakeProvider::person("ada", &["sre"]));
    let answers = vec![Ok(DevicePoll::Pending), Ok(DevicePoll::Pending), Ok(ada)];
    let (server, signed_in) = signed_in(&provider, answers).await;
    let signed_in = signed_in.unwrap();
    assert_eq!(
        (signed_in.name.as_str(), &*signed_in.roles),
        ("ada", &["operator".to_owned()][..])
    );
    assert!(!format!("{signed_in:?}").contains(&signed_in.token));

    let address = server.running.local_addr();
    let options = ClientOptions::new(&format!("http://{address}"), &signed_in.token).unwrap();
    let client = Client::new(options).unwrap();
    let mine = ListSessionsInput {
        mine: Some(true),
        ..ListSessionsInput::default()
    };
    let sessions = client.call::<ListSessions>(mine).await.unwrap().data;
    assert_eq!(sessions.len(), 1);
    assert!(sessions[0].current && sessions[0].place == SessionPlace::CommandLine);
}

#[tokio::test]
async fn a_refusal_is_told_by_its_code_and_a_provider_that_is_away_is_asked_again() {
    let away = || Err(ProviderError::Unavailable("as the test wants it".into()));
    let check = async |last: Result<DevicePoll, ProviderError>, code: &str| {
        let provider = Arc::new(FakeProvider::new());
        let (_server, signed_in) = signed_in(&provider, vec![away(), last]).await;
        assert_eq!(signed_in.unwrap_err().code(), Some(code));
    };
    check(Err(ProviderError::Expired), "sign_in_expired").await;
    check(Err(ProviderError::Denied("no".into())), "sign_in_denied").await;
    let eve = FakeProvider::person("eve", &["sales"]);
    check(Ok(DevicePoll::Granted(eve)), "no_role").await;
}

#[tokio::test]
async fn a_server_without_a_provider_says_so() {
    let server = Server::start().await;
    let refused = without_token(&server).sign_in().await.unwrap_err();
    assert_eq!(
        (refused.status(), refused.code()),
        (Some(404), Some("sign_in_off"))
    );
}
