//! Signing in with the identity provider: the browser is sent there, and comes back with a code. What
//! binds its coming back to its leaving is in a cookie that only this browser has, for ten minutes.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use percent_encoding::{percent_decode_str, utf8_percent_encode};
use pts_domain::FieldError;
use pts_domain::access::Workspace;
use pts_domain::signin::Attempt;
use pts_services::{CameBack, SignInError};

use super::signin::{self, Fields};
use super::{IN_QUERY, escape, html, see_other, wants_html};
use crate::bind::query_pairs;
use crate::problem::Refusal;
use crate::shared::Shared;
use crate::{auth, client_of};

const PAGE: &str = include_str!("../../assets/signedin.html");
/// For so long a browser may be away.
const AWAY_S: u32 = 600;

/// What the browser keeps until it comes back.
struct Kept {
    attempt: Attempt,
    workspace: Option<Workspace>,
    /// Where to go afterwards; checked again when it comes back.
    next: Fields,
}

const fn cookie_name(secure: bool) -> &'static str {
    if secure {
        "__Host-pts_attempt"
    } else {
        "pts_attempt"
    }
}

/// `GET /signin/provider`: off to the provider.
pub(crate) async fn leave(req: HttpRequest, shared: Data<Shared>) -> Result<HttpResponse, Refusal> {
    let next = Fields::read(req.query_string());
    let workspace = workspace(req.query_string())?;
    let begun = match shared.gateway.begin_sign_in().await {
        Ok(begun) => begun,
        Err(error) => return refused(&req, &shared, &next, error),
    };
    let kept = Kept {
        attempt: begun.attempt,
        workspace,
        next,
    };
    let secure = client_of::is_secure(&req, &shared);
    Ok(see_other(&begun.url)
        .insert_header((header::SET_COOKIE, cookie(secure, Some(&kept))))
        .finish())
}

/// `GET /signin/callback`: back from the provider.
pub(crate) async fn come_back(
    req: HttpRequest,
    shared: Data<Shared>,
) -> Result<HttpResponse, Refusal> {
    let secure = client_of::is_secure(&req, &shared);
    let Some(kept) = auth::cookie(&req, cookie_name(secure)).and_then(Kept::read) else {
        return refused(&req, &shared, &Fields::default(), SignInError::NotBegun);
    };
    let came_back = came_back(req.query_string());
    let (workspace, origin) = (kept.workspace.as_ref(), auth::origin(&req));
    let finished = (shared.gateway)
        .finish_sign_in(&kept.attempt, &came_back, workspace, &origin)
        .await;
    let mut response = match finished {
        Ok(signed_in) => {
            // The session's cookie is sent from our own pages alone, and a redirect from the
            // provider's is none of them: this page goes on by itself.
            let page = PAGE.replace("{{next}}", &escape(kept.next.next()));
            let mut response = html(StatusCode::OK, page);
            let session = signin::cookie(secure, Some(&signed_in.session));
            response.headers_mut().append(header::SET_COOKIE, session);
            response
        }
        Err(error) => refused(&req, &shared, &kept.next, error)?,
    };
    let used = cookie(secure, None);
    response.headers_mut().append(header::SET_COOKIE, used);
    Ok(response)
}

fn workspace(query: &str) -> Result<Option<Workspace>, Refusal> {
    let pairs = query_pairs(query).unwrap_or_default();
    let named = pairs.into_iter().find(|(name, _)| name == "workspace");
    let Some((name, value)) = named.filter(|(_, value)| !value.is_empty()) else {
        return Ok(None);
    };
    value.parse().map(Some).map_err(|_| {
        let expected = "1 to 63 lower-case letters, digits and hyphens";
        let error = FieldError::invalid(name, format!("{value:?}"), expected);
        Refusal::bad_input(vec![error])
    })
}

fn came_back(query: &str) -> CameBack {
    let mut came_back = CameBack::default();
    for (name, value) in query_pairs(query).unwrap_or_default() {
        let field = match name.as_str() {
            "state" => &mut came_back.state,
            "code" => &mut came_back.code,
            "iss" => &mut came_back.issuer,
            "error" => &mut came_back.error,
            _ => continue,
        };
        *field = Some(value);
    }
    came_back
}

impl Kept {
    fn write(&self) -> String {
        let workspace = self.workspace.as_ref().map_or("", Workspace::as_str);
        let next = utf8_percent_encode(self.next.next(), IN_QUERY);
        format!("{}~{workspace}~{next}", self.attempt.reveal())
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '~');
        let attempt = Attempt::parse(parts.next()?)?;
        let workspace = parts.next()?;
        let next = percent_decode_str(parts.next()?).decode_utf8().ok()?;
        Some(Self {
            attempt,
            workspace: (!workspace.is_empty())
                .then(|| workspace.parse())
                .transpose()
                .ok()?,
            next: Fields::going_to(&next),
        })
    }
}

/// The attempt's cookie, or its removal. It comes back from another site, so it is not `Strict`.
fn cookie(secure: bool, kept: Option<&Kept>) -> HeaderValue {
    let (value, seconds) = kept.map_or_else(|| (String::new(), 0), |kept| (kept.write(), AWAY_S));
    let name = cookie_name(secure);
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    // Digits, letters and what percent-encoding leaves: this is always a header's value.
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// A page that says why, with the other ways to sign in; a problem for programs.
fn refused(
    req: &HttpRequest,
    shared: &Shared,
    next: &Fields,
    error: SignInError,
) -> Result<HttpResponse, Refusal> {
    let refusal = Refusal::from(error);
    if !wants_html(req.headers()) {
        return Err(refusal);
    }
    let problem = refusal.problem();
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::UNAUTHORIZED);
    let page = signin::render(shared, &next.next_alone(), Some(&problem.detail));
    Ok(html(status, page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_keeps_survives_its_cookie() {
        let kept = Kept {
            attempt: Attempt::from_random([7; 20]),
            workspace: Some("team-a".parse().unwrap()),
            next: Fields::going_to("/admin#a;b,c~d"),
        };
        let read = Kept::read(&kept.write()).unwrap();
        assert_eq!(read.attempt, kept.attempt);
        assert_eq!(read.workspace, kept.workspace);
        assert_eq!(read.next.next(), "/admin#a;b,c~d");
        let cookie = cookie(true, Some(&kept));
        assert_eq!(cookie.to_str().unwrap().matches(';').count(), 5);
    }

    #[test]
    fn a_cookie_that_was_tampered_with_is_none_and_leads_nowhere_else() {
        let attempt = Attempt::from_random([7; 20]).reveal();
        for text in ["", "x", &attempt, "zz~~", &format!("{attempt}~A b~/")] {
            assert!(Kept::read(text).is_none(), "{text}");
        }
        let elsewhere = Kept::read(&format!("{attempt}~~//evil.example")).unwrap();
        assert_eq!(elsewhere.next.next(), "/admin");
    }
}
