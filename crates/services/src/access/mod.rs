//! Tokens, sessions and one-time codes.

mod believed;
mod changes;
pub(crate) mod elevations;
mod guard;
mod keeping;
mod rules;
mod service;
mod sign_in;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::Duration;
use pts_domain::Timestamp;
use pts_domain::access::{
    Network, Origin, Principal, Roles, Scope, ServiceIdentity, Token, TokenKind, TokenRefused,
    TokenText, Workspace,
};
use pts_domain::signin::Lifetimes;
use pts_ports::{Clock, Entropy, StoreError, TokenQuery, TokenStore, new_id};
use uuid::Uuid;

use crate::AccessError;
use crate::error::RETRY_AFTER_S;
use believed::{BELIEVED, Believed, REMEMBERED};
use guard::Guard;

pub use guard::Turned;
pub use rules::governed_actions;
pub(crate) use rules::{METRICS, Rules, facts, facts_of};

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
    roles: Roles,
    guard: Guard,
    believed: Believed,
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
            guard: Guard::new(Arc::clone(&clock)),
            store,
            clock,
            entropy,
            lifetimes: Lifetimes::default(),
            services: Vec::new(),
            roles: Roles::default(),
            believed: Believed::default(),
            codes: Mutex::default(),
        }
    }

    /// The same with other roles beside those that there always are.
    pub fn with_roles(self, roles: Roles) -> Self {
        Self { roles, ..self }
    }

    /// The roles that there are.
    pub const fn roles(&self) -> &Roles {
        &self.roles
    }

    /// How often somebody was not let in, since the process began.
    pub fn turned(&self) -> Turned {
        self.guard.turned()
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
        let token = self.check(presented, &origin).await?;
        self.believed.note_use(&token.hash, self.clock.now());
        Ok(self.principal(&token, origin))
    }

    /// Who a token stands for, with what its roles allow.
    pub(crate) fn principal(&self, token: &Token, origin: Origin) -> Principal {
        let mut principal = Principal::from(token);
        principal.scopes.extend(self.roles.scopes(&token.roles));
        principal.origin = origin;
        principal
    }

    async fn check(&self, presented: &str, origin: &Origin) -> Result<Token, AccessError> {
        let text = self.guard.read(presented, origin.address)?;
        let (hash, now) = (text.hash(), self.clock.now());
        // Who was let in a moment ago is guessing nothing, wherever others are.
        let attempt = if self.believed.knows(&hash, now, REMEMBERED) {
            None
        } else {
            Some(self.guard.attempt(&text, origin.address)?)
        };
        let refuse = |why| match attempt {
            Some(attempt) => attempt.failed(why),
            None => self.guard.refuse(why),
        };
        let token = match self.check_hash(hash).await {
            Ok(Some(token)) => token,
            Ok(None) => return Err(refuse(TokenRefused::Unknown)),
            Err(AccessError::Refused(why)) => return Err(refuse(why)),
            Err(error) => return Err(error),
        };
        // It is no guess, wherever it is presented: nothing is paid for it.
        let from = token.check_from(origin.address);
        from.map_err(|why| self.guard.refuse(why))?;
        Ok(token)
    }

    /// The token of that hash, if it is good now; none if there is none.
    async fn check_hash(&self, hash: [u8; 32]) -> Result<Option<Token>, AccessError> {
        let now = self.clock.now();
        let good = |token: Token| -> Result<Token, TokenRefused> {
            token.check(now)?;
            token.check_idle(now, self.lifetimes.idle)?;
            Ok(token)
        };
        if let Some(token) = self.believed.recall(&hash, now, BELIEVED) {
            return Ok(Some(good(token)?));
        }
        let Some(mut found) = self.store.find(hash).await? else {
            self.believed.forget(|token| token.hash == hash);
            return Ok(None);
        };
        // What was noted and is not written yet counts, too.
        found.last_used_at = found.last_used_at.max(self.believed.noted(&hash));
        match good(found) {
            Ok(token) => {
                self.believed.believe(token.clone(), now);
                Ok(Some(token))
            }
            Err(refused) => {
                self.believed.forget(|token| token.hash == hash);
                Err(refused.into())
            }
        }
    }

    /// Finds out who presents a token, from memory: the store cannot be asked. Good for what tells
    /// nothing but how the service is.
    ///
    /// # Errors
    /// Why the token is not good; [`AccessError::Unavailable`] for one that was not checked lately.
    pub fn remembered(&self, presented: &str, origin: Origin) -> Result<Principal, AccessError> {
        let text = self.guard.read(presented, origin.address)?;
        let now = self.clock.now();
        let token = self.believed.recall(&text.hash(), now, REMEMBERED);
        let token = token.ok_or(AccessError::Unavailable {
            retry_after_s: RETRY_AFTER_S,
        })?;
        token.check(now)?;
        token.check_from(origin.address)?;
        Ok(self.principal(&token, origin))
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
        let (text, token) = self.make_up(TokenKind::Bearer, None, expires_at);
        let token = Token {
            name: new.name,
            scopes: new.scopes,
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
        kind: TokenKind,
        issued_by: Option<Uuid>,
        expires_at: Option<Timestamp>,
    ) -> (TokenText, Token) {
        let now = self.clock.now();
        let text = TokenText::from_random(self.entropy.draw());
        let token = Token {
            id: new_id(&*self.entropy, now),
            name: String::new(),
            kind,
            hash: text.hash(),
            scopes: BTreeSet::new(),
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

    /// Tokens and sessions that are wanted, newest first; at most `limit`.
    ///
    /// # Errors
    /// That they cannot be read.
    pub async fn search(&self, query: &TokenQuery, limit: usize) -> Result<Vec<Token>, StoreError> {
        self.store.search(query, limit).await
    }

    /// Whether somebody holds a good token that may do everything.
    ///
    /// # Errors
    /// That the tokens cannot be read.
    pub async fn has_admin(&self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let tokens = self.store.list(MOST_LISTED).await?;
        Ok(tokens.iter().any(|token| {
            let by_role = self.roles.scopes(&token.roles);
            token.kind == TokenKind::Bearer
                && (token.scopes.contains(&Scope::Admin) || by_role.contains(&Scope::Admin))
                && token.check(now).is_ok()
        }))
    }

    /// Revokes a token and the sessions that it issued. `false` if there is none of that id.
    ///
    /// # Errors
    /// That it cannot be revoked now.
    pub async fn revoke(&self, id: Uuid) -> Result<bool, StoreError> {
        let revoked = self.store.revoke(id, self.clock.now()).await?;
        let family = |token: &Token| token.id == id || token.issued_by == Some(id);
        self.believed.forget(family);
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
    pub async fn sign_in_with_code(
        &self,
        code: &str,
        origin: &Origin,
    ) -> Result<Session, AccessError> {
        let text = self.guard.read(code, origin.address)?;
        let attempt = self.guard.attempt(&text, origin.address)?;
        let hash = text.hash();
        let now = self.clock.now();
        let until = self
            .codes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&hash);
        match until {
            None => Err(attempt.failed(TokenRefused::Unknown)),
            Some(until) if until <= now => Err(attempt.failed(TokenRefused::Expired)),
            Some(until) => {
                let console = self.console();
                let made = self.keep_session(console).await;
                if made.is_err() {
                    // Not used after all.
                    let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
                    codes.insert(hash, until);
                }
                made
            }
        }
    }

    /// Makes a session that may do what the token may, where the token may, and ends with it.
    ///
    /// # Errors
    /// Why the token is not good, or that a session cannot be made now.
    pub async fn sign_in_with_token(
        &self,
        text: &str,
        origin: &Origin,
    ) -> Result<Session, AccessError> {
        let token = self.check(text, origin).await?;
        if token.is_sign_in() {
            // A stolen cookie must not be able to renew itself.
            return Err(self.guard.refuse(TokenRefused::Unknown));
        }
        let end = self.session_end(token.expires_at);
        let (text, made) = self.make_up(TokenKind::Session, Some(token.id), Some(end));
        // No further than whatever it was made with.
        let session = Token {
            name: token.name,
            scopes: token.scopes,
            roles: token.roles,
            workspace: token.workspace,
            networks: token.networks,
            subject: token.subject,
            ..made
        };
        self.keep_session((text, session)).await
    }

    fn console(&self) -> (TokenText, Token) {
        let end = self.session_end(None);
        let (text, made) = self.make_up(TokenKind::Session, None, Some(end));
        let console = Token {
            name: "console".to_owned(),
            scopes: [Scope::Admin].into(),
            ..made
        };
        (text, console)
    }

    /// When a session ends that begins now, at the latest.
    fn session_end(&self, at_most: Option<Timestamp>) -> Timestamp {
        let end = self.clock.now() + self.lifetimes.absolute;
        at_most.map_or(end, |most| most.min(end))
    }

    async fn keep_session(
        &self,
        (text, token): (TokenText, Token),
    ) -> Result<Session, AccessError> {
        let expires_at = token.expires_at.unwrap_or(token.created_at);
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
