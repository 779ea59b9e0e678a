//! Where tokens are kept.

use async_trait::async_trait;
use pts_domain::Timestamp;
use pts_domain::access::{Token, TokenKind, Workspace};
use uuid::Uuid;

use crate::StoreError;

/// Which tokens are wanted. Everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenQuery {
    /// The one of that id.
    pub id: Option<Uuid>,
    /// Those of that name.
    pub name: Option<String>,
    /// Those that are presented so.
    pub kind: Option<TokenKind>,
    /// Those that are bound to that workspace.
    pub workspace: Option<Workspace>,
    /// Those that have not ended by then.
    pub live_at: Option<Timestamp>,
    /// Those after the token that was made then and has that id, newest first.
    pub behind: Option<(Timestamp, Uuid)>,
}

impl TokenQuery {
    /// Whether a token is wanted.
    pub fn wants(&self, token: &Token) -> bool {
        self.id.is_none_or(|id| token.id == id)
            && self.name.as_ref().is_none_or(|name| token.name == *name)
            && self.kind.is_none_or(|kind| token.kind == kind)
            && (self.workspace.is_none() || token.workspace == self.workspace)
            && self.live_at.is_none_or(|at| token.check(at).is_ok())
            && self
                .behind
                .is_none_or(|behind| (token.created_at, token.id) < behind)
    }
}

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

    /// Those that are wanted, newest first; at most `limit`.
    async fn search(&self, query: &TokenQuery, limit: usize) -> Result<Vec<Token>, StoreError>;

    /// Notes when tokens were used. Of one that was noted less than a minute before, nothing is
    /// written; of one that is not there, neither.
    async fn used(&self, uses: &[(Uuid, Timestamp)]) -> Result<(), StoreError>;

    /// Marks a token, and with it every session that it issued, as revoked. `false` if there is
    /// none of that id; revoking twice keeps the first time.
    async fn revoke(&self, id: Uuid, at: Timestamp) -> Result<bool, StoreError>;
}
