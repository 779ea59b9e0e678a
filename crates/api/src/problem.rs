//! Errors on the wire: RFC 9457 problem details.

use pts_domain::FieldError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Confirm, Coverage, Preview};

/// An error, as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// A stable name as a URI: `urn:pts:problem:` and the code.
    #[serde(rename = "type")]
    pub problem_type: String,
    /// What kind of problem it is, in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// A stable word for programs, such as `invalid_event`.
    pub code: String,
    /// What is wrong this time, and what would help.
    pub detail: String,
    /// The fields that are wrong, if any are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The request: the same id stands in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
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

impl Problem {
    /// A problem without field errors.
    pub fn new(status: u16, code: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            problem_type: format!("urn:pts:problem:{code}"),
            title: title.to_owned(),
            status,
            code: code.to_owned(),
            detail: detail.into(),
            errors: Vec::new(),
            request_id: None,
            coverage: None,
            quarantine_id: None,
            preview: None,
            confirm: None,
        }
    }
}
