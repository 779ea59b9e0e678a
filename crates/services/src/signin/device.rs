//! A person signs in on another device than the one that asks.

use pts_domain::access::{Origin, TokenKind, Workspace};
use pts_ports::{DeviceGrant, DevicePoll};

use super::{SignInError, SignedIn};
use crate::Gateway;

/// The longest device code that is passed on: a provider's own have some dozen letters.
const LONGEST_CODE: usize = 4_096;

/// What has become of a sign-in on another device.
#[derive(Debug, Clone)]
pub enum DeviceAnswer {
    /// Nobody has signed in yet.
    Pending {
        /// Whether it was asked too often.
        slow_down: bool,
    },
    /// Somebody has: what they keep is a bearer token.
    Granted(Box<SignedIn>),
}

impl Gateway {
    /// Begins a sign-in on another device.
    ///
    /// # Errors
    /// [`SignInError::NotConfigured`], [`SignInError::ProviderAway`] or [`SignInError::Busy`].
    pub async fn start_device_sign_in(&self) -> Result<DeviceGrant, SignInError> {
        let sign_in = self.sign_in()?;
        let _turn = sign_in.turn()?;
        let grant = sign_in.provider.start_device().await;
        sign_in.heard(grant)
    }

    /// Asks whether somebody has signed in on the other device, for the workspace that was asked for if
    /// one was.
    ///
    /// # Errors
    /// Any [`SignInError`] but [`SignInError::NotBegun`].
    pub async fn poll_device_sign_in(
        &self,
        device_code: &str,
        workspace: Option<&Workspace>,
        origin: &Origin,
    ) -> Result<DeviceAnswer, SignInError> {
        let sign_in = self.sign_in()?;
        if device_code.is_empty() || device_code.len() > LONGEST_CODE {
            return Err(SignInError::Expired);
        }
        let _turn = sign_in.turn()?;
        let polled = sign_in.provider.poll_device(device_code).await;
        let polled = sign_in.heard(polled);
        let polled = polled.inspect_err(|error| self.not_signed_in(None, origin, error))?;
        let slow_down = match polled {
            DevicePoll::Pending => false,
            DevicePoll::SlowDown => true,
            DevicePoll::Granted(person) => {
                let signed_in = self.welcome(&person, workspace, TokenKind::Bearer, origin);
                return Ok(DeviceAnswer::Granted(Box::new(signed_in.await?)));
            }
        };
        Ok(DeviceAnswer::Pending { slow_down })
    }
}
