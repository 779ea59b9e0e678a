//! The configuration: defaults, then a file, then the environment, then flags. What is not known
//! is refused, so that a misspelt key does not stay without effect unnoticed.

mod access;
mod audit;
mod limits;
mod listen;
mod load;
mod secrets;
mod sign_in;
mod storage;
mod telemetry;
mod tls;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use pts_domain::access::ElevationRules;
use serde::{Deserialize, Serialize};

use access::{Access, Elevation, Role};
use audit::Audit;
use limits::Limits;
use listen::Http;
use secrets::{Masking, Outbound};
use sign_in::{Oidc, Sessions};
use storage::{Database, Retention};
use telemetry::{Itself, Traces};
use tls::{Proxy, Tls};

pub(crate) use load::load;
pub(crate) use telemetry::{Log, LogFormat, without_user};
pub(crate) use tls::figures as tls_figures;

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Address to listen on.
    pub(crate) listen: String,
    /// Whether an address that others reach may be listened on without TLS and without a proxy.
    pub(crate) insecure_listen: bool,
    /// Where browsers find the service (`https://pts.example`); empty if it does not matter.
    pub(crate) public_url: String,
    /// Where data is kept.
    pub(crate) data_dir: PathBuf,
    pub(crate) tls: Tls,
    pub(crate) proxy: Proxy,
    pub(crate) sessions: Sessions,
    pub(crate) oidc: Oidc,
    pub(crate) database: Database,
    pub(crate) http: Http,
    pub(crate) log: Log,
    pub(crate) retention: Retention,
    pub(crate) limits: Limits,
    pub(crate) elevation: Elevation,
    pub(crate) audit: Audit,
    pub(crate) itself: Itself,
    pub(crate) traces: Traces,
    pub(crate) masking: Masking,
    pub(crate) outbound: Outbound,
    pub(crate) access: Access,
    /// Roles beside those that there always are, by their names.
    // The defaults of the layers know no empty table.
    #[serde(default)]
    pub(crate) roles: BTreeMap<String, Role>,
}

impl Settings {
    fn defaults(data_dir: PathBuf) -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            insecure_listen: false,
            public_url: String::new(),
            data_dir,
            tls: Tls::default(),
            proxy: Proxy::default(),
            sessions: Sessions::default(),
            oidc: Oidc::default(),
            database: Database::default(),
            http: Http::default(),
            log: Log::default(),
            retention: Retention::default(),
            limits: pts_services::Limits::default().into(),
            elevation: ElevationRules::default().into(),
            audit: Audit::default(),
            itself: Itself::default(),
            traces: Traces::default(),
            masking: Masking::default(),
            outbound: Outbound::default(),
            access: Access::default(),
            roles: BTreeMap::new(),
        }
    }

    /// The same without secrets: fit to be printed.
    pub(crate) fn redacted(&self) -> Self {
        let mut shown = self.clone();
        shown.database.url = pts_adapter_postgres::redact(&shown.database.url);
        shown.traces.otlp_endpoint = without_user(&shown.traces.otlp_endpoint);
        if !shown.oidc.client_secret.is_empty() {
            "***".clone_into(&mut shown.oidc.client_secret);
        }
        shown.audit = shown.audit.redacted();
        shown
    }

    fn check(&self) -> Result<()> {
        self.address()?;
        self.check_public_url()?;
        self.tls.check()?;
        self.proxy.proxies()?;
        self.sessions.lifetimes()?;
        self.oidc.check(&self.public_url)?;
        self.database.check()?;
        self.http.check()?;
        self.limits.check()?;
        crate::logging::filter(&self.log.level)?;
        self.retention.policy()?;
        self.elevation.rules()?;
        self.audit.check()?;
        self.itself.check()?;
        self.masking.masker()?;
        self.outbound.settings()?;
        self.roles()?;
        self.traces.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_printed() {
        let mut settings = Settings::defaults("d".into());
        settings.oidc.client_secret = "s3cret".into();
        settings.audit.webhook = "https://u:s3cret@hooks.example:8443/s3cret?k=s3cret".into();
        settings.audit.webhook_token = "s3cret".into();
        settings.database.url = "postgres://u:s3cret@h/db".into();
        settings.traces.otlp_endpoint = "http://u:s3c@ret@h:4318/p".into();
        let shown = toml::to_string(&settings.redacted()).unwrap();
        assert!(!shown.contains("s3c"), "{shown}");
        assert!(shown.contains("http://h:4318/p"), "{shown}");
        assert!(
            shown.contains("\"https://hooks.example:8443/***\""),
            "{shown}"
        );
    }
}
