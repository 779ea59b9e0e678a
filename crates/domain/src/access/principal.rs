//! Somebody who was let in, and what they may do.

use std::collections::BTreeSet;
use std::net::IpAddr;

use uuid::Uuid;

use super::{Scope, Token, TokenKind, Workspace};

/// Somebody whose token was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The token behind the request.
    pub token_id: Uuid,
    /// What that token is called; this is who acts, in logs.
    pub name: String,
    /// How the token was presented.
    pub kind: TokenKind,
    /// What may be done.
    pub scopes: BTreeSet<Scope>,
    /// The roles that were given, by their names.
    pub roles: BTreeSet<String>,
    /// The person, as the identity provider names them.
    pub subject: Option<String>,
    /// The workspace in which the request acts.
    pub workspace: Workspace,
    /// Whether that is the only one that may be reached.
    pub bound: bool,
    /// Where the request came from.
    pub origin: Origin,
}

/// Where a request came from, for whoever asks later who did something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client's address, where there is one.
    pub address: Option<IpAddr>,
    /// The name of the request in logs and answers.
    pub request_id: Option<String>,
}

impl Principal {
    /// Somebody with a bearer token that holds these scopes, in the usual workspace.
    pub fn holding(
        token_id: Uuid,
        name: impl Into<String>,
        scopes: impl IntoIterator<Item = Scope>,
    ) -> Self {
        Self {
            token_id,
            name: name.into(),
            kind: TokenKind::Bearer,
            scopes: scopes.into_iter().collect(),
            roles: BTreeSet::new(),
            subject: None,
            workspace: Workspace::default(),
            bound: false,
            origin: Origin::default(),
        }
    }

    /// The same, acting in the workspace that a request names.
    ///
    /// # Errors
    /// The only workspace that may be reached, where that is another one.
    pub fn acting_in(self, workspace: Workspace) -> Result<Self, Workspace> {
        if self.bound && self.workspace != workspace {
            return Err(self.workspace);
        }
        Ok(Self { workspace, ..self })
    }

    /// Whether `scope` is granted; [`Scope::Admin`] grants all.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }
}

impl From<&Token> for Principal {
    /// Where the request came from is not the token's to know.
    fn from(token: &Token) -> Self {
        Self {
            token_id: token.id,
            name: token.name.clone(),
            kind: token.kind,
            scopes: token.scopes.clone(),
            roles: token.roles.clone(),
            subject: token.subject.clone(),
            workspace: token.workspace.clone().unwrap_or_default(),
            bound: token.workspace.is_some(),
            origin: Origin::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_bound_to_a_workspace_acts_in_no_other() {
        let a: Workspace = "a".parse().unwrap();
        let free = Principal::holding(Uuid::nil(), "t", []);
        let in_a = free.acting_in(a.clone()).unwrap();
        assert_eq!((in_a.workspace.as_str(), in_a.bound), ("a", false));
        let bound = Principal {
            bound: true,
            ..in_a
        };
        let still = bound.acting_in(a.clone()).unwrap();
        assert_eq!(still.acting_in(Workspace::default()), Err(a));
    }

    #[test]
    fn admin_may_do_everything_and_others_only_what_they_hold() {
        let principal =
            |scopes: &[Scope]| Principal::holding(Uuid::nil(), "t", scopes.iter().copied());
        for scope in Scope::ALL {
            assert!(principal(&[Scope::Admin]).may(scope));
            assert_eq!(
                principal(&[Scope::EventsRead]).may(scope),
                scope == Scope::EventsRead
            );
        }
    }
}
