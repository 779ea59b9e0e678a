//! What somebody may hand on: nothing that they do not hold themselves.

use std::collections::BTreeSet;

use super::{Network, Principal, Roles, Scope, Workspace};

/// What a new token shall allow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// By itself.
    pub scopes: BTreeSet<Scope>,
    /// The roles that it allows as well, by their names.
    pub roles: BTreeSet<String>,
    /// The only workspace that it reaches.
    pub workspace: Option<Workspace>,
    /// Where it may be used from; without any, from everywhere.
    pub networks: Vec<Network>,
}

/// What somebody cannot give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withheld {
    /// They do not hold it.
    Scope(Scope),
    /// They are bound to another.
    Workspace(Workspace),
    /// It lies in none of theirs.
    Network(Network),
}

impl Grant {
    /// What somebody gives who wants to give this: bound as they are where nothing is said.
    /// `networks` are those that they may act from themselves.
    ///
    /// # Errors
    /// What they do not hold. A role is given by whoever has it, or may do everything: a policy may
    /// allow it more than its scopes.
    pub fn given_by(
        mut self,
        giver: &Principal,
        networks: &[Network],
        roles: &Roles,
    ) -> Result<Self, Withheld> {
        let by_roles = roles.scopes(&self.roles);
        let wanted = self.scopes.union(&by_roles).copied();
        if let Some(scope) = wanted.into_iter().find(|scope| !giver.may(*scope)) {
            return Err(Withheld::Scope(scope));
        }
        let strange = self.roles.iter().any(|role| !giver.roles.contains(role));
        if strange && !giver.may(Scope::Admin) {
            return Err(Withheld::Scope(Scope::Admin));
        }
        if giver.bound {
            let own = &giver.workspace;
            if self.workspace.as_ref().is_some_and(|asked| asked != own) {
                return Err(Withheld::Workspace(own.clone()));
            }
            self.workspace = Some(own.clone());
        }
        if self.networks.is_empty() {
            self.networks = networks.to_vec();
        }
        let outside = |network: &&Network| {
            !networks.is_empty() && !networks.iter().any(|own| own.holds(network))
        };
        match self.networks.iter().find(outside) {
            Some(network) => Err(Withheld::Network(*network)),
            None => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn giver(scopes: &[Scope], roles: &[&str]) -> Principal {
        let mut giver = Principal::holding(Uuid::from_u128(1), "g", scopes.iter().copied());
        giver.roles = roles.iter().map(ToString::to_string).collect();
        let by_roles = Roles::default().scopes(&giver.roles);
        giver.scopes.extend(by_roles);
        giver
    }

    fn grant(scopes: &[Scope], roles: &[&str]) -> Grant {
        Grant {
            scopes: scopes.iter().copied().collect(),
            roles: roles.iter().map(ToString::to_string).collect(),
            ..Grant::default()
        }
    }

    #[test]
    fn nobody_gives_a_scope_or_a_role_that_they_do_not_hold() {
        let check = |giver: &Principal, grant: Grant, withheld: Option<Scope>| {
            let given = grant.given_by(giver, &[], &Roles::default());
            assert_eq!(given.err(), withheld.map(Withheld::Scope));
        };
        let manager = giver(&[Scope::TokensManage, Scope::EventsRead], &["emitter"]);
        check(&manager, grant(&[Scope::EventsRead], &[]), None);
        check(&manager, grant(&[Scope::TokensManage], &["emitter"]), None);
        check(
            &manager,
            grant(&[Scope::AuditRead], &[]),
            Some(Scope::AuditRead),
        );
        check(
            &manager,
            grant(&[], &["operator"]),
            Some(Scope::MetricsRead),
        );
        check(&manager, grant(&[], &["admin"]), Some(Scope::Admin));
        let reader = giver(&[Scope::EventsRead, Scope::ElevationsRequest], &[]);
        // It has all that the role allows, but policies may allow the role more.
        check(&reader, grant(&[], &["viewer"]), Some(Scope::Admin));
        let admin = giver(&[Scope::Admin], &[]);
        check(&admin, grant(&Scope::ALL, &["viewer", "admin"]), None);
        let by_role = giver(&[], &["admin"]);
        check(&by_role, grant(&Scope::ALL, &["viewer"]), None);
    }

    #[test]
    fn whoever_is_bound_gives_what_is_bound_alike() {
        let mut bound = giver(&[Scope::Admin], &[]);
        bound.workspace = "team-7".parse().unwrap();
        bound.bound = true;
        let check = |asked: Option<&str>, expected: Result<&str, &str>| {
            let asked = Grant {
                workspace: asked.map(|name| name.parse().unwrap()),
                ..grant(&[], &[])
            };
            let given = asked.given_by(&bound, &[], &Roles::default());
            let workspace = |name: &str| -> Workspace { name.parse().unwrap() };
            assert_eq!(
                given.map(|given| given.workspace),
                expected
                    .map(|own| Some(workspace(own)))
                    .map_err(|own| Withheld::Workspace(workspace(own)))
            );
        };
        check(None, Ok("team-7"));
        check(Some("team-7"), Ok("team-7"));
        check(Some("default"), Err("team-7"));
    }

    #[test]
    fn a_network_is_given_within_ones_own() {
        let networks = |names: &[&str]| -> Vec<Network> {
            names.iter().map(|name| name.parse().unwrap()).collect()
        };
        let check = |own: &[&str], asked: &[&str], expected: Result<&[&str], &str>| {
            let asked = Grant {
                networks: networks(asked),
                ..grant(&[], &[])
            };
            let admin = giver(&[Scope::Admin], &[]);
            let given = asked.given_by(&admin, &networks(own), &Roles::default());
            assert_eq!(
                given.map(|given| given.networks),
                expected
                    .map(networks)
                    .map_err(|name| Withheld::Network(name.parse().unwrap()))
            );
        };
        check(&[], &[], Ok(&[]));
        check(&[], &["10.0.0.0/8"], Ok(&["10.0.0.0/8"]));
        check(&["10.0.0.0/8"], &[], Ok(&["10.0.0.0/8"]));
        check(&["10.0.0.0/8"], &["10.1.0.0/16"], Ok(&["10.1.0.0/16"]));
        check(&["10.1.0.0/16"], &["10.0.0.0/8"], Err("10.0.0.0/8"));
        check(&["10.0.0.0/8"], &["::/0"], Err("::/0"));
    }
}
