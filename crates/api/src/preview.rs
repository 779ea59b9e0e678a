//! What a risky action would do, shown before it is done, and with what it is confirmed.

use std::fmt;

use pts_domain::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The header that confirms a preview on an action's own route and on `POST /v1/actions`.
pub const CONFIRM_HEADER: &str = "PTS-Confirm";

/// What a risky action would do now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Preview {
    /// In a sentence.
    pub summary: String,
    /// Rows that it would change or remove, or has to go through; absent where that has no meaning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// When the first of what is affected happened or was received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// When the last of it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// Who is affected, those by the most first; at most 20.
    pub affected: Vec<Affected>,
    /// Whether what it does can be undone.
    pub reversible: bool,
    /// More that is worth knowing, by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
}

/// Somebody or something that a risky action would affect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Affected {
    /// What it is: `source`, `type`, `token`, `everybody`.
    pub kind: String,
    /// Its name; for a kind that is one alone, how it is affected.
    pub name: String,
    /// By how many rows, where that has a meaning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

impl Affected {
    /// How many are named in a preview.
    pub const MOST: usize = 20;
}

/// With what a preview is confirmed: once, by whoever was shown it, for the same action and input,
/// while things are as they were shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Confirm {
    /// The text to send in `PTS-Confirm`, or as `confirm` beside the payload.
    pub token: String,
    /// Until when.
    pub expires_at: Timestamp,
}

impl fmt::Debug for Confirm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Confirm")
            .field("token", &"confirm_…")
            .field("expires_at", &self.expires_at)
            .finish()
    }
}
