//! What is said of who may do what is what is done, with the policy engine that the service has.

use std::sync::Arc;

use pts_adapter_cedar::CedarPolicies;
use pts_api::Binding;
use pts_api::actions::access::{DecidingRule, ExplainAccess, ExplainAccessInput, ListPolicies};
use pts_domain::access::{Principal, Roles, Scope};
use pts_services::{ActionError, CallOptions, NewToken, governed_actions};
use pts_testkit::generate::now;
use serde_json::json;
use uuid::Uuid;

use super::support::Server;

/// A server with these policies.
async fn governed(text: &str) -> Server {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("policies.cedar");
    std::fs::write(&file, text).unwrap();
    let policies = CedarPolicies::open(&governed_actions(), Some(&file), now()).unwrap();
    let policies = Arc::new(policies);
    let roles = Roles::default()
        .with("deployer", [Scope::EventsWrite].into())
        .unwrap();
    Server::made(|gateway| gateway.governed(roles.clone(), policies.clone())).await
}

fn principal(scopes: &[Scope]) -> Principal {
    Principal::holding(Uuid::from_u128(1), "tests", scopes.iter().copied())
}

#[tokio::test]
async fn what_is_said_is_what_is_done() {
    let server = governed(
        r#"
        @id("no-night") forbid (principal in Role::"deployer", action, resource)
        unless { context has address && context.address.isInRange(ip("10.0.0.0/8")) };
        @id("watch") permit (principal in Role::"deployer", action in Action::"platform.events.*", resource);
        "#,
    )
    .await;
    let gateway = &server.gateway;
    let manager = principal(&[Scope::Admin]);
    let new = NewToken {
        name: "d".into(),
        roles: ["deployer".to_owned()].into(),
        ..NewToken::default()
    };
    gateway.access().create(new).await.unwrap();
    let ask = async |action: &str, address: Option<&str>| {
        let input = ExplainAccessInput {
            principal: Some("d".into()),
            action: action.to_owned(),
            address: address.map(ToOwned::to_owned),
        };
        let options = CallOptions::default();
        let said = gateway
            .call::<ExplainAccess>(&manager, input, options)
            .await;
        said.unwrap().data
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
async fn the_policies_are_shown_as_they_are_written() {
    let text = "@id(\"quiet\") forbid (principal, action in Action::\"risky\", resource);";
    let server = governed(text).await;
    let gateway = &server.gateway;
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
