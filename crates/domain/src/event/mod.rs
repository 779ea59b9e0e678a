//! The envelope that everything arrives in: CloudEvents 1.0, or the lenient native form of it.

mod admission;
mod digest;
mod limits;
mod numbers;
mod parse;
mod raw;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

pub use admission::{Admission, Known, admit};
pub use digest::ContentDigest;
pub(crate) use digest::{number, of_value as digest_value};
pub use limits::check as check_limits;
pub(crate) use numbers::settle;
pub use parse::{Form, Received, read};
pub use raw::RawEvent;

use crate::access::Workspace;
use crate::platform::{PlatformEvent, cdevents};
use crate::{FieldError, Timestamp};

/// Names an event for ever: the sender's `source` and the sender's `id` together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The CloudEvents `source`.
    pub source: String,
    /// The CloudEvents `id`, unique within the source.
    pub id: String,
}

/// An event that has been read and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Who sent it and under which id.
    pub identity: Identity,
    /// The CloudEvents `type`.
    pub event_type: String,
    /// The CloudEvents `subject`.
    pub subject: Option<String>,
    /// When it happened.
    pub time: Timestamp,
    /// Whether the sender said when; otherwise `time` is when it was received.
    pub time_given: bool,
    /// What happened, as it came.
    pub data: Value,
    /// `datacontenttype`, `dataschema` and extension attributes, as they came.
    pub attributes: Map<String, Value>,
}

impl Event {
    /// The service that the event says it is about.
    pub fn service(&self) -> Option<&str> {
        self.text("service")
    }

    /// The environment that the event says it is about.
    pub fn environment(&self) -> Option<&str> {
        self.text("environment")
    }

    fn text(&self, field: &str) -> Option<&str> {
        // Foreign events may hold anything under these names; only what fits an index counts.
        let own = self.data.get(field).and_then(Value::as_str);
        let named = own.or_else(|| cdevents::text(&self.event_type, &self.data, field));
        named.filter(|text| !text.is_empty() && text.len() <= 255)
    }

    /// The event as the handlers see it; `None` for a type that is not of the union.
    ///
    /// # Errors
    /// What is wrong with its data. A stored event has passed this check once, and fails it only
    /// if a later version of a type asks for more.
    pub fn platform(&self) -> Result<Option<PlatformEvent>, Vec<FieldError>> {
        PlatformEvent::read(&self.event_type, &self.data)
    }

    /// Roughly the bytes that it takes in memory.
    pub fn weight(&self) -> usize {
        limits::weight(&self.data) + self.attributes.values().map(limits::weight).sum::<usize>()
    }

    /// Tells whether two events of one identity are the same event sent twice.
    pub fn digest(&self) -> ContentDigest {
        ContentDigest::of(self)
    }
}

/// An event on its way into the log.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// The internal id: a version 7 UUID of the moment of receipt.
    pub id: Uuid,
    /// When the service received it.
    pub received_at: Timestamp,
    /// The token that it came with, where one is known.
    pub sender: Option<Uuid>,
    /// Where it belongs: its identity is one within this workspace.
    pub workspace: Workspace,
    /// The event.
    pub event: Event,
}

/// An event in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Its place in the log: from 1 without holes, in the order of commit.
    pub position: i64,
    /// The internal id.
    pub id: Uuid,
    /// When the service received it.
    pub received_at: Timestamp,
    /// The event.
    pub event: Event,
}
