//! Whom a proxy speaks for. What a request says about its own way is believed from proxies that were
//! named, and from nobody else: everybody can write a header.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::access::Network;

/// In which header the proxies say whom they speak for. Only the one that they set can be believed: the
/// other passes through them as the client wrote it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Header {
    /// `X-Forwarded-For` and `X-Forwarded-Proto`.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl Header {
    const NAMES: [(&str, Self); 2] = [
        ("x-forwarded", Self::XForwarded),
        ("forwarded", Self::Forwarded),
    ];

    /// The name in a configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::XForwarded => "x-forwarded",
            Self::Forwarded => "forwarded",
        }
    }
}

impl FromStr for Header {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::NAMES.into_iter().find(|(name, _)| *name == text);
        found
            .map(|(_, header)| header)
            .ok_or_else(|| "expected `x-forwarded` or `forwarded`".to_owned())
    }
}

/// The proxies that are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// Where they are; without any, nobody is believed.
    pub networks: Vec<Network>,
    /// What they set.
    pub header: Header,
}

/// What the headers of a request say about its way, each as often as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said<'a> {
    /// `X-Forwarded-For`.
    pub forwarded_for: Vec<&'a str>,
    /// `X-Forwarded-Proto`.
    pub proto: Vec<&'a str>,
    /// `Forwarded`.
    pub forwarded: Vec<&'a str>,
}

/// Who a request comes from in truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// The client's address.
    pub address: IpAddr,
    /// Whether the client came over TLS; not known behind proxies that do not say.
    pub secure: Option<bool>,
}

/// One station of a request on its way.
#[derive(Debug, Default, PartialEq)]
struct Hop {
    address: Option<IpAddr>,
    secure: Option<bool>,
}

impl Proxies {
    /// Whether what comes from this address is believed.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.networks
            .iter()
            .any(|network| network.contains(address))
    }

    /// Who is behind a connection from `peer`: the last station before the ones that are trusted. A
    /// station that says of its client only that it will not say is as far as can be seen.
    pub fn client(&self, peer: IpAddr, secure: bool, said: &Said<'_>) -> Client {
        let mut client = Client {
            address: peer.to_canonical(),
            secure: Some(secure),
        };
        if !self.trusts(peer) {
            return client;
        }
        let hops = match self.header {
            Header::XForwarded => x_forwarded(said),
            Header::Forwarded => forwarded(said),
        };
        client.secure = None;
        for hop in hops.into_iter().rev() {
            client.secure = hop.secure.or(client.secure);
            match hop.address {
                Some(address) => client.address = address.to_canonical(),
                None => break,
            }
            if !self.trusts(client.address) {
                break;
            }
        }
        client
    }
}

fn x_forwarded(said: &Said<'_>) -> Vec<Hop> {
    let list = |lines: &[&'_ str]| -> Vec<String> {
        let items = lines.iter().flat_map(|line| line.split(','));
        items.map(|item| item.trim().to_owned()).collect()
    };
    let (nodes, protos) = (list(&said.forwarded_for), list(&said.proto));
    // A proxy that adds to one list may set the other anew: the last word is then its own.
    let proto_of = |index: usize| {
        if protos.len() == nodes.len() {
            protos.get(index)
        } else {
            protos.last()
        }
    };
    if nodes.is_empty() {
        let secure = protos.last().and_then(|proto| is_secure(proto));
        return vec![Hop {
            address: None,
            secure,
        }];
    }
    let hop = |(index, node): (usize, &String)| Hop {
        address: address(node),
        secure: proto_of(index).and_then(|proto| is_secure(proto)),
    };
    nodes.iter().enumerate().map(hop).collect()
}

fn forwarded(said: &Said<'_>) -> Vec<Hop> {
    let elements = said.forwarded.iter().flat_map(|line| split(line, ','));
    let hop = |element: &str| {
        let mut hop = Hop::default();
        for pair in split(element, ';') {
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "for" => hop.address = address(value),
                "proto" => hop.secure = is_secure(value),
                _ => {}
            }
        }
        hop
    };
    elements.map(hop).collect()
}

/// Splits where the separator is not inside quotes.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    let at_separator = |letter: char| {
        quoted ^= letter == '"';
        letter == separator && !quoted
    };
    text.split(at_separator).collect()
}

/// `192.0.2.7`, `192.0.2.7:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`; anything else
/// is somebody who is not named.
fn address(node: &str) -> Option<IpAddr> {
    let bare = node
        .strip_prefix('[')
        .and_then(|node| node.strip_suffix(']'));
    let alone = bare.unwrap_or(node).parse().ok();
    alone.or_else(|| {
        node.parse()
            .ok()
            .map(|with_port: SocketAddr| with_port.ip())
    })
}

fn is_secure(proto: &str) -> Option<bool> {
    match proto.to_ascii_lowercase().as_str() {
        "https" => Some(true),
        "http" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(header: Header) -> Proxies {
        Proxies {
            networks: vec!["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()],
            header,
        }
    }

    #[track_caller]
    fn check(found: Client, address: &str, secure: Option<bool>) {
        let address = address.parse().unwrap();
        assert_eq!(found, Client { address, secure });
    }

    #[test]
    fn nobody_is_believed_who_was_not_named() {
        let said = Said {
            forwarded_for: vec!["203.0.113.9"],
            proto: vec!["https"],
            forwarded: vec!["for=203.0.113.9;proto=https"],
        };
        for proxies in [
            Proxies::default(),
            proxies(Header::XForwarded),
            proxies(Header::Forwarded),
        ] {
            let client = proxies.client("192.0.2.1".parse().unwrap(), false, &said);
            check(client, "192.0.2.1", Some(false));
        }
    }

    #[test]
    fn the_client_is_the_last_station_before_the_trusted_ones() {
        let check = |lines: &[&'static str], expected: &str| {
            let said = Said {
                forwarded_for: lines.to_vec(),
                ..Said::default()
            };
            let client =
                proxies(Header::XForwarded).client("10.0.0.1".parse().unwrap(), false, &said);
            check(client, expected, None);
        };
        check(&["203.0.113.9"], "203.0.113.9");
        check(&["203.0.113.9, 10.0.0.2"], "203.0.113.9");
        // What stands further left was written by the client.
        check(&["127.0.0.1, 203.0.113.9, 10.0.0.2"], "203.0.113.9");
        check(&["127.0.0.1", "203.0.113.9", "10.0.0.2"], "203.0.113.9");
        check(&["203.0.113.9:4711"], "203.0.113.9");
        check(&["[2001:db8::1]:4711"], "2001:db8::1");
        check(&["::ffff:203.0.113.9"], "203.0.113.9");
        check(&["10.0.0.3, 10.0.0.2"], "10.0.0.3");
        check(&["203.0.113.9, unknown"], "10.0.0.1");
        check(&["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2");
        check(&[""], "10.0.0.1");
        check(&[], "10.0.0.1");
    }

    #[test]
    fn whether_the_client_came_over_tls_is_the_word_of_the_station_it_reached() {
        let check = |nodes: &[&'static str], protos: &[&'static str], secure| {
            let said = Said {
                forwarded_for: nodes.to_vec(),
                proto: protos.to_vec(),
                ..Said::default()
            };
            let client =
                proxies(Header::XForwarded).client("10.0.0.1".parse().unwrap(), false, &said);
            assert_eq!(client.secure, secure, "{nodes:?} {protos:?}");
        };
        check(&["203.0.113.9"], &["https"], Some(true));
        check(&["203.0.113.9"], &["HTTP"], Some(false));
        check(&["203.0.113.9"], &[], None);
        check(&["203.0.113.9"], &["wss"], None);
        check(&["203.0.113.9, 10.0.0.2"], &["https, http"], Some(true));
        check(&["203.0.113.9, 10.0.0.2"], &["https"], Some(true));
        // One more than the client may have written.
        check(&["203.0.113.9"], &["https", "http"], Some(false));
        check(&[], &["https"], Some(true));
    }

    #[test]
    fn the_standard_header_says_the_same() {
        let check = |lines: &[&'static str], expected: &str, secure| {
            let said = Said {
                forwarded: lines.to_vec(),
                // Not the header that these proxies set.
                forwarded_for: vec!["198.51.100.1"],
                proto: vec!["https"],
            };
            let client = proxies(Header::Forwarded).client("::1".parse().unwrap(), true, &said);
            check(client, expected, secure);
        };
        check(&["for=203.0.113.9"], "203.0.113.9", None);
        let quoted = "For=\"[2001:db8:cafe::17]:4711\";proto=https;by=10.0.0.1";
        check(&[quoted], "2001:db8:cafe::17", Some(true));
        let many = "for=127.0.0.1;proto=https, for=203.0.113.9;proto=http;host=\"a,b;c\"";
        check(&[many, "for=10.0.0.2"], "203.0.113.9", Some(false));
        check(&["for=_hidden;proto=https"], "::1", Some(true));
        check(&["for=unknown", "for=10.0.0.2"], "10.0.0.2", None);
        check(&["nonsense"], "::1", None);
        check(&[], "::1", None);
    }
}
