//! Which addresses lie inside: IANA's registries of special-purpose addresses, and everything that an
//! IPv4 address can be wrapped in.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is that is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inside {
    /// The machine itself.
    Loopback,
    /// No address at all, which some systems take for the machine itself.
    Unspecified,
    /// A network behind the machine.
    Private,
    /// The same link: the metadata of most clouds is there.
    LinkLocal,
    /// Addresses that a provider shares out among customers; the metadata of some clouds is there.
    Shared,
    /// Many at once.
    Multicast,
    /// An IPv4 address wrapped so that it cannot be looked at.
    Tunnel,
    /// Nothing that is reached over the Internet.
    Reserved,
}

impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "a loopback address",
            Self::Unspecified => "an unspecified address",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address",
            Self::Shared => "a shared address",
            Self::Multicast => "a multicast address",
            Self::Tunnel => "an address of a tunnel",
            Self::Reserved => "a reserved address",
        })
    }
}

pub(super) fn inside(address: IpAddr) -> Option<Inside> {
    match address {
        IpAddr::V4(address) => inside_v4(address),
        IpAddr::V6(address) => inside_v6(address),
    }
}

fn inside_v4(address: Ipv4Addr) -> Option<Inside> {
    let [a, b, c, _] = address.octets();
    Some(match (a, b, c) {
        (0, ..) => Inside::Unspecified,
        (127, ..) => Inside::Loopback,
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => Inside::Private,
        (169, 254, _) => Inside::LinkLocal,
        (100, 64..=127, _) => Inside::Shared,
        (224..=239, ..) => Inside::Multicast,
        // Protocol assignments, documentation, relays of 6to4, benchmarks, the future, broadcast.
        (192, 0, 0 | 2)
        | (192, 88, 99)
        | (198, 18..=19, _)
        | (198, 51, 100)
        | (203, 0, 113)
        | (240..=255, ..) => Inside::Reserved,
        _ => return None,
    })
}

fn inside_v6(address: Ipv6Addr) -> Option<Inside> {
    let parts = address.segments();
    let v4 = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match parts {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(Inside::Unspecified),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(Inside::Loopback),
        // IPv4 in IPv6: mapped, translated by NAT64, 6to4. It is what is inside that is reached.
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => inside_v4(v4(high, low)),
        // Translated within a network; Teredo, which hides both ends; ISATAP and the like.
        [0x64, 0xff9b, ..] | [0x2001, 0, ..] | [_, _, _, _, 0 | 0x200, 0x5efe, ..] => {
            Some(Inside::Tunnel)
        }
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Some(Inside::Private),
        [0xfe80..=0xfebf, ..] => Some(Inside::LinkLocal),
        [0xff00..=0xffff, ..] => Some(Inside::Multicast),
        [0x2000..=0x3fff, ..] if !is_set_aside(parts) => None,
        // Nothing else was given out.
        _ => Some(Inside::Reserved),
    }
}

/// Protocol assignments and documentation.
const fn is_set_aside(parts: [u16; 8]) -> bool {
    matches!(
        parts,
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, expected: Option<Inside>) {
        assert_eq!(inside(address.parse().unwrap()), expected, "{address}");
    }

    #[test]
    fn what_everybody_can_reach_is_called() {
        for address in [
            "1.1.1.1",
            "93.184.216.34",
            "172.15.255.255",
            "172.32.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "192.167.255.255",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450:4001::1",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:101:101::1",
        ] {
            check(address, None);
        }
    }

    #[test]
    fn what_lies_inside_is_not_however_it_is_wrapped() {
        check("127.0.0.1", Some(Inside::Loopback));
        check("127.255.255.254", Some(Inside::Loopback));
        check("::1", Some(Inside::Loopback));
        check("::ffff:127.0.0.1", Some(Inside::Loopback));
        check("64:ff9b::127.0.0.1", Some(Inside::Loopback));
        check("2002:7f00:1::1", Some(Inside::Loopback));
        check("0.0.0.0", Some(Inside::Unspecified));
        check("0.1.2.3", Some(Inside::Unspecified));
        check("::", Some(Inside::Unspecified));
        check("10.0.0.1", Some(Inside::Private));
        check("172.16.0.1", Some(Inside::Private));
        check("172.31.255.255", Some(Inside::Private));
        check("192.168.1.1", Some(Inside::Private));
        check("::ffff:10.0.0.1", Some(Inside::Private));
        check("2002:a00:1::", Some(Inside::Private));
        check("fd00:ec2::254", Some(Inside::Private));
        check("fec0::1", Some(Inside::Private));
        check("169.254.169.254", Some(Inside::LinkLocal));
        check("::ffff:169.254.169.254", Some(Inside::LinkLocal));
        check("64:ff9b::a9fe:a9fe", Some(Inside::LinkLocal));
        check("2002:a9fe:a9fe::", Some(Inside::LinkLocal));
        check("fe80::1", Some(Inside::LinkLocal));
        check("100.64.0.1", Some(Inside::Shared));
        check("100.100.100.200", Some(Inside::Shared));
        check("224.0.0.1", Some(Inside::Multicast));
        check("ff02::1", Some(Inside::Multicast));
        check("64:ff9b:1::a00:1", Some(Inside::Tunnel));
        check("2001:0:a00:1::", Some(Inside::Tunnel));
        check("2a00:1::5efe:10.0.0.1", Some(Inside::Tunnel));
        check("::127.0.0.1", Some(Inside::Reserved));
        check("::ffff:0:127.0.0.1", Some(Inside::Reserved));
        check("192.0.2.1", Some(Inside::Reserved));
        check("198.18.0.1", Some(Inside::Reserved));
        check("192.88.99.1", Some(Inside::Reserved));
        check("255.255.255.255", Some(Inside::Reserved));
        check("240.0.0.1", Some(Inside::Reserved));
        check("2001:db8::1", Some(Inside::Reserved));
        check("3fff::1", Some(Inside::Reserved));
        check("100::1", Some(Inside::Reserved));
        check("5f00::1", Some(Inside::Reserved));
    }
}
