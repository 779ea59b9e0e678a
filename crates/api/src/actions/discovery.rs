//! The actions themselves: what can be asked of the service, by programs that find out.

use pts_domain::access::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Action, Binding, Effect, Method};

/// This area's actions; see [`each_action`](crate::each_action).
#[doc(hidden)]
#[macro_export]
macro_rules! each_discovery_action {
    ($each:ident) => {
        $each!(answer $crate::actions::discovery::ListActions);
        $each!(answer $crate::actions::discovery::GetAction);
    };
}

/// One action, as its declaration says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ActionRecord {
    /// Its name: the `actionKey` of `POST /v1/actions`.
    pub key: String,
    /// What it does, in a line.
    pub summary: String,
    /// What a caller should know beyond that.
    pub description: String,
    /// What a caller must be allowed to do.
    pub scope: Scope,
    /// What it does to the world.
    pub effect: Effect,
    /// Whether it shows first what it would do, and does it only when that is confirmed.
    pub risky: bool,
    /// The method of its route.
    pub method: Method,
    /// The path of its route; `{name}` stands for the field `name` of the input.
    pub path: String,
    /// Other paths that lead to the same place.
    pub aliases: Vec<String>,
    /// How input and output travel over its route; a stream, a download and a feed have only that.
    pub binding: Binding,
    /// In which media types a download or a feed is written, the usual one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media_types: Vec<String>,
    /// JSON Schema (2020-12) of its input.
    pub input_schema: Value,
    /// JSON Schema (2020-12) of what it gives: of `data`, or of each event of a stream or a
    /// download.
    pub output_schema: Value,
    /// Inputs that show what it is for.
    pub examples: Vec<Value>,
}

/// `platform.actions.list`
pub struct ListActions;

/// Which actions are wanted. Everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListActionsInput {
    /// Those that do this to the world.
    pub effect: Option<Effect>,
    /// Those that need this scope.
    pub scope: Option<Scope>,
}

impl Action for ListActions {
    const NAME: &'static str = "platform.actions.list";
    const SUMMARY: &'static str = "List the actions, with their schemas";
    const DESCRIPTION: &'static str = "Each can be carried out over its own route or, but for streams, downloads \
        and feeds, by its name over `POST /v1/actions`: the same checks, the same code.";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/actions";
    type Input = ListActionsInput;
    type Output = Vec<ActionRecord>;

    fn example() -> Value {
        json!({ "effect": "write" })
    }
}

/// `platform.actions.get`
pub struct GetAction;

/// Which action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetActionInput {
    /// Its name.
    pub key: String,
}

impl Action for GetAction {
    const NAME: &'static str = "platform.actions.get";
    const SUMMARY: &'static str = "Look up one action: schemas, scope, effect, examples";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/actions/{key}";
    const ERRORS: &'static [u16] = &[404];
    type Input = GetActionInput;
    type Output = ActionRecord;

    fn example() -> Value {
        json!({ "key": "platform.events.search" })
    }
}
