//! What the token store promises: found by hash, listed newest first, revoked for good.

use std::collections::BTreeSet;

use pts_domain::access::{Scope, Token, TokenKind};
use uuid::Uuid;

use super::Harness;
use crate::generate::minute;

fn token(n: u8) -> Token {
    Token {
        id: Uuid::from_u128(u128::from(n)),
        name: format!("tökén {n} \"x\""),
        kind: TokenKind::Bearer,
        hash: [n; 32],
        scopes: BTreeSet::from([Scope::EventsRead, Scope::Admin]),
        roles: BTreeSet::new(),
        workspace: None,
        networks: Vec::new(),
        subject: None,
        issued_by: None,
        created_at: minute(i64::from(n)),
        last_used_at: None,
        expires_at: None,
        revoked_at: None,
    }
}

/// A token is found by its hash, as it was inserted.
pub async fn a_token_is_found_by_its_hash_as_it_was_inserted(store: Harness) {
    let parent = token(1);
    let expiring = Token {
        expires_at: Some(minute(99)),
        scopes: BTreeSet::new(),
        hash: [255; 32],
        ..token(2)
    };
    let session = Token {
        kind: TokenKind::Session,
        issued_by: Some(parent.id),
        hash: [0; 32],
        scopes: Scope::ALL.into(),
        roles: ["operator".to_owned(), "rôle".to_owned()].into(),
        workspace: Some("team-7".parse().unwrap()),
        networks: vec!["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()],
        subject: Some("alice@example.com".to_owned()),
        last_used_at: Some(minute(98)),
        ..token(3)
    };
    for token in [&parent, &expiring, &session] {
        store.tokens.insert(token.clone()).await.unwrap();
    }
    for token in [&parent, &expiring, &session] {
        let found = store.tokens.find(token.hash).await.unwrap();
        assert_eq!(found.as_ref(), Some(token));
    }
    assert_eq!(store.tokens.find([9; 32]).await.unwrap(), None);
}

/// However many sessions there are, the bearer tokens come first, so that a short list has them.
pub async fn bearer_tokens_are_listed_before_sessions(store: Harness) {
    for n in 1..=3 {
        store.tokens.insert(token(n)).await.unwrap();
    }
    let session = Token {
        kind: TokenKind::Session,
        ..token(9)
    };
    store.tokens.insert(session.clone()).await.unwrap();
    let expected = [token(3), token(2), token(1), session];
    assert_eq!(store.tokens.list(10).await.unwrap(), expected);
}

/// The list begins with the token made last and holds no more than was asked for.
pub async fn tokens_are_listed_newest_first(store: Harness) {
    assert_eq!(store.tokens.list(10).await.unwrap(), []);
    for n in [2, 5, 1, 4, 3] {
        store.tokens.insert(token(n)).await.unwrap();
    }
    let all = [5, 4, 3, 2, 1].map(token);
    assert_eq!(store.tokens.list(100).await.unwrap(), all);
    assert_eq!(store.tokens.list(5).await.unwrap(), all);
    assert_eq!(store.tokens.list(2).await.unwrap(), all[..2]);
}

/// A revoked token stays, says when it was revoked, and says so for ever.
pub async fn revoking_is_for_good_and_keeps_the_first_time(store: Harness) {
    store.tokens.insert(token(1)).await.unwrap();
    store.tokens.insert(token(2)).await.unwrap();
    assert!(
        !store
            .tokens
            .revoke(Uuid::from_u128(77), minute(50))
            .await
            .unwrap()
    );
    assert!(store.tokens.revoke(token(1).id, minute(50)).await.unwrap());
    assert!(store.tokens.revoke(token(1).id, minute(60)).await.unwrap());
    let found = store.tokens.find(token(1).hash).await.unwrap().unwrap();
    assert_eq!(found.revoked_at, Some(minute(50)));
    let other = store.tokens.find(token(2).hash).await.unwrap().unwrap();
    assert_eq!(other.revoked_at, None);
    assert_eq!(store.tokens.list(10).await.unwrap().len(), 2);
}

/// The sessions that were opened with a token end with it; others do not.
pub async fn revoking_a_token_revokes_the_sessions_it_issued(store: Harness) {
    let session = |n: u8, issued_by: u8| Token {
        kind: TokenKind::Session,
        issued_by: Some(token(issued_by).id),
        ..token(n)
    };
    for token in [
        token(1),
        token(2),
        session(3, 1),
        session(4, 2),
        session(5, 1),
    ] {
        store.tokens.insert(token).await.unwrap();
    }
    // One session alone: its token and the others stay.
    assert!(store.tokens.revoke(token(5).id, minute(40)).await.unwrap());
    assert!(store.tokens.revoke(token(1).id, minute(50)).await.unwrap());
    let mut revoked = Vec::new();
    for n in 1..=5 {
        revoked.push(
            store
                .tokens
                .find([n; 32])
                .await
                .unwrap()
                .unwrap()
                .revoked_at,
        );
    }
    let (early, late) = (Some(minute(40)), Some(minute(50)));
    assert_eq!(revoked, [late, None, late, None, early]);
}

/// What people signed in for is listed while it is good, whatever else there is.
pub async fn sign_ins_are_those_of_people_that_are_not_over(store: Harness) {
    let session = |n: u8| Token {
        kind: TokenKind::Session,
        expires_at: Some(minute(60)),
        ..token(n)
    };
    let on_a_command_line = Token {
        subject: Some("https://login.acme#u-1".to_owned()),
        expires_at: Some(minute(90)),
        ..token(2)
    };
    let service = Token {
        kind: TokenKind::Service,
        ..token(5)
    };
    for token in [token(1), session(3), session(4), service] {
        store.tokens.insert(token).await.unwrap();
    }
    store
        .tokens
        .insert(on_a_command_line.clone())
        .await
        .unwrap();
    store.tokens.revoke(token(4).id, minute(50)).await.unwrap();
    let at = async |at, limit| store.tokens.sign_ins(minute(at), limit).await.unwrap();
    assert_eq!(at(55, 10).await, [session(3), on_a_command_line.clone()]);
    assert_eq!(at(55, 1).await, [session(3)]);
    assert_eq!(at(60, 10).await, [on_a_command_line]);
    assert_eq!(at(90, 10).await, []);
}

/// The last use of a token is the latest that was noted.
pub async fn a_use_is_noted_unless_a_later_one_is(store: Harness) {
    store.tokens.insert(token(1)).await.unwrap();
    store.tokens.insert(token(2)).await.unwrap();
    let used = async |at| store.tokens.used(token(1).id, minute(at)).await.unwrap();
    used(20).await;
    used(30).await;
    used(25).await;
    store.tokens.used(token(9).id, minute(40)).await.unwrap();
    let last_use = async |n| {
        let found = store.tokens.find(token(n).hash).await.unwrap();
        found.unwrap().last_used_at
    };
    assert_eq!(last_use(1).await, Some(minute(30)));
    assert_eq!(last_use(2).await, None);
}
