//! How connections come in: TLS of our own, services that show certificates, proxies that speak for
//! others, and what is refused unless it is said.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use pts_adapter_http::{Figure, FigureKind, TlsFiles};
use pts_domain::access::{Network, Scope, ServiceIdentity, Workspace};
use pts_domain::forwarded::Proxies;
use serde::{Deserialize, Serialize};

/// TLS served directly; empty for none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// File of the certificate, and of those between it and its root (PEM).
    pub(crate) cert: PathBuf,
    /// File of its private key (PEM).
    pub(crate) key: PathBuf,
    /// File of the authorities whose client certificates are believed (PEM); empty to ask for none.
    pub(crate) client_ca: PathBuf,
    /// Who is known by their certificate.
    // A list of defaults that is empty leaves nothing behind when layers are merged.
    #[serde(default)]
    pub(crate) services: Vec<Service>,
}

/// A service that shows a client certificate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    /// What to call it.
    pub(crate) name: String,
    /// Its URIs and DNS names in certificates.
    pub(crate) certificate_names: BTreeSet<String>,
    /// What it may do.
    #[serde(default)]
    pub(crate) scopes: BTreeSet<Scope>,
    /// The roles that it has as well.
    #[serde(default)]
    pub(crate) roles: BTreeSet<String>,
    /// The only workspace that it reaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) workspace: Option<Workspace>,
}

/// Proxies in front of the service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proxy {
    /// Where the proxies are that are believed.
    #[serde(default)]
    pub(crate) trusted: Vec<Network>,
    /// What they set: `x-forwarded` or `forwarded`.
    pub(crate) header: String,
}

impl Default for Proxy {
    fn default() -> Self {
        Self {
            trusted: Vec::new(),
            header: Proxies::default().header.as_str().to_owned(),
        }
    }
}

impl Tls {
    /// Whether TLS is served.
    pub(crate) fn is_on(&self) -> bool {
        !self.cert.as_os_str().is_empty()
    }

    pub(crate) fn files(&self) -> Option<TlsFiles> {
        let given = |path: &Path| !path.as_os_str().is_empty();
        self.is_on().then(|| TlsFiles {
            cert: self.cert.clone(),
            key: self.key.clone(),
            client_ca: given(&self.client_ca).then(|| self.client_ca.clone()),
        })
    }

    pub(crate) fn open(&self) -> Result<Option<Arc<pts_adapter_http::Tls>>> {
        let opened = self.files().map(pts_adapter_http::Tls::open).transpose();
        Ok(opened.context("tls")?.map(Arc::new))
    }

    pub(crate) fn identities(&self) -> Vec<ServiceIdentity> {
        let identity = |service: &Service| ServiceIdentity {
            name: service.name.clone(),
            certificate_names: service.certificate_names.clone(),
            scopes: service.scopes.clone(),
            roles: service.roles.clone(),
            workspace: service.workspace.clone(),
        };
        self.services.iter().map(identity).collect()
    }

    pub(super) fn check(&self) -> Result<()> {
        let given = |path: &Path| !path.as_os_str().is_empty();
        if given(&self.cert) != given(&self.key) {
            bail!("tls: found only one of `cert` and `key`; expected both, or neither");
        }
        if given(&self.client_ca) && !self.is_on() {
            bail!("tls.client_ca: found one without `tls.cert`; client certificates need TLS");
        }
        if !self.services.is_empty() && !given(&self.client_ca) {
            bail!("tls.services: found some without `tls.client_ca`, which vouches for them");
        }
        for service in &self.services {
            let name = &service.name;
            if name.is_empty() || name.len() > 255 {
                bail!("tls.services: found the name `{name}`; expected 1 to 255 bytes");
            }
            if service.certificate_names.is_empty() {
                bail!(
                    "tls.services `{name}`: certificate_names: found none; expected a URI or a DNS name"
                );
            }
            if service.scopes.is_empty() && service.roles.is_empty() {
                bail!("tls.services `{name}`: found neither scopes nor roles; it could do nothing");
            }
        }
        Ok(())
    }
}

impl Proxy {
    pub(crate) fn proxies(&self) -> Result<Proxies> {
        let header = self.header.parse().map_err(|expected: String| {
            anyhow::anyhow!("proxy.header: found `{}`; {expected}", self.header)
        })?;
        Ok(Proxies {
            networks: self.trusted.clone(),
            header,
        })
    }
}

/// What is counted of a certificate.
pub(crate) fn figures(tls: &Arc<pts_adapter_http::Tls>) -> Vec<Figure> {
    let figure = |name, help, kind, count: fn(&pts_adapter_http::Tls) -> u64| {
        let tls = Arc::clone(tls);
        Figure {
            name,
            help,
            kind,
            count: Arc::new(move || count(&tls)),
        }
    };
    vec![
        figure(
            "tls_reloads",
            "Times that a changed certificate was taken",
            FigureKind::Counter,
            pts_adapter_http::Tls::reloads,
        ),
        figure(
            "tls_reload_failures",
            "Times that a changed certificate could not be used, and the old one went on",
            FigureKind::Counter,
            pts_adapter_http::Tls::failures,
        ),
        figure(
            "tls_certificate_expires_at_seconds",
            "When the certificate that is served ends, in seconds since 1970",
            FigureKind::Gauge,
            |tls| u64::try_from(tls.expires_at()).unwrap_or(0),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::config::load::assert_refused;

    #[test]
    fn what_does_not_belong_together_is_named() {
        assert_refused("[tls]\ncert = \"c.pem\"", "only one of `cert` and `key`");
        assert_refused("[tls]\nclient_ca = \"ca.pem\"", "tls.client_ca");
        assert_refused("[proxy]\ntrusted = [\"everywhere\"]", "is no network");
        assert_refused("[proxy]\nheader = \"via\"", "proxy.header: found `via`");
    }
}
