//! Events: in, out, and as they come.

use std::borrow::Cow;
use std::collections::BTreeMap;

use pts_domain::access::Scope;
use pts_domain::time::Moment;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::actions::inputs::search_and_export;
use crate::{Action, BatchResult, Binding, Effect, EventRecord, Method};

/// This area's actions; see [`each_action`](crate::each_action).
#[doc(hidden)]
#[macro_export]
macro_rules! each_events_action {
    ($each:ident) => {
        $each!(ingest $crate::actions::events::AppendEvents);
        $each!(answer $crate::actions::events::SearchEvents);
        $each!(stream $crate::actions::events::StreamEvents);
        $each!(download $crate::actions::export::ExportEvents);
        $each!(answer $crate::actions::events::GetEvent);
    };
}

/// `platform.events.append`
pub struct AppendEvents;

/// How events are appended: what stands beside them, in the query of `POST /v1/events`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AppendParameters {
    /// `only` checks the events and stores nothing.
    pub validate: Option<Validate>,
    /// When to answer: `committed` (the default) is after the events are safe on disk; `accepted` is
    /// at once, 202, for senders who would rather lose an event than wait.
    pub ack: Option<Ack>,
}

/// Which events are appended, and how. Over `POST /v1/events`, the events are the body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AppendInput {
    /// One event, or 1 to 10,000 of them. An event that comes alone and is not accepted is an error;
    /// of several, each has its result.
    pub events: Events,
    /// `only` checks the events and stores nothing.
    #[serde(default)]
    pub validate: Option<Validate>,
    /// When to answer: `committed` (the default) is after the events are safe on disk; `accepted` is
    /// at once, for senders who would rather lose an event than wait.
    #[serde(default)]
    pub ack: Option<Ack>,
}

impl AppendInput {
    /// The field that is the body of `POST /v1/events`.
    pub const BODY: &'static str = "events";

    /// The events, and what stands beside them.
    pub fn apart(self) -> (Events, AppendParameters) {
        let Self {
            events,
            validate,
            ack,
        } = self;
        (events, AppendParameters { validate, ack })
    }
}

/// One event, or several. What is in them is looked at when they are taken in, one by one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Events {
    /// One that came alone.
    One(Value),
    /// A batch.
    Many(Vec<Value>),
}

impl TryFrom<Value> for Events {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        match value {
            Value::Object(_) => Ok(Self::One(value)),
            Value::Array(events) => Ok(Self::Many(events)),
            _ => Err("an event or an array of events"),
        }
    }
}

impl From<Events> for Value {
    fn from(events: Events) -> Self {
        match events {
            Events::One(event) => event,
            Events::Many(events) => Self::Array(events),
        }
    }
}

impl JsonSchema for Events {
    fn schema_name() -> Cow<'static, str> {
        "Events".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                {
                    "type": "object",
                    "description": "A CloudEvent; `specversion`, `id` and `time` may be left out. \
                        What `data` holds depends on the type: `platform.event_types.get` tells.",
                    "properties": {
                        "specversion": { "const": "1.0" },
                        "id": { "type": ["string", "null"], "maxLength": 512 },
                        "source": { "type": "string", "maxLength": 512 },
                        "type": { "type": "string", "maxLength": 512 },
                        "subject": { "type": ["string", "null"], "maxLength": 512 },
                        "time": { "type": ["string", "null"], "format": "date-time" },
                        "data": {},
                    },
                    "required": ["type", "source"],
                },
                {
                    "type": "array",
                    "description": "Events, each as above. One that is not accepted does not hurt \
                        the others.",
                    "items": {},
                    "minItems": 1,
                    "maxItems": 10_000,
                },
            ],
        })
    }
}

/// When to answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ack {
    /// After the events are safe on disk.
    #[default]
    Committed,
    /// When they are checked and in the queue.
    Accepted,
}

/// Whether to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Validate {
    /// Check and do not store.
    Only,
}

impl Action for AppendEvents {
    const NAME: &'static str = "platform.events.append";
    const SUMMARY: &'static str = "Append one event or a batch";
    const DESCRIPTION: &'static str = "Takes one event or an array as JSON (`specversion`, `id` and \
        `time` may be left out), newline-delimited JSON, or CloudEvents 1.0 in structured, batch or \
        binary mode; gzip and zstd; up to 16 MiB. A single event answers 201 with its receipt, 200 \
        when it was there already, 409 when its `(source, id)` stands for another event. A batch \
        answers 200, or 207 when any of its events was not accepted, with a result per event: bad \
        events never hurt their neighbours. With `ack=accepted` the answer is 202 and comes before \
        the events are stored: what is repeated, contradicts itself or is lost with the server is \
        not told. More than can be written is refused at once, with 503, or 429 when one token alone \
        is the reason, and `Retry-After`.";
    const SCOPE: Scope = Scope::EventsWrite;
    const EFFECT: Effect = Effect::Write;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/events";
    const ALIASES: &'static [&'static str] = &["/events"];
    const BINDING: Binding = Binding::Ingest;
    type Input = AppendInput;
    type Output = BatchResult;

    fn example() -> Value {
        json!({
            "events": {
                "type": "deployment.started",
                "source": "ci",
                "id": "run-43-start",
                "data": {
                    "service": "payments",
                    "environment": "production",
                    "deployment_id": "d-43",
                    "version": "1.4.3",
                },
            },
            "validate": "only",
        })
    }
}

search_and_export! {
    /// Which events are wanted. Everything that is given must hold.
    pub struct SearchInput;
    /// Which events are wanted, and how they are written. Everything that is given must hold.
    pub struct ExportInput;
    filter {
        /// Types, any of which will do; `deployment.*` stands for a family. Repeat it or separate by
        /// commas.
        #[serde(rename = "type")]
        pub types: Vec<String>,
        /// Who sent them.
        pub source: Option<String>,
        /// `data.service`.
        pub service: Option<String>,
        /// `data.environment`.
        pub environment: Option<String>,
        /// What they are about.
        pub subject: Option<String>,
        /// Happened at this moment or later.
        pub since: Option<Moment>,
        /// Happened before this moment.
        pub until: Option<Moment>,
        /// Fields of the data, as `data.<path>=<text>`: `data.actor=alice`.
        pub data: BTreeMap<String, String>,
    }
}

/// `platform.events.search`
pub struct SearchEvents;

impl Action for SearchEvents {
    const NAME: &'static str = "platform.events.search";
    const SUMMARY: &'static str = "Search events, newest first";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/events";
    const ALIASES: &'static [&'static str] = &["/events"];
    type Input = SearchInput;
    type Output = Vec<EventRecord>;

    fn example() -> Value {
        json!({ "type": ["deployment.*"], "service": "payments", "since": "7d", "limit": 20 })
    }
}

/// `platform.events.stream`
pub struct StreamEvents;

/// Which events are wanted, as they come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StreamInput {
    /// Types, any of which will do; `deployment.*` stands for a family.
    #[serde(rename = "type")]
    pub types: Vec<String>,
    /// Who sends them.
    pub source: Option<String>,
    /// `data.service`.
    pub service: Option<String>,
    /// `data.environment`.
    pub environment: Option<String>,
    /// What they are about.
    pub subject: Option<String>,
    /// Fields of the data, as `data.<path>=<text>`.
    pub data: BTreeMap<String, String>,
    /// Begin behind this place in the log; 0 for its very beginning, the end of the log if not
    /// given. `Last-Event-ID` wins over it.
    pub after: Option<i64>,
}

impl From<StreamInput> for SearchInput {
    /// The search for events of the same kind, whenever they happened.
    fn from(stream: StreamInput) -> Self {
        let StreamInput {
            types,
            source,
            service,
            environment,
            subject,
            data,
            after: _,
        } = stream;
        Self {
            types,
            source,
            service,
            environment,
            subject,
            data,
            ..Self::default()
        }
    }
}

impl Action for StreamEvents {
    const NAME: &'static str = "platform.events.stream";
    const SUMMARY: &'static str = "Follow events as they come";
    const DESCRIPTION: &'static str = "Server-sent events. Each has the event's place in the log as \
        its id and the event as its data. Reconnecting with `Last-Event-ID` goes on where the \
        stream broke off, without a loss or a repeat.";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/events/stream";
    const BINDING: Binding = Binding::Stream;
    type Input = StreamInput;
    type Output = EventRecord;

    fn example() -> Value {
        json!({ "type": ["incident.*"], "after": 0 })
    }
}

/// `platform.events.get`
pub struct GetEvent;

/// Which event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetEventInput {
    /// The id that PTS gave it.
    pub id: Uuid,
}

impl Action for GetEvent {
    const NAME: &'static str = "platform.events.get";
    const SUMMARY: &'static str = "Look up one event";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/events/{id}";
    const ERRORS: &'static [u16] = &[404];
    type Input = GetEventInput;
    type Output = EventRecord;

    fn example() -> Value {
        json!({ "id": "019caa3c-5e80-7000-8000-000000000001" })
    }
}
