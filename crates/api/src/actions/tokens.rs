//! Tokens: who holds which, making one, and ending it.

use pts_domain::Timestamp;
use pts_domain::access::{Network, Scope, TokenKind, Workspace};
use pts_domain::time::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::actions::LARGEST_LIMIT;
use crate::{Action, Binding, Effect, Method};

/// This area's actions; see [`each_action`](crate::each_action).
#[doc(hidden)]
#[macro_export]
macro_rules! each_tokens_action {
    ($each:ident) => {
        $each!(answer $crate::actions::tokens::ListTokens);
        $each!(answer $crate::actions::tokens::GetToken);
        $each!(answer $crate::actions::tokens::CreateToken);
        $each!(answer $crate::actions::tokens::RevokeToken);
    };
}

/// Whether a token is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenState {
    /// It is.
    Live,
    /// It has ended by itself.
    Expired,
    /// Somebody ended it.
    Revoked,
}

/// What is known of a token: never its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenRecord {
    /// Names it.
    pub id: Uuid,
    /// What a person called it.
    pub name: String,
    /// How it is presented.
    pub kind: TokenKind,
    /// Whether it is good.
    pub state: TokenState,
    /// What it allows by itself.
    pub scopes: Vec<Scope>,
    /// The roles that it allows as well, by their names.
    pub roles: Vec<String>,
    /// The only workspace that it reaches; null if it may act in any.
    pub workspace: Option<Workspace>,
    /// Where it may be used from; from everywhere if there is none.
    pub networks: Vec<Network>,
    /// The person behind a session, as the identity provider names them.
    pub subject: Option<String>,
    /// The token that a session was signed in with.
    pub issued_by: Option<Uuid>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to a minute; null if it never was.
    pub last_used_at: Option<Timestamp>,
    /// When it ends by itself; null if it does not.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// `platform.tokens.list`
pub struct ListTokens;

/// Which tokens are wanted. Everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListTokensInput {
    /// Those that are presented so; `bearer` if not given.
    pub kind: Option<TokenKind>,
    /// Those of this name.
    pub name: Option<String>,
    /// Those that are bound to this workspace.
    pub workspace: Option<Workspace>,
    /// Ended ones, too; only those that are good if not given.
    pub ended: Option<bool>,
    /// At most so many, 1 to 1,000; 100 if not given.
    #[schemars(range(min = 1, max = LARGEST_LIMIT))]
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Action for ListTokens {
    const NAME: &'static str = "platform.tokens.list";
    const SUMMARY: &'static str = "List tokens, newest first";
    const DESCRIPTION: &'static str = "What each allows, where, until when, and when it was last used. \
        Whoever is bound to a workspace sees the tokens that are bound to it.";
    const SCOPE: Scope = Scope::TokensManage;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/tokens";
    type Input = ListTokensInput;
    type Output = Vec<TokenRecord>;

    fn example() -> Value {
        json!({ "name": "ci" })
    }
}

/// `platform.tokens.get`
pub struct GetToken;

/// Which token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetTokenInput {
    /// Its id.
    pub id: Uuid,
}

impl Action for GetToken {
    const NAME: &'static str = "platform.tokens.get";
    const SUMMARY: &'static str = "Look up one token or session";
    const SCOPE: Scope = Scope::TokensManage;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/tokens/{id}";
    const ERRORS: &'static [u16] = &[404];
    type Input = GetTokenInput;
    type Output = TokenRecord;

    fn example() -> Value {
        json!({ "id": "019caa3c-5e80-7000-8000-00000000ffff" })
    }
}

/// `platform.tokens.create`
pub struct CreateToken;

/// What a new token shall be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTokenInput {
    /// What to call it: who will use it. 1 to 200 characters.
    pub name: String,
    /// What it allows.
    #[serde(default)]
    pub scopes: Vec<Scope>,
    /// The roles that it allows as well, by their names.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The only workspace that it reaches; any if not given. Whoever is bound to one makes tokens that
    /// are bound to it.
    #[serde(default)]
    pub workspace: Option<Workspace>,
    /// Where it may be used from, such as `10.1.0.0/16`; from everywhere if not given. Whoever may act
    /// from some networks only makes tokens that may be used from these.
    #[serde(default)]
    pub networks: Vec<Network>,
    /// How long it lasts, up to 3650d; for ever if not given.
    #[serde(default)]
    pub lasts: Option<Span>,
}

/// A token that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreatedToken {
    /// Its text: a secret that is shown here and never again.
    pub text: String,
    /// What is kept of it.
    pub token: TokenRecord,
}

impl Action for CreateToken {
    const NAME: &'static str = "platform.tokens.create";
    const SUMMARY: &'static str = "Make a token, whose text is shown once";
    const DESCRIPTION: &'static str = "Nobody gives what they do not hold: neither a scope, nor a role \
        (but for whoever holds `admin`), nor another workspace or network than their own.";
    const SCOPE: Scope = Scope::TokensManage;
    const EFFECT: Effect = Effect::Control;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/tokens";
    const BINDING: Binding = Binding::Command;
    type Input = CreateTokenInput;
    type Output = CreatedToken;

    fn example() -> Value {
        json!({
            "name": "deployer",
            "roles": ["emitter"],
            "networks": ["10.1.0.0/16"],
            "lasts": "90d",
        })
    }
}

/// `platform.tokens.revoke`
pub struct RevokeToken;

/// Which token ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeTokenInput {
    /// Its id.
    pub id: Uuid,
}

impl Action for RevokeToken {
    const NAME: &'static str = "platform.tokens.revoke";
    const SUMMARY: &'static str = "End a token or a session";
    const DESCRIPTION: &'static str = "It is refused everywhere within a second, and so are the \
        sessions that were signed in with it. What was revoked stays so. One's own is revoked at once; of \
        another's it is shown first whose it is and when it was used.";
    const SCOPE: Scope = Scope::TokensManage;
    const EFFECT: Effect = Effect::Control;
    const RISKY: bool = true;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/tokens/revoke";
    const BINDING: Binding = Binding::Command;
    const ERRORS: &'static [u16] = &[404];
    type Input = RevokeTokenInput;
    type Output = TokenRecord;

    fn example() -> Value {
        json!({ "id": "019caa3c-5e80-7000-8000-00000000ffff" })
    }
}
