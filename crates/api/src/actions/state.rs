//! Operational states of components.

use pts_domain::access::Scope;
use pts_domain::projection::ComponentState;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::actions::LARGEST_LIMIT;
use crate::{Action, Effect};

/// This area's actions; see [`each_action`](crate::each_action).
#[doc(hidden)]
#[macro_export]
macro_rules! each_state_action {
    ($each:ident) => {
        $each!(answer $crate::actions::state::ListStates);
    };
}

/// `platform.state.list`
pub struct ListStates;

/// Which states are wanted. Everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListStatesInput {
    /// Of this component.
    pub component: Option<String>,
    /// Where.
    pub environment: Option<String>,
    /// Of this service.
    pub service: Option<String>,
    /// Only components in this state.
    pub state: Option<String>,
    /// At most so many, 1 to 1,000; 100 if not given.
    #[schemars(range(min = 1, max = LARGEST_LIMIT))]
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Action for ListStates {
    const NAME: &'static str = "platform.state.list";
    const SUMMARY: &'static str = "List components, the state each is in, and how it came to be";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/state";
    type Input = ListStatesInput;
    type Output = Vec<ComponentState>;

    fn example() -> Value {
        json!({ "component": "payments-db" })
    }
}
