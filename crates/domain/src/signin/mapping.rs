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
        let holds = |rule: &&&Rule| rule.workspace.is_none() || rule.workspace.as_ref() == workspace;
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
