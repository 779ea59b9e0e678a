//! Which provider, and who we are to it.

use std::fmt;
use std::path::PathBuf;

use chrono::Duration;
use openidconnect::{IssuerUrl, RedirectUrl};

use crate::http::is_private_enough;

/// How a provider is spoken to.
#[derive(Clone)]
pub struct OidcSettings {
    /// The provider, by the URL that its tokens name as `iss`. Plain HTTP only on this machine.
    pub issuer: String,
    /// Our name with the provider.
    pub client_id: String,
    /// Our password with the provider; a client that is known as public has none.
    pub client_secret: Option<String>,
    /// Where the provider sends browsers back to.
    pub redirect_url: String,
    /// What is asked for, `openid` included.
    pub scopes: Vec<String>,
    /// The claim that holds the groups: a name, or a path with dots into an object.
    pub groups_claim: String,
    /// By how much the provider's clock may differ from ours.
    pub clock_skew: Duration,
    /// A file of PEM certificates to trust; the system's if not given.
    pub root_certificates: Option<PathBuf>,
}

/// The settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(pub(crate) String);

impl OidcSettings {
    /// The most that clocks may differ.
    pub const MOST_SKEW: Duration = Duration::minutes(5);

    pub(crate) fn check(&self) -> Result<(IssuerUrl, RedirectUrl), SettingsError> {
        let wrong = |field: &str, found: &str, expected: &str| {
            SettingsError(format!("{field}: found `{found}`; expected {expected}"))
        };
        let issuer = IssuerUrl::new(self.issuer.clone())
            .ok()
            .filter(|url| is_private_enough(url.url()))
            .ok_or_else(|| {
                let expected = "the provider's https:// URL (http:// only on this machine)";
                wrong("issuer", &self.issuer, expected)
            })?;
        let redirect = RedirectUrl::new(self.redirect_url.clone())
            .map_err(|_| wrong("redirect_url", &self.redirect_url, "a URL"))?;
        if self.client_id.is_empty() {
            return Err(wrong("client_id", "", "our name with the provider"));
        }
        if !self.scopes.iter().any(|scope| scope == "openid") {
            return Err(wrong(
                "scopes",
                &self.scopes.join(" "),
                "`openid` among them",
            ));
        }
        if self.groups_claim.is_empty() {
            return Err(wrong("groups_claim", "", "the name of a claim"));
        }
        if self.clock_skew < Duration::zero() || self.clock_skew > Self::MOST_SKEW {
            let (found, expected) = (self.clock_skew.num_seconds(), Self::MOST_SKEW.num_seconds());
            let expected = format!("0 to {expected} seconds");
            return Err(wrong("clock_skew", &found.to_string(), &expected));
        }
        Ok((issuer, redirect))
    }
}

impl fmt::Debug for OidcSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcSettings")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .field("redirect_url", &self.redirect_url)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> OidcSettings {
        OidcSettings {
            issuer: "https://login.acme.example".into(),
            client_id: "pts".into(),
            client_secret: Some("s3cret".into()),
            redirect_url: "https://pts.acme.example/signin/oidc/callback".into(),
            scopes: vec!["openid".into()],
            groups_claim: "groups".into(),
            clock_skew: Duration::seconds(60),
            root_certificates: None,
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        assert!(settings().check().is_ok());
        let check = |field: &str, change: fn(&mut OidcSettings)| {
            let mut settings = settings();
            change(&mut settings);
            let error = settings.check().expect_err(field).to_string();
            assert!(error.starts_with(&format!("{field}: found")), "{error}");
        };
        check("issuer", |it| {
            it.issuer = "http://login.acme.example".into();
        });
        check("issuer", |it| it.issuer = "login.acme.example".into());
        check("redirect_url", |it| it.redirect_url = "/callback".into());
        check("client_id", |it| it.client_id.clear());
        check("scopes", |it| it.scopes.clear());
        check("groups_claim", |it| it.groups_claim.clear());
        check("clock_skew", |it| it.clock_skew = Duration::minutes(6));
        check("clock_skew", |it| it.clock_skew = Duration::seconds(-1));
    }

    #[test]
    fn the_secret_is_never_shown() {
        assert!(!format!("{:?}", settings()).contains("s3cret"));
    }

    #[test]
    fn on_this_machine_plain_http_is_private_enough() {
        for issuer in [
            "http://127.0.0.1:1",
            "http://localhost:1",
            "http://[::1]:1/a",
        ] {
            let settings = OidcSettings {
                issuer: issuer.into(),
                ..settings()
            };
            assert!(settings.check().is_ok(), "{issuer}");
        }
    }
}
