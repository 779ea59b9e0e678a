//! The workspace in which a request acts: the one that whoever asks is bound to, or the one that the
//! request names.

use actix_web::HttpRequest;
use pts_domain::FieldError;
use pts_domain::access::{Principal, Workspace};

use crate::problem::Refusal;

/// The workspace that a request names, for whoever may act in several.
const WORKSPACE: &str = "pts-workspace";

/// Puts whoever asks into the workspace that the request names, if it names one.
pub(crate) fn acting(req: &HttpRequest, principal: Principal) -> Result<Principal, Refusal> {
    let mut named = req.headers().get_all(WORKSPACE);
    let Some(name) = named.next() else {
        return Ok(principal);
    };
    let wrong = |found: String, expected: String| {
        Refusal::bad_input(vec![FieldError::invalid("PTS-Workspace", found, expected)])
    };
    if named.next().is_some() {
        return Err(wrong("several".into(), "the name of one workspace".into()));
    }
    let text = String::from_utf8_lossy(name.as_bytes());
    let workspace: Workspace = text.trim().parse().map_err(|_| {
        let shown: String = text.chars().take(LONGEST_SHOWN).collect();
        let expected = "1 to 63 lower-case letters, digits and hyphens, with no hyphen at the ends";
        wrong(format!("{shown:?}"), expected.into())
    })?;
    principal
        .acting_in(workspace)
        .map_err(|to| Refusal::bound(&to))
}

/// Characters of a wrong name that are shown.
const LONGEST_SHOWN: usize = 100;
