//! The brake on guessing, networks of tokens, and when they were last used.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::Duration;
use pts_domain::access::{Origin, Scope, TokenRefused, TokenText};
use pts_ports::{StoreError, TokenStore};
use pts_services::{Access, AccessError, EventBus, NewToken, Turned};
use pts_testkit::fakes::{FixedClock, MemoryStore, SeededEntropy};

use crate::support::noon;

fn setting() -> (Access, Arc<FixedClock>, Arc<MemoryStore>) {
    let clock = Arc::new(FixedClock::at(noon()));
    let store = Arc::new(MemoryStore::new(Arc::new(EventBus::with_domain_handlers())));
    let entropy = Arc::new(SeededEntropy::new(3));
    let access = Access::new(store.clone(), clock.clone(), entropy);
    (access, clock, store)
}

fn from(address: &str) -> Origin {
    let address: IpAddr = address.parse().unwrap();
    Origin {
        address: Some(address),
        request_id: None,
    }
}

/// A text of the right form that is nobody's.
fn guess(n: u64) -> TokenText {
    let mut random = [0; 20];
    random[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    TokenText::from_random(random)
}

async fn guessed(access: &Access, n: u64, address: &str) -> Result<(), AccessError> {
    let text = guess(n);
    let guessed = access.authenticate(text.reveal(), from(address)).await;
    guessed.map(|_| ())
}

fn is_unknown(result: &Result<(), AccessError>) -> bool {
    matches!(result, Err(AccessError::Refused(TokenRefused::Unknown)))
}

fn is_slowed(result: &Result<(), AccessError>) -> bool {
    matches!(result, Err(AccessError::TooManyFailures { retry_after_s }) if (1..=6).contains(retry_after_s))
}

async fn good_token(access: &Access) -> String {
    let new = NewToken {
        name: "ci".into(),
        scopes: [Scope::EventsWrite].into(),
        ..NewToken::default()
    };
    let (text, _) = access.create(new).await.unwrap();
    text.reveal().to_owned()
}

#[tokio::test]
async fn guessing_is_slowed_and_costs_no_look_up_any_more() {
    let (access, clock, store) = setting();
    for n in 0..20 {
        assert!(is_unknown(&guessed(&access, n, "192.0.2.7").await), "{n}");
    }
    // A look-up would fail with another error.
    store.set_available(false);
    for n in 20..1_000 {
        assert!(is_slowed(&guessed(&access, n, "192.0.2.7").await), "{n}");
    }
    let elsewhere = guessed(&access, 20, "198.51.100.1").await;
    assert!(matches!(elsewhere, Err(AccessError::Unavailable { .. })));
    store.set_available(true);
    clock.advance(Duration::seconds(3));
    assert!(is_unknown(&guessed(&access, 20, "192.0.2.7").await));
    assert!(is_slowed(&guessed(&access, 21, "192.0.2.7").await));
    let expected = Turned {
        refused: 21,
        slowed: 981,
    };
    assert_eq!(access.turned(), expected);
}

#[tokio::test]
async fn nonsense_is_slowed_too_and_hinders_no_token() {
    let (access, ..) = setting();
    let good = good_token(&access).await;
    let mut slowed = 0;
    for _ in 0..50 {
        match access.authenticate("pts_nonsense", from("192.0.2.7")).await {
            Err(AccessError::Refused(TokenRefused::Malformed)) => {}
            Err(AccessError::TooManyFailures { .. }) => slowed += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(slowed, 30);
    access.authenticate(&good, from("192.0.2.7")).await.unwrap();
}

#[tokio::test]
async fn who_was_let_in_lately_is_not_hindered_by_others_and_who_is_new_not_for_long() {
    let (access, clock, _) = setting();
    let [used, new] = [good_token(&access).await, good_token(&access).await];
    let nat = "192.0.2.7";
    access.authenticate(&used, from(nat)).await.unwrap();
    for n in 0..200 {
        let _ = guessed(&access, n, nat).await;
    }
    assert!(is_slowed(&guessed(&access, 200, nat).await));
    for _ in 0..10 {
        // Looked up again each time: it is believed for a second.
        clock.advance(Duration::milliseconds(1_100));
        access.authenticate(&used, from(nat)).await.unwrap();
        let _ = guessed(&access, 201, nat).await;
        let _ = guessed(&access, 202, nat).await;
    }
    let _ = guessed(&access, 203, nat).await;
    let refused = access.authenticate(&new, from(nat)).await;
    assert!(
        matches!(refused, Err(AccessError::TooManyFailures { retry_after_s }) if retry_after_s <= 3)
    );
    clock.advance(Duration::seconds(3));
    access.authenticate(&new, from(nat)).await.unwrap();
}

#[tokio::test]
async fn good_tokens_and_a_store_that_is_away_use_nothing_up() {
    let (access, clock, store) = setting();
    for _ in 0..100 {
        let good = good_token(&access).await;
        access.authenticate(&good, from("192.0.2.7")).await.unwrap();
    }
    store.set_available(false);
    for n in 0..100 {
        let away = guessed(&access, n, "192.0.2.7").await;
        assert!(matches!(away, Err(AccessError::Unavailable { .. })), "{n}");
    }
    store.set_available(true);
    clock.advance(Duration::seconds(1));
    assert!(is_unknown(&guessed(&access, 0, "192.0.2.7").await));
}

#[tokio::test]
async fn codes_are_guessed_as_slowly_as_tokens() {
    let (access, clock, _) = setting();
    let (code, here) = (access.new_code(), from("192.0.2.7"));
    let mut slowed = 0;
    for n in 0..30 {
        let text = guess(n);
        let signed_in = access.sign_in_with_code(text.reveal(), &here);
        slowed += u32::from(is_slowed(&signed_in.await.map(|_| ())));
    }
    assert_eq!(slowed, 10);
    let early = access.sign_in_with_code(code.reveal(), &here);
    assert!(is_slowed(&early.await.map(|_| ())));
    // What was turned away unseen is not used up.
    clock.advance(Duration::seconds(3));
    let signed_in = access.sign_in_with_code(code.reveal(), &here);
    signed_in.await.unwrap();
}

#[tokio::test]
async fn a_token_is_used_from_its_networks_alone_and_so_is_what_it_signs_in() {
    let (access, ..) = setting();
    let new = NewToken {
        name: "inside".into(),
        scopes: [Scope::EventsRead].into(),
        roles: ["emitter".to_owned()].into(),
        workspace: Some("team-7".parse().unwrap()),
        networks: vec!["10.0.0.0/8".parse().unwrap()],
        ..NewToken::default()
    };
    let (text, _) = access.create(new).await.unwrap();
    let inside = from("10.1.2.3");
    let session = access.sign_in_with_token(text.reveal(), &inside).await;
    let session = session.unwrap().text;
    for text in [text.reveal(), session.reveal()] {
        let principal = access.authenticate(text, inside.clone()).await.unwrap();
        assert_eq!(
            principal.scopes,
            [Scope::EventsRead, Scope::EventsWrite].into()
        );
        assert!(principal.bound);
        for outside in [from("192.0.2.7"), Origin::default()] {
            let refused = access.authenticate(text, outside.clone()).await;
            let why = refused.unwrap_err();
            assert!(matches!(why, AccessError::Refused(TokenRefused::Elsewhere)));
            assert!(!why.to_string().contains("10."), "{why}");
            assert!(access.remembered(text, outside).is_err());
        }
        assert!(access.remembered(text, inside.clone()).is_ok());
    }
    let outside = from("192.0.2.7");
    let outside = access.sign_in_with_token(text.reveal(), &outside).await;
    assert!(outside.is_err());
}

#[tokio::test]
async fn when_a_token_was_used_is_written_beside_the_requests_and_once_a_minute() {
    let (access, clock, store) = setting();
    let good = good_token(&access).await;
    let hash = TokenText::parse(&good).unwrap().hash();
    let last = async || store.find(hash).await.unwrap().unwrap().last_used_at;
    let using = async || {
        access.authenticate(&good, Origin::default()).await.unwrap();
    };
    using().await;
    assert_eq!(last().await, None, "nothing is written on the way");
    access.write_uses().await.unwrap();
    assert_eq!(last().await, Some(noon()));
    for _ in 0..59 {
        clock.advance(Duration::seconds(1));
        using().await;
    }
    access.write_uses().await.unwrap();
    assert_eq!(last().await, Some(noon()));
    clock.advance(Duration::seconds(1));
    using().await;
    // What could not be written is written later.
    store.fail_next(StoreError::unavailable("gone"));
    access.write_uses().await.unwrap_err();
    access.write_uses().await.unwrap();
    assert_eq!(last().await, Some(noon() + Duration::minutes(1)));
    // Nothing waits any more.
    store.set_available(false);
    access.write_uses().await.unwrap();
}

#[tokio::test]
async fn a_role_that_was_taken_from_the_configuration_allows_nothing() {
    let (access, ..) = setting();
    let roles = pts_domain::access::Roles::default();
    let roles = roles.with("auditor", [Scope::AuditRead].into()).unwrap();
    let access = access.with_roles(roles);
    let new = NewToken {
        name: "a".into(),
        roles: ["auditor", "gone"].map(str::to_owned).into(),
        ..NewToken::default()
    };
    let (text, _) = access.create(new).await.unwrap();
    let principal = access
        .authenticate(text.reveal(), Origin::default())
        .await
        .unwrap();
    assert_eq!(principal.scopes, [Scope::AuditRead].into());
    let access = access.with_roles(pts_domain::access::Roles::default());
    let principal = access
        .authenticate(text.reveal(), Origin::default())
        .await
        .unwrap();
    assert!(principal.scopes.is_empty());
}
