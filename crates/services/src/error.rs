//! Why an action was not carried out, as its caller may know it. What went wrong inside is logged
//! here, once, and goes no further.

use pts_api::{Coverage, Problem};
use pts_domain::FieldError;
use pts_domain::access::{ConfirmationRefused, Scope, TokenRefused, Workspace};
use pts_ports::StoreError;

use crate::audit::AuditUnavailable;
use crate::engine::{Failure, NotStored};
use crate::{Limited, Shown};

/// Seconds after which trying again may help, while the store is away.
pub(crate) const RETRY_AFTER_S: u64 = 1;

/// Why an action was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// The caller may not do this.
    #[error("this needs the scope {scope}")]
    Denied {
        /// What would have been needed.
        scope: Scope,
    },
    /// The caller is bound to a workspace, and this is not of it.
    #[error("whoever asks is bound to the workspace {to}")]
    Bound {
        /// The only one that it reaches.
        to: Workspace,
    },
    /// A rule forbids it to the caller.
    #[error("this is forbidden by {}", .by.join(", "))]
    ForbiddenBy {
        /// The rules that do, by their names.
        by: Vec<String>,
    },
    /// Nobody can tell who may: the policies cannot be read.
    #[error("the policies cannot be read at the moment; try again in {retry_after_s} s")]
    PoliciesAway {
        /// When trying again may help.
        retry_after_s: u64,
    },
    /// The input is wrong.
    #[error("the input is wrong: {}", pts_domain::problem::join(.0))]
    Invalid(Vec<FieldError>),
    /// There is no such thing.
    #[error("{what} is not known")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// There is no action of this name.
    #[error("no action is called {key}")]
    UnknownAction {
        /// The name.
        key: String,
        /// Names that may have been meant, the nearest first.
        near: Vec<&'static str>,
    },
    /// The action answers on its own route only.
    #[error("{action} is no single answer; it is served at {path}")]
    OwnRoute {
        /// The action.
        action: &'static str,
        /// Its path.
        path: &'static str,
    },
    /// An event that came alone is not accepted.
    #[error("the event is not accepted: {}", .0.detail)]
    NotAccepted(Box<Problem>),
    /// The input names several things.
    #[error("{detail}")]
    Ambiguous {
        /// Which, and how to choose.
        detail: String,
    },
    /// What a risky action would do has to be confirmed first.
    #[error("{}", if *.outdated { "what would be done now is not what was shown" } else { "this has to be confirmed" })]
    NotConfirmed {
        /// Whether it was confirmed, and things are no longer as they were shown.
        outdated: bool,
        /// What would be done.
        shown: Box<Shown>,
    },
    /// The confirmation is not good.
    #[error(transparent)]
    ConfirmationRefused(#[from] ConfirmationRefused),
    /// Things are not so that it could be done.
    #[error("{detail}")]
    Conflict {
        /// A stable word for it.
        code: &'static str,
        /// What is in the way.
        detail: String,
    },
    /// The caller in particular may not do it, whatever they hold.
    #[error("{detail}")]
    Forbidden {
        /// A stable word for it.
        code: &'static str,
        /// Why not.
        detail: String,
    },
    /// Something that is needed is away or overloaded.
    #[error("not available at the moment; try again in {retry_after_s} s")]
    Unavailable {
        /// When trying again may help.
        retry_after_s: u64,
    },
    /// Everybody together asks for more than can be done at the moment.
    #[error("too much to do at the moment; try again in {retry_after_s} s")]
    Overloaded {
        /// When trying again may help.
        retry_after_s: u64,
    },
    /// The caller alone asks for more than its share.
    #[error("too much from one caller at the same time; try again in {retry_after_s} s")]
    TooMuch {
        /// When trying again may help.
        retry_after_s: u64,
    },
    /// The caller has used up what it may take.
    #[error("the limit of {} is reached; try again in {} s", .0.policy, .0.retry_after_s)]
    Limited(Limited),
    /// It has to be written down before it is done, and cannot be.
    #[error("the audit cannot be written; try again in {retry_after_s} s")]
    AuditUnavailable {
        /// When trying again may help.
        retry_after_s: u64,
    },
    /// A source did not answer in time.
    #[error("no answer within {after_s} s")]
    TimedOut {
        /// How long it was waited for.
        after_s: u64,
        /// Which source it was.
        coverage: Box<Coverage>,
    },
    /// The answer would have been incomplete, and the caller refuses such.
    #[error("the answer would be incomplete")]
    Incomplete(Box<Coverage>),
    /// A fault of ours; the log has it under the request's id.
    #[error("something went wrong inside")]
    Internal,
}

impl From<StoreError> for ActionError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } => {
                tracing::warn!(error = %error, "the store is unavailable");
                Self::Unavailable {
                    retry_after_s: RETRY_AFTER_S,
                }
            }
            StoreError::Corrupt(_) | StoreError::Other(_) => {
                log_fault(&error);
                Self::Internal
            }
        }
    }
}

/// Whether a write that failed may have happened all the same.
pub(crate) fn in_doubt(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Unavailable {
            maybe_done: true,
            ..
        }
    )
}

impl From<NotStored> for ActionError {
    fn from(why: NotStored) -> Self {
        let retry_after_s = RETRY_AFTER_S;
        match why {
            NotStored::Overloaded => Self::Overloaded { retry_after_s },
            NotStored::TooMuch => Self::TooMuch { retry_after_s },
            NotStored::Failed(Failure::Away | Failure::InDoubt) => {
                Self::Unavailable { retry_after_s }
            }
            NotStored::Failed(Failure::Fault) => Self::Internal,
        }
    }
}

/// Why somebody was not let in.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The token or code is not good.
    #[error(transparent)]
    Refused(#[from] TokenRefused),
    /// It was not looked at: too much that came from there was not good.
    #[error("too much that was presented from there was not good; try again in {retry_after_s} s")]
    TooManyFailures {
        /// When trying again may help.
        retry_after_s: u64,
    },
    /// It could not be checked at the moment.
    #[error("not available at the moment; try again in {retry_after_s} s")]
    Unavailable {
        /// When trying again may help.
        retry_after_s: u64,
    },
    /// It has to be written down that somebody was let in, and cannot be.
    #[error("the audit cannot be written; try again in {retry_after_s} s")]
    AuditUnavailable {
        /// When trying again may help.
        retry_after_s: u64,
    },
    /// A fault of ours.
    #[error("something went wrong inside")]
    Internal,
}

impl From<AuditUnavailable> for ActionError {
    fn from(_: AuditUnavailable) -> Self {
        let retry_after_s = RETRY_AFTER_S;
        Self::AuditUnavailable { retry_after_s }
    }
}

impl From<AuditUnavailable> for AccessError {
    fn from(_: AuditUnavailable) -> Self {
        let retry_after_s = RETRY_AFTER_S;
        Self::AuditUnavailable { retry_after_s }
    }
}

impl From<StoreError> for AccessError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } => Self::Unavailable {
                retry_after_s: RETRY_AFTER_S,
            },
            StoreError::Corrupt(_) | StoreError::Other(_) => {
                log_fault(&error);
                Self::Internal
            }
        }
    }
}

/// Logs an error with all its causes.
pub(crate) fn log_fault(error: &StoreError) {
    let mut chain = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        chain.push_str(": ");
        chain.push_str(&cause.to_string());
        source = cause.source();
    }
    tracing::error!(error = chain, "the store failed");
}
