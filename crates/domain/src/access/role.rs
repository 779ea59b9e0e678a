//! Roles: bundles of scopes under a name that says what somebody is there for.

use std::collections::{BTreeMap, BTreeSet};

use super::Scope;
use crate::problem::nearest;

/// The roles that there always are, and what each allows.
pub const BUILT_IN_ROLES: [(&str, &[Scope]); 4] = [
    ("viewer", &[Scope::EventsRead, Scope::ElevationsRequest]),
    ("emitter", &[Scope::EventsWrite]),
    (
        "operator",
        &[
            Scope::EventsRead,
            Scope::EventsWrite,
            Scope::MetricsRead,
            Scope::Operate,
            Scope::ElevationsRequest,
        ],
    ),
    ("admin", &[Scope::Admin]),
];

/// Bytes of a role's name.
const LONGEST: usize = 63;

/// What a role allows that there always is.
pub fn built_in_role(name: &str) -> Option<&'static [Scope]> {
    let mut known = BUILT_IN_ROLES.into_iter();
    known.find_map(|(role, scopes)| (role == name).then_some(scopes))
}

/// All roles: those that there always are, and those that were configured beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles(BTreeMap<String, BTreeSet<Scope>>);

impl Default for Roles {
    fn default() -> Self {
        let built_in = BUILT_IN_ROLES.into_iter();
        Self(
            built_in
                .map(|(name, scopes)| (name.to_owned(), scopes.iter().copied().collect()))
                .collect(),
        )
    }
}

impl Roles {
    /// The same with one more.
    ///
    /// # Errors
    /// That the name is none, or that of a role that there always is.
    pub fn with(mut self, name: &str, scopes: BTreeSet<Scope>) -> Result<Self, String> {
        let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = name.as_bytes();
        let good = bytes.len() <= LONGEST
            && bytes.iter().all(|byte| inner(byte) || *byte == b'-')
            && bytes.first().is_some_and(inner)
            && bytes.last().is_some_and(inner);
        if !good {
            return Err(format!(
                "`{}` is no name of a role; expected 1 to {LONGEST} lower-case letters, digits and \
                 hyphens, with no hyphen at the ends",
                name.escape_debug()
            ));
        }
        if built_in_role(name).is_some() {
            return Err(format!(
                "`{name}` is a role that there always is; its scopes cannot be changed: give yours \
                 another name"
            ));
        }
        self.0.insert(name.to_owned(), scopes);
        Ok(self)
    }

    /// Those that were configured, and what each allows.
    pub fn configured(&self) -> impl Iterator<Item = (&str, &BTreeSet<Scope>)> {
        let all = self.0.iter().map(|(name, scopes)| (name.as_str(), scopes));
        all.filter(|(name, _)| built_in_role(name).is_none())
    }

    /// What a role allows.
    pub fn get(&self, name: &str) -> Option<&BTreeSet<Scope>> {
        self.0.get(name)
    }

    /// What these roles allow together. One that there is no more allows nothing.
    pub fn scopes<'n>(&self, names: impl IntoIterator<Item = &'n String>) -> BTreeSet<Scope> {
        let known = names.into_iter().filter_map(|name| self.get(name));
        known.flatten().copied().collect()
    }

    /// Checks that there is a role of this name.
    ///
    /// # Errors
    /// What there is instead.
    pub fn known(&self, name: &str) -> Result<(), String> {
        if self.0.contains_key(name) {
            return Ok(());
        }
        let names: Vec<_> = self.0.keys().map(String::as_str).collect();
        Err(match nearest(name, names.iter().copied()) {
            Some(near) => format!("`{near}`, perhaps; there are {}", names.join(", ")),
            None => format!("one of {}", names.join(", ")),
        })
    }

    /// Every role and what it allows, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &BTreeSet<Scope>)> {
        self.0.iter().map(|(name, scopes)| (name.as_str(), scopes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_add_up_and_one_that_is_gone_allows_nothing() {
        let roles = Roles::default()
            .with("auditor", [Scope::AuditRead].into())
            .unwrap();
        let scopes = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            roles.scopes(&names)
        };
        assert_eq!(scopes(&[]), [].into());
        assert_eq!(scopes(&["nobody"]), [].into());
        assert_eq!(
            scopes(&["auditor", "emitter", "nobody"]),
            [Scope::AuditRead, Scope::EventsWrite].into()
        );
        for (name, allows) in BUILT_IN_ROLES {
            assert_eq!(scopes(&[name]), allows.iter().copied().collect());
        }
    }

    #[test]
    fn a_role_has_a_name_of_its_own() {
        for bad in ["", "Admin", "-a", "a b", "ä", &"x".repeat(64)] {
            let refused = Roles::default().with(bad, [].into()).unwrap_err();
            assert!(refused.contains("no name of a role"), "{refused}");
        }
        let taken = Roles::default().with("viewer", [Scope::Admin].into());
        assert!(taken.unwrap_err().contains("another name"));
    }

    #[test]
    fn a_misspelt_role_is_answered_with_the_nearest() {
        let roles = Roles::default();
        assert_eq!(roles.known("viewer"), Ok(()));
        let near = roles.known("opertor").unwrap_err();
        assert!(near.starts_with("`operator`"), "{near}");
        let none = roles.known("zzzzzzzzz").unwrap_err();
        assert_eq!(none, "one of admin, emitter, operator, viewer");
    }
}
