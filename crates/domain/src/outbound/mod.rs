//! Where the service may call by itself. Somebody who may name an address, in a webhook say, must not be
//! able to reach with the server's hands what they cannot reach with their own: the machine itself, the
//! network behind it, or the cloud's metadata. What is allowed all the same is named.

mod address;
mod allowed;

pub use address::Inside;
pub use allowed::Allowed;

use std::net::IpAddr;

/// Why an address is not called; `None` for one that everybody can reach.
pub fn inside(address: IpAddr) -> Option<Inside> {
    address::inside(address)
}
