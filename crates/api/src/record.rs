//! Events on the wire: how they come back, and what their sender is told.

use pts_domain::projection::Contradiction;
use pts_domain::{StoredEvent, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::Problem;

/// An event in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventRecord {
    /// The id that PTS gave it.
    pub id: Uuid,
    /// The id that its sender gave it; unique within `source`.
    pub event_id: String,
    /// Its place in the log, from 1 without holes.
    pub position: i64,
    /// Who sent it.
    pub source: String,
    /// What kind of event it is.
    #[serde(rename = "type")]
    pub event_type: String,
    /// What it is about, if its sender said.
    pub subject: Option<String>,
    /// When it happened.
    pub time: Timestamp,
    /// When PTS received it.
    pub received_at: Timestamp,
    /// What happened, as it came.
    pub data: Value,
    /// Extension attributes, as they came.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
}

impl From<StoredEvent> for EventRecord {
    fn from(stored: StoredEvent) -> Self {
        let StoredEvent {
            position,
            id,
            received_at,
            event,
        } = stored;
        Self {
            id,
            event_id: event.identity.id,
            position,
            source: event.identity.source,
            event_type: event.event_type,
            subject: event.subject,
            time: event.time,
            received_at,
            data: event.data,
            attributes: event.attributes,
        }
    }
}

/// What the sender of one event is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// The id that PTS gave the event, or gave it the first time. Absent after `validate=only`.
    pub id: Option<Uuid>,
    /// When PTS received it first. Absent after `validate=only`.
    pub received_at: Option<Timestamp>,
    /// Whether it was there already.
    pub duplicate: bool,
    /// Advice; the event was accepted all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What in it does not fit what was known; the event was stored all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contradictions: Vec<Contradiction>,
}

/// What became of one event of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    /// Stored.
    Created,
    /// There already.
    Duplicate,
    /// Good, and not stored because only validation was asked for.
    Valid,
    /// Good and in the queue; `ack=accepted` does not wait for what becomes of it.
    Accepted,
    /// Its identity stands for another event.
    Conflict,
    /// Not an event that can be accepted.
    Invalid,
}

/// The result of one event of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ItemResult {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// What became of it.
    pub status: ItemStatus,
    /// The HTTP status it would have had alone.
    pub code: u16,
    /// The receipt of an event that was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
    /// Why it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// What the sender of a batch is told: one result per event, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BatchResult {
    /// Events stored now.
    pub created: usize,
    /// Events that were there already.
    pub duplicates: usize,
    /// Events that were not accepted.
    pub rejected: usize,
    /// One result per event, in order.
    pub items: Vec<ItemResult>,
}
