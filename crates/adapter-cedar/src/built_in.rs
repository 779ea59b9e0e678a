//! Where there is no file of policies: the rules that there always are decide, as the domain has them.
//! Nothing is put into the policies' language until somebody wants to see them in it.

use std::sync::OnceLock;

use pts_domain::Timestamp;
use pts_domain::access::{ActionFacts, Principal, Ruling};
use pts_ports::{PoliciesAway, PolicyBook, PolicyEngine, PolicyFile};

use crate::CedarPolicies;

/// The rules that there always are, and no others.
pub(crate) struct BuiltIn {
    actions: Vec<ActionFacts>,
    opened_at: Timestamp,
    book: OnceLock<PolicyBook>,
}

impl BuiltIn {
    pub(crate) fn new(actions: &[ActionFacts], now: Timestamp) -> Self {
        Self {
            actions: actions.to_vec(),
            opened_at: now,
            book: OnceLock::new(),
        }
    }

    fn written(&self) -> PolicyBook {
        match CedarPolicies::open(&self.actions, None, self.opened_at) {
            Ok(policies) => policies.book(),
            Err(error) => PolicyBook {
                loaded_at: Some(self.opened_at),
                fault: Some(error.to_string()),
                ..PolicyBook::default()
            },
        }
    }
}

impl PolicyEngine for BuiltIn {
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
        self.book.get_or_init(|| self.written()).clone()
    }

    fn file(&self) -> Option<PolicyFile> {
        None
    }

    fn refresh(&self, _: Timestamp) {}
}
