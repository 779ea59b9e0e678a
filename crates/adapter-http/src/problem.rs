//! How a request is refused: one type for every handler, and the one table from errors to statuses.
//! The response carries the problem as a value; `middleware::render` writes it out, because only
//! there the request's id is known.

use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use pts_api::{CONFIRM_HEADER, Call, Problem};
use pts_domain::FieldError;
use pts_domain::access::{Scope, TokenRefused, Workspace};
use pts_domain::problem::summary;
use pts_services::{AccessError, ActionError, Shown, SignInError};
use uuid::Uuid;

use crate::limits;

/// The code of what is wrong with an input.
const INVALID_INPUT: &str = "invalid_input";
/// How much of a name that stands for nothing is repeated to its sender.
const LONGEST_KEY: usize = 100;

/// What the sender of a refused request is told.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    problem: Box<Problem>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(crate) fn new(
        status: StatusCode,
        code: &str,
        title: &str,
        detail: impl Into<String>,
    ) -> Self {
        let problem = Box::new(Problem::new(status.as_u16(), code, title, detail));
        Self {
            problem,
            headers: Vec::new(),
        }
    }

    /// Whether something that is needed is away.
    pub(crate) fn is_unavailable(&self) -> bool {
        self.problem.status == StatusCode::SERVICE_UNAVAILABLE.as_u16()
    }

    pub(crate) fn bad_request(code: &str, title: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, title, detail)
    }

    /// The parameters of the request are wrong.
    pub(crate) fn bad_input(errors: Vec<FieldError>) -> Self {
        Self::bad_request(INVALID_INPUT, "The request is not valid", summary(&errors))
            .with_errors(errors)
    }

    pub(crate) fn unsupported(code: &str, title: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, code, title, detail)
    }

    pub(crate) fn too_large(code: &str, title: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, code, title, detail)
    }

    pub(crate) fn unavailable(code: &str, detail: impl Into<String>, retry_after_s: u64) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            code,
            "Not available at the moment",
            detail,
        )
        .with_header(header::RETRY_AFTER, HeaderValue::from(retry_after_s))
    }

    /// What has to be written down before it is done, while it cannot be.
    fn not_audited(retry_after_s: u64) -> Self {
        let detail = format!(
            "This has to be written down before it is done, and the audit cannot be written: nothing \
             was changed; try again in {retry_after_s} s."
        );
        Self::unavailable("audit_unavailable", detail, retry_after_s)
    }

    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong inside",
            "This is a fault of the service; its log has more under the request id.",
        )
    }

    /// No token, or one that is not good.
    pub(crate) fn unauthenticated(refused: Option<TokenRefused>) -> Self {
        let (code, detail, challenge) = match refused {
            None => (
                "token_missing",
                "Send a token as `Authorization: Bearer pts_…`.".to_owned(),
                "Bearer realm=\"pts\"".to_owned(),
            ),
            Some(why) => (
                "token_refused",
                format!("{}.", sentence(&why.to_string())),
                format!(
                    "Bearer realm=\"pts\", error=\"invalid_token\", error_description=\"{why}\""
                ),
            ),
        };
        let refusal = Self::new(
            StatusCode::UNAUTHORIZED,
            code,
            "A good token is needed",
            detail,
        );
        match HeaderValue::try_from(challenge) {
            Ok(challenge) => refusal.with_header(header::WWW_AUTHENTICATE, challenge),
            Err(_) => refusal,
        }
    }

    pub(crate) fn denied(scope: Scope) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "denied",
            "The token does not allow this",
            format!("This needs the scope `{scope}`."),
        )
    }

    /// These policies say no, whatever others allow.
    fn forbidden_by(policies: &[String]) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "denied",
            "A policy forbids this",
            format!("The policy `{}` forbids this.", policies.join("`, `")),
        )
    }

    /// Whoever asks is bound to another workspace than what is asked for.
    pub(crate) fn bound(to: &Workspace) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "workspace_denied",
            "The token is bound to a workspace",
            format!("It reaches the workspace `{to}` and nothing else."),
        )
    }

    fn unknown_action(key: &str, near: &[&str]) -> Self {
        let hint = match near {
            [] => format!("GET {} lists what there is", Call::PATH),
            [one] => format!("did you mean {one}?"),
            [first, others @ ..] => {
                format!("did you mean {first}? There are also {}", others.join(", "))
            }
        };
        let key: String = key.chars().take(LONGEST_KEY).collect();
        let (code, title) = ("unknown_action", "No such action");
        let detail = format!("No action is called {key:?}; {hint}.");
        Self::new(StatusCode::NOT_FOUND, code, title, detail)
    }

    /// Names the fields that are wrong as parts of what they were sent in.
    pub(crate) fn within(mut self, whole: &str) -> Self {
        let errors = &mut self.problem.errors;
        let beside = [whole, "partial", CONFIRM_HEADER];
        let inside = |field: &str| !beside.contains(&field);
        if self.problem.code == INVALID_INPUT && !errors.is_empty() {
            for error in errors.iter_mut().filter(|error| inside(&error.field)) {
                error.field = format!("{whole}.{}", error.field);
            }
            self.problem.detail = summary(errors);
        }
        self
    }

    /// What would be done is shown, with how it is confirmed.
    fn unconfirmed(shown: Shown, outdated: bool) -> Self {
        let mut refusal = if outdated {
            Self::new(
                StatusCode::CONFLICT,
                "preview_outdated",
                "Not as it was shown",
                format!(
                    "What would be done now is not what was confirmed, and nothing was done; see \
                     `preview`, and send the same again with the new `{CONFIRM_HEADER}`."
                ),
            )
        } else {
            Self::new(
                StatusCode::PRECONDITION_REQUIRED,
                "confirmation_required",
                "To be confirmed",
                format!(
                    "Nothing was done yet: `preview` tells what would be. Send the same again with \
                     the header `{CONFIRM_HEADER}` and `confirm.token`."
                ),
            )
        };
        refusal.problem.preview = Some(Box::new(shown.preview));
        refusal.problem.confirm = Some(shown.confirm);
        refusal
    }

    pub(crate) fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.problem.errors = errors;
        self
    }

    /// What was refused has been put aside there.
    pub(crate) fn with_quarantine(mut self, id: Option<Uuid>) -> Self {
        self.problem.quarantine_id = id;
        self
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// What goes out beside the problem, such as when to come again.
    pub(crate) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    pub(crate) fn set_detail(&mut self, detail: impl Into<String>) {
        self.problem.detail = detail.into();
    }

    pub(crate) fn problem(&self) -> &Problem {
        &self.problem
    }

    pub(crate) fn into_problem(self) -> Problem {
        *self.problem
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

impl From<ActionError> for Refusal {
    fn from(error: ActionError) -> Self {
        match error {
            ActionError::Denied { scope } => Self::denied(scope),
            ActionError::Bound { to } => Self::bound(&to),
            ActionError::ForbiddenBy { by } => Self::forbidden_by(&by),
            ActionError::PoliciesAway { retry_after_s } => Self::unavailable(
                "policy_unavailable",
                format!("It cannot be decided now who may; try again in {retry_after_s} s."),
                retry_after_s,
            ),
            ActionError::Invalid(errors) => Self::bad_input(errors),
            ActionError::NotFound { what } => Self::new(
                StatusCode::NOT_FOUND,
                "not_found",
                "Not known here",
                format!("{} is not known.", sentence(&what)),
            ),
            ActionError::UnknownAction { key, near } => Self::unknown_action(&key, &near),
            ActionError::OwnRoute { action, path } => Self::bad_request(
                "own_route",
                "On its own route only",
                format!(
                    "{action} gives more than one answer can hold, or a document; it is at GET {path}."
                ),
            ),
            ActionError::NotAccepted(problem) => problem.into(),
            ActionError::Ambiguous { detail } => {
                Self::new(StatusCode::CONFLICT, "ambiguous", "Several fit", detail)
            }
            ActionError::NotConfirmed { outdated, shown } => Self::unconfirmed(*shown, outdated),
            ActionError::ConfirmationRefused(why) => Self::new(
                StatusCode::CONFLICT,
                "confirmation_refused",
                "Not confirmed",
                format!("{}; nothing was done.", sentence(&why.to_string())),
            ),
            ActionError::Conflict { code, detail } => Self::new(
                StatusCode::CONFLICT,
                code,
                "Not as things are",
                format!("{}.", sentence(&detail)),
            ),
            ActionError::Forbidden { code, detail } => Self::new(
                StatusCode::FORBIDDEN,
                code,
                "Not by this caller",
                format!("{}.", sentence(&detail)),
            ),
            ActionError::Unavailable { retry_after_s } => Self::unavailable(
                "unavailable",
                format!("The store cannot be reached; try again in {retry_after_s} s."),
                retry_after_s,
            ),
            ActionError::Overloaded { retry_after_s } => Self::unavailable(
                "overloaded",
                format!(
                    "More is waiting than can be done at the moment; try again in {retry_after_s} s."
                ),
                retry_after_s,
            ),
            ActionError::TooMuch { retry_after_s } => {
                let title = "Too much at the same time";
                let detail = format!(
                    "Of what can wait, half belongs to this token already; try again in \
                     {retry_after_s} s, or send less at the same time."
                );
                Self::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "too_many_requests",
                    title,
                    detail,
                )
                .with_header(header::RETRY_AFTER, retry_after_s.into())
            }
            ActionError::AuditUnavailable { retry_after_s } => Self::not_audited(retry_after_s),
            ActionError::Limited(limited) => limits::refusal(limited),
            ActionError::TimedOut { after_s, coverage } => {
                let detail = format!(
                    "The question took longer than the {after_s} s that it may take; ask for a \
                     shorter period or for less."
                );
                let title = "Not answered in time";
                let mut refusal =
                    Self::new(StatusCode::GATEWAY_TIMEOUT, "timed_out", title, detail);
                refusal.problem.coverage = Some(*coverage);
                refusal
            }
            ActionError::Incomplete(coverage) => {
                let mut refusal = Self::unavailable(
                    "incomplete",
                    "The answer would be incomplete, and `partial=deny` refuses such.",
                    1,
                );
                refusal.problem.title = "Incomplete".into();
                refusal.problem.coverage = Some(*coverage);
                refusal
            }
            ActionError::Internal => Self::internal(),
        }
    }
}

impl From<AccessError> for Refusal {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Refused(why) => Self::unauthenticated(Some(why)),
            AccessError::TooManyFailures { retry_after_s } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_failures",
                "Too much was not good",
                format!(
                    "Too many tokens or codes that were presented from there were not good; this \
                     one was not looked at. Try again in {retry_after_s} s."
                ),
            )
            .with_header(header::RETRY_AFTER, retry_after_s.into()),
            AccessError::Unavailable { retry_after_s } => Self::unavailable(
                "unavailable",
                format!("Tokens cannot be checked now; try again in {retry_after_s} s."),
                retry_after_s,
            ),
            AccessError::AuditUnavailable { retry_after_s } => Self::not_audited(retry_after_s),
            AccessError::Internal => Self::internal(),
        }
    }
}

impl From<SignInError> for Refusal {
    fn from(error: SignInError) -> Self {
        let refused =
            |status, code, detail: &str| Self::new(status, code, "Nobody was signed in", detail);
        match error {
            SignInError::NotConfigured => refused(
                StatusCode::NOT_FOUND,
                "sign_in_off",
                "No identity provider is configured here; sign in with a token.",
            ),
            SignInError::NotBegun => refused(
                StatusCode::BAD_REQUEST,
                "sign_in_not_begun",
                "This is not the answer to a sign-in that this browser began within the last ten \
                 minutes; begin again.",
            ),
            SignInError::Expired => refused(
                StatusCode::BAD_REQUEST,
                "sign_in_expired",
                "The code was used already, or it is too old; begin again.",
            ),
            SignInError::Denied => refused(
                StatusCode::FORBIDDEN,
                "sign_in_denied",
                "The identity provider did not let you in.",
            ),
            SignInError::NoRole => refused(
                StatusCode::FORBIDDEN,
                "no_role",
                "The identity provider knows you, but none of your groups has a role here; whoever \
                 runs this service maps groups to roles.",
            ),
            SignInError::Untrusted(doubt) => refused(
                StatusCode::UNAUTHORIZED,
                "sign_in_untrusted",
                &format!("The identity provider's statement cannot be believed: {doubt}."),
            ),
            SignInError::ProviderAway { retry_after_s } => Self::unavailable(
                "provider_away",
                format!(
                    "The identity provider cannot be asked; try again in {retry_after_s} s, or sign \
                     in with a token."
                ),
                retry_after_s,
            ),
            SignInError::Busy => Self::unavailable(
                "overloaded",
                "Too many sign in at the same time; try again in 1 s.",
                1,
            ),
            SignInError::Unavailable { retry_after_s } => Self::unavailable(
                "unavailable",
                format!("Nobody can be signed in now; try again in {retry_after_s} s."),
                retry_after_s,
            ),
            SignInError::AuditUnavailable { retry_after_s } => Self::not_audited(retry_after_s),
            SignInError::Internal => Self::internal(),
        }
    }
}

impl From<Box<Problem>> for Refusal {
    fn from(problem: Box<Problem>) -> Self {
        Self {
            problem,
            headers: Vec::new(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.problem.status, self.problem.code)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::new(self.status_code());
        for (name, value) in &self.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response.extensions_mut().insert(Box::clone(&self.problem));
        response
    }
}
