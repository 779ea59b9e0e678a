//! The shape of every answer: data, and what the answer does not know.

use pts_domain::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a query returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer<T> {
    /// What was asked for.
    pub data: T,
    /// Where it comes from, and what is missing.
    pub coverage: Coverage,
    /// What the reader should know before relying on it.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Where the next page begins; absent on the last page and where there are no pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// What an answer rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// False as soon as anything is known to be missing.
    pub complete: bool,
    /// The sources that were asked.
    pub sources: Vec<Source>,
    /// What is known to be missing.
    pub gaps: Vec<Gap>,
}

/// One source of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// How it answered.
    pub state: SourceState,
    /// Seconds since it last took anything in; absent when it never has.
    pub age_s: Option<f64>,
    /// Why it is not `ok`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How a source answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// In time, with all it has.
    Ok,
    /// Not at all.
    Missing,
    /// With something old.
    Stale,
    /// Too late.
    TimedOut,
    /// It may not be asked by this caller.
    Denied,
}

/// A period about which something is missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// From when.
    pub from: Option<Timestamp>,
    /// Until when; null while it goes on.
    pub to: Option<Timestamp>,
    /// Why.
    pub reason: String,
    /// How much is missing, where that is known.
    pub count: Option<u64>,
}

impl Coverage {
    /// A coverage that is complete exactly if every source is `ok` and there is no gap.
    pub fn of(sources: Vec<Source>, gaps: Vec<Gap>) -> Self {
        let complete = gaps.is_empty() && sources.iter().all(|s| s.state == SourceState::Ok);
        Self {
            complete,
            sources,
            gaps,
        }
    }
}
