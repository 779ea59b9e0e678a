//! Who may do what, explained.

use std::sync::Arc;

use pts_adapter_cedar::CedarPolicies;
use pts_api::actions::access::{
    DecidingRule, ExplainAccess, ExplainAccessInput, Explanation, GrantedScope, ListPolicies,
    ListRoles,
};
use pts_api::{Action as _, Binding};
use pts_domain::access::{Principal, Roles, Scope};
use pts_services::{ActionError, CallOptions, Gateway, NewToken, governed_actions};
use pts_testkit::generate::platform;
use serde_json::json;

use super::{Proof, on_the_platform, proof};
use crate::support::{in_memory, noon, principal};

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

/// A gateway with these policies.
fn governed(text: &str) -> Gateway {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("policies.cedar");
    std::fs::write(&file, text).unwrap();
    let policies = CedarPolicies::open(&governed_actions(), Some(&file), noon()).unwrap();
    let roles = Roles::default()
        .with("deployer", [Scope::EventsWrite].into())
        .unwrap();
    in_memory().0.governed(roles, Arc::new(policies))
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
async fn what_is_said_is_what_is_done() {
    let gateway = governed(
        r#"
        @id("no-night") forbid (principal in Role::"deployer", action, resource)
        unless { context has address && context.address.isInRange(ip("10.0.0.0/8")) };
        @id("watch") permit (principal in Role::"deployer", action in Action::"platform.events.*", resource);
        "#,
    );
    let manager = principal(&[Scope::Admin]);
    token(&gateway, "d", &["deployer"]).await;
    let ask = async |action: &str, address: Option<&str>| {
        let said = explain(&gateway, &manager, Some("d"), action, address).await;
        said.unwrap()
    };
    let rule = |id: &str, permits| DecidingRule {
        id: id.into(),
        permits,
    };
    let forbidden = ask("platform.events.append", Some("192.0.2.7")).await;
    assert_eq!(forbidden.rules, [rule("no-night", false)]);
    assert_eq!(forbidden.reason, "forbidden by no-night");
    let unknown = ask("platform.events.append", None).await;
    assert!(!unknown.allowed);
    let inside = ask("platform.events.append", Some("10.1.2.3")).await;
    assert_eq!(
        inside.rules,
        [rule("builtin.scope", true), rule("watch", true)]
    );
    let read = ask("platform.events.search", Some("10.1.2.3")).await;
    assert_eq!(read.rules, [rule("watch", true)]);
    assert_eq!(read.granted_by, []);
    let none = ask("platform.tokens.list", Some("10.1.2.3")).await;
    assert_eq!((none.allowed, none.rules), (false, vec![]));
    assert!(
        ask("platform.metrics.read", Some("10.1.2.3"))
            .await
            .rules
            .is_empty()
    );

    // What the gateway does with every action is what it explains.
    let mut deployer = principal(&[Scope::EventsWrite]);
    deployer.roles = ["deployer".to_owned()].into();
    for address in [None, Some("10.1.2.3"), Some("192.0.2.7")] {
        deployer.origin.address = address.map(|text| text.parse().unwrap());
        let callable = gateway.callable(&deployer).unwrap();
        let callable: Vec<_> = callable.iter().map(|action| action.name).collect();
        for action in pts_api::actions::all() {
            let may = ask(action.name, address).await.allowed;
            if !action.binding.has_own_route_only() {
                assert_eq!(callable.contains(&action.name), may, "{}", action.name);
            }
            let done = gateway
                .act(&deployer, action.name, &json!(7), CallOptions::default())
                .await;
            let denied = matches!(
                done,
                Err(ActionError::Denied { .. } | ActionError::ForbiddenBy { .. })
            );
            // Of what is free for one's own, nonsense is nobody's own.
            let fits = denied != may || action.free_for_own;
            assert!(fits, "{} {address:?}: {done:?}", action.name);
            assert!(action.binding != Binding::Stream || done.is_err());
        }
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

#[tokio::test]
async fn the_policies_are_shown_as_they_are_written() {
    let text = "@id(\"quiet\") forbid (principal, action in Action::\"risky\", resource);";
    let gateway = governed(text);
    let options = CallOptions::default();
    let admin = principal(&[Scope::AccessManage]);
    let shown = gateway
        .call::<ListPolicies>(&admin, <_>::default(), options)
        .await;
    let shown = shown.unwrap().data;
    let ids: Vec<_> = shown
        .policies
        .iter()
        .map(|policy| policy.id.as_str())
        .collect();
    assert_eq!(
        ids,
        ["builtin.admin", "builtin.open", "builtin.scope", "quiet"]
    );
    assert_eq!(shown.policies[3].text, text);
    assert_eq!(shown.digest.unwrap().len(), 64);
    assert!(shown.schema.contains("platform.metrics.read"));
    let reader = principal(&[Scope::EventsRead]);
    let denied = gateway
        .call::<ListPolicies>(&reader, <_>::default(), options)
        .await;
    assert!(matches!(denied, Err(ActionError::Denied { .. })));
}
