//! A browser is sent to the provider and comes back.

use pts_domain::access::{Origin, TokenKind, Workspace};
use pts_domain::signin::Attempt;

use super::{SignInError, SignedIn};
use crate::Gateway;

/// A sign-in that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Where the browser goes now.
    pub url: String,
    /// What the browser keeps until it comes back.
    pub attempt: Attempt,
}

/// What the browser came back with, as its query says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CameBack {
    /// Of the attempt.
    pub state: Option<String>,
    /// For what the provider was asked.
    pub code: Option<String>,
    /// Who sends it, where they say so (RFC 9207).
    pub issuer: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

impl Gateway {
    /// Begins a sign-in in a browser.
    ///
    /// # Errors
    /// [`SignInError::NotConfigured`], [`SignInError::ProviderAway`] or [`SignInError::Busy`].
    pub async fn begin_sign_in(&self) -> Result<Begun, SignInError> {
        let sign_in = self.sign_in()?;
        let _turn = sign_in.turn()?;
        let attempt = Attempt::from_random(self.entropy.draw());
        let url = sign_in.provider.authorization_url(&attempt).await;
        Ok(Begun {
            url: sign_in.heard(url)?,
            attempt,
        })
    }

    /// Ends a sign-in in a browser: with a session, in the workspace that was asked for if one was.
    ///
    /// # Errors
    /// Any [`SignInError`].
    pub async fn finish_sign_in(
        &self,
        attempt: &Attempt,
        came_back: &CameBack,
        workspace: Option<&Workspace>,
        origin: &Origin,
    ) -> Result<SignedIn, SignInError> {
        let sign_in = self.sign_in()?;
        let state = came_back.state.as_deref().unwrap_or_default();
        let issuer = came_back.issuer.as_deref();
        let ours = issuer.is_none_or(|issuer| issuer == sign_in.provider.issuer());
        if !attempt.is_answered_by(state) || !ours {
            return Err(SignInError::NotBegun);
        }
        if let Some(error) = &came_back.error {
            return Err(refused(error));
        }
        let code = came_back.code.as_deref().ok_or(SignInError::NotBegun)?;
        let _turn = sign_in.turn()?;
        let person = sign_in.provider.redeem(code, attempt).await;
        let person = sign_in.heard(person)?;
        self.welcome(&person, workspace, TokenKind::Session, origin)
            .await
    }
}

fn refused(error: &str) -> SignInError {
    match error {
        "server_error" | "temporarily_unavailable" => {
            SignInError::ProviderAway { retry_after_s: 10 }
        }
        _ => SignInError::Denied,
    }
}
