//! Pages for browsers, embedded in the binary: signing in, the admin page, the API reference. They
//! load nothing from anywhere else and hold no script of their own inside.

pub(crate) mod admin;
pub(crate) mod docs;
pub(crate) mod provider;
pub(crate) mod signin;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures::StreamExt as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use pts_domain::access::Principal;

use crate::auth;
use crate::problem::Refusal;
use crate::shared::Shared;

/// What a page may load: files of this server, and icons inside its styles.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.');

/// Bytes that whoever is not known yet may send.
const LARGEST_SMALL_BODY: usize = 8 * 1024;

/// The body of a request by somebody who is not known yet.
pub(crate) async fn small_body(mut payload: Payload) -> Result<String, Refusal> {
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| {
            Refusal::bad_request("body_incomplete", "The body broke off", "Send it again.")
        })?;
        if body.len() + chunk.len() > LARGEST_SMALL_BODY {
            let detail = format!("For signing in, a body has at most {LARGEST_SMALL_BODY} bytes.");
            return Err(Refusal::too_large(
                "body_too_large",
                "The body is too large",
                detail,
            ));
        }
        body.extend_from_slice(&chunk);
    }
    String::from_utf8(body).map_err(|_| {
        Refusal::bad_request(
            "invalid_input",
            "Not text",
            "The body is not text in UTF-8.",
        )
    })
}

/// `GET /`: the way in for people.
pub(crate) async fn root() -> Result<HttpResponse, Refusal> {
    Ok(see_other("/admin").finish())
}

fn see_other(location: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((header::LOCATION, location));
    response
}

fn html(status: StatusCode, page: impl Into<String>) -> HttpResponse {
    HttpResponseBuilder::new(status)
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CONTENT_SECURITY_POLICY, PAGE_POLICY))
        // Old browsers say where a form comes from only if they may send a referrer to us.
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .body(page.into())
}

/// An embedded file, by the name in its path.
fn embedded(
    req: &HttpRequest,
    files: &[(&str, &'static str, &'static str)],
) -> Result<HttpResponse, Refusal> {
    let name = req.match_info().get("file").unwrap_or_default();
    match files.iter().find(|(known, ..)| *known == name) {
        Some((_, content_type, body)) => Ok(HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, *content_type))
            .body(*body)),
        None => Err(no_file(name)),
    }
}

fn no_file(name: &str) -> Refusal {
    let detail = format!("There is no file {name:?} here.");
    Refusal::new(StatusCode::NOT_FOUND, "not_found", "Not known here", detail)
}

/// Who looks at a page; a browser without a good session is shown the way to the sign-in page.
async fn viewer(req: &HttpRequest, shared: &Shared) -> Result<Principal, Refused> {
    auth::caller(req, shared).await.map_err(|refusal| {
        if refusal.problem().status == 401 && wants_html(req.headers()) {
            let next = utf8_percent_encode(req.uri().path(), IN_QUERY);
            Refused::Elsewhere(see_other(&format!("/signin?next={next}")).finish())
        } else {
            Refused::Here(refusal)
        }
    })
}

enum Refused {
    Elsewhere(HttpResponse),
    Here(Refusal),
}

impl Refused {
    fn answer(self) -> Result<HttpResponse, Refusal> {
        match self {
            Self::Elsewhere(response) => Ok(response),
            Self::Here(refusal) => Err(refusal),
        }
    }
}

fn wants_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).map(HeaderValue::to_str);
    accept.is_some_and(|accept| accept.is_ok_and(|accept| accept.contains("text/html")))
}

/// Text inside HTML, where it can do no harm.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
