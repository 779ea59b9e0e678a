//! What there is to be allowed: scopes, which every action names one of.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::problem::nearest;

/// One thing a token may be allowed to do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Scope {
    /// Send events.
    #[serde(rename = "events:write")]
    EventsWrite,
    /// Read events and everything worked out from them.
    #[serde(rename = "events:read")]
    EventsRead,
    /// Read the service's own metrics.
    #[serde(rename = "metrics:read")]
    MetricsRead,
    /// Keep the service itself in order: quarantine, expectations, retention, rebuilding.
    #[serde(rename = "operate")]
    Operate,
    /// Make, see and revoke tokens, and end the sessions of others.
    #[serde(rename = "tokens:manage")]
    TokensManage,
    /// Decide who may do what: policies, and what others ask to be allowed for a while.
    #[serde(rename = "access:manage")]
    AccessManage,
    /// Read the audit.
    #[serde(rename = "audit:read")]
    AuditRead,
    /// Ask to be allowed more for a while.
    #[serde(rename = "elevations:request")]
    ElevationsRequest,
    /// Everything, tokens included.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// Every scope there is.
    pub const ALL: [Self; 9] = [
        Self::EventsWrite,
        Self::EventsRead,
        Self::MetricsRead,
        Self::Operate,
        Self::TokensManage,
        Self::AccessManage,
        Self::AuditRead,
        Self::ElevationsRequest,
        Self::Admin,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EventsWrite => "events:write",
            Self::EventsRead => "events:read",
            Self::MetricsRead => "metrics:read",
            Self::Operate => "operate",
            Self::TokensManage => "tokens:manage",
            Self::AccessManage => "access:manage",
            Self::AuditRead => "audit:read",
            Self::ElevationsRequest => "elevations:request",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::as_str);
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| match nearest(text, names) {
                Some(near) => format!("`{text}` is no scope; did you mean `{near}`?"),
                None => format!("`{text}` is no scope; there are {}", names.join(", ")),
            })
    }
}
