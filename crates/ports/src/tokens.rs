//! Where tokens are kept.

use async_trait::async_trait;
use pts_domain::Timestamp;
use pts_domain::access::Token;
use uuid::Uuid;

use crate::StoreError;

/// Keeps tokens: never their secrets, only hashes.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// Keeps a new token.
    async fn insert(&self, token: Token) -> Result<(), StoreError>;

    /// The token of that hash, revoked and expired ones too.
    async fn find(&self, hash: [u8; 32]) -> Result<Option<Token>, StoreError>;

    /// Tokens, the bearer ones before the sessions, each newest first; at most `limit`.
    async fn list(&self, limit: usize) -> Result<Vec<Token>, StoreError>;

    /// Marks a token, and with it every session that it issued, as revoked. `false` if there is
    /// none of that id; revoking twice keeps the first time.
    async fn revoke(&self, id: Uuid, at: Timestamp) -> Result<bool, StoreError>;
}
