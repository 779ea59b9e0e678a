//! What can go wrong with a call, so that a program can tell what to do about it.

use std::time::Duration;

use pts_api::{Failed, Problem};
use pts_domain::FieldError;

/// A call has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The options cannot be used.
    #[error("{0}")]
    Options(String),
    /// The input cannot be sent as it is.
    #[error("{field} cannot be sent: {why}")]
    Input {
        /// The field of the input.
        field: String,
        /// What is wrong with it.
        why: String,
    },
    /// The server refused it, and says why.
    #[error("{0}")]
    Refused(Box<Refused>),
    /// The server cannot be reached: the request did not leave.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The connection broke off after the request had left.
    #[error("the connection broke off: {0}")]
    Broken(String),
    /// Nothing came, or not all of it, within the time allowed.
    #[error("no answer within {} ms", after.as_millis())]
    TimedOut {
        /// The time that was allowed.
        after: Duration,
    },
    /// The answer is longer than the client accepts.
    #[error("the answer is longer than the {limit} bytes that are accepted")]
    TooLarge {
        /// The most bytes that are accepted.
        limit: usize,
    },
    /// The answer is not what the contract says; the server may be another version, or no PTS.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
}

/// A refusal as the server gave it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{} {}: {}", problem.status, problem.code, problem.detail)]
pub struct Refused {
    /// Status, code, details and the fields that are wrong.
    pub problem: Problem,
    /// How long to wait before asking again, if the server said so.
    pub retry_after: Option<Duration>,
}

impl ClientError {
    /// The refusal, if the server gave one.
    pub fn refused(&self) -> Option<&Refused> {
        match self {
            Self::Refused(refused) => Some(refused),
            _ => None,
        }
    }

    /// The stable word for what was refused, such as `invalid_input`.
    pub fn code(&self) -> Option<&str> {
        self.refused().map(|refused| refused.problem.code.as_str())
    }

    /// The HTTP status of a refusal.
    pub fn status(&self) -> Option<u16> {
        self.refused().map(|refused| refused.problem.status)
    }

    /// The fields that are wrong.
    pub fn field_errors(&self) -> &[FieldError] {
        self.refused()
            .map_or(&[], |refused| &refused.problem.errors)
    }

    /// The request's id; the server's log has more under it.
    pub fn request_id(&self) -> Option<&str> {
        self.refused()?.problem.request_id.as_deref()
    }

    /// Whether the server may have done what was asked, although there is no answer that says so.
    pub fn may_have_been_done(&self) -> bool {
        match self {
            Self::Options(_) | Self::Input { .. } | Self::Unreachable(_) => false,
            Self::Refused(refused) => refused.problem.status >= 500,
            Self::Broken(_)
            | Self::TimedOut { .. }
            | Self::TooLarge { .. }
            | Self::Unreadable(_) => true,
        }
    }

    /// Whether the same may go well a moment later.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Broken(_) | Self::TimedOut { .. } => true,
            Self::Refused(refused) => match refused.problem.status {
                // An incomplete answer that was not wanted is an answer.
                503 => refused.problem.code != "incomplete",
                429 | 502 | 504 => true,
                _ => false,
            },
            Self::Options(_) | Self::Input { .. } | Self::TooLarge { .. } | Self::Unreadable(_) => {
                false
            }
        }
    }

    /// How long the server asks to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.refused()?.retry_after
    }
}

impl From<Refused> for ClientError {
    fn from(refused: Refused) -> Self {
        Self::Refused(Box::new(refused))
    }
}

/// What a refusal's body says, in whichever of its two forms; of anything else (a proxy's page, say)
/// only the status is known.
pub(crate) fn problem(status: u16, body: &[u8], request_id: Option<String>) -> Problem {
    let read = serde_json::from_slice::<Problem>(body)
        .ok()
        .or_else(|| serde_json::from_slice::<Failed>(body).ok().map(unwrapped));
    let mut problem = read.unwrap_or_else(|| {
        let detail = "The answer is no problem document; it may not come from PTS.";
        Problem::new(status, &format!("http_{status}"), "Refused", detail)
    });
    problem.request_id = problem.request_id.or(request_id);
    problem
}

fn unwrapped(failed: Failed) -> Problem {
    let Failed { error, meta, .. } = failed;
    let details = error.details;
    let mut problem = Problem::new(details.status, &error.code, &error.code, error.message);
    problem.errors = details.errors;
    problem.coverage = details.coverage;
    problem.quarantine_id = details.quarantine_id;
    problem.preview = details.preview;
    problem.confirm = details.confirm;
    problem.request_id = Some(meta.request_id).filter(|id| !id.is_empty());
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_refusal_are_the_same_error() {
        let mut original = Problem::new(400, "invalid_input", "Bad", "limit: 0");
        original.errors = vec![FieldError::invalid("limit", "0", "1 to 1000")];
        original.request_id = Some("r-1".into());
        let plain = problem(400, &serde_json::to_vec(&original).unwrap(), None);
        assert_eq!(plain, original);
        let wrapped = Failed::of(original.clone(), "r-1".into());
        let wrapped = problem(400, &serde_json::to_vec(&wrapped).unwrap(), None);
        assert_eq!(wrapped.errors, original.errors);
        assert_eq!(wrapped.request_id, original.request_id);
    }

    #[test]
    fn a_page_of_a_proxy_is_known_by_its_status_alone() {
        let page = problem(502, b"<html>", Some("r-2".into()));
        assert_eq!((page.status, page.code.as_str()), (502, "http_502"));
        assert_eq!(page.request_id.as_deref(), Some("r-2"));
    }
}
