//! Rights for a while: asked for with a reason, approved by others, ended by themselves.

use pts_domain::Timestamp;
use pts_domain::access::{Elevation, ElevationState, Holder, Scope, StepKind, Workspace};
use pts_domain::time::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::actions::LARGEST_LIMIT;
use crate::{Action, Binding, Effect, Method};

/// This area's actions; see [`each_action`](crate::each_action).
#[doc(hidden)]
#[macro_export]
macro_rules! each_elevations_action {
    ($each:ident) => {
        $each!(answer $crate::actions::elevations::RequestElevation);
        $each!(answer $crate::actions::elevations::MyElevations);
        $each!(answer $crate::actions::elevations::SearchElevations);
        $each!(answer $crate::actions::elevations::DecideElevation);
        $each!(answer $crate::actions::elevations::EndElevation);
    };
}

/// A request for scopes, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ElevationRecord {
    /// Names it.
    pub id: Uuid,
    /// What it is now.
    pub state: ElevationState,
    /// Whose it is: `token:<id>` or `person:<subject>`.
    pub holder: Holder,
    /// What the token is called that it was asked with.
    pub name: String,
    /// The only workspace in which it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<Workspace>,
    /// What is asked for.
    pub scopes: Vec<Scope>,
    /// What for.
    pub reason: String,
    /// How long it lasts from its approval.
    pub minutes: u32,
    /// How many others have to approve it.
    pub needed: u32,
    /// How many have.
    pub approvals: usize,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Who has not decided by then, need not.
    pub decide_by: Timestamp,
    /// From when its scopes are held; absent while it is not approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_from: Option<Timestamp>,
    /// Until when they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_until: Option<Timestamp>,
    /// What happened since it was asked for, in order.
    pub steps: Vec<StepRecord>,
}

/// What somebody did about a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepRecord {
    /// What it was.
    pub what: StepKind,
    /// Who did it.
    pub by: Holder,
    /// What the token is called that they did it with.
    pub name: String,
    /// Why, if they said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl ElevationRecord {
    /// What a request is at `now`.
    pub fn of(elevation: Elevation, now: Timestamp) -> Self {
        let span = elevation.span();
        Self {
            id: elevation.id,
            state: elevation.state(now),
            approvals: elevation.approvals(),
            holder: elevation.holder,
            name: elevation.name,
            workspace: elevation.workspace,
            scopes: elevation.scopes.into_iter().collect(),
            reason: elevation.reason,
            minutes: elevation.minutes,
            needed: elevation.needed,
            requested_at: elevation.requested_at,
            decide_by: elevation.decide_by,
            active_from: span.map(|(from, _)| from),
            active_until: span.map(|(_, until)| until),
            steps: elevation
                .steps
                .into_iter()
                .map(|step| StepRecord {
                    what: step.what,
                    by: step.by,
                    name: step.name,
                    reason: step.reason,
                    at: step.at,
                })
                .collect(),
        }
    }
}

/// `platform.elevations.request`
pub struct RequestElevation;

/// What is asked for, what for, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestElevationInput {
    /// The scopes.
    pub scopes: Vec<Scope>,
    /// What for, for whoever decides and whoever asks later; 1 to 500 characters.
    pub reason: String,
    /// For how many minutes from its approval; as many as the deployment allows at the most.
    #[schemars(range(min = 1, max = 1440))]
    pub minutes: u32,
}

impl Action for RequestElevation {
    const NAME: &'static str = "platform.elevations.request";
    const SUMMARY: &'static str = "Ask to be allowed more for a while";
    const DESCRIPTION: &'static str = "As many others as the deployment says for these scopes have to \
        approve within its time; with the last approval the scopes are held by whoever asked, person \
        or token, for so many minutes, and then no more. Nothing renews it: who needs longer asks \
        again.";
    const SCOPE: Scope = Scope::ElevationsRequest;
    const EFFECT: Effect = Effect::Control;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/elevations";
    const BINDING: Binding = Binding::Command;
    const ERRORS: &'static [u16] = &[409];
    type Input = RequestElevationInput;
    type Output = ElevationRecord;

    fn example() -> Value {
        json!({ "scopes": ["operate"], "reason": "INC-7: quarantine fills up", "minutes": 30 })
    }
}

/// `platform.elevations.mine`
pub struct MyElevations;

/// Which of one's own requests are wanted. Everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MyElevationsInput {
    /// In this state.
    pub state: Option<ElevationState>,
    /// At most so many, 1 to 1,000; 100 if not given.
    #[schemars(range(min = 1, max = LARGEST_LIMIT))]
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Action for MyElevations {
    const NAME: &'static str = "platform.elevations.mine";
    const SUMMARY: &'static str = "List one's own requests to be allowed more, newest first";
    const SCOPE: Scope = Scope::ElevationsRequest;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/elevations/mine";
    type Input = MyElevationsInput;
    type Output = Vec<ElevationRecord>;

    fn example() -> Value {
        json!({ "state": "active" })
    }
}

/// `platform.elevations.search`
pub struct SearchElevations;

/// Which requests are wanted. Everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SearchElevationsInput {
    /// In this state; `active` tells who holds what now, `requested` what waits for a decision.
    pub state: Option<ElevationState>,
    /// Of this holder.
    pub holder: Option<Holder>,
    /// For this scope, among others.
    pub scope: Option<Scope>,
    /// Made at this moment or later.
    pub since: Option<Moment>,
    /// Made before this moment.
    pub until: Option<Moment>,
    /// At most so many, 1 to 1,000; 100 if not given.
    #[schemars(range(min = 1, max = LARGEST_LIMIT))]
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Action for SearchElevations {
    const NAME: &'static str = "platform.elevations.search";
    const SUMMARY: &'static str =
        "List who asked to be allowed more, who holds what now, and what became of it";
    const DESCRIPTION: &'static str = "Requests are kept after they end. A page of a search by state \
        or scope may hold less than its limit and go on all the same: `next_cursor` says so.";
    const SCOPE: Scope = Scope::AccessManage;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/elevations";
    type Input = SearchElevationsInput;
    type Output = Vec<ElevationRecord>;

    fn example() -> Value {
        json!({ "state": "requested" })
    }
}

/// What somebody decides on another's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// To agree; it is active once enough have.
    Approve,
    /// Not to: it is over, whatever others say, also if it is active already.
    Deny,
}

/// `platform.elevations.decide`
pub struct DecideElevation;

/// What is decided on which request, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideElevationInput {
    /// The request.
    pub id: Uuid,
    /// What is decided.
    pub verdict: Verdict,
    /// Why, for whoever asks later; 1 to 500 characters.
    pub reason: String,
}

impl Action for DecideElevation {
    const NAME: &'static str = "platform.elevations.decide";
    const SUMMARY: &'static str = "Approve or deny what somebody else asked for";
    const DESCRIPTION: &'static str = "Nobody decides on a request of their own, and nobody approves \
        one twice. One denial is enough, before the approval and after it.";
    const SCOPE: Scope = Scope::AccessManage;
    const EFFECT: Effect = Effect::Control;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/elevations/decide";
    const BINDING: Binding = Binding::Command;
    const ERRORS: &'static [u16] = &[404, 409];
    type Input = DecideElevationInput;
    type Output = ElevationRecord;

    fn example() -> Value {
        json!({
            "id": "019caa3c-5e80-7000-8000-000000000004",
            "verdict": "approve",
            "reason": "on call tonight",
        })
    }
}

/// `platform.elevations.end`
pub struct EndElevation;

/// Which request is ended, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndElevationInput {
    /// The request.
    pub id: Uuid,
    /// Why, for whoever asks later; 1 to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Action for EndElevation {
    const NAME: &'static str = "platform.elevations.end";
    const SUMMARY: &'static str =
        "Give back what was approved before its end, or withdraw a request";
    const DESCRIPTION: &'static str = "One's own; with `access:manage`, anybody's.";
    const SCOPE: Scope = Scope::ElevationsRequest;
    const EFFECT: Effect = Effect::Control;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/elevations/end";
    const BINDING: Binding = Binding::Command;
    const ERRORS: &'static [u16] = &[404, 409];
    type Input = EndElevationInput;
    type Output = ElevationRecord;

    fn example() -> Value {
        json!({ "id": "019caa3c-5e80-7000-8000-000000000004", "reason": "done" })
    }
}
