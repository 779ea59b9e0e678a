//! Why nobody was signed in, as the person may know it.

use pts_ports::{Doubt, ProviderError};

use crate::AccessError;
use crate::error::RETRY_AFTER_S;

/// Why nobody was signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// There is no identity provider.
    #[error("no identity provider is configured")]
    NotConfigured,
    /// What came back is not the answer to what this browser asked.
    #[error("this is not the answer to a sign-in that this browser began")]
    NotBegun,
    /// The code is used, too old or unknown.
    #[error("the code is used, too old or unknown")]
    Expired,
    /// The person, or the provider on their behalf, said no.
    #[error("the identity provider refused")]
    Denied,
    /// None of the person's groups gives a role.
    #[error("none of your groups has a role here")]
    NoRole,
    /// What the provider states cannot be believed.
    #[error("the identity provider's statement cannot be believed: {0}")]
    Untrusted(Doubt),
    /// The provider cannot be asked; there are other ways to sign in.
    #[error("the identity provider cannot be asked; try again in {retry_after_s} s")]
    ProviderAway {
        /// When trying again may help.
        retry_after_s: u64,
    },
    /// Too many sign in at the same time.
    #[error("too many sign in at the same time")]
    Busy,
    /// The session cannot be stored now.
    #[error("not available at the moment; try again in {retry_after_s} s")]
    Unavailable {
        /// When trying again may help.
        retry_after_s: u64,
    },
    /// It has to be written down who is let in, and cannot be.
    #[error("the audit cannot be written; try again in {retry_after_s} s")]
    AuditUnavailable {
        /// When trying again may help.
        retry_after_s: u64,
    },
    /// A fault of ours.
    #[error("something went wrong inside")]
    Internal,
}

/// When to ask again for a provider that is away, in seconds.
const PROVIDER_RETRY_S: u64 = 10;

impl From<ProviderError> for SignInError {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Unavailable(_) | ProviderError::Misconfigured(_) => Self::ProviderAway {
                retry_after_s: PROVIDER_RETRY_S,
            },
            ProviderError::Denied(_) => Self::Denied,
            ProviderError::Expired => Self::Expired,
            ProviderError::Untrusted(doubt) => Self::Untrusted(doubt),
        }
    }
}

impl From<AccessError> for SignInError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Unavailable { .. } => Self::Unavailable {
                retry_after_s: RETRY_AFTER_S,
            },
            AccessError::AuditUnavailable { retry_after_s } => {
                Self::AuditUnavailable { retry_after_s }
            }
            // A session that was just made is not presented by anybody.
            AccessError::Refused(_)
            | AccessError::TooManyFailures { .. }
            | AccessError::Internal => Self::Internal,
        }
    }
}
