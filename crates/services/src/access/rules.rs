//! Who may do what: the policies are asked, and what they said is believed for a moment, so that the
//! way of an event does not pass through them each time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::Duration;
use pts_api::{Action, ActionSpec, Effect};
use pts_domain::Timestamp;
use pts_domain::access::{ActionFacts, Principal, Ruling, Scope};
use pts_ports::{PoliciesAway, PolicyBook, PolicyEngine, PolicyFile};
use uuid::Uuid;

use super::changes::Changes;
use crate::ActionError;
use crate::error::RETRY_AFTER_S;

/// For so long a decision holds: a policy may speak of the time of day.
const HOLDS: Duration = Duration::seconds(1);
/// Decisions are kept in so many parts, each under a lock of its own.
const SHARDS: usize = 16;
/// Decisions of one part that are kept at the most.
const MOST_IN_SHARD: usize = 2_000;

/// The service's own figures, which are no action of the contract and are asked for as one.
pub(crate) const METRICS: ActionFacts = ActionFacts {
    name: "platform.metrics.read",
    scope: Scope::MetricsRead,
    effect: "read",
    risky: false,
    open: false,
};

/// What decides who may do an action.
pub(crate) const fn facts<A: Action>() -> ActionFacts {
    ActionFacts {
        name: A::NAME,
        scope: A::SCOPE,
        effect: effect(A::EFFECT),
        risky: A::RISKY,
        open: A::FREE_FOR_OWN,
    }
}

pub(crate) const fn facts_of(action: &ActionSpec) -> ActionFacts {
    ActionFacts {
        name: action.name,
        scope: action.scope,
        effect: effect(action.effect),
        risky: action.risky,
        open: action.free_for_own,
    }
}

const fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Read => "read",
        Effect::Write => "write",
        Effect::Control => "control",
    }
}

/// Everything that a policy can speak of.
pub fn governed_actions() -> Vec<ActionFacts> {
    let all = pts_api::actions::all();
    all.iter().map(facts_of).chain([METRICS]).collect()
}

/// The rules that there always are, and no others.
struct ScopesAlone;

impl PolicyEngine for ScopesAlone {
    fn decide(
        &self,
        principal: &Principal,
        action: &ActionFacts,
        _: Timestamp,
    ) -> Result<Ruling, PoliciesAway> {
        Ok(Ruling::by_scopes(principal, action))
    }

    fn edition(&self) -> u64 {
        0
    }

    fn book(&self) -> PolicyBook {
        PolicyBook::default()
    }

    fn file(&self) -> Option<PolicyFile> {
        None
    }

    fn refresh(&self, _: Timestamp) {}
}

/// The token, the action, whether its own is free, and where the request comes from.
type Key = (Uuid, &'static str, bool, Option<IpAddr>);

/// The policies, and what they decided a moment ago.
pub(crate) struct Rules {
    engine: Arc<dyn PolicyEngine>,
    pub(super) changes: Changes,
    decided: [Mutex<HashMap<Key, Decided>>; SHARDS],
}

struct Decided {
    at: Timestamp,
    edition: u64,
    of: Principal,
    ruling: Ruling,
}

impl Decided {
    fn holds(&self, edition: u64, principal: &Principal, now: Timestamp) -> bool {
        let age = now - self.at;
        self.edition == edition
            && age >= Duration::zero()
            && age < HOLDS
            && same(&self.of, principal)
    }
}

/// Whether two are the same as far as any rule can tell. Where they come from is in the key.
fn same(one: &Principal, other: &Principal) -> bool {
    one.scopes == other.scopes
        && one.workspace == other.workspace
        && one.bound == other.bound
        && one.roles == other.roles
        && one.name == other.name
        && one.kind == other.kind
        && one.subject == other.subject
}

impl Default for Rules {
    fn default() -> Self {
        Self::of(Arc::new(ScopesAlone))
    }
}

impl Rules {
    pub(crate) fn of(engine: Arc<dyn PolicyEngine>) -> Self {
        Self {
            engine,
            changes: Changes::default(),
            decided: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// Lets an action through, or says why not.
    pub(crate) fn check(
        &self,
        principal: &Principal,
        action: &ActionFacts,
        now: Timestamp,
    ) -> Result<(), ActionError> {
        // The service itself, which no token stands for.
        if principal.token_id.is_nil() {
            return outcome(&Ruling::by_scopes(principal, action), action.scope);
        }
        let edition = self.engine.edition();
        let from = principal.origin.address;
        let key = (principal.token_id, action.name, action.open, from);
        // The end of an id is chance, whatever its version.
        let shard = &self.decided[usize::from(principal.token_id.as_bytes()[15]) % SHARDS];
        {
            let decided = shard.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(decided) = decided.get(&key)
                && decided.holds(edition, principal, now)
            {
                return outcome(&decided.ruling, action.scope);
            }
        }
        let ruling = self.ask(principal, action, now)?;
        let outcome = outcome(&ruling, action.scope);
        let mut decided = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if decided.len() >= MOST_IN_SHARD {
            decided.retain(|_, old| old.holds(edition, &old.of, now));
            if decided.len() >= MOST_IN_SHARD {
                decided.clear();
            }
        }
        let decision = Decided {
            at: now,
            edition,
            of: principal.clone(),
            ruling,
        };
        decided.insert(key, decision);
        outcome
    }

    /// Asks the policies themselves.
    pub(crate) fn ask(
        &self,
        principal: &Principal,
        action: &ActionFacts,
        now: Timestamp,
    ) -> Result<Ruling, ActionError> {
        let asked = self.engine.decide(principal, action, now);
        asked.map_err(|PoliciesAway(why)| {
            tracing::debug!(why, action = action.name, "it cannot be decided who may");
            ActionError::PoliciesAway {
                retry_after_s: RETRY_AFTER_S,
            }
        })
    }

    pub(crate) fn book(&self) -> PolicyBook {
        self.engine.book()
    }

    pub(crate) fn engine(&self) -> &Arc<dyn PolicyEngine> {
        &self.engine
    }
}

fn outcome(ruling: &Ruling, scope: Scope) -> Result<(), ActionError> {
    match ruling {
        Ruling { allowed: true, .. } => Ok(()),
        Ruling { by, .. } if by.is_empty() => Err(ActionError::Denied { scope }),
        Ruling { by, .. } => Err(ActionError::ForbiddenBy { by: by.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Permits while a switch is on, and counts how often it is asked.
    #[derive(Default)]
    struct Switch {
        asked: AtomicU64,
        edition: AtomicU64,
    }

    impl PolicyEngine for Switch {
        fn decide(
            &self,
            _: &Principal,
            _: &ActionFacts,
            _: Timestamp,
        ) -> Result<Ruling, PoliciesAway> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let away = || PoliciesAway("secret/path: gone".into());
            match self.edition() {
                0 => Ok(Ruling {
                    allowed: true,
                    by: vec!["a".into()],
                }),
                1 => Ok(Ruling {
                    allowed: false,
                    by: vec!["b".into()],
                }),
                _ => Err(away()),
            }
        }

        fn edition(&self) -> u64 {
            self.edition.load(Ordering::Relaxed)
        }

        fn book(&self) -> PolicyBook {
            ScopesAlone.book()
        }

        fn file(&self) -> Option<PolicyFile> {
            None
        }

        fn refresh(&self, _: Timestamp) {}
    }

    fn noon() -> Timestamp {
        pts_domain::time::parse("2026-03-01T12:00:00Z").unwrap()
    }

    fn somebody() -> Principal {
        Principal::holding(Uuid::from_u128(7), "t", [Scope::MetricsRead])
    }

    fn setting() -> (Arc<Switch>, Rules) {
        let switch = Arc::new(Switch::default());
        (Arc::clone(&switch), Rules::of(switch))
    }

    #[test]
    fn a_decision_is_believed_while_nothing_changes_and_not_for_longer_than_a_second() {
        let (switch, rules) = setting();
        let asked = || switch.asked.load(Ordering::Relaxed);
        let check = |principal: &Principal, later_ms: i64, expected: u64| {
            let now = noon() + Duration::milliseconds(later_ms);
            rules.check(principal, &METRICS, now).unwrap();
            assert_eq!(asked(), expected);
        };
        let one = somebody();
        check(&one, 0, 1);
        check(&one, 999, 1);
        check(&one, 1_000, 2);
        // A clock that is set back.
        check(&one, 0, 3);
        let mut other = one.clone();
        other.origin.request_id = Some("r-1".into());
        check(&other, 0, 3);
        let changes: [fn(&mut Principal); 6] = [
            |it| it.origin.address = Some("192.0.2.7".parse().unwrap()),
            |it| it.scopes = [Scope::Admin].into(),
            |it| it.roles = ["operator".to_owned()].into(),
            |it| it.workspace = "team-7".parse().unwrap(),
            |it| it.bound = true,
            |it| it.token_id = Uuid::from_u128(23),
        ];
        for (expected, change) in (4..).zip(changes) {
            let mut changed = one.clone();
            change(&mut changed);
            check(&changed, 0, expected);
        }
    }

    #[test]
    fn another_edition_is_asked_at_once_and_what_cannot_be_decided_is_refused() {
        let (switch, rules) = setting();
        let check = || rules.check(&somebody(), &METRICS, noon());
        check().unwrap();
        switch.edition.store(1, Ordering::Relaxed);
        for _ in 0..2 {
            assert!(matches!(check(), Err(ActionError::ForbiddenBy { by }) if by == ["b"]));
        }
        switch.edition.store(2, Ordering::Relaxed);
        let away = check().unwrap_err();
        assert!(matches!(away, ActionError::PoliciesAway { .. }));
        assert!(!away.to_string().contains("secret"), "{away}");
        // The service itself needs no policy to tell how it is.
        let itself = Principal::holding(Uuid::nil(), "pts-server", [Scope::MetricsRead]);
        rules.check(&itself, &METRICS, noon()).unwrap();
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (_, rules) = setting();
        for n in 0..10_000_u128 {
            // All in one part.
            let mut one = somebody();
            one.token_id = Uuid::from_u128(n * 256 + 16);
            rules.check(&one, &METRICS, noon()).unwrap();
            assert!(rules.decided[0].lock().unwrap().len() <= MOST_IN_SHARD);
        }
    }
}
