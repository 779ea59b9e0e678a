//! Who may do what: policies, roles beside those that there always are, and rights for a while.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use pts_domain::access::{ElevationRules, Roles};
use serde::{Deserialize, Serialize};

use super::Settings;

/// How many approvals can be asked for.
const APPROVALS: RangeInclusive<u32> = 0..=10;

/// Who may do what.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Access {
    /// A file of policies; empty for what scopes allow and nothing else.
    pub(crate) policies: PathBuf,
}

/// What a role allows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Role {
    /// Scopes, by their names.
    pub(crate) scopes: Vec<String>,
}

impl Access {
    /// The file of policies, if there is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        let named = !self.policies.as_os_str().is_empty();
        named.then_some(self.policies.as_path())
    }
}

impl Settings {
    /// All roles that there are.
    pub(crate) fn roles(&self) -> Result<Roles> {
        let mut roles = Roles::default();
        for (name, role) in &self.roles {
            let scopes = role.scopes.iter().map(|scope| {
                let read = scope.parse();
                read.map_err(|why: String| anyhow::anyhow!("roles.{name}.scopes: {why}"))
            });
            let scopes = scopes.collect::<Result<_>>()?;
            roles = roles
                .with(name, scopes)
                .map_err(|why| anyhow::anyhow!("roles.{name}: {why}"))?;
        }
        Ok(roles)
    }
}

/// How rights are given for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Elevation {
    /// Minutes that may be asked for.
    pub(crate) most_minutes: u32,
    /// Minutes in which others have to decide.
    pub(crate) decide_within_minutes: u32,
    /// How many have to approve; with 0, a reason is enough.
    pub(crate) approvals: u32,
    /// How many have to approve single scopes, by their names.
    // The defaults of the layers know no empty table.
    #[serde(default)]
    pub(crate) approvals_of: BTreeMap<String, u32>,
}

impl Elevation {
    pub(crate) fn rules(&self) -> Result<ElevationRules> {
        let bounded = |key: &str, value: u32, bounds: RangeInclusive<u32>| {
            if bounds.contains(&value) {
                return Ok(value);
            }
            let (least, most) = (bounds.start(), bounds.end());
            bail!("elevation.{key}: found {value}; expected {least} to {most}")
        };
        let mut approvals_of = BTreeMap::new();
        for (name, approvals) in &self.approvals_of {
            let scope = name.parse();
            let scope =
                scope.map_err(|why: String| anyhow::anyhow!("elevation.approvals_of: {why}"))?;
            let key = format!("approvals_of.{name}");
            approvals_of.insert(scope, bounded(&key, *approvals, APPROVALS)?);
        }
        Ok(ElevationRules {
            most_minutes: bounded("most_minutes", self.most_minutes, 1..=1_440)?,
            decide_within_minutes: bounded(
                "decide_within_minutes",
                self.decide_within_minutes,
                1..=10_080,
            )?,
            approvals: bounded("approvals", self.approvals, APPROVALS)?,
            approvals_of,
        })
    }
}

impl From<ElevationRules> for Elevation {
    fn from(rules: ElevationRules) -> Self {
        let approvals_of = rules.approvals_of.into_iter();
        Self {
            most_minutes: rules.most_minutes,
            decide_within_minutes: rules.decide_within_minutes,
            approvals: rules.approvals,
            approvals_of: approvals_of
                .map(|(scope, approvals)| (scope.to_string(), approvals))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use pts_domain::access::Scope;

    use crate::config::load::with_file;

    #[test]
    fn approvals_are_counted_by_scope() {
        let settings = with_file(
            "[elevation]\nmost_minutes = 30\n[elevation.approvals_of]\nadmin = 2\n\
             \"access:manage\" = 3\n",
        );
        let rules = settings.unwrap().elevation.rules().unwrap();
        assert_eq!((rules.most_minutes, rules.approvals), (30, 1));
        let of: Vec<_> = rules.approvals_of.into_iter().collect();
        assert_eq!(of, [(Scope::AccessManage, 3), (Scope::Admin, 2)]);
        for (wrong, says) in [
            ("most_minutes = 0", "elevation.most_minutes: found 0"),
            ("approvals = 11", "elevation.approvals: found 11"),
            ("decide_within_minutes = 99999", "expected 1 to 10080"),
            ("approvals_of = { admn = 1 }", "did you mean `admin`"),
        ] {
            let error = with_file(&format!("[elevation]\n{wrong}\n")).unwrap_err();
            let error = format!("{error:#}");
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn roles_are_read_from_the_file_and_checked() {
        let file = "[roles.auditor]\nscopes = [\"audit:read\", \"events:read\"]\n";
        let roles = with_file(file).unwrap().roles().unwrap();
        let auditor = roles.get("auditor").unwrap();
        assert_eq!(*auditor, [Scope::AuditRead, Scope::EventsRead].into());
        assert!(roles.get("viewer").is_some());
        for (file, part) in [
            (
                "[roles.auditor]\nscopes = [\"audit:reed\"]\n",
                "`audit:read`",
            ),
            ("[roles.viewer]\nscopes = [\"admin\"]\n", "always is"),
            ("[roles.Auditor]\nscopes = []\n", "no name of a role"),
            ("[roles.auditor]\nscope = []\n", "scope"),
        ] {
            let error = format!("{:#}", with_file(file).unwrap_err());
            assert!(error.contains(part), "{error}");
        }
    }
}
