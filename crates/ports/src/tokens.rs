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

    /// Tokens, the bearer ones first and the sessions last, each kind newest first; at most `limit`.
    async fn list(&self, limit: usize) -> Result<Vec<Token>, StoreError>;

    /// What people signed in for and is neither revoked nor expired at `at`, in browsers and on command
    /// lines, newest first; at most `limit`.
    async fn sign_ins(&self, at: Timestamp, limit: usize) -> Result<Vec<Token>, StoreError>;

    /// Marks a token, and with it every session that it issued, as revoked. `false` if there is
    /// none of that id; revoking twice keeps the first time.
    async fn revoke(&self, id: Uuid, at: Timestamp) -> Result<bool, StoreError>;

    /// Notes that a token was used. A later use that is noted already stays; a token that is not there
    /// is no error.
    async fn used(&self, id: Uuid, at: Timestamp) -> Result<(), StoreError>;
}
