//! What can be sent: the catalogue of platform event types.

use pts_domain::access::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Action, Effect};

/// This area's actions; see [`each_action`](crate::each_action).
#[doc(hidden)]
#[macro_export]
macro_rules! each_event_types_action {
    ($each:ident) => {
        $each!(answer $crate::actions::event_types::ListEventTypes);
        $each!(answer $crate::actions::event_types::GetEventType);
    };
}

/// One platform event type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventTypeRecord {
    /// The CloudEvents `type`.
    #[serde(rename = "type")]
    pub name: String,
    /// What stands before the dot.
    pub family: String,
    /// Version of the data's shape.
    pub version: u32,
    /// What it says, in a line.
    pub summary: String,
    /// Fields of `data` that must be there.
    pub required: Vec<String>,
    /// JSON Schema (2020-12) of `data`; only when one type is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// A whole event, ready to be posted; only when one type is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<Value>,
}

/// `platform.event_types.list`
pub struct ListEventTypes;

/// Which types.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListEventTypesInput {
    /// Only this family, such as `deployment`.
    pub family: Option<String>,
}

impl Action for ListEventTypes {
    const NAME: &'static str = "platform.event_types.list";
    const SUMMARY: &'static str = "List the platform event types";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/event-types";
    type Input = ListEventTypesInput;
    type Output = Vec<EventTypeRecord>;

    fn example() -> Value {
        json!({ "family": "deployment" })
    }
}

/// `platform.event_types.get`
pub struct GetEventType;

/// Which type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetEventTypeInput {
    /// Its name.
    #[serde(rename = "type")]
    pub name: String,
}

impl Action for GetEventType {
    const NAME: &'static str = "platform.event_types.get";
    const SUMMARY: &'static str = "Look up one platform event type, with its schema and an example";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/event-types/{type}";
    const ERRORS: &'static [u16] = &[404];
    type Input = GetEventTypeInput;
    type Output = EventTypeRecord;

    fn example() -> Value {
        json!({ "type": "deployment.started" })
    }
}
