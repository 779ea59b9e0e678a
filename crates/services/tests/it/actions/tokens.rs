//! Tokens over the contract: within what somebody holds, and within their workspace.

use std::sync::Arc;

use pts_api::actions::tokens::{
    CreateToken, CreateTokenInput, CreatedToken, GetToken, GetTokenInput, ListTokens,
    ListTokensInput, RevokeToken, RevokeTokenInput, TokenRecord,
};
use pts_domain::access::{Origin, Principal, Scope, TokenText};
use pts_domain::time::Span;
use pts_services::{ActionError, CallOptions, Gateway, NewToken};
use pts_testkit::generate::platform;
use serde_json::json;
use uuid::Uuid;

use super::{Proof, confirmed, on_the_platform, proof};

pub(super) const PROOFS: &[Proof] = &[
    proof::<ListTokens>(|answer| {
        assert_eq!(answer.data[0]["id"], platform::TOKEN.to_string());
        assert_eq!(answer.data[0]["last_used_at"], "2026-03-01T12:28:00Z");
        assert_eq!(answer.data.as_array().unwrap().len(), 1);
    }),
    proof::<GetToken>(|answer| {
        assert_eq!(answer.data["name"], "ci");
        assert_eq!(answer.data["roles"], json!(["emitter"]));
        assert_eq!(answer.data["state"], "live");
        assert!(answer.data.get("hash").is_none());
    }),
    proof::<CreateToken>(|answer| {
        let text = answer.data["text"].as_str().unwrap();
        TokenText::parse(text).unwrap();
        let token = &answer.data["token"];
        assert_eq!(token["expires_at"], "2026-05-30T12:30:00Z");
        assert_eq!(token["networks"], json!(["10.1.0.0/16"]));
        assert_eq!(token["last_used_at"], json!(null));
    }),
    proof::<RevokeToken>(|answer| {
        assert_eq!(answer.data["state"], "revoked");
        assert_eq!(answer.data["revoked_at"], "2026-03-01T12:30:00Z");
    }),
];

/// Somebody who comes in with a new token.
async fn somebody(gateway: &Gateway, new: NewToken) -> Principal {
    let origin = Origin {
        address: Some("10.1.2.3".parse().unwrap()),
        request_id: None,
    };
    let (text, _) = gateway.access().create(new).await.unwrap();
    gateway.authenticate(text.reveal(), origin).await.unwrap()
}

fn manager(more: &[Scope]) -> NewToken {
    NewToken {
        name: "manager".into(),
        scopes: [&[Scope::TokensManage], more]
            .concat()
            .into_iter()
            .collect(),
        ..NewToken::default()
    }
}

fn wanted(scopes: &[Scope]) -> CreateTokenInput {
    CreateTokenInput {
        name: "new".into(),
        scopes: scopes.to_vec(),
        roles: Vec::new(),
        workspace: None,
        networks: Vec::new(),
        lasts: None,
    }
}

async fn create(
    gateway: &Gateway,
    principal: &Principal,
    input: CreateTokenInput,
) -> Result<CreatedToken, ActionError> {
    let options = CallOptions::default();
    let answer = gateway
        .call::<CreateToken>(principal, input, options)
        .await?;
    Ok(answer.data)
}

async fn listed(
    gateway: &Gateway,
    principal: &Principal,
    input: ListTokensInput,
) -> (Vec<TokenRecord>, Option<String>) {
    let options = CallOptions::default();
    let answer = gateway.call::<ListTokens>(principal, input, options).await;
    let answer = answer.unwrap();
    (answer.data, answer.next_cursor)
}

#[tokio::test]
async fn nobody_makes_a_token_that_may_more_than_they() {
    let gateway = on_the_platform().await;
    let manager = somebody(&gateway, manager(&[Scope::EventsRead])).await;
    let made = create(&gateway, &manager, wanted(&[Scope::EventsRead])).await;
    let made = made.unwrap();
    let principal = gateway
        .authenticate(&made.text, Origin::default())
        .await
        .unwrap();
    assert_eq!(principal.scopes, [Scope::EventsRead].into());
    for scope in [Scope::Admin, Scope::EventsWrite, Scope::AccessManage] {
        let refused = create(&gateway, &manager, wanted(&[Scope::EventsRead, scope])).await;
        assert!(
            matches!(&refused, Err(ActionError::Denied { scope: needed }) if *needed == scope),
            "{refused:?}"
        );
    }
    let by_role = CreateTokenInput {
        roles: vec!["admin".into()],
        ..wanted(&[])
    };
    let refused = create(&gateway, &manager, by_role).await;
    assert!(matches!(
        refused,
        Err(ActionError::Denied {
            scope: Scope::Admin
        })
    ));
}

#[tokio::test]
async fn whoever_is_bound_sees_makes_and_ends_what_is_bound_alike() {
    let gateway = on_the_platform().await;
    let bound = NewToken {
        workspace: Some("team-7".parse().unwrap()),
        ..manager(&[Scope::EventsRead])
    };
    let bound = somebody(&gateway, bound).await;
    let made = create(&gateway, &bound, wanted(&[Scope::EventsRead]))
        .await
        .unwrap();
    assert_eq!(made.token.workspace, Some("team-7".parse().unwrap()));
    let elsewhere = CreateTokenInput {
        workspace: Some("default".parse().unwrap()),
        ..wanted(&[Scope::EventsRead])
    };
    let refused = create(&gateway, &bound, elsewhere).await;
    assert!(
        matches!(&refused, Err(ActionError::Invalid(errors)) if errors[0].field == "workspace"),
        "{refused:?}"
    );
    let (seen, _) = listed(&gateway, &bound, ListTokensInput::default()).await;
    let mut ids: Vec<_> = seen.iter().map(|token| token.id).collect();
    ids.sort_unstable();
    let mut expected = [bound.token_id, made.token.id];
    expected.sort_unstable();
    assert_eq!(ids, expected);
    let others = ListTokensInput {
        workspace: Some("default".parse().unwrap()),
        ..ListTokensInput::default()
    };
    assert_eq!(listed(&gateway, &bound, others).await.0, []);

    let options = CallOptions::default();
    let id = platform::TOKEN;
    let got = gateway.call::<GetToken>(&bound, GetTokenInput { id }, options);
    assert!(matches!(got.await, Err(ActionError::NotFound { .. })));
    let ended = gateway.call::<RevokeToken>(&bound, RevokeTokenInput { id }, options);
    assert!(matches!(ended.await, Err(ActionError::NotFound { .. })));
    let id = made.token.id;
    let ended = gateway.call::<RevokeToken>(&bound, RevokeTokenInput { id }, options);
    let Err(ActionError::NotConfirmed { shown, .. }) = ended.await else {
        panic!("another's token ends without a look");
    };
    assert_eq!(shown.preview.affected[0].name, made.token.name);
    let used = gateway.authenticate(&made.text, Origin::default()).await;
    assert!(used.is_ok());
    let confirmed = confirmed(&shown);
    let ended = gateway.call::<RevokeToken>(&bound, RevokeTokenInput { id }, confirmed);
    ended.await.unwrap();
    let refused = gateway.authenticate(&made.text, Origin::default()).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn whoever_may_act_from_some_networks_makes_tokens_for_these() {
    let gateway = on_the_platform().await;
    let inside = NewToken {
        networks: vec!["10.1.0.0/16".parse().unwrap()],
        ..manager(&[Scope::EventsRead])
    };
    let inside = somebody(&gateway, inside).await;
    let made = create(&gateway, &inside, wanted(&[Scope::EventsRead])).await;
    let networks = made.unwrap().token.networks;
    assert_eq!(networks, ["10.1.0.0/16".parse().unwrap()]);
    let wider = CreateTokenInput {
        networks: vec!["10.0.0.0/8".parse().unwrap()],
        ..wanted(&[Scope::EventsRead])
    };
    let refused = create(&gateway, &inside, wider).await.unwrap_err();
    assert!(
        refused.to_string().contains("within 10.1.0.0/16"),
        "{refused}"
    );
}

#[tokio::test]
async fn what_is_no_token_is_refused_by_name() {
    let gateway = on_the_platform().await;
    let admin = somebody(&gateway, manager(&[Scope::Admin])).await;
    let check = async |input: CreateTokenInput, field: &str| {
        let refused = create(&gateway, &admin, input).await;
        assert!(
            matches!(&refused, Err(ActionError::Invalid(errors)) if errors[0].field == field),
            "{field}: {refused:?}"
        );
    };
    let good = || wanted(&[Scope::EventsRead]);
    let named = |name: &str| CreateTokenInput {
        name: name.into(),
        ..good()
    };
    check(named(" "), "name").await;
    check(named("a\0b"), "name").await;
    check(named(&"x".repeat(201)), "name").await;
    check(wanted(&[]), "scopes").await;
    let role = CreateTokenInput {
        roles: vec!["viewer".into(), "viewr".into()],
        ..good()
    };
    check(role, "roles[1]").await;
    for lasts in [0, 3_651 * 86_400] {
        let lasts = CreateTokenInput {
            lasts: Some(Span(chrono::Duration::seconds(lasts))),
            ..good()
        };
        check(lasts, "lasts").await;
    }
    let networks = CreateTokenInput {
        networks: vec!["10.0.0.0/8".parse().unwrap(); 101],
        ..good()
    };
    check(networks, "networks").await;
}

#[tokio::test]
async fn a_list_is_given_page_after_page_and_without_what_has_ended() {
    let gateway: Arc<Gateway> = on_the_platform().await;
    let admin = somebody(&gateway, manager(&[Scope::Admin])).await;
    let mut ids: Vec<Uuid> = vec![admin.token_id, platform::TOKEN];
    for _ in 0..5 {
        let made = create(&gateway, &admin, wanted(&[Scope::EventsRead])).await;
        ids.push(made.unwrap().token.id);
    }
    let ended = ids.pop().unwrap();
    gateway.access().revoke(ended).await.unwrap();
    let paged = async |ended: Option<bool>| {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let input = ListTokensInput {
                limit: Some(2),
                cursor,
                ended,
                ..ListTokensInput::default()
            };
            let (page, next) = listed(&gateway, &admin, input).await;
            found.extend(page.into_iter().map(|token| token.id));
            cursor = next;
            if cursor.is_none() {
                found.sort_unstable();
                return found;
            }
        }
    };
    ids.sort_unstable();
    assert_eq!(paged(None).await, ids);
    ids.push(ended);
    ids.sort_unstable();
    assert_eq!(paged(Some(true)).await, ids);
}
