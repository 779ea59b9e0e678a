//! What people sign in for: made for a person whom the identity provider knows, over when it is not used
//! for a while, listed while it lasts.

use chrono::Duration;
use pts_domain::Timestamp;
use pts_domain::access::{Token, TokenKind};
use pts_domain::signin::{Admission, Lifetimes, Person};
use pts_ports::StoreError;

use super::{Access, MOST_LISTED, Session};
use crate::AccessError;

/// A use is written down no more often than this.
const USE_NOTED_EVERY: Duration = Duration::minutes(1);

impl Access {
    /// How long sessions last.
    pub(crate) const fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }

    /// Makes what a person has signed in for: a browser's session, or a token for a command line.
    pub(crate) async fn admit(
        &self,
        person: &Person,
        admission: Admission,
        kind: TokenKind,
    ) -> Result<Session, AccessError> {
        let (end, name) = (self.session_end(None), person.name.clone());
        let (text, made) = self.make_up(name, kind, [].into(), None, Some(end));
        let token = Token {
            roles: admission.roles,
            workspace: admission.workspace,
            subject: Some(person.key()),
            ..made
        };
        self.keep_session(text, token, end).await
    }

    /// What people are signed in for now, newest first.
    pub(crate) async fn sign_ins(&self) -> Result<Vec<Token>, StoreError> {
        let now = self.clock.now();
        let mut good = self.store.sign_ins(now, MOST_LISTED).await?;
        good.retain(|token| token.check_idle(now, self.lifetimes.idle).is_ok());
        good.sort_by_key(|token| std::cmp::Reverse(token.id));
        Ok(good)
    }

    /// Notes that a session is used: what is not used for a while ends. A store that does not take it
    /// is no reason to turn somebody away.
    pub(super) async fn note_use(&self, token: Token, now: Timestamp) -> Token {
        let lately = |used: Timestamp| now - used < USE_NOTED_EVERY;
        if !token.is_sign_in() || lately(token.last_used_at.unwrap_or(token.created_at)) {
            return token;
        }
        if let Err(error) = self.store.used(token.id, now).await {
            tracing::warn!(%error, "the use of a session could not be noted");
            return token;
        }
        Token {
            last_used_at: Some(now),
            ..token
        }
    }
}
