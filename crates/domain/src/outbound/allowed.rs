//! What may be called although it lies inside: hosts and networks, with a port or with any.

use std::net::IpAddr;
use std::str::FromStr;

use crate::access::Network;

/// One thing that may be called: `hooks.internal:8443`, `hooks.internal`, `10.1.0.0/16`, `[fd00::7]:443`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    what: What,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Host(String),
    Network(Network),
}

impl Allowed {
    /// Whether it is what is called: the host as it was named, in small letters and without a dot at its
    /// end, and the address that this name led to.
    pub fn fits(&self, host: &str, address: IpAddr, port: u16) -> bool {
        let what = match &self.what {
            What::Host(name) => name == host,
            What::Network(network) => network.contains(address),
        };
        what && self.port.is_none_or(|allowed| allowed == port)
    }
}

impl FromStr for Allowed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "found `{}`; expected a host such as `hooks.internal:8443`, or a network such as \
                 `10.1.0.0/16` or `[fd00::7]:443`",
                text.escape_debug()
            )
        };
        // An IPv6 address has colons of its own.
        let (what, port) = match text.rsplit_once(':') {
            Some((what, port)) if !what.contains(':') || what.ends_with(']') => {
                (what, Some(port.parse().map_err(|_| wrong())?))
            }
            _ => (text, None),
        };
        let inner = what
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        if let Ok(network) = inner.unwrap_or(what).parse() {
            let what = What::Network(network);
            return Ok(Self { what, port });
        }
        let host = what.trim_end_matches('.').to_ascii_lowercase();
        // A name whose last part is a number is an address that somebody wrote in an odd way.
        let is_number = host.rsplit('.').next().is_none_or(is_number);
        if inner.is_some() || is_number || !is_host(&host) {
            return Err(wrong());
        }
        let what = What::Host(host);
        Ok(Self { what, port })
    }
}

fn is_host(name: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    (1..=253).contains(&name.len())
        && name
            .split('.')
            .all(|part| (1..=63).contains(&part.len()) && part.bytes().all(letter))
}

fn is_number(part: &str) -> bool {
    let hex = part.strip_prefix("0x");
    match hex {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => part.bytes().all(|b| b.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_or_a_network_is_allowed_at_its_port_or_at_any() {
        let check = |allowed: &str, (host, address, port): (&str, &str, u16), fits: bool| {
            let read: Allowed = allowed.parse().unwrap();
            let address = address.parse().unwrap();
            assert_eq!(
                read.fits(host, address, port),
                fits,
                "{allowed} {host} {port}"
            );
        };
        check(
            "hooks.internal:8443",
            ("hooks.internal", "10.0.0.1", 8443),
            true,
        );
        check(
            "Hooks.Internal.:8443",
            ("hooks.internal", "10.0.0.1", 8443),
            true,
        );
        check(
            "hooks.internal:8443",
            ("hooks.internal", "10.0.0.1", 443),
            false,
        );
        check("hooks.internal", ("hooks.internal", "10.0.0.1", 1), true);
        check("hooks.internal", ("x.hooks.internal", "10.0.0.1", 1), false);
        check("10.1.0.0/16", ("anything", "10.1.2.3", 80), true);
        check("10.1.0.0/16:443", ("anything", "10.1.2.3", 80), false);
        check("10.1.0.0/16", ("anything", "::ffff:10.1.2.3", 80), true);
        check("127.0.0.1:80", ("localhost", "127.0.0.1", 80), true);
        check("[fd00::7]:443", ("h", "fd00::7", 443), true);
        check("fd00::/8", ("h", "fd00::7", 443), true);
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in [
            "",
            ":80",
            "h:",
            "h:99999",
            "a b",
            "http://h",
            "2130706433",
            "0x7f.1",
            "[h]:1",
            "*",
        ] {
            let why = text.parse::<Allowed>().unwrap_err();
            assert!(why.contains("hooks.internal"), "{text}: {why}");
        }
    }
}
