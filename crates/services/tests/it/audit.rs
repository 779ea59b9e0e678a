//! What is written down, what is refused when it cannot be, and what is signed.

use std::slice::from_ref;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::FutureExt as _;
use pts_api::Effect;
use pts_api::actions::audit::{SearchAudit, SearchAuditInput};
use pts_api::actions::expectations::{ListExpectations, ListExpectationsInput, SetExpectation};
use pts_api::{Action, Answer};
use pts_domain::access::{Origin, Principal, Scope, TokenRefused};
use pts_domain::audit::{
    Actor, ActorKind, Checkpoint, Entry, KeyId, Outcome, PublicKey, SigningKey, Tampering,
    input_digest,
};
use pts_ports::{AuditLog, CheckpointSink, StoreError};
use pts_services::{
    AccessError, Act, ActionError, CallOptions, Checkpointer, Gateway, NewToken, NotSigned,
    verify_audit,
};
use pts_testkit::fakes::MemoryStore;
use serde_json::{Value, json};

use crate::support::{in_memory, principal};

fn origin() -> Origin {
    Origin {
        address: Some("192.0.2.7".parse().unwrap()),
        request_id: Some("r-1".into()),
    }
}

pub(crate) fn somebody(scopes: &[Scope]) -> Principal {
    Principal {
        origin: origin(),
        subject: Some("alice@example.com".into()),
        ..principal(scopes)
    }
}

fn expectation() -> Value {
    json!({ "source": "nightly", "every_s": 86_400 })
}

pub(crate) async fn declare(gateway: &Gateway, by: &Principal) -> Result<(), ActionError> {
    let input = expectation();
    let done = gateway.act(by, SetExpectation::NAME, &input, CallOptions::default());
    done.await.map(|_| ())
}

async fn declared(gateway: &Gateway) -> usize {
    let all = principal(&[Scope::Admin]);
    let input = ListExpectationsInput::default();
    let asked = gateway.call::<ListExpectations>(&all, input, CallOptions::default());
    let answer: Answer<Vec<_>> = asked.await.unwrap();
    answer.data.len()
}

fn told(store: &MemoryStore) -> Vec<(String, Outcome, u64)> {
    let entries = store.audited().into_iter().map(|entry| entry.record);
    entries
        .map(|record| (record.action, record.outcome, record.times))
        .collect()
}

async fn sound(store: &MemoryStore, keys: Vec<PublicKey>) -> u64 {
    let report = verify_audit(store, keys, []).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
    report.entries
}

#[tokio::test]
async fn what_changes_something_is_announced_and_told_with_all_that_is_known() {
    let (gateway, store) = in_memory();
    let alice = somebody(&[Scope::Operate]);
    declare(&gateway, &alice).await.unwrap();
    let [intended, allowed]: [Entry; 2] = store.audited().try_into().unwrap();
    for entry in [&intended, &allowed] {
        let record = &entry.record;
        assert_eq!(record.action, SetExpectation::NAME);
        assert_eq!(record.effect, Effect::Control);
        assert_eq!(record.actor, Actor::from(&alice));
        assert_eq!(record.actor.subject.as_deref(), Some("alice@example.com"));
        let input: Value = expectation();
        assert!(record.input.is_some());
        assert_ne!(record.input, Some(input_digest(&Value::Null)), "{input}");
        assert_eq!(record.request_id.as_deref(), Some("r-1"));
        assert_eq!(record.address, origin().address);
        assert_eq!(record.workspace.as_deref(), Some("default"));
    }
    assert_eq!(intended.record.outcome, Outcome::Intended);
    assert_eq!(allowed.record.outcome, Outcome::Allowed);
    assert_eq!(allowed.record.intent, Some(intended.record.id));

    // What went wrong is told, too, with nothing of what was sent.
    let wrong = json!({ "ids": [], "reason": "s3cret" });
    let options = CallOptions::default();
    let refused = gateway.act(&alice, "platform.quarantine.discard", &wrong, options);
    refused.await.unwrap_err();
    let last = store.audited().pop().unwrap().record;
    assert_eq!(last.outcome, Outcome::Failed);
    assert_eq!(last.reason.as_deref(), Some("invalid: ids"));
    assert_eq!(sound(&store, Vec::new()).await, 4);
}

#[tokio::test]
async fn questions_and_events_are_not_written_down_one_by_one() {
    let (gateway, store) = in_memory();
    let all = somebody(&[Scope::Admin]);
    let options = CallOptions::default();
    let event = json!({ "events": { "type": "com.acme.x", "source": "s", "data": {} } });
    for (action, input) in [
        ("platform.events.append", &event),
        ("platform.services.list", &json!({})),
    ] {
        gateway.act(&all, action, input, options).await.unwrap();
    }
    gateway.audit().flush().await.unwrap();
    assert_eq!(store.audited(), []);
}

#[tokio::test]
async fn without_the_audit_nothing_is_changed_and_all_else_goes_on() {
    let (gateway, store) = in_memory();
    let all = somebody(&[Scope::Admin]);
    store.set_audit_available(false);
    for _ in 0..2 {
        let refused = declare(&gateway, &all).await;
        assert!(
            matches!(refused, Err(ActionError::AuditUnavailable { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(declared(&gateway).await, 0);
    assert_eq!(gateway.degraded(), ["audit_unavailable"]);
    gateway.ready().await.unwrap();
    let event = json!({ "events": { "type": "com.acme.x", "source": "s", "data": {} } });
    let sent = gateway.act(
        &all,
        "platform.events.append",
        &event,
        CallOptions::default(),
    );
    sent.await.unwrap();

    store.set_audit_available(true);
    declare(&gateway, &all).await.unwrap();
    assert_eq!(declared(&gateway).await, 1);
    assert!(gateway.degraded().is_empty());
}

#[tokio::test]
async fn an_outcome_that_cannot_be_written_at_once_is_written_later() {
    let (gateway, store) = in_memory();
    let act = || Act::by(Actor::itself(), "a.b.c", Effect::Control);
    let doing = async {
        store.set_audit_available(false);
        Ok::<_, StoreError>(7)
    };
    let done = gateway.audit().control(act(), doing).await;
    assert_eq!(done.unwrap().unwrap(), 7, "it was announced, and done");
    assert_eq!(told(&store).len(), 1);
    store.set_audit_available(true);
    gateway.audit().flush().await.unwrap();
    let entries = told(&store);
    assert_eq!(entries[1], ("a.b.c".to_owned(), Outcome::Allowed, 1));

    // Whoever goes away in the middle is told of as well.
    let never = std::future::pending::<Result<(), StoreError>>();
    assert!(
        gateway
            .audit()
            .control(act(), never)
            .now_or_never()
            .is_none()
    );
    gateway.audit().flush().await.unwrap();
    let entries = told(&store);
    assert_eq!(entries[2].1, Outcome::Intended);
    assert_eq!(entries[3].1, Outcome::Unknown);
    assert_eq!(sound(&store, Vec::new()).await, 4);
}

#[tokio::test]
async fn denials_are_told_in_number_and_wait_for_an_audit_that_is_away() {
    let (gateway, store) = in_memory();
    let reader = somebody(&[Scope::EventsRead]);
    store.set_audit_available(false);
    for _ in 0..500 {
        declare(&gateway, &reader).await.unwrap_err();
        let refused = gateway.authenticate("pts_nonsense", origin()).await;
        // After some of them nobody looks any more.
        assert!(matches!(
            refused,
            Err(AccessError::Refused(TokenRefused::Malformed) | AccessError::TooManyFailures { .. })
        ));
    }
    gateway.audit().flush().await.unwrap_err();
    for _ in 0..3 {
        declare(&gateway, &reader).await.unwrap_err();
    }
    assert_eq!(store.audited(), []);
    store.set_audit_available(true);
    gateway.audit().flush().await.unwrap();
    let mut entries = told(&store);
    entries.sort_by(|one, other| (&one.0, one.2).cmp(&(&other.0, other.2)));
    let denied = |action: &str, times| (action.to_owned(), Outcome::Denied, times);
    let set = SetExpectation::NAME;
    let guesses: u64 = entries
        .extract_if(.., |entry| entry.0 == "access.authenticate")
        .map(|entry| entry.2)
        .sum();
    assert_eq!(guesses, 500);
    assert_eq!(entries, [denied(set, 3), denied(set, 500)]);
    let all = store.audited();
    let guess = all
        .iter()
        .find(|one| one.record.action == "access.authenticate");
    let guess = &guess.unwrap().record;
    assert_eq!(guess.actor.kind, ActorKind::Unknown);
    assert_eq!(guess.address, origin().address);
    let refusal = all.iter().find(|one| one.record.action == set).unwrap();
    assert_eq!(
        refusal.record.reason.as_deref(),
        Some("needs the scope operate")
    );
    assert!(
        refusal.record.input.is_some(),
        "it was one input, again and again"
    );
}

#[tokio::test]
async fn who_signs_in_and_out_is_told_and_nobody_is_let_in_untold() {
    let (gateway, store) = in_memory();
    let new = NewToken {
        name: "alice".into(),
        scopes: [Scope::EventsRead].into(),
        ..NewToken::default()
    };
    let (text, _) = gateway.access().create(new).await.unwrap();
    let session = gateway
        .sign_in_with_token(text.reveal(), origin())
        .await
        .unwrap();
    let signed_in = gateway
        .authenticate(session.text.reveal(), origin())
        .await
        .unwrap();
    gateway.sign_out(&signed_in).await.unwrap();
    let wrong = gateway.access().new_code();
    let good = gateway.access().new_code();
    gateway
        .sign_in_with_code(good.reveal(), origin())
        .await
        .unwrap();
    let again = gateway.sign_in_with_code(good.reveal(), origin()).await;
    assert!(again.is_err());
    gateway.audit().flush().await.unwrap();
    let entries = store.audited();
    let seen: Vec<_> = entries
        .iter()
        .map(|one| {
            (
                &*one.record.action,
                one.record.outcome,
                &*one.record.actor.name,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("access.sign_in", Outcome::Allowed, "alice"),
            ("access.sign_out", Outcome::Intended, "alice"),
            ("access.sign_out", Outcome::Allowed, "alice"),
            ("access.sign_in", Outcome::Allowed, "console"),
            ("access.sign_in", Outcome::Denied, "unknown"),
        ]
    );

    store.set_audit_available(false);
    for refused in [
        gateway.sign_in_with_token(text.reveal(), origin()).await,
        gateway.sign_in_with_code(wrong.reveal(), origin()).await,
    ] {
        assert!(
            matches!(refused, Err(AccessError::AuditUnavailable { .. })),
            "{refused:?}"
        );
    }
    let sessions = gateway.access().list().await.unwrap();
    let open = sessions
        .iter()
        .filter(|one| one.issued_by.is_some() && one.revoked_at.is_none());
    assert_eq!(open.count(), 0, "what nobody was given is over");
}

#[tokio::test]
async fn what_is_done_on_the_machine_itself_is_told_as_the_consoles() {
    let (gateway, store) = in_memory();
    gateway.audit().console_is(Some("uid:0".into()));
    let input = serde_json::from_value(expectation()).unwrap();
    gateway.call_here::<SetExpectation>(input).await.unwrap();
    let last = store.audited().pop().unwrap().record;
    assert_eq!(last.actor, Actor::console(Some("uid:0".into())));
    store.set_audit_available(false);
    let input = serde_json::from_value(expectation()).unwrap();
    let refused = gateway.call_here::<SetExpectation>(input).await;
    assert!(matches!(refused, Err(ActionError::AuditUnavailable { .. })));
}

#[tokio::test]
async fn an_answer_tells_of_what_is_not_written_and_nothing_of_other_workspaces() {
    let (gateway, store) = in_memory();
    let all = somebody(&[Scope::Admin]);
    let elsewhere = Principal {
        workspace: "team-7".parse().unwrap(),
        bound: true,
        ..somebody(&[Scope::Operate, Scope::AuditRead])
    };
    declare(&gateway, &all).await.unwrap();
    declare(&gateway, &elsewhere).await.unwrap();
    let search = |by: Principal, workspace: Option<&str>| {
        let input = SearchAuditInput {
            workspace: workspace.map(ToOwned::to_owned),
            ..SearchAuditInput::default()
        };
        let gateway = &gateway;
        async move {
            gateway
                .call::<SearchAudit>(&by, input, CallOptions::default())
                .await
        }
    };
    assert_eq!(search(all.clone(), None).await.unwrap().data.len(), 4);
    for asked in [None, Some("team-7")] {
        let own = search(elsewhere.clone(), asked).await.unwrap().data;
        assert_eq!(own.len(), 2);
        assert!(
            own.iter()
                .all(|one| one.workspace.as_deref() == Some("team-7"))
        );
    }
    let other = search(elsewhere, Some("default")).await;
    assert!(matches!(other, Err(ActionError::NotFound { .. })));

    // Refused, and written before anybody asks.
    let reader = somebody(&[Scope::EventsRead]);
    let denied = search(reader.clone(), None).await;
    assert!(matches!(denied, Err(ActionError::Denied { .. })));
    let answer = search(all, None).await.unwrap();
    assert_eq!(answer.data[0].outcome, Outcome::Denied);
    assert!(answer.coverage.complete);
    drop(store);
}

/// Somewhere else, which may be away.
#[derive(Default)]
pub(crate) struct Drawer {
    pub(crate) kept: Mutex<Vec<Checkpoint>>,
    stuck: std::sync::atomic::AtomicBool,
}

impl Drawer {
    pub(crate) fn stick(&self, stuck: bool) {
        self.stuck.store(stuck, std::sync::atomic::Ordering::SeqCst);
    }

    fn open(&self) -> Result<std::sync::MutexGuard<'_, Vec<Checkpoint>>, StoreError> {
        if self.stuck.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(StoreError::unavailable("it sticks"));
        }
        Ok(self.kept.lock().unwrap())
    }
}

#[async_trait]
impl CheckpointSink for Drawer {
    fn name(&self) -> &'static str {
        "drawer"
    }

    async fn export(&self, checkpoints: &[Checkpoint]) -> Result<(), StoreError> {
        self.open()?.extend_from_slice(checkpoints);
        Ok(())
    }

    async fn last(&self, key: &KeyId) -> Result<Option<Checkpoint>, StoreError> {
        let kept = self.open()?;
        Ok(kept.iter().rev().find(|one| one.key == *key).cloned())
    }
}

pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32]).unwrap()
}

pub(crate) fn signing(gateway: &Gateway, drawer: &Arc<Drawer>) -> Checkpointer {
    let elsewhere: Arc<dyn CheckpointSink> = drawer.clone();
    Checkpointer::new(Arc::clone(gateway.audit()), key(), Some(elsewhere))
}

#[tokio::test]
async fn what_is_new_is_signed_once_in_the_store_and_elsewhere() {
    let (gateway, store) = in_memory();
    let (all, drawer) = (somebody(&[Scope::Admin]), Arc::new(Drawer::default()));
    let signs = signing(&gateway, &drawer);
    assert_eq!(
        signs.round().await.unwrap(),
        None,
        "there is nothing to sign"
    );
    declare(&gateway, &all).await.unwrap();
    let signed = signs.round().await.unwrap().unwrap();
    assert_eq!(signs.round().await.unwrap().unwrap(), signed);
    assert_eq!(signed.head(), store.end().await.unwrap().unwrap());
    assert!(signed.is_by(&key().public()));
    assert_eq!(*drawer.kept.lock().unwrap(), *from_ref(&signed));
    assert_eq!(store.last_checkpoint(None).await.unwrap(), Some(signed));
    assert_eq!(sound(&store, vec![key().public()]).await, 2);
    // Another process with the same key goes on from there.
    declare(&gateway, &all).await.unwrap();
    let later = signing(&gateway, &drawer).round().await.unwrap().unwrap();
    assert_eq!(later.sequence, 4);
    assert_eq!(drawer.kept.lock().unwrap().len(), 2);
    assert_eq!(gateway.audit().key(), Some(key().public()));
}

#[tokio::test]
async fn while_checkpoints_cannot_be_told_nothing_is_changed() {
    let (gateway, _) = in_memory();
    let (all, drawer) = (somebody(&[Scope::Admin]), Arc::new(Drawer::default()));
    let signs = signing(&gateway, &drawer);
    declare(&gateway, &all).await.unwrap();
    drawer.stick(true);
    let away = signs.round().await;
    assert!(matches!(away, Err(NotSigned::Away(_))), "{away:?}");
    assert_eq!(gateway.degraded(), ["audit_unavailable"]);
    let refused = declare(&gateway, &all).await;
    assert!(matches!(refused, Err(ActionError::AuditUnavailable { .. })));
    drawer.stick(false);
    signs.round().await.unwrap();
    declare(&gateway, &all).await.unwrap();
    assert!(gateway.degraded().is_empty());
    assert_eq!(drawer.kept.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_process_does_not_sign_what_contradicts_what_was_signed() {
    for restarted in [false, true] {
        let (gateway, store) = in_memory();
        let (all, drawer) = (somebody(&[Scope::Admin]), Arc::new(Drawer::default()));
        let mut signs = signing(&gateway, &drawer);
        declare(&gateway, &all).await.unwrap();
        let signed = signs.round().await.unwrap().unwrap();
        store.tamper_with_audit(|entries, end| {
            let cut = entries.pop().unwrap();
            end.sequence = cut.sequence - 1;
            end.hash = cut.previous;
        });
        if restarted {
            signs = signing(&gateway, &drawer);
        }
        let tampered = signs.round().await;
        assert!(
            matches!(tampered, Err(NotSigned::Tampered(_))),
            "{tampered:?}"
        );
        let refused = declare(&gateway, &all).await;
        assert!(matches!(refused, Err(ActionError::AuditUnavailable { .. })));
        // Nor is it signed once the chain is as long as it was.
        gateway
            .audit()
            .refused(Act::of(&all, "x", Effect::Read), "no");
        gateway.audit().flush().await.unwrap();
        assert_eq!(
            store.end().await.unwrap().unwrap().sequence,
            signed.sequence
        );
        let tampered = signs.round().await;
        assert!(
            matches!(tampered, Err(NotSigned::Tampered(_))),
            "{tampered:?}"
        );
        let keys = vec![key().public()];
        let exported = drawer.kept.lock().unwrap().clone().into_iter().map(Ok);
        let report = verify_audit(&*store, keys, exported).await.unwrap();
        assert_eq!(report.fault.unwrap().kind, Tampering::Rewritten);
    }
}
