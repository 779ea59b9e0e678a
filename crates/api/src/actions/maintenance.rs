//! Looking after what is stored: what has had its time goes, and what was worked out from the log is
//! worked out again. Both show first what they would do.

use pts_domain::Timestamp;
use pts_domain::access::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Action, Binding, Effect, Method};

/// This area's actions; see [`each_action`](crate::each_action).
#[doc(hidden)]
#[macro_export]
macro_rules! each_maintenance_action {
    ($each:ident) => {
        $each!(answer $crate::actions::maintenance::RunRetention);
        $each!(answer $crate::actions::maintenance::RebuildProjections);
    };
}

/// `platform.retention.run`
pub struct RunRetention;

/// How long events stay that no projection needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunRetentionInput {
    /// A span such as `400d`, 62 days at the least; as configured if not given.
    pub foreign_events: Option<String>,
}

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RetentionReport {
    /// Events that were removed, of all months together.
    pub removed: u64,
    /// The months that were gone through, oldest first.
    pub months: Vec<RemovedMonth>,
}

/// The record of what was taken out of one month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemovedMonth {
    /// Names the record.
    pub id: Uuid,
    /// The month of receipt, as `2026-01`.
    pub month: String,
    /// Events removed; with 0 the month was only looked through.
    pub removed: u64,
    /// Events that stayed.
    pub kept: u64,
    /// Bytes freed on the disk.
    pub freed_bytes: u64,
    /// When the first of what was removed happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
    /// When the last of it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Timestamp>,
}

impl Action for RunRetention {
    const NAME: &'static str = "platform.retention.run";
    const SUMMARY: &'static str = "Remove now what has had its time";
    const DESCRIPTION: &'static str = "Whole months of events that no projection needs. The service \
        does this by itself every day as it is configured; this is for now, or for another span. \
        Nothing brings back what is removed.";
    const SCOPE: Scope = Scope::Operate;
    const EFFECT: Effect = Effect::Control;
    const RISKY: bool = true;
    const EVERYWHERE: bool = true;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/retention/run";
    const BINDING: Binding = Binding::Command;
    type Input = RunRetentionInput;
    type Output = RetentionReport;

    fn example() -> Value {
        json!({ "foreign_events": "400d" })
    }
}

/// `platform.projections.rebuild`
pub struct RebuildProjections;

/// There is nothing to say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RebuildProjectionsInput {}

/// What was worked out again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rebuilt {
    /// Events that were replayed.
    pub events: u64,
    /// Aggregates that were written.
    pub aggregates: u64,
}

impl Action for RebuildProjections {
    const NAME: &'static str = "platform.projections.rebuild";
    const SUMMARY: &'static str = "Work everything out from the log again";
    const DESCRIPTION: &'static str = "The log is replayed beside what is there, which takes its place \
        in one step: readers see the old until the new is complete. Events that come meanwhile wait \
        until it is done, or are told to come again.";
    const SCOPE: Scope = Scope::Operate;
    const EFFECT: Effect = Effect::Control;
    const RISKY: bool = true;
    const EVERYWHERE: bool = true;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/projections/rebuild";
    const BINDING: Binding = Binding::Command;
    type Input = RebuildProjectionsInput;
    type Output = Rebuilt;

    fn example() -> Value {
        json!({})
    }
}
