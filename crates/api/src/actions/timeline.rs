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
        $each!(answer $crate::actions::timeline::CompareMoments);
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

/// `platform.at.compare`
pub struct CompareMoments;

/// Which moments, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompareMomentsInput {
    /// The earlier moment: when all was well, say.
    pub from: Moment,
    /// The later moment; now if not given.
    #[serde(default)]
    pub to: Option<Moment>,
    /// Of this service.
    #[serde(default)]
    pub service: Option<String>,
    /// Where.
    #[serde(default)]
    pub environment: Option<String>,
}

/// What was declared to run at one moment and not, or not the same, at another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The earlier moment.
    pub from: Timestamp,
    /// The later moment.
    pub to: Timestamp,
    /// What differs, by service and environment.
    pub changes: Vec<RunChange>,
    /// How many ran at both moments and are the same.
    pub same: usize,
}

/// A service in an environment that is not what it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunChange {
    /// The service.
    pub service: String,
    /// Where.
    pub environment: String,
    /// What ran at the earlier moment; absent if nothing was declared then.
    pub before: Option<Run>,
    /// What ran at the later moment; absent if nothing was declared then.
    pub after: Option<Run>,
}

impl Action for CompareMoments {
    const NAME: &'static str = "platform.at.compare";
    const SUMMARY: &'static str = "Tell what runs differently at two moments";
    const DESCRIPTION: &'static str = "What the deployments say ran at the one and at the other, and \
        only where that differs: the first question when something worked before and does not now. \
        A deployment of the same version is a difference too.";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/at/compare";
    type Input = CompareMomentsInput;
    type Output = Comparison;

    fn example() -> Value {
        json!({ "from": "2026-03-01T08:00:00Z", "to": "2026-03-01T12:30:00Z", "service": "payments" })
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
