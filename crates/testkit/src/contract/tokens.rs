//! What the token store promises: found by hash, listed newest first, revoked for good.

use std::collections::BTreeSet;

use pts_domain::access::{Scope, Token, TokenKind};
use pts_ports::TokenQuery;
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

/// What is wanted is found, whatever is given, and page after page gives all of it once.
pub async fn tokens_are_searched_by_everything_newest_first_in_pages(store: Harness) {
    let workspace = Some("team-7".parse().unwrap());
    let all = [
        token(1),
        Token {
            kind: TokenKind::Session,
            ..token(2)
        },
        Token {
            workspace: workspace.clone(),
            // At the same time as the one before.
            created_at: minute(2),
            ..token(3)
        },
        Token {
            revoked_at: Some(minute(40)),
            ..token(4)
        },
        Token {
            expires_at: Some(minute(60)),
            workspace: workspace.clone(),
            name: token(1).name,
            ..token(5)
        },
    ];
    for token in &all {
        store.tokens.insert(token.clone()).await.unwrap();
    }
    let wanted = TokenQuery::default;
    for query in [
        wanted(),
        TokenQuery {
            id: Some(token(3).id),
            ..wanted()
        },
        TokenQuery {
            name: Some(token(1).name),
            ..wanted()
        },
        TokenQuery {
            kind: Some(TokenKind::Session),
            ..wanted()
        },
        TokenQuery {
            workspace: workspace.clone(),
            ..wanted()
        },
        TokenQuery {
            live_at: Some(minute(40)),
            ..wanted()
        },
        TokenQuery {
            live_at: Some(minute(60)),
            workspace,
            ..wanted()
        },
        TokenQuery {
            live_at: Some(minute(39)),
            ..wanted()
        },
    ] {
        let mut expected: Vec<_> = all.iter().filter(|token| query.wants(token)).collect();
        expected.sort_by_key(|token| std::cmp::Reverse((token.created_at, token.id)));
        let found = store.tokens.search(&query, 10).await.unwrap();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query:?}");
        let mut paged: Vec<Token> = Vec::new();
        loop {
            let behind = paged.last().map(|last| (last.created_at, last.id));
            let page = TokenQuery {
                behind,
                ..query.clone()
            };
            let page = store.tokens.search(&page, 2).await.unwrap();
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, found, "{query:?}");
    }
}

/// When a token was used is known to the minute, and costs no more than a write a minute.
pub async fn a_use_is_noted_at_most_once_a_minute(store: Harness) {
    for n in 1..=3 {
        store.tokens.insert(token(n)).await.unwrap();
    }
    let half = chrono::Duration::seconds(30);
    let used = async |uses: &[(u8, pts_domain::Timestamp)]| {
        let uses: Vec<_> = uses.iter().map(|(n, at)| (token(*n).id, *at)).collect();
        store.tokens.used(&uses).await.unwrap();
        let mut last = Vec::new();
        for n in 1..=3 {
            let found = store.tokens.find([n; 32]).await.unwrap().unwrap();
            last.push(found.last_used_at);
        }
        last
    };
    let [first, second] = [minute(10), minute(11)];
    assert_eq!(used(&[]).await, [None; 3]);
    let both = [(1, first), (3, first), (77, first)];
    assert_eq!(used(&both).await, [Some(first), None, Some(first)]);
    assert_eq!(
        used(&[(1, first + half)]).await,
        [Some(first), None, Some(first)]
    );
    assert_eq!(used(&[(1, second)]).await[0], Some(second));
    // What another process saw before comes late and takes nothing back.
    assert_eq!(used(&[(1, first)]).await[0], Some(second));
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
