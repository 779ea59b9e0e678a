//! What people sign in for: made for a person whom the identity provider knows, over when it is not used
//! for a while, listed while it lasts.

use pts_domain::access::{Token, TokenKind};
use pts_domain::signin::{Admission, Lifetimes, Person};
use pts_ports::StoreError;

use super::{Access, MOST_LISTED, Session};
use crate::AccessError;

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
        let end = self.session_end(None);
        let (text, made) = self.make_up(kind, None, Some(end));
        let token = Token {
            name: person.name.clone(),
            roles: admission.roles,
            workspace: admission.workspace,
            subject: Some(person.key()),
            ..made
        };
        self.keep_session((text, token)).await
    }

    /// What people are signed in for now, newest first.
    pub(crate) async fn sign_ins(&self) -> Result<Vec<Token>, StoreError> {
        let now = self.clock.now();
        let mut good = self.store.sign_ins(now, MOST_LISTED).await?;
        good.retain(|token| token.check_idle(now, self.lifetimes.idle).is_ok());
        good.sort_by_key(|token| std::cmp::Reverse(token.id));
        Ok(good)
    }
}
