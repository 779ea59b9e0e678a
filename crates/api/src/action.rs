//! What a declaration says, as a trait for code that knows the action and as a value for code that
//! goes through all of them.

use pts_domain::access::Scope;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What an action does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing.
    Read,
    /// Adds to the record.
    Write,
    /// Changes how the service itself behaves.
    Control,
}

/// The HTTP method of an action's route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Safe and repeatable.
    Get,
    /// Anything else.
    Post,
}

/// How an action's input and output travel over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    /// Input from path and query, output as one JSON answer.
    Query,
    /// Input as a JSON object in the body, output as one JSON answer.
    Command,
    /// The body holds events, in any of the forms that events are accepted in; what else the input
    /// says is in the query.
    Ingest,
    /// Input as for [`Binding::Query`], output as server-sent events without an end.
    Stream,
    /// Input as for [`Binding::Query`], output as a list of any length, written as it is read, in one of
    /// its media types. An input that has a field `format` chooses by it.
    Download,
    /// Input as for [`Binding::Query`], output as one document of its media type, for programs that
    /// come again and again to see whether it has changed and can send no headers of their own.
    Feed,
}

impl Binding {
    /// Whether what it gives is not one answer, so that its own route alone can give it.
    pub const fn has_own_route_only(self) -> bool {
        matches!(self, Self::Stream | Self::Download | Self::Feed)
    }

    /// Whether it asks one question, whose answer may be incomplete.
    pub const fn is_question(self) -> bool {
        matches!(self, Self::Query | Self::Download | Self::Feed)
    }
}

/// One operation of the service.
pub trait Action: 'static {
    /// Its name, such as `platform.events.search`.
    const NAME: &'static str;
    /// What it does, in a line.
    const SUMMARY: &'static str;
    /// What a caller should know beyond that; may be empty.
    const DESCRIPTION: &'static str = "";
    /// What a caller must be allowed to do.
    const SCOPE: Scope;
    /// What it does to the world.
    const EFFECT: Effect;
    /// Whether what it would do is shown first, and is done only when that is confirmed.
    const RISKY: bool = false;
    /// Whether everybody may who was let in, whatever they hold: it tells each what is theirs, and
    /// needs its scope for what is others'.
    const OPEN: bool = false;
    /// The method of its route.
    const METHOD: Method = Method::Get;
    /// The path of its route; `{name}` stands for the field `name` of the input.
    const PATH: &'static str;
    /// Other paths that lead to the same place.
    const ALIASES: &'static [&'static str] = &[];
    /// How input and output travel.
    const BINDING: Binding = Binding::Query;
    /// In which media types a download or a feed is written, the usual one first; none for others.
    const MEDIA_TYPES: &'static [&'static str] = &[];
    /// HTTP statuses that it may refuse with, beside those that any action of its binding may.
    const ERRORS: &'static [u16] = &[];
    /// What it takes.
    type Input: DeserializeOwned + Serialize + JsonSchema + Send + 'static;
    /// What it gives, inside the answer.
    type Output: DeserializeOwned + Serialize + JsonSchema + Send + 'static;

    /// An input that shows what the action is for. It is carried out by a test, against the store of
    /// `pts_testkit::generate::platform`, so it names what is there.
    fn example() -> Value;
}

/// An action's declaration as a value.
#[derive(Clone, Copy)]
pub struct ActionSpec {
    /// See [`Action::NAME`].
    pub name: &'static str,
    /// See [`Action::SUMMARY`].
    pub summary: &'static str,
    /// See [`Action::DESCRIPTION`].
    pub description: &'static str,
    /// See [`Action::SCOPE`].
    pub scope: Scope,
    /// See [`Action::EFFECT`].
    pub effect: Effect,
    /// See [`Action::RISKY`].
    pub risky: bool,
    /// See [`Action::OPEN`].
    pub open: bool,
    /// See [`Action::METHOD`].
    pub method: Method,
    /// See [`Action::PATH`].
    pub path: &'static str,
    /// See [`Action::ALIASES`].
    pub aliases: &'static [&'static str],
    /// See [`Action::BINDING`].
    pub binding: Binding,
    /// See [`Action::MEDIA_TYPES`].
    pub media_types: &'static [&'static str],
    /// See [`Action::ERRORS`].
    pub errors: &'static [u16],
    /// See [`Action::example`].
    pub example: fn() -> Value,
    /// The schema of the input, in a generator that collects shared definitions.
    pub input_schema: fn(&mut SchemaGenerator) -> Schema,
    /// The schema of the output, likewise.
    pub output_schema: fn(&mut SchemaGenerator) -> Schema,
}

impl ActionSpec {
    /// The declaration of `A`.
    pub const fn of<A: Action>() -> Self {
        Self {
            name: A::NAME,
            summary: A::SUMMARY,
            description: A::DESCRIPTION,
            scope: A::SCOPE,
            effect: A::EFFECT,
            risky: A::RISKY,
            open: A::OPEN,
            method: A::METHOD,
            path: A::PATH,
            aliases: A::ALIASES,
            binding: A::BINDING,
            media_types: A::MEDIA_TYPES,
            errors: A::ERRORS,
            example: A::example,
            input_schema: |generator| generator.subschema_for::<A::Input>(),
            output_schema: |generator| generator.subschema_for::<A::Output>(),
        }
    }
}
