//! Tokens, sessions and one-time codes.

pub(crate) mod elevations;
mod service;
mod sign_in;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::Duration;
use pts_domain::Timestamp;
use pts_domain::access::{
    Network, Origin, Principal, Scope, ServiceIdentity, Token, TokenKind, TokenRefused, TokenText,
    Workspace, built_in_role,
};
use pts_domain::signin::Lifetimes;
use pts_ports::{Clock, Entropy, StoreError, TokenStore, new_id};
use uuid::Uuid;

use crate::AccessError;
use crate::error::RETRY_AFTER_S;

/// For so long a checked token is believed; so a revocation takes effect within it.
const BELIEVED: Duration = Duration::seconds(1);
/// While the store cannot be asked, a token that was good so lately may still read the service's own
/// figures: they matter most just then.
const REMEMBERED: Duration = Duration::minutes(5);
/// So many checked tokens are remembered at the most.
const MOST_BELIEVED: usize = 10_000;
/// For so long a one-time code can be redeemed.
const CODE: Duration = Duration::minutes(15);
/// So many unredeemed codes are kept at the most.
const MOST_CODES: usize = 100;
/// So many tokens are listed at the most.
const MOST_LISTED: usize = 10_000;

/// What a new token shall be.
#[derive(Debug, Clone, Default)]
pub struct NewToken {
    /// What to call it.
    pub name: String,
    /// What it allows.
    pub scopes: BTreeSet<Scope>,
    /// The roles that it allows as well.
    pub roles: BTreeSet<String>,
    /// The only workspace that it reaches.
    pub workspace: Option<Workspace>,
    /// Where it may be used from; without any, from everywhere.
    pub networks: Vec<Network>,
    /// How long it lasts; for ever if not given.
    pub lasts: Option<Duration>,
}

/// A browser session, just made.
#[derive(Debug, Clone)]
pub struct Session {
    /// What the browser keeps in its cookie.
    pub text: TokenText,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What is kept of it.
    pub token: Token,
}

/// Who may come in.
pub struct Access {
    store: Arc<dyn TokenStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    lifetimes: Lifetimes,
    services: Vec<ServiceIdentity>,
    believed: Mutex<HashMap<[u8; 32], (Token, Timestamp)>>,
    codes: Mutex<HashMap<[u8; 32], Timestamp>>,
}

impl Access {
    /// Access by the tokens of a store.
    pub fn new(
        store: Arc<dyn TokenStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            store,
            clock,
            entropy,
            lifetimes: Lifetimes::default(),
            services: Vec::new(),
            believed: Mutex::default(),
            codes: Mutex::default(),
        }
    }

    /// The same with other ends of sessions than the usual ones.
    pub fn lasting(self, lifetimes: Lifetimes) -> Self {
        Self { lifetimes, ..self }
    }

    /// Finds out who presents a token.
    ///
    /// # Errors
    /// Why it is not good, or that it cannot be checked now.
    pub async fn authenticate(
        &self,
        presented: &str,
        origin: Origin,
    ) -> Result<Principal, AccessError> {
        let token = self.check(presented).await?;
        Ok(let_in(&token, origin))
    }

    async fn check(&self, presented: &str) -> Result<Token, AccessError> {
        let hash = TokenText::parse(presented)?.hash();
        match self.check_hash(hash).await? {
            Some(token) => Ok(token),
            None => Err(TokenRefused::Unknown.into()),
        }
    }

    /// The token of that hash, if it is good now; none if there is none.
    async fn check_hash(&self, hash: [u8; 32]) -> Result<Option<Token>, AccessError> {
        let now = self.clock.now();
        let good = |token: Token| -> Result<Token, TokenRefused> {
            token.check(now)?;
            token.check_idle(now, self.lifetimes.idle)?;
            Ok(token)
        };
        if let Some(token) = self.recall(&hash, now, BELIEVED) {
            return Ok(Some(good(token)?));
        }
        let Some(found) = self.store.find(hash).await? else {
            self.forget(&hash);
            return Ok(None);
        };
        match good(found) {
            Ok(token) => {
                let token = self.note_use(token, now).await;
                self.believe(token.clone(), now);
                Ok(Some(token))
            }
            Err(refused) => {
                self.forget(&hash);
                Err(refused.into())
            }
        }
    }

    /// Finds out who presents a token, from memory: the store cannot be asked. Good for what tells
    /// nothing but how the service is.
    ///
    /// # Errors
    /// Why the token is not good; [`AccessError::Unavailable`] for one that was not checked lately.
    pub fn remembered(&self, presented: &str) -> Result<Principal, AccessError> {
        let hash = TokenText::parse(presented)?.hash();
        let now = self.clock.now();
        let token = self
            .recall(&hash, now, REMEMBERED)
            .ok_or(AccessError::Unavailable {
                retry_after_s: RETRY_AFTER_S,
            })?;
        token.check(now)?;
        Ok(Principal::from(&token))
    }

    fn forget(&self, hash: &[u8; 32]) {
        let mut believed = self.believed.lock().unwrap_or_else(PoisonError::into_inner);
        believed.remove(hash);
    }

    fn recall(&self, hash: &[u8; 32], now: Timestamp, within: Duration) -> Option<Token> {
        let believed = self.believed.lock().unwrap_or_else(PoisonError::into_inner);
        let (token, since) = believed.get(hash)?;
        // A clock that was set back must not make a belief last.
        let fresh = *since <= now && now - *since < within;
        fresh.then(|| token.clone())
    }

    fn believe(&self, token: Token, now: Timestamp) {
        let mut believed = self.believed.lock().unwrap_or_else(PoisonError::into_inner);
        if believed.len() >= MOST_BELIEVED {
            believed.retain(|_, (_, since)| *since <= now && now - *since < BELIEVED);
            if believed.len() >= MOST_BELIEVED {
                believed.clear();
            }
        }
        believed.insert(token.hash, (token, now));
    }

    /// Makes a token. Its text is returned here and never again.
    ///
    /// # Errors
    /// That it cannot be stored.
    pub async fn create(&self, new: NewToken) -> Result<(TokenText, Token), StoreError> {
        let (text, token) = self.draft(new);
        self.store.insert(token.clone()).await?;
        Ok((text, token))
    }

    /// Makes up a token, which is good once it is [kept](Self::keep).
    pub fn draft(&self, new: NewToken) -> (TokenText, Token) {
        let expires_at = new.lasts.map(|lasts| self.clock.now() + lasts);
        let (text, token) = self.make_up(new.name, TokenKind::Bearer, new.scopes, None, expires_at);
        let token = Token {
            roles: new.roles,
            workspace: new.workspace,
            networks: new.networks,
            ..token
        };
        (text, token)
    }

    /// Stores a token that was made up, unless it is stored already: after an answer that was lost,
    /// the same again tells.
    ///
    /// # Errors
    /// That it cannot be stored.
    pub async fn keep(&self, token: &Token) -> Result<(), StoreError> {
        match self.store.find(token.hash).await? {
            Some(_) => Ok(()),
            None => self.store.insert(token.clone()).await,
        }
    }

    fn make_up(
        &self,
        name: String,
        kind: TokenKind,
        scopes: BTreeSet<Scope>,
        issued_by: Option<Uuid>,
        expires_at: Option<Timestamp>,
    ) -> (TokenText, Token) {
        let now = self.clock.now();
        let text = TokenText::from_random(self.entropy.draw());
        let token = Token {
            id: new_id(&*self.entropy, now),
            name,
            kind,
            hash: text.hash(),
            scopes,
            roles: BTreeSet::new(),
            workspace: None,
            networks: Vec::new(),
            subject: None,
            issued_by,
            created_at: now,
            last_used_at: None,
            expires_at,
            revoked_at: None,
        };
        (text, token)
    }

    /// All tokens and sessions, newest first.
    ///
    /// # Errors
    /// That they cannot be read.
    pub async fn list(&self) -> Result<Vec<Token>, StoreError> {
        self.store.list(MOST_LISTED).await
    }

    /// Whether somebody holds a good token that may do everything.
    ///
    /// # Errors
    /// That the tokens cannot be read.
    pub async fn has_admin(&self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let tokens = self.store.list(MOST_LISTED).await?;
        Ok(tokens.iter().any(|token| {
            token.kind == TokenKind::Bearer
                && token.scopes.contains(&Scope::Admin)
                && token.check(now).is_ok()
        }))
    }

    /// Revokes a token and the sessions that it issued. `false` if there is none of that id.
    ///
    /// # Errors
    /// That it cannot be revoked now.
    pub async fn revoke(&self, id: Uuid) -> Result<bool, StoreError> {
        let revoked = self.store.revoke(id, self.clock.now()).await?;
        let mut believed = self.believed.lock().unwrap_or_else(PoisonError::into_inner);
        believed.retain(|_, (token, _)| token.id != id && token.issued_by != Some(id));
        Ok(revoked)
    }

    /// Makes a one-time code for whoever reads the console. Good for 15 minutes and one sign-in.
    pub fn new_code(&self) -> TokenText {
        let code = TokenText::from_random(self.entropy.draw());
        let now = self.clock.now();
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        codes.retain(|_, until| now < *until);
        if codes.len() >= MOST_CODES
            && let Some(oldest) = codes
                .iter()
                .min_by_key(|(_, until)| **until)
                .map(|(hash, _)| *hash)
        {
            codes.remove(&oldest);
        }
        codes.insert(code.hash(), now + CODE);
        code
    }

    /// Redeems a one-time code for a session that may do everything.
    ///
    /// # Errors
    /// That the code is not known, used or too old, or that a session cannot be made now.
    pub async fn sign_in_with_code(&self, code: &str) -> Result<Session, AccessError> {
        let hash = TokenText::parse(code)?.hash();
        let now = self.clock.now();
        let until = self
            .codes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&hash);
        match until {
            None => Err(TokenRefused::Unknown.into()),
            Some(until) if until <= now => Err(TokenRefused::Expired.into()),
            Some(until) => {
                let (end, all) = (self.session_end(None), [Scope::Admin].into());
                let name = "console".to_owned();
                let (text, token) = self.make_up(name, TokenKind::Session, all, None, Some(end));
                let made = self.keep_session(text, token, end).await;
                if made.is_err() {
                    // Not used after all.
                    let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
                    codes.insert(hash, until);
                }
                made
            }
        }
    }

    /// Makes a session that may do what the token may, and ends with it.
    ///
    /// # Errors
    /// Why the token is not good, or that a session cannot be made now.
    pub async fn sign_in_with_token(&self, text: &str) -> Result<Session, AccessError> {
        let token = self.check(text).await?;
        if token.is_sign_in() {
            // A stolen cookie must not be able to renew itself.
            return Err(TokenRefused::Unknown.into());
        }
        let end = self.session_end(token.expires_at);
        let (issued_by, kind) = (Some(token.id), TokenKind::Session);
        let (text, made) = self.make_up(token.name, kind, token.scopes, issued_by, Some(end));
        // No further than whatever it was made with.
        let session = Token {
            roles: token.roles,
            workspace: token.workspace,
            networks: token.networks,
            subject: token.subject,
            ..made
        };
        self.keep_session(text, session, end).await
    }

    /// When a session ends that begins now, at the latest.
    fn session_end(&self, at_most: Option<Timestamp>) -> Timestamp {
        let end = self.clock.now() + self.lifetimes.absolute;
        at_most.map_or(end, |most| most.min(end))
    }

    async fn keep_session(
        &self,
        text: TokenText,
        token: Token,
        expires_at: Timestamp,
    ) -> Result<Session, AccessError> {
        self.store.insert(token.clone()).await?;
        Ok(Session {
            text,
            expires_at,
            token,
        })
    }

    pub(crate) async fn sign_out(&self, principal: &Principal) -> Result<(), AccessError> {
        if principal.kind == TokenKind::Session {
            self.revoke(principal.token_id).await?;
        }
        Ok(())
    }
}

/// Somebody whose token is good, with what their roles allow.
fn let_in(token: &Token, origin: Origin) -> Principal {
    let mut principal = Principal::from(token);
    let allowed = token.roles.iter().filter_map(|role| built_in_role(role));
    principal.scopes.extend(allowed.flatten());
    principal.origin = origin;
    principal
}
