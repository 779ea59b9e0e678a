//! Signing people in with an identity provider: a browser that is sent there and comes back, a command
//! line whose person signs in on another device. Who comes in with which roles is decided by their
//! groups; what they get is a session like any other.

mod browser;
mod device;
mod error;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pts_domain::access::{Origin, TokenKind, Workspace};
use pts_domain::signin::{Person, RoleMapping};
use pts_ports::{IdentityProvider, ProviderError};
use tokio::sync::{Semaphore, SemaphorePermit};

pub use browser::{Begun, CameBack};
pub use device::DeviceAnswer;
pub use error::SignInError;

use crate::{Gateway, Session};

/// Whoever asks for a sign-in is not known yet, so all of them together may keep the provider no busier
/// than this.
const MOST_AT_ONCE: usize = 32;

/// How people sign in.
pub struct SignIn {
    provider: Arc<dyn IdentityProvider>,
    mapping: RoleMapping,
    label: String,
    at_once: Semaphore,
    /// Whether the provider answered when it was asked last.
    reachable: AtomicBool,
}

/// Somebody has signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// What they keep, and until when.
    pub session: Session,
    /// What they are called.
    pub name: String,
    /// The roles that they have.
    pub roles: Vec<String>,
    /// The workspace that they are bound to, if to one.
    pub workspace: Option<Workspace>,
}

impl SignIn {
    /// With this provider, which people know under this label; their groups give the roles.
    pub fn new(provider: Arc<dyn IdentityProvider>, label: String, mapping: RoleMapping) -> Self {
        Self {
            provider,
            mapping,
            label,
            at_once: Semaphore::new(MOST_AT_ONCE),
            reachable: AtomicBool::new(true),
        }
    }

    fn turn(&self) -> Result<SemaphorePermit<'_>, SignInError> {
        let turn = self.at_once.try_acquire();
        turn.map_err(|_| SignInError::Busy)
    }

    /// Remembers from an answer whether the provider is there.
    fn heard<T>(&self, answer: Result<T, ProviderError>) -> Result<T, SignInError> {
        let away = matches!(
            answer,
            Err(ProviderError::Unavailable(_) | ProviderError::Misconfigured(_))
        );
        let was_there = self.reachable.swap(!away, Ordering::Relaxed);
        match &answer {
            Err(error) if away && was_there => {
                tracing::warn!(%error, "nobody can sign in with the identity provider");
            }
            Err(error) if !away => tracing::info!(%error, "a sign-in failed"),
            Ok(_) if !was_there => tracing::info!("the identity provider is back"),
            _ => {}
        }
        Ok(answer?)
    }
}

impl Gateway {
    fn sign_in(&self) -> Result<&SignIn, SignInError> {
        self.sign_in.as_ref().ok_or(SignInError::NotConfigured)
    }

    /// What people call the identity provider, where there is one.
    pub fn provider_label(&self) -> Option<&str> {
        self.sign_in.as_ref().map(|sign_in| sign_in.label.as_str())
    }

    /// Lets a person in whom the provider vouches for, if their groups give them a role.
    async fn welcome(
        &self,
        person: &Person,
        asked: Option<&Workspace>,
        kind: TokenKind,
        origin: &Origin,
    ) -> Result<SignedIn, SignInError> {
        let (who, from) = (person.key(), origin.address.map(|it| it.to_string()));
        let admitted = self.sign_in()?.mapping.admit(&person.groups, asked);
        let admission = admitted.map_err(|_| {
            tracing::info!(who, from, "somebody without a role tried to sign in");
            SignInError::NoRole
        })?;
        let (roles, workspace) = (admission.roles.clone(), admission.workspace.clone());
        let session = self.access().admit(person, admission, kind).await?;
        let roles: Vec<String> = roles.into_iter().collect();
        tracing::info!(who, from, roles = roles.join(" "), "somebody signed in");
        Ok(SignedIn {
            session,
            name: person.name.clone(),
            roles,
            workspace,
        })
    }
}
