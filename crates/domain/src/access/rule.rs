//! What is asked before anything is done: may this principal do that? And what the answer rests on.

use super::{Principal, Scope};

/// The rule by which [`Scope::Admin`] allows everything.
pub const RULE_ADMIN: &str = "builtin.admin";
/// The rule by which a scope allows what needs it.
pub const RULE_SCOPE: &str = "builtin.scope";
/// The rule by which some things are everybody's who was let in.
pub const RULE_OPEN: &str = "builtin.open";
/// What the names of rules begin with that there always are.
pub const BUILT_IN_RULE: &str = "builtin.";

/// What a decision needs to know of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionFacts {
    /// Its name, such as `platform.events.search`.
    pub name: &'static str,
    /// What a caller must be allowed to do.
    pub scope: Scope,
    /// What it does to the world: `read`, `write` or `control`.
    pub effect: &'static str,
    /// Whether what it would do is shown first.
    pub risky: bool,
    /// Whether everybody may who was let in: it tells each what is theirs.
    pub open: bool,
}

/// What was decided, and by which rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// Whether it may be done.
    pub allowed: bool,
    /// The rules that decided it, by their names, sorted. None of a refusal means that no rule allows
    /// it, others that these forbid it.
    pub by: Vec<String>,
}

impl Ruling {
    /// What the rules decide that there always are: a principal may do what its scopes cover.
    pub fn by_scopes(principal: &Principal, action: &ActionFacts) -> Self {
        let holds = |scope| principal.scopes.contains(&scope);
        let rules = [
            (RULE_ADMIN, holds(Scope::Admin)),
            (RULE_OPEN, action.open),
            (RULE_SCOPE, holds(action.scope)),
        ];
        let by = rules.into_iter().filter(|(_, permits)| *permits);
        let by: Vec<_> = by.map(|(rule, _)| rule.to_owned()).collect();
        Self {
            allowed: !by.is_empty(),
            by,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_principal_may_do_what_its_scopes_cover() {
        let check = |scopes: &[Scope], open: bool, by: &[&str]| {
            let principal = Principal::holding(Uuid::nil(), "t", scopes.iter().copied());
            let action = ActionFacts {
                name: "platform.events.search",
                scope: Scope::EventsRead,
                effect: "read",
                risky: false,
                open,
            };
            let ruling = Ruling::by_scopes(&principal, &action);
            assert_eq!(ruling.by, by);
            assert_eq!(ruling.allowed, !by.is_empty());
        };
        check(&[], false, &[]);
        check(&[Scope::EventsWrite], false, &[]);
        check(&[Scope::EventsRead], false, &[RULE_SCOPE]);
        check(&[Scope::Admin], false, &[RULE_ADMIN]);
        check(&[], true, &[RULE_OPEN]);
        check(
            &[Scope::Admin, Scope::EventsRead],
            true,
            &[RULE_ADMIN, RULE_OPEN, RULE_SCOPE],
        );
    }
}
