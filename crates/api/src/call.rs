//! Any action by its name: what is posted to one address, and what comes back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use pts_domain::FieldError;

use crate::{Answer, Confirm, Coverage, Preview, Problem};

/// Which action is to be carried out, and with what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Call {
    /// The action's name, such as `platform.events.search`.
    pub action_key: String,
    /// Its input; nothing stands for an input that says nothing.
    #[serde(default = "nothing")]
    #[schemars(with = "Map<String, Value>")]
    pub payload: Value,
    /// Of a question: whether an answer may be incomplete. `partial=deny` in the query says the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<Partial>,
    /// Of a risky action: what confirms the preview that it was answered with before. The header
    /// `PTS-Confirm` says the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

fn nothing() -> Value {
    Value::Object(Map::new())
}

impl Call {
    /// Where it is posted to.
    pub const PATH: &'static str = "/v1/actions";
}

/// Whether an answer may be incomplete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Partial {
    /// It may; what is missing stands in its coverage.
    Allow,
    /// Rather none than an incomplete one.
    Deny,
}

/// An action was carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Done<T> {
    /// True.
    pub ok: bool,
    /// What it gave: the `data` of its answer.
    pub data: T,
    /// The rest of its answer.
    pub meta: CallMeta,
}

impl<T> Done<T> {
    /// What is sent for an answer.
    pub fn of(answer: Answer<T>, request_id: String) -> Self {
        let Answer {
            data,
            coverage,
            warnings,
            next_cursor,
        } = answer;
        Self {
            ok: true,
            data,
            meta: CallMeta {
                request_id,
                coverage: Some(coverage),
                warnings,
                next_cursor,
            },
        }
    }
}

/// What is said beside the data or the error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallMeta {
    /// The request: the same id stands in the server's log.
    #[serde(rename = "requestId")]
    pub request_id: String,
    /// What the answer rests on, and what is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// What the reader should know before relying on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Where the next page begins; absent on the last page and where there are no pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// An action was not carried out. The HTTP status says so too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failed {
    /// False.
    pub ok: bool,
    /// Why.
    pub error: CallError,
    /// The request.
    pub meta: CallMeta,
}

/// Why an action was not carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallError {
    /// A stable word for programs, such as `invalid_input`; the `code` of problem documents.
    pub code: String,
    /// What is wrong, and what would help.
    pub message: String,
    /// More, for programs.
    pub details: Details,
}

/// What a program may want to know of an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Details {
    /// The HTTP status.
    pub status: u16,
    /// The fields that are wrong, if any are; those of the input begin with `payload`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// What would have been missing, where an incomplete answer was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// Where an event that is not valid was put aside, from where it can be sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine_id: Option<Uuid>,
    /// What a risky action would do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<Box<Preview>>,
    /// With what that is confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<Confirm>,
}

impl Failed {
    /// What is sent for a problem.
    pub fn of(problem: Problem, request_id: String) -> Self {
        Self {
            ok: false,
            error: CallError {
                code: problem.code,
                message: problem.detail,
                details: Details {
                    status: problem.status,
                    errors: problem.errors,
                    coverage: problem.coverage,
                    quarantine_id: problem.quarantine_id,
                    preview: problem.preview,
                    confirm: problem.confirm,
                },
            },
            meta: CallMeta {
                request_id,
                coverage: None,
                warnings: Vec::new(),
                next_cursor: None,
            },
        }
    }
}
