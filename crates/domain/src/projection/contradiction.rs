//! What an event says that cannot be so, given what was known: recorded beside the event, never a
//! reason to lose it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Happened;
use crate::Timestamp;

/// An event that does not fit the state it met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contradiction {
    /// The event's place in the log.
    pub position: i64,
    /// The event's internal id.
    pub event_id: Uuid,
    /// When the event happened.
    pub time: Timestamp,
    /// What it is about, such as `deployment payments/production/d-42`.
    pub about: String,
    /// What does not fit, as a stable word such as `finished_without_start`.
    pub code: String,
    /// What does not fit, in words.
    pub message: String,
}

impl Contradiction {
    pub(super) fn new(
        event: &Happened<'_>,
        about: impl Into<String>,
        code: &str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            position: event.position,
            event_id: event.id,
            time: event.time,
            about: about.into(),
            code: code.into(),
            message: message.into(),
        }
    }
}
