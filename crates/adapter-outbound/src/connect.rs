//! A connection to an address that was checked, and to no other.

use std::net::{IpAddr, SocketAddr};

use pts_domain::outbound::inside;
use pts_ports::OutboundError;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use url::Host;

use crate::HttpOutbound;
use crate::target::Target;

/// Addresses of one name that are tried.
const MOST_TRIED: usize = 4;

/// A connection, with TLS or without.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl HttpOutbound {
    /// Resolves the host, checks everything that it leads to, and connects to the first that answers.
    pub(crate) async fn connect(&self, target: &Target) -> Result<Box<dyn Stream>, OutboundError> {
        let addresses = self.addresses(target).await?;
        for address in &addresses {
            self.permit(target, *address)?;
        }
        let stream = self.reach(target, &addresses).await?;
        if !target.is_secure() {
            return Ok(Box::new(stream));
        }
        let name = match target.host() {
            Host::Domain(name) => ServerName::try_from(name.clone()),
            Host::Ipv4(address) => Ok(ServerName::from(IpAddr::from(*address))),
            Host::Ipv6(address) => Ok(ServerName::from(IpAddr::from(*address))),
        };
        let name = name.map_err(|_| failed(target, "has a name that no certificate can have"))?;
        let stream = self.tls.connect(name, stream).await;
        let stream = stream.map_err(|error| failed(target, &format!("TLS: {error}")))?;
        Ok(Box::new(stream))
    }

    async fn addresses(&self, target: &Target) -> Result<Vec<IpAddr>, OutboundError> {
        let Host::Domain(name) = target.host() else {
            return Ok(target.address().into_iter().collect());
        };
        let found = self.resolver.resolve(name).await;
        let found = found.map_err(|error| failed(target, &format!("no address: {error}")))?;
        if found.is_empty() {
            return Err(failed(target, "no address"));
        }
        Ok(found)
    }

    /// Refuses an address that lies inside, unless it is allowed. One of several is enough to refuse
    /// them all: nobody has a good one and a bad one for the same name by accident.
    pub(crate) fn permit(&self, target: &Target, address: IpAddr) -> Result<(), OutboundError> {
        let Some(inside) = inside(address) else {
            return Ok(());
        };
        let (name, port) = (target.name(), target.port());
        let allowed = &self.settings.allow;
        if allowed.iter().any(|one| one.fits(&name, address, port)) {
            return Ok(());
        }
        let why =
            format!("{target} is {inside}; `outbound.allow` can name what is called all the same");
        Err(OutboundError::Refused(why))
    }

    async fn reach(
        &self,
        target: &Target,
        addresses: &[IpAddr],
    ) -> Result<TcpStream, OutboundError> {
        let mut why = failed(target, "no address");
        for address in addresses.iter().take(MOST_TRIED) {
            let address = SocketAddr::new(*address, target.port());
            let within = self.settings.connect_within;
            match tokio::time::timeout(within, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => why = failed(target, &error.to_string()),
                Err(_) => why = failed(target, "no connection in time"),
            }
        }
        Err(why)
    }
}

pub(crate) fn failed(target: &Target, why: &str) -> OutboundError {
    OutboundError::Failed(format!("{target}: {why}"))
}
