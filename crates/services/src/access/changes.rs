//! What becomes of the rules is told in the audit: policies that were changed, broken or put right, and
//! roles that a start found to be others than the audit knows. They hold already, so it is told
//! afterwards, as an outcome is; and once, however many processes see it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use pts_domain::access::{Roles, Scope};
use pts_domain::audit::{
    Actor, ActorKind, AuditFilter, Effect, Entry, Hash, Outcome, input_digest,
};
use pts_domain::filter::TypePattern;
use pts_ports::{PolicyEngine, PolicyFile, StoreError};
use serde_json::json;
use uuid::Uuid;

use crate::Gateway;
use crate::audit::Act;

/// What the audit calls other policies.
const POLICIES: &str = "access.policies";
/// What it calls other roles.
const ROLES: &str = "access.roles";
/// So many changes wait to be told; of more, the last one stands for those before it.
const MOST_WAITING: usize = 100;

/// Rules as they were seen.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    /// What the audit calls them.
    action: &'static str,
    /// SHA-256 of them; none where there are none, or they cannot be read.
    digest: Option<Hash>,
    rules: usize,
    /// Why none of them is in force.
    fault: Option<String>,
}

impl Seen {
    fn policies(file: Option<PolicyFile>) -> Self {
        let file = file.unwrap_or(PolicyFile {
            digest: None,
            policies: 0,
            fault: None,
        });
        Self {
            action: POLICIES,
            digest: file.digest.map(Hash),
            rules: file.policies,
            fault: file.fault,
        }
    }

    fn roles(roles: &Roles) -> Self {
        let configured: BTreeMap<&str, &BTreeSet<Scope>> = roles.configured().collect();
        let rules = configured.len();
        Self {
            action: ROLES,
            digest: (rules > 0).then(|| input_digest(&json!(configured))),
            rules,
            fault: None,
        }
    }

    /// How it is told.
    const fn outcome(&self) -> Outcome {
        match self.fault {
            None => Outcome::Allowed,
            Some(_) => Outcome::Failed,
        }
    }

    /// Whether the audit knows it: from its last entry about such rules, or because there never were any.
    fn is_known(&self, last: Option<&Entry>) -> bool {
        match last {
            Some(Entry { record, .. }) => {
                record.input == self.digest && record.outcome == self.outcome()
            }
            None => self.digest.is_none() && self.fault.is_none(),
        }
    }

    /// What was before and what is now.
    fn story(&self, last: Option<&Entry>) -> String {
        let named = |digest: Option<Hash>, broken: bool| match digest {
            Some(digest) => digest.to_string(),
            None if broken => "unreadable".to_owned(),
            None => "none".to_owned(),
        };
        let before = last.map_or_else(
            || named(None, false),
            |Entry { record, .. }| named(record.input, record.outcome != Outcome::Allowed),
        );
        let now = named(self.digest, self.fault.is_some());
        match &self.fault {
            None => format!("from {before} to {now}, {} in force", self.rules),
            Some(fault) => format!("from {before} to {now}, nothing is permitted: {fault}"),
        }
    }

    /// The same for every process that sees the same after the same, so that it is appended once.
    fn id(&self, last: Option<&Entry>) -> Uuid {
        let before = last.map_or(Hash::NONE, |entry| entry.hash);
        let all = json!([self.action, before, self.digest, self.fault.is_some()]);
        let digest = input_digest(&all).0;
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

/// Changes that were seen and are not told yet.
#[derive(Default)]
pub(super) struct Changes(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    /// The edition of the policies that was seen last.
    edition: Option<u64>,
    waiting: VecDeque<Seen>,
}

impl Noted {
    fn push(&mut self, seen: Seen) {
        if self.waiting.len() == MOST_WAITING {
            self.waiting.pop_back();
        }
        self.waiting.push_back(seen);
    }
}

impl Changes {
    /// Looks whether the rules are others than a moment ago. The first look sees what the process began
    /// with.
    pub(super) fn note(&self, engine: &dyn PolicyEngine, roles: &Roles) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let edition = engine.edition();
        if noted.edition == Some(edition) {
            return;
        }
        if noted.edition.is_none() {
            noted.push(Seen::roles(roles));
        }
        noted.edition = Some(edition);
        noted.push(Seen::policies(engine.file()));
    }

    fn first(&self) -> Option<Seen> {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.waiting.front().cloned()
    }

    /// The first one is told.
    fn told(&self) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.waiting.pop_front();
    }
}

impl Gateway {
    /// Tells the audit what became of the rules.
    ///
    /// # Errors
    /// That it cannot be told now; it waits.
    pub async fn tell_of_rules(&self) -> Result<(), StoreError> {
        let changes = &self.rules.changes;
        while let Some(seen) = changes.first() {
            self.tell_of(&seen).await?;
            changes.told();
        }
        Ok(())
    }

    async fn tell_of(&self, seen: &Seen) -> Result<(), StoreError> {
        let last = self.last_told(seen.action).await?;
        let last = last.as_ref();
        if seen.is_known(last) {
            return Ok(());
        }
        let act = Act::by(Actor::itself(), seen.action, Effect::Control);
        let act = act.with_digest(seen.digest);
        let story = seen.story(last);
        let record = act.record(seen.id(last), self.now(), seen.outcome(), Some(story));
        self.audit.tell(record).await
    }

    /// The last entry of the service's own about such rules.
    async fn last_told(&self, action: &str) -> Result<Option<Entry>, StoreError> {
        let filter = AuditFilter {
            principal: Some(Actor::itself().name),
            actions: vec![TypePattern::from(action)],
            ..AuditFilter::default()
        };
        let found = self.audit.store().entries(&filter, None, 10).await?;
        let own = |entry: &Entry| entry.record.actor.kind == ActorKind::Itself;
        Ok(found.items.into_iter().find(own))
    }
}
