//! Who is at the door, and whether they may come in.

use pts_api::{Action, ActionSpec};
use pts_domain::access::{ActionFacts, Origin, Principal};
use pts_domain::audit::{Actor, Effect, Outcome};
use pts_domain::blind::Hindrance;
use serde_json::Value;

use crate::access::{METRICS, facts, facts_of};
use crate::{AccessError, Act, ActionError, Ended, Gateway, Session, SignInError};

/// What the audit calls showing a token.
const AUTHENTICATE: &str = "access.authenticate";
/// What it calls signing in.
const SIGN_IN: &str = "access.sign_in";
/// What it calls signing out.
const SIGN_OUT: &str = "access.sign_out";

/// What somebody wants to do, and what they need for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// What decides who may.
    pub facts: ActionFacts,
    /// What it does to the world.
    pub effect: Effect,
    /// Whether it concerns all workspaces at once.
    pub everywhere: bool,
}

impl Wanted {
    /// Reading the service's own figures, which is no action.
    pub const FIGURES: Self = Self {
        facts: METRICS,
        effect: Effect::Read,
        everywhere: true,
    };

    /// The same done to others, where one's own is free.
    #[must_use]
    pub const fn of_others(self) -> Self {
        Self {
            facts: ActionFacts {
                open: false,
                ..self.facts
            },
            ..self
        }
    }

    /// An action.
    pub const fn of<A: Action>() -> Self {
        Self {
            facts: facts::<A>(),
            effect: A::EFFECT,
            everywhere: A::EVERYWHERE,
        }
    }
}

impl From<&ActionSpec> for Wanted {
    fn from(spec: &ActionSpec) -> Self {
        Self {
            facts: facts_of(spec),
            effect: spec.effect,
            everywhere: spec.everywhere,
        }
    }
}

impl Gateway {
    /// Finds out who presents a token or a session.
    ///
    /// # Errors
    /// Why the token is not good, or that it cannot be checked now.
    pub async fn authenticate(
        &self,
        presented: &str,
        origin: Origin,
    ) -> Result<Principal, AccessError> {
        let authenticated = self.access.authenticate(presented, origin.clone()).await;
        if let Err(error) = &authenticated
            && turned_away(error)
        {
            self.turned_away(origin, Ended::from(error).reason);
        }
        if let Err(AccessError::Unavailable { .. }) = authenticated {
            // It may have been somebody with events: nobody knows how many.
            self.receiving
                .refused(Hindrance::StoreAway, self.now(), 0, true);
        }
        let mut principal = authenticated?;
        self.elevating.raise(&mut principal, self.now()).await;
        Ok(principal)
    }

    /// Finds out which service shows a certificate with these names.
    ///
    /// # Errors
    /// As [`Access::authenticate_service`](crate::Access::authenticate_service).
    pub async fn authenticate_service(
        &self,
        names: &[String],
        origin: Origin,
    ) -> Result<Principal, AccessError> {
        let authenticated = self
            .access
            .authenticate_service(names, origin.clone())
            .await;
        if let Err(error) = &authenticated
            && turned_away(error)
        {
            self.turned_away(origin, Ended::from(error).reason);
        }
        let mut principal = authenticated?;
        self.elevating.raise(&mut principal, self.now()).await;
        Ok(principal)
    }

    /// Finds out who presents a token while the store cannot be asked, for what tells nothing but how
    /// the service is.
    ///
    /// # Errors
    /// As [`crate::Access::remembered`].
    pub fn remembered(&self, presented: &str, origin: Origin) -> Result<Principal, AccessError> {
        self.access.remembered(presented, origin)
    }

    /// Checks that somebody may carry out an action.
    ///
    /// # Errors
    /// [`ActionError::Denied`] if no rule allows it, [`ActionError::ForbiddenBy`] if one forbids it, and
    /// [`ActionError::PoliciesAway`].
    pub fn authorise(
        &self,
        principal: &Principal,
        action: &ActionFacts,
    ) -> Result<(), ActionError> {
        self.rules.check(principal, action, self.now())
    }

    /// Whether somebody may do to others what is free for everybody for themselves.
    pub(crate) fn permits_for_others(
        &self,
        principal: &Principal,
        wanted: Wanted,
    ) -> Result<bool, ActionError> {
        let of_others = wanted.of_others().facts;
        let ruling = self.rules.ask(principal, &of_others, self.now())?;
        Ok(ruling.allowed)
    }

    /// Checks that somebody may do something, and has the audit tell if they may not.
    ///
    /// # Errors
    /// As [`Gateway::authorise`] and, for what concerns all workspaces, [`Gateway::reaches_all`].
    pub fn admit(&self, principal: &Principal, wanted: Wanted) -> Result<(), ActionError> {
        self.admit_with(principal, wanted, None)
    }

    /// The same for somebody who has said already with which input.
    pub(crate) fn admit_with(
        &self,
        principal: &Principal,
        wanted: Wanted,
        input: Option<&Value>,
    ) -> Result<(), ActionError> {
        let allowed = self.authorise(principal, &wanted.facts);
        let allowed = allowed.and_then(|()| {
            if wanted.everywhere {
                return self.reaches_all(principal);
            }
            Ok(())
        });
        if let Err(error) = &allowed {
            let act = Act::of(principal, wanted.facts.name, wanted.effect);
            let act = input.into_iter().fold(act, Act::with);
            self.audit.refused(act, Ended::from(error).reason);
        }
        allowed
    }

    /// Has the audit tell that somebody was turned away without being known.
    pub fn turned_away(&self, origin: Origin, reason: impl Into<String>) {
        let act = Act::by(Actor::unknown(), AUTHENTICATE, Effect::Read);
        self.audit.refused(act.from(origin), reason);
    }

    /// Has the audit tell that somebody was not signed in, if it is for a reason that lies with them.
    pub(crate) fn not_signed_in(&self, who: Option<&str>, origin: &Origin, why: &SignInError) {
        let theirs = matches!(
            why,
            SignInError::NotBegun
                | SignInError::Expired
                | SignInError::Denied
                | SignInError::NoRole
                | SignInError::Untrusted(_)
        );
        if theirs {
            let actor = Actor {
                subject: who.map(ToOwned::to_owned),
                ..Actor::unknown()
            };
            let act = Act::by(actor, SIGN_IN, Effect::Control);
            self.audit
                .refused(act.from(origin.clone()), why.to_string());
        }
    }

    /// Redeems a one-time code.
    ///
    /// # Errors
    /// That the code is not known, used or too old, or that a session cannot be made now.
    pub async fn sign_in_with_code(
        &self,
        code: &str,
        origin: Origin,
    ) -> Result<Session, AccessError> {
        let made = self.access.sign_in_with_code(code, &origin).await;
        self.signed_in(made, origin).await
    }

    /// Makes a session that may do what the token may.
    ///
    /// # Errors
    /// Why the token is not good, or that a session cannot be made now.
    pub async fn sign_in_with_token(
        &self,
        token: &str,
        origin: Origin,
    ) -> Result<Session, AccessError> {
        let made = self.access.sign_in_with_token(token, &origin).await;
        self.signed_in(made, origin).await
    }

    /// Hands a session out once it is written down who signed in; otherwise it ends at once.
    pub(crate) async fn signed_in(
        &self,
        made: Result<Session, AccessError>,
        origin: Origin,
    ) -> Result<Session, AccessError> {
        let session = match made {
            Ok(session) => session,
            Err(error) => {
                if turned_away(&error) {
                    let act = Act::by(Actor::unknown(), SIGN_IN, Effect::Control);
                    self.audit
                        .refused(act.from(origin), Ended::from(&error).reason);
                }
                return Err(error);
            }
        };
        let mut principal = Principal::from(&session.token);
        principal.origin = origin;
        let act = Act::of(&principal, SIGN_IN, Effect::Control);
        let recorded = self.audit.record(act, Outcome::Allowed, None).await;
        if let Err(error) = recorded {
            // Nobody has its text: at worst it stays unused until its end.
            let _ = self.access.revoke(session.token.id).await;
            return Err(error.into());
        }
        Ok(session)
    }

    /// Ends the session behind a request.
    ///
    /// # Errors
    /// That it cannot be ended now.
    pub async fn sign_out(&self, principal: &Principal) -> Result<(), AccessError> {
        let act = Act::of(principal, SIGN_OUT, Effect::Control);
        let ending = self.access.sign_out(principal);
        self.audit.control(act, ending).await?
    }
}

/// Whether it lies with whoever came that they were not let in.
const fn turned_away(error: &AccessError) -> bool {
    matches!(
        error,
        AccessError::Refused(_) | AccessError::TooManyFailures { .. }
    )
}
