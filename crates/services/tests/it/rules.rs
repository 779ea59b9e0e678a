//! What becomes of policies and roles, as the audit tells it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use pts_domain::Timestamp;
use pts_domain::access::{ActionFacts, Principal, Roles, Ruling, Scope};
use pts_domain::audit::{Actor, Effect, Hash, Outcome, Record};
use pts_ports::{PoliciesAway, PolicyBook, PolicyEngine, PolicyFile};
use pts_services::Gateway;
use pts_testkit::fakes::{MemoryStore, StepClock};

use crate::support::{in_memory, noon, over_store};

/// A file of policies that a test writes.
#[derive(Default)]
struct Slate {
    edition: AtomicU64,
    file: Mutex<Option<PolicyFile>>,
}

impl Slate {
    fn write(&self, file: impl Into<Option<PolicyFile>>) {
        *self.file.lock().unwrap() = file.into();
        self.edition.fetch_add(1, Ordering::SeqCst);
    }
}

impl PolicyEngine for Slate {
    fn decide(
        &self,
        principal: &Principal,
        action: &ActionFacts,
        _: Timestamp,
    ) -> Result<Ruling, PoliciesAway> {
        Ok(Ruling::by_scopes(principal, action))
    }

    fn edition(&self) -> u64 {
        self.edition.load(Ordering::SeqCst)
    }

    fn book(&self) -> PolicyBook {
        unreachable!("nobody asks for them")
    }

    fn file(&self) -> Option<PolicyFile> {
        self.file.lock().unwrap().clone()
    }

    fn refresh(&self, _: Timestamp) {}
}

fn good(digest: u8, policies: usize) -> PolicyFile {
    PolicyFile {
        digest: Some([digest; 32]),
        policies,
        fault: None,
    }
}

fn broken(digest: Option<u8>) -> PolicyFile {
    PolicyFile {
        digest: digest.map(|digest| [digest; 32]),
        policies: 0,
        fault: Some("line 2: no".into()),
    }
}

/// A process over a store, with a file of its own.
fn process(store: &Arc<MemoryStore>, slate: &Arc<Slate>, roles: Roles) -> Gateway {
    let clock = Arc::new(StepClock::from(noon(), chrono::Duration::zero()));
    over_store(store, clock).governed(roles, slate.clone())
}

async fn look_and_tell(gateway: &Gateway) {
    gateway.look_at_policies().await;
    gateway.tell_of_rules().await.unwrap();
}

fn told(store: &MemoryStore) -> Vec<Record> {
    let entries = store.audited().into_iter();
    entries.map(|entry| entry.record).collect()
}

fn hex(digest: u8) -> String {
    Hash([digest; 32]).to_string()
}

#[tokio::test]
async fn policies_that_change_break_and_are_put_right_are_told_with_what_was_before() {
    let (_, store) = in_memory();
    let slate = Arc::new(Slate::default());
    let gateway = process(&store, &slate, Roles::default());
    look_and_tell(&gateway).await;
    assert_eq!(told(&store), [], "there are none, and never were");

    let mut before = "none".to_owned();
    for (file, outcome, now, rest) in [
        (Some(good(1, 3)), Outcome::Allowed, hex(1), ", 3 in force"),
        (Some(good(2, 4)), Outcome::Allowed, hex(2), ", 4 in force"),
        (
            Some(broken(Some(3))),
            Outcome::Failed,
            hex(3),
            ", nothing is permitted: line 2: no",
        ),
        (
            Some(broken(None)),
            Outcome::Failed,
            "unreadable".into(),
            ", nothing is permitted: line 2: no",
        ),
        (Some(good(2, 4)), Outcome::Allowed, hex(2), ", 4 in force"),
        (None, Outcome::Allowed, "none".into(), ", 0 in force"),
    ] {
        let digest = file.as_ref().and_then(|file| file.digest).map(Hash);
        slate.write(file);
        let entries = told(&store).len();
        for _ in 0..2 {
            look_and_tell(&gateway).await;
        }
        let all = told(&store);
        assert_eq!(all.len(), entries + 1);
        let last = all.last().unwrap();
        assert_eq!(last.actor, Actor::itself());
        assert_eq!(
            (&*last.action, last.effect),
            ("access.policies", Effect::Control)
        );
        assert_eq!((last.input, last.outcome), (digest, outcome));
        let story = format!("from {before} to {now}{rest}");
        assert_eq!(last.reason.as_deref(), Some(&*story));
        before = now;
    }
}

#[tokio::test]
async fn what_several_processes_see_is_told_once_and_a_start_tells_only_what_is_new() {
    let (_, store) = in_memory();
    let slate = Arc::new(Slate::default());
    slate.write(good(1, 1));
    let roles = Roles::default();
    let deployer = roles
        .clone()
        .with("deployer", [Scope::EventsWrite].into())
        .unwrap();
    let processes = [(); 3].map(|()| process(&store, &slate, deployer.clone()));
    let telling = processes.iter().map(look_and_tell);
    futures::future::join_all(telling).await;
    let actions = |store: &MemoryStore| -> Vec<String> {
        told(store).into_iter().map(|one| one.action).collect()
    };
    assert_eq!(actions(&store), ["access.roles", "access.policies"]);
    let story = told(&store)[0].reason.clone().unwrap();
    assert!(
        story.starts_with("from none to ") && story.ends_with(", 1 in force"),
        "{story}"
    );

    slate.write(good(2, 1));
    for process in &processes {
        look_and_tell(process).await;
    }
    assert_eq!(actions(&store).len(), 3);
    look_and_tell(&process(&store, &slate, deployer)).await;
    assert_eq!(actions(&store).len(), 3);
    look_and_tell(&process(&store, &slate, roles)).await;
    assert_eq!(actions(&store)[3..], ["access.roles"]);
    // What was before is told again when it comes back.
    slate.write(good(1, 1));
    look_and_tell(&processes[0]).await;
    slate.write(good(2, 1));
    look_and_tell(&processes[1]).await;
    assert_eq!(actions(&store)[4..], ["access.policies", "access.policies"]);
}

#[tokio::test]
async fn while_the_audit_is_away_changes_wait_in_their_order() {
    let (_, store) = in_memory();
    let slate = Arc::new(Slate::default());
    let gateway = process(&store, &slate, Roles::default());
    store.set_audit_available(false);
    for digest in 1..=200 {
        slate.write(good(digest, 1));
        gateway.look_at_policies().await;
        gateway.tell_of_rules().await.unwrap_err();
    }
    store.set_audit_available(true);
    gateway.tell_of_rules().await.unwrap();
    let digests: Vec<_> = told(&store)
        .into_iter()
        .map(|one| one.input.unwrap().0[0])
        .collect();
    // All but those that there was no room for, and the last one in any case.
    let expected: Vec<_> = (1..=98).chain([200]).collect();
    assert_eq!(digests, expected);
}
