//! Who comes in, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::Duration;
use pts_domain::Timestamp;
use pts_domain::access::{Origin, Scope, TokenKind, TokenRefused, TokenText};
use pts_ports::{Clock, MockTokenStore, StoreError, TokenStore};
use pts_services::{Access, AccessError, NewToken};
use pts_testkit::fakes::{MemoryStore, SeededEntropy};

use crate::support::{clock_at, entropy, noon};

/// A clock that the test turns.
struct Dial(AtomicI64);

impl Dial {
    fn turn(&self, by: Duration) {
        self.0
            .fetch_add(by.num_microseconds().unwrap(), Ordering::SeqCst);
    }
}

impl Clock for Dial {
    fn now(&self) -> Timestamp {
        Timestamp::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

fn with_store() -> (Access, Arc<Dial>, Arc<MemoryStore>) {
    let clock = Arc::new(Dial(AtomicI64::new(noon().timestamp_micros())));
    let bus = Arc::new(pts_services::EventBus::with_domain_handlers());
    let store = Arc::new(MemoryStore::new(bus));
    let access = Access::new(
        store.clone(),
        clock.clone(),
        Arc::new(SeededEntropy::new(1)),
    );
    (access, clock, store)
}

fn token(name: &str, scopes: &[Scope], lasts: Option<Duration>) -> NewToken {
    NewToken {
        name: name.into(),
        scopes: scopes.iter().copied().collect(),
        lasts,
        ..NewToken::default()
    }
}

#[tokio::test]
async fn a_token_that_was_made_up_is_good_once_it_is_kept_however_often() {
    let (access, _, store) = with_store();
    let (text, made) = access.draft(token("admin", &[Scope::Admin], None));
    assert!(
        access
            .authenticate(text.reveal(), Origin::default())
            .await
            .is_err()
    );
    for _ in 0..3 {
        access.keep(&made).await.unwrap();
    }
    assert!(
        access
            .authenticate(text.reveal(), Origin::default())
            .await
            .is_ok()
    );
    assert_eq!(store.list(10).await.unwrap(), [made]);
}

#[tokio::test]
async fn nonsense_is_refused_without_a_look_up() {
    let store = MockTokenStore::new();
    let access = Access::new(
        Arc::new(store),
        Arc::new(clock_at(noon())),
        Arc::new(entropy()),
    );
    for text in ["", "pts_", "Bearer x", "pts_00_11"] {
        assert!(
            matches!(
                access.authenticate(text, Origin::default()).await,
                Err(AccessError::Refused(_))
            ),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_checked_token_is_believed_for_a_second_and_then_checked_again() {
    let (access, clock, store) = with_store();
    let (text, made) = access
        .create(token("ci", &[Scope::EventsWrite], None))
        .await
        .unwrap();
    assert_eq!(
        access
            .authenticate(text.reveal(), Origin::default())
            .await
            .unwrap()
            .name,
        "ci"
    );
    // Another process revokes it.
    store.revoke(made.id, clock.now()).await.unwrap();
    clock.turn(Duration::milliseconds(999));
    assert!(
        access
            .authenticate(text.reveal(), Origin::default())
            .await
            .is_ok()
    );
    clock.turn(Duration::milliseconds(1));
    let refused = access.authenticate(text.reveal(), Origin::default()).await;
    assert!(matches!(
        refused,
        Err(AccessError::Refused(TokenRefused::Revoked))
    ));
}

#[tokio::test]
async fn revoking_here_takes_effect_at_once_and_ends_the_sessions_of_the_token() {
    let (access, ..) = with_store();
    let (text, made) = access
        .create(token("ann", &[Scope::EventsRead], None))
        .await
        .unwrap();
    let session = access
        .sign_in_with_token(text.reveal(), &Origin::default())
        .await
        .unwrap()
        .text;
    assert!(
        access
            .authenticate(session.reveal(), Origin::default())
            .await
            .is_ok()
    );
    assert!(access.revoke(made.id).await.unwrap());
    for gone in [text.reveal(), session.reveal()] {
        let refused = access.authenticate(gone, Origin::default()).await;
        assert!(matches!(
            refused,
            Err(AccessError::Refused(TokenRefused::Revoked))
        ));
    }
}

#[tokio::test]
async fn a_token_ends_by_itself() {
    let (access, clock, _) = with_store();
    let short = token("short", &[Scope::EventsRead], Some(Duration::hours(1)));
    let (text, _) = access.create(short).await.unwrap();
    assert!(
        access
            .authenticate(text.reveal(), Origin::default())
            .await
            .is_ok()
    );
    clock.turn(Duration::hours(1));
    let refused = access.authenticate(text.reveal(), Origin::default()).await;
    assert!(matches!(
        refused,
        Err(AccessError::Refused(TokenRefused::Expired))
    ));
}

#[tokio::test]
async fn a_store_that_is_away_lets_nobody_in_and_blames_nobody() {
    let mut store = MockTokenStore::new();
    store
        .expect_find()
        .returning(|_| Err(StoreError::unavailable("gone")));
    let access = Access::new(
        Arc::new(store),
        Arc::new(clock_at(noon())),
        Arc::new(entropy()),
    );
    let text = TokenText::from_random([3; 20]);
    let refused = access.authenticate(text.reveal(), Origin::default()).await;
    assert!(matches!(refused, Err(AccessError::Unavailable { .. })));
}

#[tokio::test]
async fn a_code_is_good_once_and_for_a_quarter_of_an_hour() {
    let (access, clock, _) = with_store();
    let code = access.new_code();
    let session = access
        .sign_in_with_code(code.reveal(), &Origin::default())
        .await
        .unwrap();
    let signed_in = access
        .authenticate(session.text.reveal(), Origin::default())
        .await
        .unwrap();
    assert_eq!(signed_in.kind, TokenKind::Session);
    assert!(signed_in.may(Scope::Admin));
    let again = access
        .sign_in_with_code(code.reveal(), &Origin::default())
        .await;
    assert!(matches!(
        again,
        Err(AccessError::Refused(TokenRefused::Unknown))
    ));

    let old = access.new_code();
    clock.turn(Duration::minutes(15));
    let late = access
        .sign_in_with_code(old.reveal(), &Origin::default())
        .await;
    assert!(matches!(
        late,
        Err(AccessError::Refused(TokenRefused::Expired))
    ));
}

#[tokio::test]
async fn a_session_cannot_renew_itself_and_lasts_no_longer_than_its_token() {
    let (access, clock, _) = with_store();
    let short = token("short", &[Scope::EventsRead], Some(Duration::hours(1)));
    let (text, _) = access.create(short).await.unwrap();
    let session = access
        .sign_in_with_token(text.reveal(), &Origin::default())
        .await
        .unwrap();
    assert_eq!(session.expires_at, noon() + Duration::hours(1));
    let renewed = access
        .sign_in_with_token(session.text.reveal(), &Origin::default())
        .await;
    assert!(matches!(
        renewed,
        Err(AccessError::Refused(TokenRefused::Unknown))
    ));
    clock.turn(Duration::hours(2));
    let ended = access
        .authenticate(session.text.reveal(), Origin::default())
        .await;
    assert!(matches!(
        ended,
        Err(AccessError::Refused(TokenRefused::Expired))
    ));
}

#[tokio::test]
async fn a_token_that_was_good_lately_is_remembered_while_the_store_is_away() {
    let (access, clock, store) = with_store();
    let (text, made) = access
        .create(token("prometheus", &[Scope::MetricsRead], None))
        .await
        .unwrap();
    assert!(matches!(
        access.remembered(text.reveal(), Origin::default()),
        Err(AccessError::Unavailable { .. })
    ));
    access
        .authenticate(text.reveal(), Origin::default())
        .await
        .unwrap();
    clock.turn(Duration::minutes(4));
    assert_eq!(
        access
            .remembered(text.reveal(), Origin::default())
            .unwrap()
            .name,
        "prometheus"
    );
    // Revoked elsewhere: once that was seen, nothing is remembered.
    store.revoke(made.id, clock.now()).await.unwrap();
    assert!(
        access
            .authenticate(text.reveal(), Origin::default())
            .await
            .is_err()
    );
    assert!(access.remembered(text.reveal(), Origin::default()).is_err());
}
