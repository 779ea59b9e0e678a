//! DORA's five metrics.

use pts_domain::access::Scope;
use pts_domain::dora::Dora;
use pts_domain::time::{Moment, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Action, Effect};

/// This area's actions; see [`each_action`](crate::each_action).
#[doc(hidden)]
#[macro_export]
macro_rules! each_dora_action {
    ($each:ident) => {
        $each!(answer $crate::actions::dora::GetDora);
    };
}

/// `platform.dora.get`
pub struct GetDora;

/// Of what the metrics are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GetDoraInput {
    /// How long a period, up to 731 days; `30d` if not given.
    pub window: Option<Span>,
    /// Where the period ends; now if not given.
    pub until: Option<Moment>,
    /// Of this service; all together if not given.
    pub service: Option<String>,
    /// Of this environment; `production` if not given, `*` for all.
    pub environment: Option<String>,
}

/// The metrics, and of what they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DoraView {
    /// Of this service; absent for all together.
    pub service: Option<String>,
    /// Of this environment; absent for all.
    pub environment: Option<String>,
    /// The metrics.
    #[serde(flatten)]
    pub metrics: Dora,
}

impl Action for GetDora {
    const NAME: &'static str = "platform.dora.get";
    const SUMMARY: &'static str = "Work out DORA's five metrics over a window";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/dora";
    type Input = GetDoraInput;
    type Output = DoraView;

    fn example() -> Value {
        json!({ "window": "30d", "service": "payments" })
    }
}
