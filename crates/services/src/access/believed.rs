//! Tokens that were checked a moment ago, so that not every request asks the store; and who of them was
//! used when, to be written down now and then.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::Duration;
use pts_domain::Timestamp;
use pts_domain::access::Token;
use uuid::Uuid;

/// For so long a checked token is believed; so a revocation takes effect within it.
pub(super) const BELIEVED: Duration = Duration::seconds(1);
/// While the store cannot be asked, a token that was good so lately may still read the service's own
/// figures: they matter most just then. And who was good so lately is guessing nothing.
pub(super) const REMEMBERED: Duration = Duration::minutes(5);
/// So many checked tokens are remembered at the most.
const MOST: usize = 10_000;
/// When a token was last used is known to that.
const NOTED_EVERY: Duration = Duration::minutes(1);

/// What is remembered of tokens.
#[derive(Default)]
pub(super) struct Believed {
    tokens: Mutex<HashMap<[u8; 32], Belief>>,
    /// Uses that wait to be written down.
    uses: Mutex<HashMap<Uuid, Timestamp>>,
}

struct Belief {
    token: Token,
    since: Timestamp,
    /// The last use that was noted.
    noted: Option<Timestamp>,
}

impl Believed {
    /// A token that was checked not longer ago than that.
    pub(super) fn recall(
        &self,
        hash: &[u8; 32],
        now: Timestamp,
        within: Duration,
    ) -> Option<Token> {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let belief = tokens.get(hash)?;
        // A clock that was set back must not make a belief last.
        let fresh = belief.since <= now && now - belief.since < within;
        fresh.then(|| belief.token.clone())
    }

    /// Whether it was checked not longer ago than that.
    pub(super) fn knows(&self, hash: &[u8; 32], now: Timestamp, within: Duration) -> bool {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let belief = tokens.get(hash);
        belief.is_some_and(|belief| belief.since <= now && now - belief.since < within)
    }

    pub(super) fn believe(&self, token: Token, now: Timestamp) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= MOST && !tokens.contains_key(&token.hash) {
            tokens.retain(|_, belief| belief.since <= now && now - belief.since < BELIEVED);
            if tokens.len() >= MOST {
                tokens.clear();
            }
        }
        let before = tokens.get(&token.hash).and_then(|belief| belief.noted);
        let noted = before.max(token.last_used_at);
        let belief = Belief {
            since: now,
            noted,
            token,
        };
        tokens.insert(belief.token.hash, belief);
    }

    pub(super) fn forget(&self, gone: impl Fn(&Token) -> bool) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, belief| !gone(&belief.token));
    }

    /// Notes that a token is used now, unless that was noted lately.
    pub(super) fn note_use(&self, hash: &[u8; 32], now: Timestamp) {
        let due = {
            let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
            let belief = tokens
                .get_mut(hash)
                .filter(|belief| belief.noted.is_none_or(|noted| now - noted >= NOTED_EVERY));
            belief.map(|belief| {
                belief.noted = Some(now);
                belief.token.id
            })
        };
        if let Some(id) = due {
            let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
            if uses.len() < MOST {
                uses.insert(id, now);
            }
        }
    }

    /// When a token was last noted to be used here.
    pub(super) fn noted(&self, hash: &[u8; 32]) -> Option<Timestamp> {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(hash).and_then(|belief| belief.noted)
    }

    /// The uses to be written down.
    pub(super) fn take_uses(&self) -> Vec<(Uuid, Timestamp)> {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        uses.drain().collect()
    }

    /// Keeps what could not be written down, unless there is something newer.
    pub(super) fn put_back(&self, unwritten: Vec<(Uuid, Timestamp)>) {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, at) in unwritten {
            if uses.len() < MOST {
                uses.entry(id).or_insert(at);
            }
        }
    }
}
