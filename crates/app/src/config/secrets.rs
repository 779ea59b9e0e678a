//! What is masked in events, and what the service may call.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use pts_adapter_outbound::OutboundSettings;
use pts_domain::masking::{Masker, Rules};
use pts_domain::outbound::Allowed;
use serde::{Deserialize, Serialize};

/// What is masked in what senders report. What is empty does not come through the layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Masking {
    /// Whether anything is.
    pub(crate) enabled: bool,
    /// Rules that are built in and do not apply.
    #[serde(default)]
    pub(crate) off: BTreeSet<String>,
    /// Fields that are not masked for their name.
    #[serde(default)]
    pub(crate) except: BTreeSet<String>,
    /// More fields that are secrets by their name, by the rule's name.
    #[serde(default)]
    pub(crate) fields: BTreeMap<String, Vec<String>>,
    /// More forms of secrets, by the rule's name: a regular expression whose first group, if it has
    /// one, is what is masked.
    #[serde(default)]
    pub(crate) patterns: BTreeMap<String, String>,
}

impl Masking {
    /// The rules, if anything is masked.
    pub(crate) fn masker(&self) -> Result<Option<Arc<Masker>>> {
        let rules = Rules {
            off: self.off.clone(),
            except: self.except.clone(),
            fields: self.fields.clone(),
            patterns: self.patterns.clone(),
        };
        let masker = Masker::new(&rules).map_err(|why| anyhow::anyhow!("masking: {why}"))?;
        Ok(self.enabled.then(|| Arc::new(masker)))
    }
}

/// Where the service calls by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outbound {
    /// What is called although it lies inside: `hooks.internal:8443`, `10.1.0.0/16`.
    #[serde(default)]
    pub(crate) allow: Vec<String>,
    /// Seconds that a call may take, with all redirects.
    pub(crate) deadline_s: u64,
    /// A file with root certificates; empty for the system's.
    pub(crate) ca_file: PathBuf,
}

impl Outbound {
    pub(crate) fn settings(&self) -> Result<OutboundSettings> {
        let allow = self.allow.iter().map(|text| text.parse());
        let allow: Result<Vec<Allowed>, String> = allow.collect();
        if !(1..=60).contains(&self.deadline_s) {
            bail!(
                "outbound.deadline_s: found {}; expected 1 to 60",
                self.deadline_s
            );
        }
        Ok(OutboundSettings {
            allow: allow.map_err(|why| anyhow::anyhow!("outbound.allow: {why}"))?,
            deadline: Duration::from_secs(self.deadline_s),
            roots: (self.ca_file != Path::new("")).then(|| self.ca_file.clone()),
            ..OutboundSettings::default()
        })
    }
}

impl Default for Masking {
    fn default() -> Self {
        Self {
            enabled: true,
            off: BTreeSet::new(),
            except: BTreeSet::new(),
            fields: BTreeMap::new(),
            patterns: BTreeMap::new(),
        }
    }
}

impl Default for Outbound {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            deadline_s: 10,
            ca_file: PathBuf::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::load::with_file;

    #[test]
    fn rules_of_what_is_masked_are_read_and_checked() {
        let rules = "[masking]\nexcept = [\"deploy_token\"]\noff = [\"jwt\"]\n\
                     [masking.fields]\ninternal = [\"magic_word\"]\n\
                     [masking.patterns]\nbadge = \"BDG-[0-9]{4}\"\n";
        let settings = with_file(rules).unwrap();
        assert!(settings.masking.masker().unwrap().is_some());
        let error = format!("{:#}", with_file("[masking]\noff = [\"x\"]\n").unwrap_err());
        assert!(error.contains("masking: off: found `x`"), "{error}");
        let off = with_file("[masking]\nenabled = false\n").unwrap();
        assert!(off.masking.masker().unwrap().is_none());
    }

    #[test]
    fn where_the_service_may_call_is_checked() {
        assert!(with_file("[outbound]\nallow = [\"http://h\"]\n").is_err());
        assert!(with_file("[outbound]\ndeadline_s = 0\n").is_err());
    }
}
