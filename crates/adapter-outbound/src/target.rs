//! An address, read once and in one way: as browsers do, so that a host that was written as a number, in
//! octal or with letters of another script is the address that it means.

use std::fmt;
use std::net::IpAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use pts_ports::OutboundError;
use url::{Host, Url};

/// Bytes of an address.
const LONGEST: usize = 2048;

/// Where a call goes. `Display` tells scheme, host and port: the rest may be a secret.
#[derive(Clone)]
pub(crate) struct Target {
    url: Url,
    host: Host<String>,
    port: u16,
    /// As the `Authorization` header has it.
    authorization: Option<String>,
}

impl Target {
    pub(crate) fn read(text: &str) -> Result<Self, OutboundError> {
        if text.len() > LONGEST {
            return Err(invalid(format!("it has more than {LONGEST} bytes")));
        }
        let url = Url::parse(text).map_err(|error| invalid(error.to_string()))?;
        Self::of(url)
    }

    fn of(mut url: Url) -> Result<Self, OutboundError> {
        if !matches!(url.scheme(), "http" | "https") {
            let scheme = url.scheme();
            return Err(invalid(format!(
                "found `{scheme}:`; expected http or https"
            )));
        }
        let host = match url.host() {
            Some(Host::Domain(name)) => Host::Domain(name.trim_end_matches('.').to_owned()),
            Some(Host::Ipv4(address)) => Host::Ipv4(address),
            Some(Host::Ipv6(address)) => Host::Ipv6(address),
            None => return Err(invalid("it has no host".to_owned())),
        };
        let port = url.port_or_known_default();
        let port = port
            .filter(|port| *port > 0)
            .ok_or_else(|| invalid("it has no port".to_owned()))?;
        let authorization = authorization(&url)?;
        // Neither is sent with the rest of the address.
        url.set_fragment(None);
        let plain = url.set_username("").and_then(|()| url.set_password(None));
        plain.map_err(|()| invalid("its user cannot be read".to_owned()))?;
        Ok(Self {
            url,
            host,
            port,
            authorization,
        })
    }

    /// Where an answer leads on to. Credentials go along to the same host and port alone, and what was
    /// asked for over TLS is never sent without.
    pub(crate) fn redirected(&self, location: &str) -> Result<Self, OutboundError> {
        let refused = |why: &str| OutboundError::Refused(format!("{self} redirects {why}"));
        let url = self.url.join(location);
        let url = url.map_err(|_| refused("to what is no address"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("to an address with a user in it"));
        }
        if url.as_str().len() > LONGEST {
            return Err(refused("to an address that is too long"));
        }
        let mut next = Self::of(url).map_err(|_| refused("to what is not called"))?;
        if self.is_secure() && !next.is_secure() {
            return Err(refused("to an address without TLS"));
        }
        if self.url.origin() == next.url.origin() {
            next.authorization.clone_from(&self.authorization);
        }
        Ok(next)
    }

    /// The same with a token that its host is shown.
    pub(crate) fn shown(self, token: &str) -> Result<Self, OutboundError> {
        if self.authorization.is_some() {
            return Err(invalid(
                "it has a user in it, and a token goes along: expected one of them".to_owned(),
            ));
        }
        if !self.is_secure() && !self.is_here() {
            return Err(invalid(
                "a token goes along, which is not sent without TLS: expected https".to_owned(),
            ));
        }
        Ok(Self {
            authorization: Some(format!("Bearer {token}")),
            ..self
        })
    }

    /// Whether it names this machine itself, where nobody listens in between.
    fn is_here(&self) -> bool {
        match &self.host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        }
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.url.scheme() == "https"
    }

    pub(crate) fn host(&self) -> &Host<String> {
        &self.host
    }

    /// The host as it is compared with names that are allowed.
    pub(crate) fn name(&self) -> String {
        match &self.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        }
    }

    /// The address, if it was named itself.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        match self.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// As the `Host` header has it.
    pub(crate) fn authority(&self) -> String {
        match self.url.port() {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.to_string(),
        }
    }

    /// Path and query.
    pub(crate) fn path(&self) -> String {
        match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        }
    }

    /// As the `Authorization` header has it.
    pub(crate) fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.url.scheme(), self.host, self.port)
    }
}

/// User and password as they stand before the host, and as a header has them.
fn authorization(url: &Url) -> Result<Option<String>, OutboundError> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let decoded = |text| {
        let decoded = percent_decode_str(text).decode_utf8();
        decoded.map_err(|_| invalid("its user is not UTF-8".to_owned()))
    };
    let (user, password) = (
        decoded(url.username())?,
        decoded(url.password().unwrap_or_default())?,
    );
    let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
    Ok(Some(format!("Basic {encoded}")))
}

fn invalid(why: String) -> OutboundError {
    OutboundError::Invalid(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_the_address_that_it_means_however_it_is_written() {
        for text in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://0x7f.1/",
            "http://127.1/",
            "http://127.0.0.1./",
            "http://127.0.0.1:80/",
            "http://good.example@127.0.0.1/",
            "http://good.example:80@127.0.0.1/",
            "http://\u{ff11}\u{ff12}\u{ff17}.0.0.1/",
            "http:127.0.0.1",
            "http:\\\\127.0.0.1\\",
            " http://127.0.0.1/ ",
        ] {
            let target = Target::read(text).expect(text);
            assert_eq!(target.name(), "127.0.0.1", "{text}");
        }
        let named = |text: &str| Target::read(text).unwrap().name();
        assert_eq!(named("http://LOCALHOST./"), "localhost");
        assert_eq!(named("http://good.example\\@127.0.0.1/"), "good.example");
        assert_eq!(named("http://good.example#@127.0.0.1/"), "good.example");
        assert_eq!(named("http://[::ffff:127.0.0.1]/"), "::ffff:127.0.0.1");
    }

    #[test]
    fn what_is_no_address_of_the_web_is_refused() {
        for text in [
            "",
            "hooks.example",
            "/path",
            "file:///etc/passwd",
            "ftp://h/",
            "gopher://h/",
            "http://",
            "http://[fe80::1%25eth0]/",
            "http://h:0/",
            "http://h:65536/",
            "http://a b/",
        ] {
            assert!(
                matches!(Target::read(text), Err(OutboundError::Invalid(_))),
                "{text}"
            );
        }
        assert!(Target::read(&format!("http://h/{}", "x".repeat(LONGEST))).is_err());
    }

    #[test]
    fn a_redirect_takes_no_credentials_elsewhere_and_never_leaves_tls() {
        let first = Target::read("https://ada:p%40ss@hooks.example/a?k=s").unwrap();
        assert_eq!(first.to_string(), "https://hooks.example:443");
        assert_eq!(first.authorization(), Some("Basic YWRhOnBAc3M="));
        assert_eq!(
            (first.path(), first.authority()),
            ("/a?k=s".into(), "hooks.example".into())
        );
        let next = |location| first.redirected(location);
        assert!(next("/b").unwrap().authorization().is_some());
        assert!(
            next("https://hooks.example:443/b")
                .unwrap()
                .authorization()
                .is_some()
        );
        for elsewhere in [
            "https://other.example/",
            "//other.example/b",
            "https://hooks.example:8443/",
        ] {
            assert!(
                next(elsewhere).unwrap().authorization().is_none(),
                "{elsewhere}"
            );
        }
        for refused in [
            "http://hooks.example/",
            "https://eve@hooks.example/",
            "file:///etc/passwd",
            "http://[",
        ] {
            let why = next(refused).err().expect(refused);
            assert!(matches!(why, OutboundError::Refused(_)), "{refused}");
            assert!(!why.to_string().contains("k=s"), "{why}");
        }
    }

    #[test]
    fn a_token_is_shown_over_tls_or_to_this_machine_and_to_one_host() {
        let shown = |text: &str| Target::read(text).unwrap().shown("s3cret");
        for good in [
            "https://hooks.example/a",
            "http://127.0.0.1:9/a",
            "http://[::1]:9/a",
            "http://localhost:9/a",
        ] {
            let target = shown(good).expect(good);
            assert_eq!(target.authorization(), Some("Bearer s3cret"), "{good}");
            assert!(!target.to_string().contains("s3cret"));
        }
        for bad in [
            "http://hooks.example/a",
            "http://10.0.0.1/a",
            "http://localhost.example/a",
            "https://ada:p@hooks.example/a",
        ] {
            let why = shown(bad).err().expect(bad);
            assert!(matches!(why, OutboundError::Invalid(_)), "{bad}");
            assert!(!why.to_string().contains("s3cret"), "{why}");
        }
        let target = shown("https://hooks.example/a").unwrap();
        let here = target.redirected("/b").unwrap();
        assert_eq!(here.authorization(), Some("Bearer s3cret"));
        let there = target.redirected("https://other.example/").unwrap();
        assert_eq!(there.authorization(), None);
    }
}
