//! What was sent and is no event. Nobody has checked what is in it, so all of it is for
//! administrators.

use pts_domain::access::Scope;
use pts_domain::quarantine::{Item, State, Text, form_name};
use pts_domain::time::Moment;
use pts_domain::{FieldError, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::actions::LARGEST_LIMIT;
use crate::{Action, Binding, Effect, Method};

/// This area's actions; see [`each_action`](crate::each_action).
#[doc(hidden)]
#[macro_export]
macro_rules! each_quarantine_action {
    ($each:ident) => {
        $each!(answer $crate::actions::quarantine::SearchQuarantine);
        $each!(answer $crate::actions::quarantine::GetQuarantined);
        $each!(answer $crate::actions::quarantine::ReplayQuarantine);
        $each!(answer $crate::actions::quarantine::DiscardQuarantined);
    };
}

/// One thing that was sent and is no event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QuarantinedItem {
    /// Names it, and the event that it may become.
    pub id: Uuid,
    /// What became of it.
    pub state: State,
    /// Why it is no event, as of the last look at it.
    pub errors: Vec<FieldError>,
    /// The id of the token that it came with.
    pub token: Uuid,
    /// Whose it says it is.
    pub source: Option<String>,
    /// Of which type it says it is.
    #[serde(rename = "type")]
    pub event_type: Option<String>,
    /// How strictly it is read: `lenient` or `cloudevents`.
    pub form: String,
    /// When it was received first.
    pub received_at: Timestamp,
    /// When it was received last.
    pub last_at: Timestamp,
    /// How many times it was sent while it waited.
    pub times: u64,
    /// What it takes, in bytes.
    pub bytes: u64,
    /// When its state or its errors last changed.
    pub changed_at: Timestamp,
    /// The event that it became, or was already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed_as: Option<Uuid>,
    /// Why it was discarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was sent, as JSON, or as text if it is none. Not in lists, and gone once the item no
    /// longer waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Value>,
}

impl From<Item> for QuarantinedItem {
    fn from(item: Item) -> Self {
        Self {
            id: item.id,
            state: item.state,
            errors: item.errors,
            token: item.sender,
            source: item.source,
            event_type: item.event_type,
            form: form_name(item.form).to_owned(),
            received_at: item.received_at,
            last_at: item.last_at,
            times: item.times,
            bytes: item.bytes,
            changed_at: item.changed_at,
            replayed_as: item.replayed_as,
            reason: item.reason,
            item: item.text.map(as_json),
        }
    }
}

fn as_json(Text { text, readable }: Text) -> Value {
    let value = readable.then(|| serde_json::from_str(&text).ok()).flatten();
    value.unwrap_or(Value::String(text))
}

/// `platform.quarantine.search`
pub struct SearchQuarantine;

/// Which items are wanted. Everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SearchQuarantineInput {
    /// That say they are of this source.
    pub source: Option<String>,
    /// That came with this token, by its id.
    pub token: Option<Uuid>,
    /// That say they are of these types, any of which will do; `deployment.*` stands for a family.
    #[serde(rename = "type")]
    pub types: Vec<String>,
    /// In this state.
    pub state: Option<State>,
    /// Received first at this moment or later.
    pub since: Option<Moment>,
    /// Received first before this moment.
    pub until: Option<Moment>,
    /// At most so many, 1 to 1,000; 100 if not given.
    #[schemars(range(min = 1, max = LARGEST_LIMIT))]
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Action for SearchQuarantine {
    const NAME: &'static str = "platform.quarantine.search";
    const SUMMARY: &'static str = "List what was sent and is no event, newest first";
    const SCOPE: Scope = Scope::Operate;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/quarantine";
    type Input = SearchQuarantineInput;
    type Output = Vec<QuarantinedItem>;

    fn example() -> Value {
        json!({ "state": "waiting", "source": "ci", "since": "7d" })
    }
}

/// `platform.quarantine.get`
pub struct GetQuarantined;

/// Which item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetQuarantinedInput {
    /// The `quarantine_id` that its sender was told.
    pub id: Uuid,
}

impl Action for GetQuarantined {
    const NAME: &'static str = "platform.quarantine.get";
    const SUMMARY: &'static str = "Look up one thing that was sent and is no event, as it came";
    const SCOPE: Scope = Scope::Operate;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/quarantine/{id}";
    const ERRORS: &'static [u16] = &[404];
    type Input = GetQuarantinedInput;
    type Output = QuarantinedItem;

    fn example() -> Value {
        json!({ "id": "019caa3c-5e80-7000-8000-000000000002" })
    }
}

/// `platform.quarantine.replay`
pub struct ReplayQuarantine;

/// Which waiting items are replayed: these, or all that fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReplayQuarantineInput {
    /// These; with them, nothing else may be given.
    pub ids: Vec<Uuid>,
    /// That say they are of this source.
    pub source: Option<String>,
    /// That came with this token, by its id.
    pub token: Option<Uuid>,
    /// That say they are of these types, any of which will do; `deployment.*` stands for a family.
    #[serde(rename = "type")]
    pub types: Vec<String>,
    /// Received first at this moment or later.
    pub since: Option<Moment>,
    /// Received first before this moment.
    pub until: Option<Moment>,
    /// At most so many, 1 to 1,000; 100 if not given.
    #[schemars(range(min = 1, max = LARGEST_LIMIT))]
    pub limit: Option<usize>,
    /// `next_cursor` of the replay before: it goes on with the next ones.
    pub cursor: Option<String>,
}

/// What became of one item that was to be replayed or discarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayStatus {
    /// It is an event, and stored now.
    Stored,
    /// It is an event that was there already.
    Duplicate,
    /// It is still none, and goes on waiting.
    Invalid,
    /// It does not wait any more.
    Settled,
    /// There is no such item.
    Unknown,
}

/// The result of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplayedItem {
    /// The item.
    pub id: Uuid,
    /// What became of it.
    pub status: ReplayStatus,
    /// The event that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Uuid>,
    /// Why it is still no event.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// What a replay did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplayReport {
    /// Items that are events now, those included that were there already.
    pub replayed: usize,
    /// Items that still wait.
    pub waiting: usize,
    /// One result per item.
    pub items: Vec<ReplayedItem>,
}

impl Action for ReplayQuarantine {
    const NAME: &'static str = "platform.quarantine.replay";
    const SUMMARY: &'static str = "Send quarantined items through the same door again";
    const DESCRIPTION: &'static str = "Items that wait are checked and stored as if they came now, \
        the oldest first, under the token that they came with. What has become valid (after an \
        upgrade that asks for less, say) is stored under the item's id; what is still no event goes \
        on waiting with the new errors. Replaying again repeats nothing. Without ids, everything \
        that waits and fits is replayed, page by page.";
    const SCOPE: Scope = Scope::Operate;
    const EFFECT: Effect = Effect::Write;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/quarantine/replay";
    const BINDING: Binding = Binding::Command;
    type Input = ReplayQuarantineInput;
    type Output = ReplayReport;

    fn example() -> Value {
        json!({ "type": ["deployment.*"], "since": "7d" })
    }
}

/// `platform.quarantine.discard`
pub struct DiscardQuarantined;

/// Which items are given up, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscardQuarantinedInput {
    /// The items, 1 to 1,000.
    pub ids: Vec<Uuid>,
    /// Why, for whoever asks later; 1 to 500 characters.
    pub reason: String,
}

/// What was given up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiscardReport {
    /// Items that were given up now.
    pub discarded: usize,
    /// Those that were not waiting, or not there.
    pub others: Vec<Uuid>,
}

impl Action for DiscardQuarantined {
    const NAME: &'static str = "platform.quarantine.discard";
    const SUMMARY: &'static str = "Give up quarantined items";
    const DESCRIPTION: &'static str = "What was sent is removed; that it was, and why it was given \
        up, is remembered for 90 days.";
    const SCOPE: Scope = Scope::Operate;
    const EFFECT: Effect = Effect::Control;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/quarantine/discard";
    const BINDING: Binding = Binding::Command;
    type Input = DiscardQuarantinedInput;
    type Output = DiscardReport;

    fn example() -> Value {
        json!({ "ids": ["019caa3c-5e80-7000-8000-000000000002"], "reason": "a test" })
    }
}
