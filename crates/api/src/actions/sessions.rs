//! Who is signed in, in browsers and on command lines.

use pts_domain::Timestamp;
use pts_domain::access::{Scope, Workspace};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::actions::LARGEST_LIMIT;
use crate::{Action, Binding, Effect, Method};

/// This area's actions; see [`each_action`](crate::each_action).
#[doc(hidden)]
#[macro_export]
macro_rules! each_sessions_action {
    ($each:ident) => {
        $each!(answer $crate::actions::sessions::ListSessions);
        $each!(answer $crate::actions::sessions::RevokeSession);
    };
}

/// Where somebody is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionPlace {
    /// In a browser, by a cookie.
    Browser,
    /// On a command line, by a token that the person signed in for on another device.
    CommandLine,
}

/// What somebody is signed in for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionRecord {
    /// Names the session, to end it.
    pub id: Uuid,
    /// Who is signed in.
    pub name: String,
    /// The person as the identity provider names them; null for who signed in with a token or a link.
    pub subject: Option<String>,
    /// Where.
    pub place: SessionPlace,
    /// The roles that the person's groups gave.
    pub roles: Vec<String>,
    /// The only workspace that it reaches; null for all.
    pub workspace: Option<Workspace>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the minute or so.
    pub last_used_at: Option<Timestamp>,
    /// When it is over if it is not used until then.
    pub idle_ends_at: Option<Timestamp>,
    /// When it is over in any case.
    pub expires_at: Option<Timestamp>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// `platform.sessions.list`
pub struct ListSessions;

/// Which sessions are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListSessionsInput {
    /// Only one's own, whoever else's could be seen.
    pub mine: Option<bool>,
    /// At most so many, 1 to 1,000; 100 if not given.
    #[schemars(range(min = 1, max = LARGEST_LIMIT))]
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Action for ListSessions {
    const NAME: &'static str = "platform.sessions.list";
    const SUMMARY: &'static str = "List who is signed in, newest first";
    const DESCRIPTION: &'static str = "One's own sessions; those of everybody with the scope \
        `tokens:manage`. A session is one's own if the same person signed in, or the same token was \
        signed in with. Sessions that are over are not listed.";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/sessions";
    type Input = ListSessionsInput;
    type Output = Vec<SessionRecord>;

    fn example() -> Value {
        json!({ "limit": 10 })
    }
}

/// `platform.sessions.revoke`
pub struct RevokeSession;

/// The session to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeSessionInput {
    /// Its `id`.
    pub id: Uuid,
}

impl Action for RevokeSession {
    const NAME: &'static str = "platform.sessions.revoke";
    const SUMMARY: &'static str = "End a session, wherever it is";
    const DESCRIPTION: &'static str = "It is refused everywhere within a second. One's own session may \
        always be ended, whatever the token may; those of others need the scope `tokens:manage`.";
    const SCOPE: Scope = Scope::TokensManage;
    const EFFECT: Effect = Effect::Control;
    const OPEN: bool = true;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/sessions/revoke";
    const BINDING: Binding = Binding::Command;
    const ERRORS: &'static [u16] = &[404];
    type Input = RevokeSessionInput;
    type Output = SessionRecord;

    fn example() -> Value {
        json!({ "id": "019caa3c-5e80-7000-8000-000000000003" })
    }
}
