//! Who is at the door, and whether they may come in.

use pts_domain::access::{ActionFacts, Origin, Principal};
use pts_domain::blind::Hindrance;

use crate::access::METRICS;
use crate::{AccessError, ActionError, Gateway, Session};

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
        let authenticated = self.access.authenticate(presented, origin).await;
        if let Err(AccessError::Unavailable { .. }) = authenticated {
            // It may have been somebody with events: nobody knows how many.
            self.receiving
                .refused(Hindrance::StoreAway, self.now(), 0, true);
        }
        authenticated
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
        self.access.authenticate_service(names, origin).await
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
    /// [`ActionError::Denied`] if no rule allows it, [`ActionError::Forbidden`] if one forbids it, and
    /// [`ActionError::PoliciesAway`].
    pub fn authorise(
        &self,
        principal: &Principal,
        action: &ActionFacts,
    ) -> Result<(), ActionError> {
        self.rules.check(principal, action, self.now())
    }

    /// Whether somebody may do to others what is open to everybody for themselves.
    pub(crate) fn permits_for_others(
        &self,
        principal: &Principal,
        action: &ActionFacts,
    ) -> Result<bool, ActionError> {
        let of_others = ActionFacts {
            open: false,
            ..*action
        };
        let ruling = self.rules.ask(principal, &of_others, self.now())?;
        Ok(ruling.allowed)
    }

    /// Checks that somebody may read the service's own figures.
    ///
    /// # Errors
    /// As [`Gateway::authorise`].
    pub fn authorise_figures(&self, principal: &Principal) -> Result<(), ActionError> {
        self.authorise(principal, &METRICS)
    }

    /// Redeems a one-time code.
    ///
    /// # Errors
    /// That the code is not known, used or too old, or that a session cannot be made now.
    pub async fn sign_in_with_code(
        &self,
        code: &str,
        origin: &Origin,
    ) -> Result<Session, AccessError> {
        self.access.sign_in_with_code(code, origin).await
    }

    /// Makes a session that may do what the token may.
    ///
    /// # Errors
    /// Why the token is not good, or that a session cannot be made now.
    pub async fn sign_in_with_token(
        &self,
        token: &str,
        origin: &Origin,
    ) -> Result<Session, AccessError> {
        self.access.sign_in_with_token(token, origin).await
    }

    /// Ends the session behind a request.
    ///
    /// # Errors
    /// That it cannot be ended now.
    pub async fn sign_out(&self, principal: &Principal) -> Result<(), AccessError> {
        self.access.sign_out(principal).await
    }
}
