//! Rows that are read by the names of their columns.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Bytea, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid};
use pts_domain::event::ContentDigest;
use pts_domain::projection::Contradiction;
use pts_domain::{Event, Identity, StoredEvent, Timestamp};
use serde_json::{Map, Value};

use crate::error::Fault;

/// The columns of an [`EventRow`].
pub(crate) const EVENT_COLUMNS: &str = "position, id, source, event_id, type, subject, \"time\", \
     time_given, received_at, data, attributes, digest";

/// What stands around an event: who sent it, what it is of and about, and when.
#[derive(Debug, QueryableByName)]
pub(crate) struct Envelope {
    #[diesel(sql_type = BigInt)]
    pub(crate) position: i64,
    #[diesel(sql_type = Uuid)]
    pub(crate) id: uuid::Uuid,
    #[diesel(sql_type = Text)]
    pub(crate) source: String,
    #[diesel(sql_type = Text)]
    pub(crate) event_id: String,
    #[diesel(sql_type = Text, column_name = "type")]
    pub(crate) event_type: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub(crate) subject: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) time: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) received_at: Timestamp,
}

impl Envelope {
    /// Where its event stands in lists of events.
    pub(crate) fn place(&self) -> (Timestamp, i64) {
        (self.time, self.position)
    }
}

/// An event as it stands in `platform.events`.
#[derive(Debug, QueryableByName)]
pub(crate) struct EventRow {
    #[diesel(embed)]
    pub(crate) envelope: Envelope,
    #[diesel(sql_type = Bool)]
    time_given: bool,
    #[diesel(sql_type = Jsonb)]
    data: Value,
    #[diesel(sql_type = Jsonb)]
    attributes: Value,
    #[diesel(sql_type = Bytea)]
    digest: Vec<u8>,
}

impl EventRow {
    /// The event, and the digest that was stored with it.
    pub(crate) fn into_parts(self) -> Result<(StoredEvent, ContentDigest), Fault> {
        let envelope = self.envelope;
        let position = envelope.position;
        let corrupt = |what: &str| Fault::Corrupt(format!("event {position}: {what}"));
        let digest = self
            .digest
            .try_into()
            .map_err(|_| corrupt("its digest is not 16 bytes"))?;
        let attributes: Map<String, Value> = match self.attributes {
            Value::Object(map) => map,
            _ => return Err(corrupt("its attributes are not an object")),
        };
        let event = Event {
            identity: Identity {
                source: envelope.source,
                id: envelope.event_id,
            },
            event_type: envelope.event_type,
            subject: envelope.subject,
            time: envelope.time,
            time_given: self.time_given,
            data: self.data,
            attributes,
        };
        let stored = StoredEvent {
            position,
            id: envelope.id,
            received_at: envelope.received_at,
            event,
        };
        Ok((stored, ContentDigest(digest)))
    }

    /// The event alone.
    pub(crate) fn into_event(self) -> Result<StoredEvent, Fault> {
        self.into_parts().map(|(event, _)| event)
    }
}

/// One number.
#[derive(Debug, QueryableByName)]
pub(crate) struct Number {
    #[diesel(sql_type = BigInt)]
    pub(crate) number: i64,
}

/// One whole aggregate.
#[derive(Debug, QueryableByName)]
pub(crate) struct Doc {
    #[diesel(sql_type = Jsonb)]
    pub(crate) doc: Value,
}

/// What did not fit.
#[derive(Debug, QueryableByName)]
pub(crate) struct ContradictionRow {
    #[diesel(sql_type = BigInt)]
    pub(crate) position: i64,
    #[diesel(sql_type = Integer)]
    pub(crate) ordinal: i32,
    #[diesel(sql_type = Uuid)]
    event_id: uuid::Uuid,
    #[diesel(sql_type = Timestamptz)]
    time: Timestamp,
    #[diesel(sql_type = Text)]
    about: String,
    #[diesel(sql_type = Text)]
    code: String,
    #[diesel(sql_type = Text)]
    message: String,
}

impl From<ContradictionRow> for Contradiction {
    fn from(row: ContradictionRow) -> Self {
        Self {
            position: row.position,
            event_id: row.event_id,
            time: row.time,
            about: row.about,
            code: row.code,
            message: row.message,
        }
    }
}

/// Where the log ends, and which append says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub(crate) struct Head {
    #[diesel(sql_type = BigInt)]
    pub(crate) position: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) stamp: i64,
}

/// A number that whoever moves a mark leaves there, and nobody else does, in this process or another.
pub(crate) fn fresh_stamp() -> i64 {
    static KEYS: OnceLock<RandomState> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let process = std::process::id();
    let stamp = KEYS
        .get_or_init(RandomState::new)
        .hash_one((process, count));
    i64::from_ne_bytes(stamp.to_ne_bytes())
}
