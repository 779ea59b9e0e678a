//! Where the service listens, how it is called, and how much HTTP it takes.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::Settings;

/// How HTTP is spoken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Http {
    /// Bytes of one request body at the most, after decompression.
    pub(crate) max_body_bytes: usize,
    /// Whether browsers reach the service over TLS only; cookies are then marked so.
    pub(crate) secure_cookies: bool,
    /// Threads that serve requests; 0 for one per core.
    pub(crate) workers: usize,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            max_body_bytes: 16 * 1024 * 1024,
            secure_cookies: false,
            workers: 0,
        }
    }
}

impl Http {
    pub(super) fn check(&self) -> Result<()> {
        if !(1024..=1024 * 1024 * 1024).contains(&self.max_body_bytes) {
            bail!(
                "http.max_body_bytes: found {}; expected 1024 to 1073741824",
                self.max_body_bytes
            );
        }
        Ok(())
    }
}

impl Settings {
    /// Where to listen.
    pub(crate) fn address(&self) -> Result<SocketAddr> {
        self.listen
            .parse()
            .with_context(|| format!("listen: `{}` is not ADDRESS:PORT", self.listen))
    }

    /// Refuses to listen where others could listen in, unless it was said.
    pub(crate) fn check_listening(&self) -> Result<()> {
        let behind_a_proxy = !self.proxy.trusted.is_empty();
        let address = self.address()?;
        if address.ip().is_loopback() || self.tls.is_on() || behind_a_proxy || self.insecure_listen
        {
            return Ok(());
        }
        bail!(
            "listen: found {address}, which others reach, without TLS: tokens could be read on their \
             way; set `tls.cert` and `tls.key`, or `proxy.trusted` to where a proxy with TLS is, or \
             say `insecure_listen = true`"
        )
    }

    pub(super) fn check_public_url(&self) -> Result<()> {
        let url = &self.public_url;
        let rest = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"));
        let is_origin = |rest: &str| {
            !rest.is_empty() && !rest.contains(|c: char| "/?#@".contains(c) || c.is_whitespace())
        };
        if !url.is_empty() && !rest.is_some_and(is_origin) {
            bail!("public_url: found `{url}`; expected `https://HOST` or `https://HOST:PORT`");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::load::with_file;

    #[test]
    fn a_value_of_the_wrong_type_or_out_of_bounds_is_refused() {
        assert!(with_file("[http]\nmax_body_bytes = \"many\"\n").is_err());
        let error = format!("{:#}", with_file("listen = \"here\"\n").unwrap_err());
        assert!(error.contains("listen"), "{error}");
    }

    #[test]
    fn nobody_listens_in_unless_it_was_said() {
        let check = |text: &str, fine: bool| {
            let settings = with_file(text).unwrap();
            assert_eq!(settings.check_listening().is_ok(), fine, "{text}");
        };
        check("", true);
        check("listen = \"[::1]:1\"", true);
        check("listen = \"0.0.0.0:1\"", false);
        check("listen = \"10.0.0.1:1\"", false);
        check("listen = \"0.0.0.0:1\"\ninsecure_listen = true", true);
        let tls = "[tls]\ncert = \"c.pem\"\nkey = \"k.pem\"";
        check(&format!("listen = \"0.0.0.0:1\"\n{tls}"), true);
        let proxy = "[proxy]\ntrusted = [\"10.0.0.0/8\", \"::1\"]";
        check(&format!("listen = \"0.0.0.0:1\"\n{proxy}"), true);
    }

    #[test]
    fn where_browsers_find_the_service_is_an_origin() {
        for text in [
            "public_url = \"pts.example\"",
            "public_url = \"https://pts.example/\"",
        ] {
            let error = format!("{:#}", with_file(text).unwrap_err());
            assert!(error.contains("public_url"), "{error}");
        }
    }
}
