//! Who is expected to report, and who fell silent.

use pts_domain::Timestamp;
use pts_domain::access::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::actions::LARGEST_LIMIT;
use crate::{Action, Binding, Effect, Method};

/// This area's actions; see [`each_action`](crate::each_action).
#[doc(hidden)]
#[macro_export]
macro_rules! each_expectations_action {
    ($each:ident) => {
        $each!(answer $crate::actions::expectations::ListExpectations);
        $each!(answer $crate::actions::expectations::SetExpectation);
        $each!(answer $crate::actions::expectations::RemoveExpectation);
    };
}

/// Where it is known from how often a source reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Somebody declared it.
    Declared,
    /// It was learned from what the source sent.
    Learned,
}

/// Whether a source reports as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReporterState {
    /// It does.
    Ok,
    /// It should have reported.
    Silent,
    /// It was never heard.
    NeverHeard,
    /// It was silent for so long that it is no longer expected.
    Gone,
}

/// A source that is expected to report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExpectedSource {
    /// The source, as its events name it.
    pub source: String,
    /// Whether it reports as it should.
    pub state: ReporterState,
    /// Seconds within which it should.
    pub every_s: f64,
    /// Where that is known from.
    pub origin: Origin,
    /// When it was last heard; null for one that never was.
    pub heard_at: Option<Timestamp>,
}

/// `platform.expectations.list`
pub struct ListExpectations;

/// Which sources are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListExpectationsInput {
    /// In this state.
    pub state: Option<ReporterState>,
    /// At most so many, 1 to 1,000; 100 if not given.
    #[schemars(range(min = 1, max = LARGEST_LIMIT))]
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Action for ListExpectations {
    const NAME: &'static str = "platform.expectations.list";
    const SUMMARY: &'static str = "List sources that are expected to report, and who fell silent";
    const DESCRIPTION: &'static str = "How often a source reports is learned from what it sends, \
        once it does so regularly, or declared. One that did not report for two and a half times as \
        long is silent, and every answer that it could matter to says so.";
    const SCOPE: Scope = Scope::EventsRead;
    const EFFECT: Effect = Effect::Read;
    const PATH: &'static str = "/v1/expectations";
    type Input = ListExpectationsInput;
    type Output = Vec<ExpectedSource>;

    fn example() -> Value {
        json!({ "state": "silent" })
    }
}

/// `platform.expectations.set`
pub struct SetExpectation;

/// What a source will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetExpectationInput {
    /// The source, as its events name it; 1 to 1,024 bytes.
    pub source: String,
    /// It reports at least so often, in seconds; 1 to 2,678,400 (31 days).
    #[schemars(range(min = 1, max = 31 * 86_400))]
    pub every_s: u32,
}

impl Action for SetExpectation {
    const NAME: &'static str = "platform.expectations.set";
    const SUMMARY: &'static str = "Declare how often a source reports";
    const DESCRIPTION: &'static str = "From now on the source is expected to report at least so \
        often, whatever was learned or declared of it before. It need not have been heard yet.";
    const SCOPE: Scope = Scope::Operate;
    const EFFECT: Effect = Effect::Control;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/expectations";
    const BINDING: Binding = Binding::Command;
    type Input = SetExpectationInput;
    type Output = ExpectedSource;

    fn example() -> Value {
        json!({ "source": "backup", "every_s": 86_400 })
    }
}

/// `platform.expectations.remove`
pub struct RemoveExpectation;

/// Of which source nothing is declared any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveExpectationInput {
    /// The source.
    pub source: String,
}

/// What is known of a source without its declaration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RemovedExpectation {
    /// The source.
    pub source: String,
    /// What is learned of it, if anything is.
    pub learned: Option<ExpectedSource>,
}

impl Action for RemoveExpectation {
    const NAME: &'static str = "platform.expectations.remove";
    const SUMMARY: &'static str = "Take back what was declared of a source";
    const DESCRIPTION: &'static str =
        "What was learned of the source holds again, if anything was.";
    const SCOPE: Scope = Scope::Operate;
    const EFFECT: Effect = Effect::Control;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/expectations/remove";
    const BINDING: Binding = Binding::Command;
    const ERRORS: &'static [u16] = &[404];
    type Input = RemoveExpectationInput;
    type Output = RemovedExpectation;

    fn example() -> Value {
        json!({ "source": "backup" })
    }
}
