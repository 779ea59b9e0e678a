//! What was so at some moment, and what cannot have been so.

use pts_domain::Timestamp;
use pts_domain::access::Scope;
use pts_domain::projection::{Contradiction, Run};
use pts_domain::time::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::actions::LARGEST_LIMIT;
use crate::{Action, Effect};

/// This area's actions; see [`each_action`](crate::each_action).
#[doc(hidden)]
#[macro_export]
macro_rules! each_timeline_action {
    ($each:ident) => {
        $each!(answer $crate::actions::timeline::WhatRanAt);
        $each!(answer $crate::actions::timeline::ListContradictions);
    };
}

/// `platform.at`
pub struct WhatRanAt;

/// At which moment, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WhatRanAtInput {
    /// The moment; now if not given.
    pub time: Option<Moment>,
    /// Of this service.
    pub service: Option<String>,
    /// Where.
    pub environment: Option<String>,
}

/// What ran at a moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RanAt {
    /// The moment.
    pub time: Timestamp,
    /// What the deployments say ran, by service and environment.
    pub declared: Vec<Run>,
    /// What the instances say ran, by service, environment and instance.
    pub observed: Vec<Run>,
}

impl Action for WhatRanAt {
    const NAME: &'static str = "platform.at";
    const SUMMARY: &'static str = "Tell what was running where at a moment";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/at";
    type Input = WhatRanAtInput;
    type Output = RanAt;

    fn example() -> Value {
        json!({ "time": "2026-03-01T12:30:00Z", "environment": "production" })
    }
}

/// `platform.contradictions.list`
pub struct ListContradictions;

/// Which contradictions are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListContradictionsInput {
    /// About this, spelt as it stands in the answers: `deployment payments/production/d-42`.
    pub about: Option<String>,
    /// At most so many, 1 to 1,000; 100 if not given.
    #[schemars(range(min = 1, max = LARGEST_LIMIT))]
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Action for ListContradictions {
    const NAME: &'static str = "platform.contradictions.list";
    const SUMMARY: &'static str = "List what was reported and cannot be so, newest first";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/contradictions";
    type Input = ListContradictionsInput;
    type Output = Vec<Contradiction>;

    fn example() -> Value {
        json!({ "limit": 10 })
    }
}
