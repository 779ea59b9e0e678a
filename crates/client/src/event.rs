//! An event on its way in, as its sender writes it.

use pts_domain::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::chance;

/// Something that happened. It has an id from the start, so that sending it again is free.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// Unique within `source`.
    pub id: String,
    /// What kind of event it is, such as `deployment.started`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Who sends it.
    pub source: String,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it happened.
    pub time: Timestamp,
    /// What happened; what it holds depends on the type.
    pub data: Value,
    /// Extension attributes, beside the others on the wire.
    #[serde(flatten)]
    pub attributes: Map<String, Value>,
}

impl Event {
    /// An event that happens now, with an id of its own and no data.
    pub fn new(event_type: impl Into<String>, source: impl Into<String>) -> Self {
        Self {
            id: chance::id().to_string(),
            event_type: event_type.into(),
            source: source.into(),
            subject: None,
            time: chance::now(),
            data: Value::Object(Map::new()),
            attributes: Map::new(),
        }
    }

    /// With an id that its sender can make again, such as a pipeline's run and step.
    pub fn with_id(self, id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            ..self
        }
    }

    /// With data.
    pub fn with_data(self, data: Value) -> Self {
        Self { data, ..self }
    }

    /// About something.
    pub fn with_subject(self, subject: impl Into<String>) -> Self {
        Self {
            subject: Some(subject.into()),
            ..self
        }
    }

    /// That happened at another moment.
    pub fn at(self, time: Timestamp) -> Self {
        Self { time, ..self }
    }
}
