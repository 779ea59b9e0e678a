//! Who may do what, explained.

use pts_api::Action as _;
use pts_api::actions::access::{
    ExplainAccess, ExplainAccessInput, Explanation, GrantedScope, ListPolicies, ListRoles,
};
use pts_domain::access::{Principal, Scope};
use pts_services::{ActionError, CallOptions, Gateway, NewToken};
use pts_testkit::generate::platform;
use serde_json::json;

use super::{Proof, on_the_platform, proof};
use crate::support::principal;

pub(super) const PROOFS: &[Proof] = &[
    proof::<ExplainAccess>(|answer| {
        assert_eq!(answer.data["allowed"], true);
        assert_eq!(answer.data["reason"], "permitted by builtin.scope");
        let by = json!([{ "scope": "events:write", "role": "emitter" }]);
        assert_eq!(answer.data["granted_by"], by);
        assert_eq!(answer.data["principal"]["id"], platform::TOKEN.to_string());
    }),
    proof::<ListPolicies>(|answer| {
        assert_eq!(answer.data["file"], json!(null));
    }),
    proof::<ListRoles>(|answer| {
        let names: Vec<_> = answer.data.as_array().unwrap().iter().collect();
        assert_eq!(names.len(), 4);
        assert_eq!(names[0]["name"], "admin");
        assert_eq!(
            names[3]["scopes"],
            json!(["events:read", "elevations:request"])
        );
    }),
];

async fn explain(
    gateway: &Gateway,
    asks: &Principal,
    principal: Option<&str>,
    action: &str,
    address: Option<&str>,
) -> Result<Explanation, ActionError> {
    let input = ExplainAccessInput {
        principal: principal.map(ToOwned::to_owned),
        action: action.to_owned(),
        address: address.map(ToOwned::to_owned),
    };
    let options = CallOptions::default();
    let answer = gateway.call::<ExplainAccess>(asks, input, options).await?;
    Ok(answer.data)
}

async fn token(gateway: &Gateway, name: &str, roles: &[&str]) -> uuid::Uuid {
    let new = NewToken {
        name: name.into(),
        roles: roles.iter().map(ToString::to_string).collect(),
        ..NewToken::default()
    };
    gateway.access().create(new).await.unwrap().1.id
}

#[tokio::test]
async fn everybody_may_ask_about_themselves_and_about_others_whoever_has_the_scope() {
    let gateway = on_the_platform().await;
    let nobody = principal(&[]);
    let own = explain(&gateway, &nobody, None, "platform.events.search", None).await;
    let own = own.unwrap();
    assert!(!own.allowed);
    assert_eq!(
        own.reason,
        "no rule permits it: it needs the scope events:read"
    );
    assert_eq!((own.rules, own.granted_by), (vec![], vec![]));
    let id = nobody.token_id.to_string();
    let by_id = explain(
        &gateway,
        &nobody,
        Some(&id),
        "platform.access.explain",
        None,
    )
    .await;
    assert!(by_id.unwrap().allowed);
    let others = explain(
        &gateway,
        &nobody,
        Some("ci"),
        "platform.events.search",
        None,
    )
    .await;
    let needed = Scope::AccessManage;
    assert!(matches!(others, Err(ActionError::Denied { scope }) if scope == needed));
    let manager = principal(&[Scope::AccessManage]);
    for named in ["ci", &platform::TOKEN.to_string()] {
        let ci = explain(
            &gateway,
            &manager,
            Some(named),
            "platform.events.search",
            None,
        )
        .await;
        let ci = ci.unwrap();
        assert!(ci.allowed);
        let by_itself = GrantedScope {
            scope: Scope::EventsRead,
            role: None,
        };
        assert_eq!(ci.granted_by, [by_itself]);
    }
}

#[tokio::test]
async fn a_token_that_has_ended_may_nothing_whatever_it_allowed() {
    let gateway = on_the_platform().await;
    let manager = principal(&[Scope::Admin]);
    gateway.access().revoke(platform::TOKEN).await.unwrap();
    let id = platform::TOKEN.to_string();
    let ended = explain(
        &gateway,
        &manager,
        Some(&id),
        "platform.events.append",
        None,
    )
    .await;
    let ended = ended.unwrap();
    assert!(!ended.allowed);
    assert_eq!(
        ended.reason,
        "the token has been revoked, whatever it allowed"
    );
    // By its name, only good ones are meant.
    let gone = explain(
        &gateway,
        &manager,
        Some("ci"),
        "platform.events.append",
        None,
    )
    .await;
    assert!(matches!(gone, Err(ActionError::NotFound { .. })));
}

#[tokio::test]
async fn what_cannot_be_explained_is_said() {
    let gateway = on_the_platform().await;
    let manager = principal(&[Scope::Admin]);
    let ask = async |principal: &str, action: &str, address: Option<&str>| {
        let said = explain(&gateway, &manager, Some(principal), action, address).await;
        said.unwrap_err()
    };
    let unknown = ask("ci", "platform.event.search", None).await;
    assert!(
        matches!(unknown, ActionError::UnknownAction { .. }),
        "{unknown}"
    );
    let nobody = ask("nobody", ExplainAccess::NAME, None).await;
    assert!(matches!(nobody, ActionError::NotFound { .. }), "{nobody}");
    let nul = ask("a\0b", ExplainAccess::NAME, None).await;
    assert!(matches!(nul, ActionError::NotFound { .. }), "{nul}");
    let address = ask("ci", ExplainAccess::NAME, Some("10.0.0.0/8")).await;
    assert!(address.to_string().contains("192.0.2.7"), "{address}");
    let second = token(&gateway, "ci", &["viewer"]).await;
    let several = ask("ci", ExplainAccess::NAME, None).await;
    assert!(
        several.to_string().contains(&second.to_string()),
        "{several}"
    );
}
