//! Tokens: looked at, made and ended by whoever may, within what they hold themselves.

use std::collections::BTreeSet;

use chrono::Duration;
use pts_api::actions::tokens::{
    CreateToken, CreateTokenInput, CreatedToken, GetToken, GetTokenInput, ListTokens,
    ListTokensInput, RevokeToken, RevokeTokenInput, TokenRecord, TokenState,
};
use pts_api::{Affected, Preview};
use pts_domain::access::{Grant, Network, Principal, Roles, Token, TokenKind, Withheld};
use pts_domain::filter::{Cursor, Page};
use pts_domain::{FieldError, Timestamp};
use pts_ports::TokenQuery;
use serde_json::Map;
use uuid::Uuid;

use crate::coverage::{Found, Question, found, page};
use crate::gateway::{CursorKind, cursor, limit};
use crate::{ActionError, Foreseen, Gateway, NewToken, UseCase};

/// Characters of a name.
const LONGEST_NAME: usize = 200;
/// Networks of one token.
const MOST_NETWORKS: usize = 100;
/// The longest that a token lasts which ends at all.
const LONGEST_DAYS: i64 = 3_650;

impl UseCase<ListTokens> for Gateway {
    async fn run(&self, input: ListTokensInput) -> Result<Found<Vec<TokenRecord>>, ActionError> {
        self.tokens(None, input).await
    }

    async fn run_for(
        &self,
        principal: &Principal,
        input: ListTokensInput,
    ) -> Result<Found<Vec<TokenRecord>>, ActionError> {
        self.tokens(Some(principal), input).await
    }
}

impl UseCase<GetToken> for Gateway {
    async fn run(&self, input: GetTokenInput) -> Result<Found<TokenRecord>, ActionError> {
        let token = self.token(None, input.id).await?;
        Ok(found(self.shown(token), Question::itself()))
    }

    async fn run_for(
        &self,
        principal: &Principal,
        input: GetTokenInput,
    ) -> Result<Found<TokenRecord>, ActionError> {
        let token = self.token(Some(principal), input.id).await?;
        Ok(found(self.shown(token), Question::itself()))
    }
}

impl UseCase<CreateToken> for Gateway {
    async fn run(&self, input: CreateTokenInput) -> Result<Found<CreatedToken>, ActionError> {
        self.made(read(input, self.access.roles())?).await
    }

    async fn run_for(
        &self,
        principal: &Principal,
        input: CreateTokenInput,
    ) -> Result<Found<CreatedToken>, ActionError> {
        let new = read(input, self.access.roles())?;
        self.within_elevation(principal, new.lasts)?;
        let grant = Grant {
            scopes: new.scopes,
            roles: new.roles,
            workspace: new.workspace,
            networks: new.networks,
        };
        let own = self.networks_of(principal).await?;
        let grant = grant
            .given_by(principal, &own, self.access.roles())
            .map_err(|withheld| refused(withheld, &own))?;
        let new = NewToken {
            name: new.name,
            scopes: grant.scopes,
            roles: grant.roles,
            workspace: grant.workspace,
            networks: grant.networks,
            lasts: new.lasts,
        };
        self.made(new).await
    }
}

impl UseCase<RevokeToken> for Gateway {
    async fn run(&self, input: RevokeTokenInput) -> Result<Found<TokenRecord>, ActionError> {
        self.revoked(None, input.id).await
    }

    async fn run_for(
        &self,
        principal: &Principal,
        input: RevokeTokenInput,
    ) -> Result<Found<TokenRecord>, ActionError> {
        self.revoked(Some(principal), input.id).await
    }

    async fn preview(
        &self,
        by: &Principal,
        input: &RevokeTokenInput,
        _: Timestamp,
    ) -> Result<Option<Foreseen>, ActionError> {
        let token = self.token(Some(by), input.id).await?;
        let own = by.token_id == token.id || by.issued_by == Some(token.id);
        Ok((!own).then(|| ending(&self.shown(token))))
    }
}

impl Gateway {
    async fn tokens(
        &self,
        principal: Option<&Principal>,
        input: ListTokensInput,
    ) -> Result<Found<Vec<TokenRecord>>, ActionError> {
        let (limit, now) = (limit(input.limit)?, self.now());
        let own = seen_by(principal);
        if let (Some(asked), Some(own)) = (&input.workspace, &own.workspace)
            && asked != own
        {
            let none = Page {
                items: Vec::new(),
                next: None,
            };
            return Ok(page(none, Question::itself(), |record| record));
        }
        let query = TokenQuery {
            name: input.name,
            kind: Some(input.kind.unwrap_or(TokenKind::Bearer)),
            workspace: own.workspace.or(input.workspace),
            live_at: (!input.ended.unwrap_or_default()).then_some(now),
            behind: behind(input.cursor.as_deref())?,
            ..TokenQuery::default()
        };
        let tokens = self.access.search(&query, limit + 1).await?;
        let tokens = Page::cut(tokens, limit, |token| {
            let made = token.created_at.timestamp_micros();
            Cursor::Name(vec![made.to_string(), token.id.to_string()])
        });
        Ok(page(tokens, Question::itself(), |token| self.shown(token)))
    }

    /// A token that somebody may see.
    async fn token(&self, principal: Option<&Principal>, id: Uuid) -> Result<Token, ActionError> {
        let query = TokenQuery {
            id: Some(id),
            ..seen_by(principal)
        };
        let tokens = self.access.search(&query, 1).await?;
        tokens.into_iter().next().ok_or(ActionError::NotFound {
            what: format!("the token {id}"),
        })
    }

    async fn made(&self, new: NewToken) -> Result<Found<CreatedToken>, ActionError> {
        let (text, token) = self.access.create(new).await?;
        tracing::info!(token = %token.id, "a token was made");
        let created = CreatedToken {
            text: text.reveal().to_owned(),
            token: self.shown(token),
        };
        Ok(found(created, Question::itself()))
    }

    async fn revoked(
        &self,
        principal: Option<&Principal>,
        id: Uuid,
    ) -> Result<Found<TokenRecord>, ActionError> {
        self.token(principal, id).await?;
        self.access.revoke(id).await?;
        tracing::info!(token = %id, "a token was revoked");
        let token = self.token(principal, id).await?;
        Ok(found(self.shown(token), Question::itself()))
    }

    /// What somebody makes while they hold more for a while ends with that.
    fn within_elevation(
        &self,
        principal: &Principal,
        lasts: Option<Duration>,
    ) -> Result<(), ActionError> {
        let Some(until) = principal.elevated_until else {
            return Ok(());
        };
        let left = until - self.now();
        match lasts {
            Some(lasts) if lasts <= left => Ok(()),
            lasts => {
                let found = lasts.map_or_else(
                    || "for ever".to_owned(),
                    |lasts| format!("{} s", lasts.num_seconds()),
                );
                let left = left.num_seconds();
                let expected = format!("{left} s at the most: you hold more for that long only");
                Err(invalid("lasts", found, expected))
            }
        }
    }

    /// Where somebody may act from; everywhere if there is none.
    async fn networks_of(&self, principal: &Principal) -> Result<Vec<Network>, ActionError> {
        let query = TokenQuery {
            id: Some(principal.token_id),
            ..TokenQuery::default()
        };
        let own = self.access.search(&query, 1).await?;
        Ok(own.into_iter().flat_map(|token| token.networks).collect())
    }

    fn shown(&self, token: Token) -> TokenRecord {
        let now = self.now();
        TokenRecord {
            state: state(&token, now),
            id: token.id,
            name: token.name,
            kind: token.kind,
            scopes: token.scopes.into_iter().collect(),
            roles: token.roles.into_iter().collect(),
            workspace: token.workspace,
            networks: token.networks,
            subject: token.subject,
            issued_by: token.issued_by,
            created_at: token.created_at,
            last_used_at: token.last_used_at,
            expires_at: token.expires_at,
            revoked_at: token.revoked_at,
        }
    }
}

/// What ending somebody else's token would do.
fn ending(token: &TokenRecord) -> Foreseen {
    let used = token.last_used_at.map_or_else(
        || "never used".to_owned(),
        |at| format!("last used {}", at.to_rfc3339()),
    );
    let name = &token.name;
    Foreseen {
        // Its use goes on meanwhile and changes nothing of this.
        state: format!("{} {:?}", token.id, token.revoked_at),
        preview: Preview {
            summary: format!(
                "`{name}` and every session signed in with it would be refused everywhere ({used})."
            ),
            rows: None,
            from: None,
            to: None,
            affected: vec![Affected {
                kind: "token".to_owned(),
                name: name.clone(),
                rows: None,
            }],
            reversible: false,
            details: Map::new(),
        },
    }
}

fn state(token: &Token, now: Timestamp) -> TokenState {
    if token.revoked_at.is_some_and(|at| at <= now) {
        TokenState::Revoked
    } else if token.expires_at.is_some_and(|at| at <= now) {
        TokenState::Expired
    } else {
        TokenState::Live
    }
}

/// Whoever is bound to a workspace sees what is bound to it.
pub(super) fn seen_by(principal: Option<&Principal>) -> TokenQuery {
    let bound = principal.filter(|principal| principal.bound);
    TokenQuery {
        workspace: bound.map(|principal| principal.workspace.clone()),
        ..TokenQuery::default()
    }
}

fn behind(text: Option<&str>) -> Result<Option<(Timestamp, Uuid)>, ActionError> {
    let Some(Cursor::Name(parts)) = cursor(text, CursorKind::Name(2))? else {
        return Ok(None);
    };
    let place = match parts.as_slice() {
        [made, id] => made
            .parse()
            .ok()
            .and_then(Timestamp::from_timestamp_micros)
            .zip(id.parse().ok()),
        _ => None,
    };
    let wrong = || {
        invalid(
            "cursor",
            text.unwrap_or_default(),
            "a `next_cursor` of this list",
        )
    };
    place.map(Some).ok_or_else(wrong)
}

/// Reads what a new token shall be; refuses what no schema can say.
fn read(input: CreateTokenInput, roles: &Roles) -> Result<NewToken, ActionError> {
    let name = input.name.trim();
    let fits = (1..=LONGEST_NAME).contains(&name.chars().count());
    if !fits || name.chars().any(char::is_control) {
        let expected = format!("1 to {LONGEST_NAME} printable characters");
        return Err(invalid("name", format!("{:?}", input.name), expected));
    }
    if input.scopes.is_empty() && input.roles.is_empty() {
        let error = FieldError::missing("scopes", "a scope or a role: it would allow nothing");
        return Err(ActionError::Invalid(vec![error]));
    }
    for (n, role) in input.roles.iter().enumerate() {
        let known = roles.known(role);
        known.map_err(|near| invalid(format!("roles[{n}]"), format!("{role:?}"), near))?;
    }
    if input.networks.len() > MOST_NETWORKS {
        let found = format!("{} networks", input.networks.len());
        return Err(invalid("networks", found, format!("up to {MOST_NETWORKS}")));
    }
    let lasts = input.lasts.map(|lasts| lasts.0);
    let possible = Duration::seconds(1)..=Duration::days(LONGEST_DAYS);
    if let Some(lasts) = lasts.filter(|lasts| !possible.contains(lasts)) {
        let found = format!("{} s", lasts.num_seconds());
        return Err(invalid("lasts", found, format!("1s to {LONGEST_DAYS}d")));
    }
    Ok(NewToken {
        name: name.to_owned(),
        scopes: input.scopes.into_iter().collect(),
        roles: input.roles.into_iter().collect::<BTreeSet<_>>(),
        workspace: input.workspace,
        networks: input.networks,
        lasts,
    })
}

fn refused(withheld: Withheld, own: &[Network]) -> ActionError {
    match withheld {
        Withheld::Scope(scope) => ActionError::Denied { scope },
        Withheld::Workspace(own) => {
            let expected = format!("`{own}`: the token that asks is bound to it");
            invalid("workspace", "another", expected)
        }
        Withheld::Network(network) => {
            let own: Vec<_> = own.iter().map(ToString::to_string).collect();
            let expected = format!("networks within {}", own.join(", "));
            invalid("networks", network, expected)
        }
    }
}

fn invalid(
    field: impl Into<String>,
    found: impl std::fmt::Display,
    expected: impl Into<String>,
) -> ActionError {
    ActionError::Invalid(vec![FieldError::invalid(field, found, expected)])
}
