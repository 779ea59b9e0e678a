//! Signing in from a command line: the person signs in on another device, with the identity provider
//! that the server works with. The server speaks to the provider, so a command line needs to know
//! nothing but the server.

use pts_domain::Timestamp;
use pts_domain::access::Workspace;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Begins a sign-in on another device. Nobody has to prove who they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceStart {}

impl DeviceStart {
    /// Where it is posted to.
    pub const PATH: &'static str = "/v1/device/start";
}

/// What to tell the person, and what to ask with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceStarted {
    /// What to ask with: for this command line alone.
    pub device_code: String,
    /// What the person enters.
    pub user_code: String,
    /// Where the person enters it, in any browser.
    pub verification_uri: String,
    /// The same with the code filled in; null where the provider has no such.
    pub verification_uri_complete: Option<String>,
    /// The codes are good for so many seconds.
    pub expires_in_s: u64,
    /// Seconds to wait before each question.
    pub interval_s: u64,
}

/// Asks whether somebody has signed in by now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DevicePoll {
    /// What the start gave.
    pub device_code: String,
    /// The workspace that the token shall be bound to; what the person's groups give, if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<Workspace>,
}

impl DevicePoll {
    /// Where it is posted to.
    pub const PATH: &'static str = "/v1/device/poll";
}

/// What has become of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum DevicePolled {
    /// Nobody has signed in yet: ask again.
    Pending {
        /// Whether that was too soon: wait five seconds longer from now on.
        slow_down: bool,
    },
    /// Somebody has.
    SignedIn {
        /// The token, sent as `Authorization: Bearer`. It is not told again.
        token: String,
        /// When it ends at the latest; it also ends when it is not used for a while.
        expires_at: Timestamp,
        /// Who has signed in.
        name: String,
        /// The roles that their groups gave.
        roles: Vec<String>,
        /// The only workspace that the token reaches; null for all.
        workspace: Option<Workspace>,
    },
}
