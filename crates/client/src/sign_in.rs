//! Signing in from a command line: the person signs in on another device, and the client is given a
//! token. It speaks to the server alone, which speaks to the identity provider.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use pts_api::{DevicePoll, DevicePolled, DeviceStart, DeviceStarted};
use pts_domain::Timestamp;
use pts_domain::access::Workspace;
use tokio::time::{Instant, sleep};

use crate::client::{JSON, written};
use crate::transport::{Outgoing, Transport};
use crate::{Client, ClientError};

/// What RFC 8628 adds to the wait when it was asked too often.
const SLOWER: Duration = Duration::from_secs(5);

/// A sign-in that has begun, and waits for a person.
#[derive(Debug)]
pub struct DeviceSignIn {
    transport: Arc<Transport>,
    started: DeviceStarted,
    begun: Instant,
}

/// Somebody has signed in.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The token to make a client with. It is not told again.
    pub token: String,
    /// When it ends at the latest; it also ends when it is not used for a while.
    pub expires_at: Timestamp,
    /// Who has signed in.
    pub name: String,
    /// The roles that their groups gave.
    pub roles: Vec<String>,
    /// The only workspace that the token reaches.
    pub workspace: Option<Workspace>,
}

impl fmt::Debug for SignedIn {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn")
            .field("name", &self.name)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Begins a sign-in. The client needs no token: see
    /// [`ClientOptions::without_token`](crate::ClientOptions::without_token).
    ///
    /// # Errors
    /// See [`ClientError`]; with the code `sign_in_off` the server has no identity provider.
    pub async fn sign_in(&self) -> Result<DeviceSignIn, ClientError> {
        let request = post(DeviceStart::PATH, &DeviceStart {})?;
        Ok(DeviceSignIn {
            started: self.json(&request).await?,
            transport: Arc::clone(&self.transport),
            begun: Instant::now(),
        })
    }
}

impl DeviceSignIn {
    /// What to enter, where, and for how long; for the person to read.
    pub const fn started(&self) -> &DeviceStarted {
        &self.started
    }

    /// Asks until somebody has signed in: for this workspace, if one is given. A server that is away for
    /// a moment is asked again.
    ///
    /// # Errors
    /// See [`ClientError`]: a refusal such as `sign_in_denied` or `no_role`, or
    /// [`ClientError::TimedOut`] when the codes are too old.
    pub async fn wait(self, workspace: Option<&Workspace>) -> Result<SignedIn, ClientError> {
        let after = Duration::from_secs(self.started.expires_in_s);
        let mut interval = Duration::from_secs(self.started.interval_s);
        let asked = DevicePoll {
            device_code: self.started.device_code.clone(),
            workspace: workspace.cloned(),
        };
        let request = post(DevicePoll::PATH, &asked)?;
        let client = Client {
            transport: self.transport,
        };
        while self.begun.elapsed() < after {
            sleep(interval).await;
            match client.json(&request).await {
                Ok(DevicePolled::Pending { slow_down: false }) => {}
                Ok(DevicePolled::Pending { slow_down: true }) => interval += SLOWER,
                Ok(DevicePolled::SignedIn {
                    token,
                    expires_at,
                    name,
                    roles,
                    workspace,
                }) => {
                    return Ok(SignedIn {
                        token,
                        expires_at,
                        name,
                        roles,
                        workspace,
                    });
                }
                // Asked again at the next turn: the person may be typing.
                Err(error) if error.is_passing() => {}
                Err(error) => return Err(error),
            }
        }
        Err(ClientError::TimedOut { after })
    }
}

fn post(path: &str, body: &impl serde::Serialize) -> Result<Outgoing, ClientError> {
    Ok(Outgoing {
        method: Method::POST,
        path: path.to_owned(),
        accept: JSON,
        body: Some(written(body)?),
        last_event_id: None,
        // An answer that is lost may have been the token: it is told once.
        repeatable: false,
    })
}
