//! Calls to the outside, to addresses that somebody named.

use async_trait::async_trait;

/// Why a call was not made, or not answered. `Display` tells the host at the most: the rest of an
/// address may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The address cannot be read, or is none that is called.
    #[error("the address cannot be called: {0}")]
    Invalid(String),
    /// It leads inside, where nobody allowed a call. Trying again does not help.
    #[error("the call was refused: {0}")]
    Refused(String),
    /// Nobody answered, or not as it should be. Trying again may help.
    #[error("the call failed: {0}")]
    Failed(String),
}

/// Calls out.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Outbound: Send + Sync {
    /// Sends a body by POST; returns the status of the answer, whatever that is.
    ///
    /// MUST check every address after its name was resolved, connect to the checked one and no other,
    /// and do so again wherever the answer leads on to. MUST end within a time of its own, and read
    /// no more than it can hold. MUST NOT take its way from the environment, nor hand credentials of
    /// one host to another.
    async fn post(
        &self,
        url: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<u16, OutboundError>;

    /// The same as whoever holds this token. It is shown to the host of `url` alone, and MUST NOT be
    /// sent without TLS but to this machine itself.
    async fn post_as(
        &self,
        token: &str,
        url: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<u16, OutboundError>;
}
