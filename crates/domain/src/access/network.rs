//! A network that a token may be used from.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A network of addresses in CIDR notation, such as `10.1.0.0/16`; a lone address is a network of one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Network(IpNet);

impl Network {
    /// Whether all of another lies in it.
    pub fn holds(&self, other: &Self) -> bool {
        self.0.contains(&other.0)
    }

    /// Whether an address lies in it. An IPv4 address written as IPv6 is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let alone = text
            .parse()
            .map(|address: IpAddr| address.to_canonical().into());
        match alone.or_else(|_| text.parse::<IpNet>()) {
            Ok(network) => Ok(Self(network.trunc())),
            Err(_) => Err(format!(
                "`{}` is no network; expected an address such as `192.0.2.7` or `2001:db8::/32`",
                text.escape_debug()
            )),
        }
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_however_they_are_written() {
        let check = |network: &str, address: &str, inside: bool| {
            let network: Network = network.parse().unwrap();
            let address = address.parse().unwrap();
            assert_eq!(network.contains(address), inside, "{network} {address}");
        };
        check("10.1.0.0/16", "10.1.2.3", true);
        check("10.1.2.3/16", "10.1.200.3", true);
        check("10.1.0.0/16", "10.2.0.1", false);
        check("10.1.0.0/16", "::ffff:10.1.2.3", true);
        check("192.0.2.7", "192.0.2.7", true);
        check("192.0.2.7", "192.0.2.8", false);
        check("::ffff:192.0.2.7", "192.0.2.7", true);
        check("2001:db8::/32", "2001:db8:1::1", true);
        check("0.0.0.0/0", "2001:db8::1", false);
    }

    #[test]
    fn what_is_no_network_is_said() {
        for bad in ["", "10.1", "10.0.0.0/33", "host", "10.0.0.0/8 "] {
            assert!(
                bad.parse::<Network>().unwrap_err().contains("192.0.2.7"),
                "{bad}"
            );
        }
    }
}
