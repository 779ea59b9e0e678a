//! How people sign in: the identity provider, what its groups give, and how long a session lasts.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use chrono::Duration;
use pts_adapter_oidc::{OidcProvider, OidcSettings};
use pts_domain::access::Workspace;
use pts_domain::signin::{Lifetimes, RoleMapping, Rule};
use pts_domain::time::Span;
use pts_ports::Clock;
use pts_services::SignIn;
use serde::{Deserialize, Serialize};

/// Where the provider sends browsers back to, below the public address.
const CALLBACK: &str = "/signin/callback";

/// How long sessions last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sessions {
    /// Not used for so long, a session is over.
    pub(crate) idle: String,
    /// After so long it is over in any case.
    pub(crate) absolute: String,
}

impl Default for Sessions {
    fn default() -> Self {
        let Lifetimes { idle, absolute } = Lifetimes::default();
        let hours = |span: Duration| format!("{}h", span.num_hours());
        Self {
            idle: hours(idle),
            absolute: hours(absolute),
        }
    }
}

impl Sessions {
    pub(crate) fn lifetimes(&self) -> Result<Lifetimes> {
        let read = |key: &str, text: &str| {
            let span = Span::try_from(text.to_owned()).ok().map(|span| span.0);
            let bounds = Lifetimes::SHORTEST..=Lifetimes::LONGEST;
            span.filter(|span| bounds.contains(span))
                .with_context(|| format!("sessions.{key}: found `{text}`; expected `1m` to `30d`"))
        };
        Ok(Lifetimes {
            idle: read("idle", &self.idle)?,
            absolute: read("absolute", &self.absolute)?,
        })
    }
}

/// The identity provider; none if `issuer` is empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Oidc {
    /// The provider's URL, as its tokens name it.
    pub(crate) issuer: String,
    /// Our name with the provider.
    pub(crate) client_id: String,
    /// Our password with the provider.
    pub(crate) client_secret: String,
    /// A file that holds it instead.
    pub(crate) client_secret_file: PathBuf,
    /// What people call the provider: `Sign in with …`.
    pub(crate) name: String,
    /// What is asked for, separated by spaces.
    pub(crate) scopes: String,
    /// The claim that holds the groups.
    pub(crate) groups_claim: String,
    /// Seconds by which the provider's clock may differ from ours.
    pub(crate) clock_skew_s: u32,
    /// A file of PEM certificates to trust instead of the system's.
    pub(crate) root_certificates: PathBuf,
    /// What groups give.
    #[serde(default)]
    pub(crate) roles: Vec<Given>,
}

/// What a group gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Given {
    /// The group, as the provider spells it.
    pub(crate) group: String,
    /// The roles of whoever is in it.
    pub(crate) roles: BTreeSet<String>,
    /// The workspace that they hold for; all if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) workspace: Option<Workspace>,
}

impl Default for Oidc {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: String::new(),
            client_secret_file: PathBuf::new(),
            name: "single sign-on".to_owned(),
            scopes: "openid profile email".to_owned(),
            groups_claim: "groups".to_owned(),
            clock_skew_s: 60,
            root_certificates: PathBuf::new(),
            roles: Vec::new(),
        }
    }
}

impl Oidc {
    fn is_on(&self) -> bool {
        !self.issuer.is_empty()
    }

    /// What signs people in, if there is a provider.
    pub(crate) fn sign_in(
        &self,
        public_url: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<SignIn>> {
        if !self.is_on() {
            return Ok(None);
        }
        let provider = OidcProvider::new(self.settings(public_url)?, clock).context("oidc")?;
        let (label, mapping) = (self.name.clone(), self.mapping());
        Ok(Some(SignIn::new(Arc::new(provider), label, mapping)))
    }

    fn settings(&self, public_url: &str) -> Result<OidcSettings> {
        let roots = &self.root_certificates;
        Ok(OidcSettings {
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret: self.secret()?,
            redirect_url: format!("{public_url}{CALLBACK}"),
            scopes: self.scopes.split_whitespace().map(Into::into).collect(),
            groups_claim: self.groups_claim.clone(),
            clock_skew: Duration::seconds(self.clock_skew_s.into()),
            root_certificates: (!roots.as_os_str().is_empty()).then(|| roots.clone()),
        })
    }

    fn secret(&self) -> Result<Option<String>> {
        let file = &self.client_secret_file;
        if file.as_os_str().is_empty() {
            let given = !self.client_secret.is_empty();
            return Ok(given.then(|| self.client_secret.clone()));
        }
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("oidc.client_secret_file: cannot read {}", file.display()))?;
        Ok(Some(text.trim().to_owned()))
    }

    fn mapping(&self) -> RoleMapping {
        let rule = |group: &Given| Rule {
            group: group.group.clone(),
            roles: group.roles.clone(),
            workspace: group.workspace.clone(),
        };
        RoleMapping::new(self.roles.iter().map(rule).collect())
    }

    pub(super) fn check(&self, public_url: &str) -> Result<()> {
        if !self.is_on() {
            return Ok(());
        }
        if public_url.is_empty() {
            bail!("public_url: found nothing; sign-in needs the address that browsers know");
        }
        if !self.client_secret.is_empty() && !self.client_secret_file.as_os_str().is_empty() {
            bail!(
                "oidc: found both `client_secret` and `client_secret_file`; expected one of them"
            );
        }
        if self.roles.is_empty() {
            bail!("oidc.roles: found none; without a group that has a role nobody gets in");
        }
        let without = |group: &&Given| group.group.is_empty() || group.roles.is_empty();
        if let Some(odd) = self.roles.iter().find(without) {
            let group = &odd.group;
            bail!("oidc.roles: found `{group}` without a name or without roles; expected both");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::load::{assert_refused, with_file};

    #[test]
    fn what_does_not_belong_together_is_named() {
        assert_refused("[sessions]\nidle = \"1s\"", "sessions.idle: found `1s`");
        assert_refused("[sessions]\nabsolute = \"31d\"", "sessions.absolute");
        let oidc = "[oidc]\nissuer = \"https://i\"\nclient_id = \"pts\"\n";
        assert_refused(oidc, "public_url: found nothing");
        let public = format!("public_url = \"https://p\"\n{oidc}");
        assert_refused(&public, "oidc.roles: found none");
        let role = |more: &str| format!("{public}[[oidc.roles]]\ngroup = \"sre\"\n{more}");
        assert_refused(&role("roles = []"), "without roles");
        assert_refused(
            &role("roles = [\"admin\"]\nworkspace = \"A\""),
            "is no workspace",
        );
        assert!(with_file(&role("roles = [\"admin\"]")).is_ok());
    }
}
