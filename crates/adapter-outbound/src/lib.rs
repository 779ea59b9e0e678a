//! Calls to the outside that cannot be led inside: a name is resolved once, what it leads to is checked,
//! and exactly that is connected to, at first and on every redirect. There is no proxy, no cookie and no
//! pool: a call takes nothing from another.
//!
//! **Architecture invariant:** which addresses lie inside is decided in `pts_domain::outbound`.

mod call;
mod connect;
mod resolve;
mod target;
mod tls;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pts_domain::outbound::Allowed;
use pts_ports::{Outbound, OutboundError};
use tokio_rustls::TlsConnector;

pub use resolve::{Resolve, SystemResolver};

use target::Target;

/// How often an answer may lead on.
const MOST_REDIRECTS: usize = 3;

/// What a client of this kind is made with.
#[derive(Debug, Clone)]
pub struct OutboundSettings {
    /// What may be called although it lies inside.
    pub allow: Vec<Allowed>,
    /// How long a call may take, with everything that it leads to.
    pub deadline: Duration,
    /// How long a connection may take.
    pub connect_within: Duration,
    /// A file with root certificates instead of the system's.
    pub roots: Option<PathBuf>,
}

impl Default for OutboundSettings {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            deadline: Duration::from_secs(10),
            connect_within: Duration::from_secs(3),
            roots: None,
        }
    }
}

/// An HTTP client for addresses that others name.
pub struct HttpOutbound {
    settings: OutboundSettings,
    resolver: Arc<dyn Resolve>,
    tls: TlsConnector,
}

impl HttpOutbound {
    /// A client that resolves names as the system does.
    ///
    /// # Errors
    /// That there are no root certificates to believe a server by.
    pub fn new(settings: OutboundSettings) -> Result<Self, OutboundError> {
        Self::with_resolver(settings, Arc::new(SystemResolver))
    }

    /// The same with another resolver.
    ///
    /// # Errors
    /// As [`HttpOutbound::new`].
    pub fn with_resolver(
        settings: OutboundSettings,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, OutboundError> {
        let tls = tls::connector(settings.roots.as_deref())?;
        Ok(Self {
            settings,
            resolver,
            tls,
        })
    }

    /// Whether an address could be called as far as can be told without resolving its name.
    ///
    /// # Errors
    /// [`OutboundError::Invalid`], or [`OutboundError::Refused`] for an address that lies inside.
    pub fn check(&self, url: &str) -> Result<(), OutboundError> {
        let target = Target::read(url)?;
        match target.address() {
            Some(address) => self.permit(&target, address),
            None => Ok(()),
        }
    }

    /// The same for an address that a token is shown to.
    ///
    /// # Errors
    /// As [`HttpOutbound::check`]; also for an address without TLS or with a user in it.
    pub fn check_as(&self, token: &str, url: &str) -> Result<(), OutboundError> {
        self.check(url)?;
        Target::read(url)?.shown(token).map(|_| ())
    }

    /// Calls, within the time that a call may take.
    async fn call(
        &self,
        target: Target,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<u16, OutboundError> {
        let deadline = self.settings.deadline;
        let calling = self.follow(target, content_type, body.into());
        match tokio::time::timeout(deadline, calling).await {
            Ok(done) => done,
            Err(_) => Err(OutboundError::Failed(format!(
                "no answer within {} ms",
                deadline.as_millis()
            ))),
        }
    }

    async fn follow(
        &self,
        mut target: Target,
        content_type: &str,
        body: Bytes,
    ) -> Result<u16, OutboundError> {
        for _ in 0..=MOST_REDIRECTS {
            let stream = self.connect(&target).await?;
            let answer = call::post(stream, &target, content_type, body.clone()).await?;
            match answer.location {
                Some(location) => target = target.redirected(&location)?,
                None => return Ok(answer.status),
            }
        }
        Err(OutboundError::Failed(format!(
            "more than {MOST_REDIRECTS} redirects, the last one to {target}"
        )))
    }
}

#[async_trait]
impl Outbound for HttpOutbound {
    async fn post(
        &self,
        url: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<u16, OutboundError> {
        self.call(Target::read(url)?, content_type, body).await
    }

    async fn post_as(
        &self,
        token: &str,
        url: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<u16, OutboundError> {
        let target = Target::read(url)?.shown(token)?;
        self.call(target, content_type, body).await
    }
}
