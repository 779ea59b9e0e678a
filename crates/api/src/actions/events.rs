//! Events: in, out, and as they come.

use std::collections::BTreeMap;

use pts_domain::access::Scope;
use pts_domain::time::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Action, BatchResult, Binding, Effect, EventRecord, Method};

/// `platform.events.append`
pub struct AppendEvents;

/// How events are appended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AppendInput {
    /// `only` checks the events and stores nothing.
    pub validate: Option<Validate>,
    /// When to answer: `committed` (the default) is after the events are safe on disk; `accepted` is
    /// at once, 202, for senders who would rather lose an event than wait.
    pub ack: Option<Ack>,
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
        json!({ "validate": "only" })
    }
}

/// Which events are wanted. Everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SearchInput {
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
    /// At most so many, 1 to 1,000; 100 if not given.
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
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
    type Input = GetEventInput;
    type Output = EventRecord;

    fn example() -> Value {
        json!({ "id": "019caa3c-5e80-7000-8000-000000000001" })
    }
}
