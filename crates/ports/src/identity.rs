//! Where people are known: an identity provider that signs them in on our behalf.

use async_trait::async_trait;
use pts_domain::signin::{Attempt, Person};

/// Signs people in. Nothing that it returns is a secret of the provider's; what a browser or a command
/// line is handed is good for one sign-in.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// The provider's own name, by which its answers name it: a URL.
    fn issuer(&self) -> &str;

    /// Where to send a browser for this attempt. It comes back with `code` and the attempt's `state`.
    async fn authorization_url(&self, attempt: &Attempt) -> Result<String, ProviderError>;

    /// Who has signed in, for the code that the browser came back with.
    ///
    /// MUST return [`ProviderError::Untrusted`] unless the provider's statement is signed by a key that
    /// it publishes, is made by it, for us, for this attempt, and is good now within the tolerated
    /// difference of clocks.
    async fn redeem(&self, code: &str, attempt: &Attempt) -> Result<Person, ProviderError>;

    /// Begins a sign-in on another device than the one that asks (RFC 8628).
    async fn start_device(&self) -> Result<DeviceGrant, ProviderError>;

    /// Whether somebody has signed in on the other device by now, and who. The same obligations as
    /// [`IdentityProvider::redeem`], but for the attempt: there is no browser to bind it to.
    async fn poll_device(&self, device_code: &str) -> Result<DevicePoll, ProviderError>;

    /// Looks whether the provider answers, and takes over the keys that it publishes now.
    async fn refresh(&self) -> Result<(), ProviderError>;
}

/// What is needed to sign in on another device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceGrant {
    /// What to ask with; for whoever asks alone.
    pub device_code: String,
    /// What the person enters on the other device.
    pub user_code: String,
    /// Where they enter it.
    pub verification_uri: String,
    /// The same with the code filled in, where the provider has such.
    pub verification_uri_complete: Option<String>,
    /// The codes are good for so many seconds.
    pub expires_in_s: u64,
    /// Seconds to wait between two questions.
    pub interval_s: u64,
}

/// What has become of a sign-in on another device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DevicePoll {
    /// Nobody has signed in yet.
    Pending,
    /// The same, and it was asked too often: wait five seconds more from now on.
    SlowDown,
    /// Somebody has.
    Granted(Person),
}

/// Why nobody was signed in. `Display` is for logs and operators.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The provider cannot be reached or does not work; trying again may help.
    #[error("the identity provider is unavailable: {0}")]
    Unavailable(String),
    /// The person, or the provider on their behalf, said no.
    #[error("the identity provider refused: {0}")]
    Denied(String),
    /// The code is used, too old or none of the provider's.
    #[error("the code is used, too old or unknown")]
    Expired,
    /// What the provider states cannot be believed.
    #[error("the identity provider's statement cannot be believed: {0}")]
    Untrusted(Doubt),
    /// The provider does not know us, or cannot do what was asked of it.
    #[error("the identity provider is not set up for this: {0}")]
    Misconfigured(String),
}

/// What is wrong with a provider's statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// No statement, or none that can be read.
    #[error("there is none that can be read")]
    Unreadable,
    /// Not signed by a key of the provider's, or in a way that is not accepted.
    #[error("its signature is not good")]
    Signature,
    /// Made by another.
    #[error("it is not made by this provider")]
    Issuer,
    /// Made for another.
    #[error("it is not made for this service")]
    Audience,
    /// Made for another attempt.
    #[error("it is not made for this attempt (nonce)")]
    Nonce,
    /// Over, or from the future, by more than clocks may differ.
    #[error("it is not good at this time; do the clocks agree?")]
    Time,
    /// The two places where the provider speaks of the person do not agree on who that is.
    #[error("it speaks of two different persons")]
    Subject,
}
