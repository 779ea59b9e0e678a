//! An event whose data nobody has read, for whoever only hands it on: reading and writing what is
//! inside would take most of the time.

use uuid::Uuid;

use crate::{StoredEvent, Timestamp};

/// An event in the log, with what is inside as the store spells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawEvent {
    /// Its place in the log.
    pub position: i64,
    /// The internal id.
    pub id: Uuid,
    /// Who sent it.
    pub source: String,
    /// The sender's id for it.
    pub event_id: String,
    /// What kind of event it is.
    pub event_type: String,
    /// What it is about.
    pub subject: Option<String>,
    /// When it happened.
    pub time: Timestamp,
    /// When the service received it.
    pub received_at: Timestamp,
    /// The service that it says it is about.
    pub service: Option<String>,
    /// The environment that it says it is about.
    pub environment: Option<String>,
    /// What happened: JSON on one line.
    pub data: String,
    /// `datacontenttype`, `dataschema` and extension attributes: a JSON object on one line.
    pub attributes: String,
}

impl RawEvent {
    /// Roughly the bytes that it takes in memory.
    pub fn weight(&self) -> usize {
        let texts = [
            &self.source,
            &self.event_id,
            &self.event_type,
            &self.data,
            &self.attributes,
        ];
        let optional = [&self.subject, &self.service, &self.environment];
        let optional = optional.into_iter().flatten();
        size_of::<Self>()
            + texts
                .into_iter()
                .chain(optional)
                .map(String::len)
                .sum::<usize>()
    }
}

impl From<StoredEvent> for RawEvent {
    fn from(stored: StoredEvent) -> Self {
        let event = stored.event;
        Self {
            position: stored.position,
            id: stored.id,
            service: event.service().map(ToOwned::to_owned),
            environment: event.environment().map(ToOwned::to_owned),
            source: event.identity.source,
            event_id: event.identity.id,
            event_type: event.event_type,
            subject: event.subject,
            time: event.time,
            received_at: stored.received_at,
            data: event.data.to_string(),
            attributes: serde_json::Value::Object(event.attributes).to_string(),
        }
    }
}
