//! Who is signed in. One's own sessions are everybody's to end; those of others are not even known to be
//! there without the scope for it.

use pts_api::actions::sessions::{
    ListSessions, ListSessionsInput, RevokeSession, RevokeSessionInput, SessionPlace, SessionRecord,
};
use pts_domain::access::{Principal, Scope, Token, TokenKind};
use pts_domain::filter::{Cursor, Page};
use uuid::Uuid;

use crate::coverage::{Found, Question, found, page};
use crate::gateway::{CursorKind, cursor, limit};
use crate::{ActionError, Gateway, UseCase};

/// Whose sessions are meant, as far as the asker may.
struct Reach<'a> {
    /// Nobody in particular: whoever runs the program on the machine itself.
    caller: Option<&'a Principal>,
    /// The token behind the caller's own session.
    issued_by: Option<Uuid>,
    /// Only the caller's own.
    mine: bool,
}

impl<'a> Reach<'a> {
    fn of(caller: Option<&'a Principal>, sessions: &[Token], mine: bool) -> Self {
        let own = caller.and_then(|caller| sessions.iter().find(|it| it.id == caller.token_id));
        let manages = caller.is_none_or(|caller| caller.may(Scope::TokensManage));
        Self {
            caller,
            issued_by: own.and_then(|own| own.issued_by),
            mine: mine || !manages,
        }
    }

    fn includes(&self, session: &Token) -> bool {
        let Some(caller) = self.caller else {
            return true;
        };
        let bound = |session: &Token| session.workspace.as_ref() == Some(&caller.workspace);
        let managed = !self.mine && (!caller.bound || bound(session));
        managed || self.is_own(caller, session)
    }

    /// The same session, the same person, or the same token behind it.
    fn is_own(&self, caller: &Principal, session: &Token) -> bool {
        let issued = session.issued_by;
        session.id == caller.token_id
            || (session.subject.is_some() && session.subject == caller.subject)
            || (issued.is_some() && (issued == Some(caller.token_id) || issued == self.issued_by))
    }
}

impl Gateway {
    async fn list_sessions(
        &self,
        caller: Option<&Principal>,
        input: ListSessionsInput,
    ) -> Result<Found<Vec<SessionRecord>>, ActionError> {
        let limit = limit(input.limit)?;
        let behind = match cursor(input.cursor.as_deref(), CursorKind::Name(1))? {
            Some(Cursor::Name(parts)) => parts.first().and_then(|id| id.parse::<Uuid>().ok()),
            _ => None,
        };
        let mut sessions = self.access().sign_ins().await?;
        let reach = Reach::of(caller, &sessions, input.mine.unwrap_or(false));
        let wanted: Vec<bool> = sessions.iter().map(|it| reach.includes(it)).collect();
        let mut wanted = wanted.into_iter();
        sessions.retain(|_| wanted.next().unwrap_or(false));
        sessions.retain(|session| behind.is_none_or(|behind| session.id < behind));
        sessions.truncate(limit + 1);
        let after = |session: &Token| Cursor::Name(vec![session.id.to_string()]);
        let sessions = Page::cut(sessions, limit, after);
        let current = caller.map(|caller| caller.token_id);
        Ok(page(sessions, Question::itself(), |session| {
            self.session_record(session, current)
        }))
    }

    async fn revoke_session(
        &self,
        caller: Option<&Principal>,
        input: RevokeSessionInput,
    ) -> Result<Found<SessionRecord>, ActionError> {
        let sessions = self.access().sign_ins().await?;
        let reach = Reach::of(caller, &sessions, false);
        let meant = |session: &&Token| session.id == input.id && reach.includes(session);
        let session = sessions.iter().find(meant).cloned();
        let session = session.ok_or_else(|| ActionError::NotFound {
            what: format!("a session {}", input.id),
        })?;
        self.access().revoke(session.id).await?;
        let by = caller.map(|caller| caller.token_id.to_string());
        tracing::info!(session = %session.id, by, "a session was ended");
        let current = caller.map(|caller| caller.token_id);
        Ok(found(
            self.session_record(session, current),
            Question::itself(),
        ))
    }

    fn session_record(&self, session: Token, current: Option<Uuid>) -> SessionRecord {
        SessionRecord {
            id: session.id,
            idle_ends_at: session.idle_end(self.access().lifetimes().idle),
            place: match session.kind {
                TokenKind::Session => SessionPlace::Browser,
                TokenKind::Bearer | TokenKind::Service => SessionPlace::CommandLine,
            },
            current: current == Some(session.id),
            name: session.name,
            subject: session.subject,
            roles: session.roles.into_iter().collect(),
            workspace: session.workspace,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
        }
    }
}

impl UseCase<ListSessions> for Gateway {
    async fn run(
        &self,
        input: ListSessionsInput,
    ) -> Result<Found<Vec<SessionRecord>>, ActionError> {
        self.list_sessions(None, input).await
    }

    async fn run_for(
        &self,
        caller: &Principal,
        input: ListSessionsInput,
    ) -> Result<Found<Vec<SessionRecord>>, ActionError> {
        self.list_sessions(Some(caller), input).await
    }
}

impl UseCase<RevokeSession> for Gateway {
    async fn run(&self, input: RevokeSessionInput) -> Result<Found<SessionRecord>, ActionError> {
        self.revoke_session(None, input).await
    }

    async fn run_for(
        &self,
        caller: &Principal,
        input: RevokeSessionInput,
    ) -> Result<Found<SessionRecord>, ActionError> {
        self.revoke_session(Some(caller), input).await
    }

    async fn is_own(
        &self,
        caller: &Principal,
        input: &RevokeSessionInput,
    ) -> Result<bool, ActionError> {
        let sessions = self.access().sign_ins().await?;
        let reach = Reach::of(Some(caller), &sessions, true);
        let own = |session: &Token| session.id == input.id && reach.includes(session);
        Ok(sessions.iter().any(own))
    }
}
