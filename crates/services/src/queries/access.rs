//! Who may do what, explained; and the rules and roles by which it is decided.

use std::net::IpAddr;

use pts_api::Effect;
use pts_api::actions::access::{
    DecidingRule, ExplainAccess, ExplainAccessInput, ExplainedAction, ExplainedPrincipal,
    Explanation, GrantedScope, ListPolicies, ListPoliciesInput, ListRoles, ListRolesInput,
    Policies, PolicyRecord, RoleRecord,
};
use pts_domain::FieldError;
use pts_domain::access::{
    ActionFacts, BUILT_IN_RULE, Origin, Principal, Ruling, Scope, Token, TokenRefused,
    built_in_role,
};
use pts_ports::{PolicyBook, TokenQuery};

use super::tokens::seen_by;
use crate::access::governed_actions;
use crate::coverage::{Found, Question, found};
use crate::registry::unknown;
use crate::{ActionError, Gateway, UseCase};

/// How many are named where several fit.
const MOST_NAMED: usize = 5;

impl UseCase<ExplainAccess> for Gateway {
    async fn run(&self, input: ExplainAccessInput) -> Result<Found<Explanation>, ActionError> {
        self.explained(None, input).await
    }

    async fn run_for(
        &self,
        principal: &Principal,
        input: ExplainAccessInput,
    ) -> Result<Found<Explanation>, ActionError> {
        self.explained(Some(principal), input).await
    }

    async fn is_own(
        &self,
        caller: &Principal,
        input: &ExplainAccessInput,
    ) -> Result<bool, ActionError> {
        let named = input.principal.as_deref();
        Ok(named.is_none_or(|named| is(caller, named)))
    }
}

impl UseCase<ListPolicies> for Gateway {
    async fn run(&self, _: ListPoliciesInput) -> Result<Found<Policies>, ActionError> {
        let book = self.rules.book();
        let policies = book.policies.into_iter().map(|policy| PolicyRecord {
            id: policy.id,
            permits: policy.permits,
            built_in: policy.built_in,
            text: policy.text,
        });
        let policies = Policies {
            policies: policies.collect(),
            file: book.file,
            digest: book.digest.map(|digest| digits(&digest)),
            loaded_at: book.loaded_at,
            schema: book.schema,
        };
        Ok(found(policies, Question::itself()))
    }
}

fn digits(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl UseCase<ListRoles> for Gateway {
    async fn run(&self, _: ListRolesInput) -> Result<Found<Vec<RoleRecord>>, ActionError> {
        let roles = self.access.roles().iter().map(|(name, scopes)| RoleRecord {
            name: name.to_owned(),
            built_in: built_in_role(name).is_some(),
            scopes: scopes.iter().copied().collect(),
        });
        Ok(found(roles.collect(), Question::itself()))
    }
}

impl Gateway {
    async fn explained(
        &self,
        asks: Option<&Principal>,
        input: ExplainAccessInput,
    ) -> Result<Found<Explanation>, ActionError> {
        let action = governed_actions()
            .into_iter()
            .find(|action| action.name == input.action)
            .ok_or_else(|| unknown(&input.action))?;
        let address = input.address.as_deref().map(address).transpose()?;
        let (principal, token) = match (input.principal, asks) {
            (Some(named), asks) => {
                let own = asks.filter(|asks| is(asks, &named));
                match own {
                    Some(asks) => (asks.clone(), None),
                    None => self.somebody(asks, &named).await?,
                }
            }
            (None, Some(asks)) => (asks.clone(), None),
            (None, None) => {
                let error = FieldError::missing("principal", "a token's id or name");
                return Err(ActionError::Invalid(vec![error]));
            }
        };
        let mut principal = principal;
        principal.origin.address = address.or(principal.origin.address);
        let explanation = self.explain(&principal, token.as_ref(), &action)?;
        Ok(found(explanation, Question::itself()))
    }

    /// Somebody else: whoever comes here may ask about others.
    async fn somebody(
        &self,
        asks: Option<&Principal>,
        named: &str,
    ) -> Result<(Principal, Option<Token>), ActionError> {
        let id = named.parse().ok();
        let query = TokenQuery {
            id,
            name: id.is_none().then(|| named.to_owned()),
            // Of those that have one name, the ones that are good are meant.
            live_at: id.is_none().then(|| self.now()),
            ..seen_by(asks)
        };
        let mut fit = if named.contains('\0') {
            Vec::new()
        } else {
            self.access.search(&query, MOST_NAMED).await?
        };
        if fit.len() > 1 {
            let ids: Vec<_> = fit.iter().map(|token| token.id.to_string()).collect();
            let detail = format!(
                "Several good tokens have this name; ask by id: {}.",
                ids.join(", ")
            );
            return Err(ActionError::Ambiguous { detail });
        }
        let token = fit.pop().ok_or_else(|| ActionError::NotFound {
            what: format!("the token {named:?}"),
        })?;
        let principal = self.access.principal(&token, Origin::default());
        Ok((principal, Some(token)))
    }

    fn explain(
        &self,
        principal: &Principal,
        token: Option<&Token>,
        action: &ActionFacts,
    ) -> Result<Explanation, ActionError> {
        let at = self.now();
        let ruling = self.rules.ask(principal, action, at)?;
        let refused = token.and_then(|token| {
            let from = principal.origin.address;
            let elsewhere = from.map_or(Ok(()), |_| token.check_from(from));
            token.check(at).and(elsewhere).err()
        });
        let granted_by = self.granted_by(principal, token, action);
        let book = self.rules.book();
        Ok(Explanation {
            allowed: ruling.allowed && refused.is_none(),
            reason: reason(&ruling, refused, action),
            rules: deciding(&ruling, &book),
            granted_by,
            principal: ExplainedPrincipal {
                id: principal.token_id,
                name: principal.name.clone(),
                kind: principal.kind,
                workspace: principal.workspace.clone(),
                bound: principal.bound,
                roles: principal.roles.iter().cloned().collect(),
                scopes: principal.scopes.iter().copied().collect(),
            },
            action: ExplainedAction {
                name: action.name.to_owned(),
                scope: action.scope,
                effect: effect(action),
                risky: action.risky,
                open: action.open,
            },
            address: principal.origin.address.map(|address| address.to_string()),
            at,
        })
    }

    /// Where somebody has what covers an action.
    fn granted_by(
        &self,
        principal: &Principal,
        token: Option<&Token>,
        action: &ActionFacts,
    ) -> Vec<GrantedScope> {
        let covers = |scope: &Scope| [action.scope, Scope::Admin].contains(scope);
        let roles = self.access.roles();
        let mut granted = Vec::new();
        let held = principal.scopes.iter().copied();
        for scope in held.filter(covers) {
            let has = |role: &&String| roles.get(role).is_some_and(|all| all.contains(&scope));
            let by_roles: Vec<_> = principal.roles.iter().filter(has).collect();
            let alone = token.map_or(by_roles.is_empty(), |token| token.scopes.contains(&scope));
            let from_roles = by_roles.into_iter().map(|role| Some(role.clone()));
            let from = alone.then_some(None).into_iter().chain(from_roles);
            granted.extend(from.map(|role| GrantedScope { scope, role }));
        }
        granted
    }
}

/// Whether somebody is named so.
fn is(principal: &Principal, named: &str) -> bool {
    named == principal.token_id.to_string()
}

fn address(text: &str) -> Result<IpAddr, ActionError> {
    let parsed: Result<IpAddr, _> = text.parse();
    parsed.map(|address| address.to_canonical()).map_err(|_| {
        let expected = "an address such as 192.0.2.7 or 2001:db8::1";
        let error = FieldError::invalid("address", format!("{text:?}"), expected);
        ActionError::Invalid(vec![error])
    })
}

fn effect(action: &ActionFacts) -> Effect {
    match action.effect {
        "read" => Effect::Read,
        "write" => Effect::Write,
        _ => Effect::Control,
    }
}

fn deciding(ruling: &Ruling, book: &PolicyBook) -> Vec<DecidingRule> {
    let permits = |id: &str| {
        let known = book.policies.iter().find(|policy| policy.id == id);
        known.map_or(id.starts_with(BUILT_IN_RULE), |policy| policy.permits)
    };
    let rules = ruling.by.iter().map(|id| DecidingRule {
        permits: permits(id),
        id: id.clone(),
    });
    rules.collect()
}

fn reason(ruling: &Ruling, refused: Option<TokenRefused>, action: &ActionFacts) -> String {
    let by = ruling.by.join(", ");
    match (refused, ruling.allowed) {
        (Some(why), _) => format!("{why}, whatever it allowed"),
        (None, true) => format!("permitted by {by}"),
        (None, false) if by.is_empty() => {
            format!("no rule permits it: it needs the scope {}", action.scope)
        }
        (None, false) => format!("forbidden by {by}"),
    }
}
