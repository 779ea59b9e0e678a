//! Signing in and out: a token or a one-time code becomes a session cookie. A link with a code
//! only shows a button: whatever merely fetches the link, such as a chat's preview, does not use
//! the code up.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use percent_encoding::utf8_percent_encode;
use pts_services::Session;

use super::{IN_QUERY, embedded, escape, html, see_other, small_body, wants_html};
use crate::auth::{self, Site};
use crate::bind::query_pairs;
use crate::client_of;
use crate::problem::Refusal;
use crate::shared::Shared;

const PAGE: &str = include_str!("../../assets/signin.html");
const FILES: &[(&str, &str, &str)] = &[
    (
        "pts.css",
        "text/css; charset=utf-8",
        include_str!("../../assets/pts.css"),
    ),
    (
        "icon.svg",
        "image/svg+xml",
        include_str!("../../assets/icon.svg"),
    ),
];
const START: &str = "/admin";

/// The fields of the form and of the page's query.
#[derive(Default)]
pub(super) struct Fields {
    code: Option<String>,
    token: Option<String>,
    next: Option<String>,
}

impl Fields {
    pub(super) fn read(text: &str) -> Self {
        let mut fields = Self::default();
        for (name, value) in query_pairs(text).unwrap_or_default() {
            let field = match name.as_str() {
                "code" => &mut fields.code,
                "token" => &mut fields.token,
                "next" => &mut fields.next,
                _ => continue,
            };
            *field = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        }
        fields
    }

    pub(super) fn going_to(next: &str) -> Self {
        Self {
            next: Some(next.to_owned()),
            ..Self::default()
        }
    }

    /// The same without what signs in.
    pub(super) fn next_alone(&self) -> Self {
        Self {
            next: self.next.clone(),
            ..Self::default()
        }
    }

    /// Where to go afterwards: a path of this server, whatever was asked for.
    pub(super) fn next(&self) -> &str {
        let is_local = |next: &&str| {
            next.starts_with('/')
                && !next.starts_with("//")
                && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
        };
        self.next.as_deref().filter(is_local).unwrap_or(START)
    }
}

/// `GET /signin`
pub(crate) async fn page(req: HttpRequest, shared: Data<Shared>) -> Result<HttpResponse, Refusal> {
    let fields = Fields::read(req.query_string());
    Ok(html(StatusCode::OK, render(&shared, &fields, None)))
}

/// `POST /signin`
pub(crate) async fn sign_in(
    req: HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
) -> Result<HttpResponse, Refusal> {
    // Another site must not be able to sign a browser in as somebody else.
    if auth::site(&req, &shared) == Site::Other {
        return Err(auth::cross_site());
    }
    let secure = client_of::is_secure(&req, &shared);
    let fields = Fields::read(&small_body(payload).await?);
    let origin = auth::origin(&req);
    let session = match (&fields.token, &fields.code) {
        (Some(token), _) => shared.gateway.sign_in_with_token(token, origin).await,
        (None, Some(code)) => shared.gateway.sign_in_with_code(code, origin).await,
        (None, None) => return refused(&req, &shared, &fields, Refusal::unauthenticated(None)),
    };
    match session {
        Ok(session) => Ok(see_other(fields.next())
            .insert_header((header::SET_COOKIE, cookie(secure, Some(&session))))
            .finish()),
        Err(error) => refused(&req, &shared, &fields, error.into()),
    }
}

/// `POST /signout`
pub(crate) async fn sign_out(
    req: HttpRequest,
    shared: Data<Shared>,
) -> Result<HttpResponse, Refusal> {
    let secure = client_of::is_secure(&req, &shared);
    match auth::caller(&req, &shared).await {
        Ok(principal) => shared.gateway.sign_out(&principal).await?,
        // A session that is over is signed out already.
        Err(refusal) if refusal.problem().status == 401 => {}
        Err(refusal) => return Err(refusal),
    }
    Ok(see_other("/signin")
        .insert_header((header::SET_COOKIE, cookie(secure, None)))
        .finish())
}

/// The style and the icon: part of the sign-in page, so they need no token.
pub(crate) async fn file(req: HttpRequest) -> Result<HttpResponse, Refusal> {
    embedded(&req, FILES)
}

fn refused(
    req: &HttpRequest,
    shared: &Shared,
    fields: &Fields,
    refusal: Refusal,
) -> Result<HttpResponse, Refusal> {
    if !wants_html(req.headers()) {
        return Err(refusal);
    }
    let problem = refusal.problem();
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::UNAUTHORIZED);
    let message = match (&fields.token, &fields.code) {
        (None, None) => "Enter a token first.",
        (None, Some(_)) if problem.status == 401 => {
            "This link was used already, or it is too old. Enter a token instead."
        }
        _ => problem.detail.as_str(),
    };
    // A code that was refused is of no more use.
    let page = render(shared, &fields.next_alone(), Some(message));
    Ok(html(status, page))
}

pub(super) fn render(shared: &Shared, fields: &Fields, error: Option<&str>) -> String {
    filled(shared.gateway.provider_label(), fields, error)
}

fn filled(provider: Option<&str>, fields: &Fields, error: Option<&str>) -> String {
    let with_provider = provider.is_some() && fields.code.is_none();
    let next = utf8_percent_encode(fields.next(), IN_QUERY);
    let link = if with_provider {
        format!("/signin/provider?next={next}")
    } else {
        "/signin".to_owned()
    };
    let shown = |wanted| if wanted { "" } else { "hidden" };
    let values = [
        ("{{error}}", escape(error.unwrap_or_default())),
        ("{{error-shown}}", shown(error.is_some()).to_owned()),
        (
            "{{code}}",
            escape(fields.code.as_deref().unwrap_or_default()),
        ),
        ("{{code-shown}}", shown(fields.code.is_some()).to_owned()),
        ("{{token-shown}}", shown(fields.code.is_none()).to_owned()),
        ("{{provider-shown}}", shown(with_provider).to_owned()),
        ("{{provider}}", escape(provider.unwrap_or_default())),
        ("{{provider-link}}", link),
        ("{{next}}", escape(fields.next())),
    ];
    // One pass over the template: what was filled in is never filled in again.
    let mut page = String::with_capacity(PAGE.len() + 256);
    let mut rest = PAGE;
    while let Some(at) = rest.find("{{") {
        page.push_str(&rest[..at]);
        rest = &rest[at..];
        let value = values.iter().find(|(name, _)| rest.starts_with(name));
        let (name, value) = value.map_or(("{{", "{{"), |(name, value)| (*name, value.as_str()));
        page.push_str(value);
        rest = &rest[name.len()..];
    }
    page.push_str(rest);
    page
}

/// The session's cookie, or its removal.
pub(super) fn cookie(secure: bool, session: Option<&Session>) -> HeaderValue {
    let name = auth::cookie_name(secure);
    let (value, end) = match session {
        Some(session) => {
            let expires = session.expires_at.format("%a, %d %b %Y %H:%M:%S GMT");
            (session.text.reveal(), format!("Expires={expires}"))
        }
        None => ("", "Max-Age=0".to_owned()),
    };
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; {end}{secure}");
    // Token texts are hexadecimal: this is always a header's value.
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_on_is_a_path_of_this_server() {
        let check = |query: &str, expected| {
            assert_eq!(Fields::read(query).next(), expected, "{query}");
        };
        check("next=/docs", "/docs");
        check("next=%2Fadmin%23events", "/admin#events");
        for elsewhere in [
            "",
            "next=",
            "next=https://evil.example",
            "next=//evil.example",
            "next=/%5Cevil.example",
            "next=/a%0d%0ab",
            "next=admin",
        ] {
            check(elsewhere, START);
        }
    }

    #[test]
    fn what_is_filled_in_is_escaped_and_not_filled_in_again() {
        let fields = Fields {
            code: Some("\"><b>{{error}}".into()),
            ..Fields::default()
        };
        let page = filled(Some("A & B"), &fields, Some("no <i>"));
        assert!(
            page.contains("value=\"&quot;&gt;&lt;b&gt;{{error}}\""),
            "{page}"
        );
        assert!(page.contains("no &lt;i&gt;"));
        assert!(!page.contains("{{next}}"));
        // Who holds a link is not sent elsewhere.
        assert!(page.contains("<p hidden>") && !page.contains("A & B"));
    }
}
