//! Where it is kept which previews can be confirmed.

use async_trait::async_trait;
use pts_domain::Timestamp;
use pts_domain::access::Confirmation;

use crate::StoreError;

/// Keeps what previews are confirmed with: never the texts, only hashes.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Confirmations: Send + Sync {
    /// Keeps one, and forgets those that had expired at `now`.
    async fn keep(&self, confirmation: Confirmation, now: Timestamp) -> Result<(), StoreError>;

    /// The one of that hash, used and expired ones too as long as they are there.
    async fn find(&self, hash: [u8; 32]) -> Result<Option<Confirmation>, StoreError>;

    /// Marks one as used. `true` for exactly one caller, ever, and only if it had not expired at `at`.
    async fn spend(&self, hash: [u8; 32], at: Timestamp) -> Result<bool, StoreError>;
}
