//! Which roles the groups of a person give, and in which workspace. Who is in no group that is named
//! here does not get in.

use std::collections::BTreeSet;

use crate::access::Workspace;

/// What one group gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The group, as the provider spells it.
    pub group: String,
    /// The roles of whoever is in it.
    pub roles: BTreeSet<String>,
    /// The workspace that they hold for; all if not given.
    pub workspace: Option<Workspace>,
}

/// What groups give, in the order that was configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleMapping {
    rules: Vec<Rule>,
}

/// What a person gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// At least one.
    pub roles: BTreeSet<String>,
    /// The workspace that they are bound to, if to one.
    pub workspace: Option<Workspace>,
}

/// Nothing is given to any of the person's groups, or nothing in the workspace that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("none of the groups gives a role here")]
pub struct NotAdmitted;

impl RoleMapping {
    /// A mapping by these rules.
    pub const fn new(rules: Vec<Rule>) -> Self {
        Self { rules }
    }

    /// The roles that are given to anybody.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.rules
            .iter()
            .flat_map(|rule| rule.roles.iter().map(String::as_str))
    }

    /// What the groups give. Rules without a workspace hold in every one. Whoever asks for a workspace
    /// is bound to it. Who does not, is bound to none if a rule without one fits, otherwise to that of
    /// the first rule that fits: a session is in one workspace or in all, never in some.
    ///
    /// # Errors
    /// [`NotAdmitted`].
    pub fn admit(
        &self,
        groups: &BTreeSet<String>,
        asked: Option<&Workspace>,
    ) -> Result<Admission, NotAdmitted> {
        let mine: Vec<&Rule> = self
            .rules
            .iter()
            .filter(|rule| groups.contains(&rule.group) && !rule.roles.is_empty())
            .collect();
        let everywhere = mine.iter().any(|rule| rule.workspace.is_none());
        let workspace = match asked {
            Some(asked) => Some(asked),
            None if everywhere => None,
            None => mine.iter().find_map(|rule| rule.workspace.as_ref()),
        };
        let holds =
            |rule: &&&Rule| rule.workspace.is_none() || rule.workspace.as_ref() == workspace;
        let roles: BTreeSet<String> = mine
            .iter()
            .filter(holds)
            .flat_map(|rule| rule.roles.iter().cloned())
            .collect();
        if roles.is_empty() {
            return Err(NotAdmitted);
        }
        Ok(Admission {
            roles,
            workspace: workspace.cloned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
        names.into_iter().map(ToOwned::to_owned).collect()
    }

    fn workspace(name: &str) -> Workspace {
        name.parse().unwrap()
    }

    fn mapping() -> RoleMapping {
        let rule = |group: &str, role: &str, at: Option<&str>| Rule {
            group: group.into(),
            roles: names([role]),
            workspace: at.map(workspace),
        };
        RoleMapping::new(vec![
            rule("sre", "operator", None),
            rule("team-a", "viewer", Some("a")),
            rule("team-b", "viewer", Some("b")),
            rule("leads-b", "operator", Some("b")),
        ])
    }

    #[test]
    fn groups_give_roles_and_a_workspace_or_nothing() {
        type Expected<'a> = Option<(BTreeSet<String>, Option<&'a str>)>;
        let check = |groups: BTreeSet<String>, asked: Option<&str>, expected: Expected<'_>| {
            let asked = asked.map(workspace);
            let found = mapping().admit(&groups, asked.as_ref()).ok();
            let expected = expected.map(|(roles, at)| Admission {
                roles,
                workspace: at.map(workspace),
            });
            assert_eq!(found, expected, "{groups:?} {asked:?}");
        };
        check(names([]), None, None);
        check(names(["sales"]), None, None);
        check(names(["SRE"]), None, None);
        check(names(["sre"]), None, Some((names(["operator"]), None)));
        check(
            names(["sre"]),
            Some("a"),
            Some((names(["operator"]), Some("a"))),
        );
        check(
            names(["team-b", "leads-b"]),
            None,
            Some((names(["operator", "viewer"]), Some("b"))),
        );
        // The first rule that fits decides; another workspace is a choice.
        let both = || names(["team-a", "team-b"]);
        check(both(), None, Some((names(["viewer"]), Some("a"))));
        check(both(), Some("b"), Some((names(["viewer"]), Some("b"))));
        check(both(), Some("c"), None);
        // What holds in every workspace is not narrowed by what holds in one.
        let all = || names(["sre", "team-a"]);
        check(all(), None, Some((names(["operator"]), None)));
        let roles = names(["operator", "viewer"]);
        check(all(), Some("a"), Some((roles, Some("a"))));
    }

    #[test]
    fn a_rule_without_roles_lets_nobody_in() {
        let empty = RoleMapping::new(vec![Rule {
            group: "sre".into(),
            roles: names([]),
            workspace: None,
        }]);
        assert_eq!(empty.admit(&names(["sre"]), None), Err(NotAdmitted));
    }
}
