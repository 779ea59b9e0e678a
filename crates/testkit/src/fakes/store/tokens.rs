//! Tokens in memory.

use std::cmp::Reverse;

use async_trait::async_trait;
use chrono::Duration;
use pts_domain::Timestamp;
use pts_domain::access::Token;
use pts_ports::{StoreError, TokenQuery, TokenStore};
use uuid::Uuid;

use super::MemoryStore;

#[async_trait]
impl TokenStore for MemoryStore {
    async fn insert(&self, token: Token) -> Result<(), StoreError> {
        let mut state = self.open()?;
        let taken = |other: &Token| other.id == token.id || other.hash == token.hash;
        if state.tokens.iter().any(taken) {
            return Err(StoreError::Other(
                "a token of this id or hash is there".into(),
            ));
        }
        state.tokens.push(token);
        Ok(())
    }

    async fn find(&self, hash: [u8; 32]) -> Result<Option<Token>, StoreError> {
        let state = self.open()?;
        Ok(state
            .tokens
            .iter()
            .find(|token| token.hash == hash)
            .cloned())
    }

    async fn list(&self, limit: usize) -> Result<Vec<Token>, StoreError> {
        let mut tokens = self.open()?.tokens.clone();
        tokens.sort_by_key(|token| (token.kind.as_str(), Reverse((token.created_at, token.id))));
        tokens.truncate(limit);
        Ok(tokens)
    }

    async fn sign_ins(&self, at: Timestamp, limit: usize) -> Result<Vec<Token>, StoreError> {
        let mut tokens = self.open()?.tokens.clone();
        tokens.retain(|token| token.is_sign_in() && token.revoked_at.is_none());
        tokens.retain(|token| token.expires_at.is_none_or(|end| end > at));
        tokens.sort_by_key(|token| Reverse((token.created_at, token.id)));
        tokens.truncate(limit);
        Ok(tokens)
    }

    async fn search(&self, query: &TokenQuery, limit: usize) -> Result<Vec<Token>, StoreError> {
        let mut tokens = self.open()?.tokens.clone();
        tokens.retain(|token| query.wants(token));
        tokens.sort_by_key(|token| Reverse((token.created_at, token.id)));
        tokens.truncate(limit);
        Ok(tokens)
    }

    async fn used(&self, uses: &[(Uuid, Timestamp)]) -> Result<(), StoreError> {
        let mut state = self.open()?;
        for (id, at) in uses {
            let due = |token: &&mut Token| {
                token.id == *id
                    && token
                        .last_used_at
                        .is_none_or(|last| *at - last >= Duration::minutes(1))
            };
            for token in state.tokens.iter_mut().filter(due) {
                token.last_used_at = Some(*at);
            }
        }
        Ok(())
    }

    async fn revoke(&self, id: Uuid, at: Timestamp) -> Result<bool, StoreError> {
        let mut state = self.open()?;
        if !state.tokens.iter().any(|token| token.id == id) {
            return Ok(false);
        }
        for token in &mut state.tokens {
            if token.id == id || token.issued_by == Some(id) {
                token.revoked_at = token.revoked_at.or(Some(at));
            }
        }
        Ok(true)
    }
}
