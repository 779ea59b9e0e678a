//! Who asks: a token in the `Authorization` header, a client certificate, or a browser's session cookie,
//! with the checks that the latter two need because browsers send them unasked.

use std::sync::Arc;

use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::uri::Authority;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpMessage as _, HttpRequest};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pts_domain::access::{Origin, Principal, TokenKind, TokenRefused};
use pts_domain::forwarded::Client;
use pts_services::{AccessError, Gateway, Wanted};

use crate::client_of;
use crate::middleware::RequestId;
use crate::problem::Refusal;
use crate::shared::Shared;
use crate::tls::ClientCertificate;
use crate::workspace::acting;

/// The session cookie's name; the prefix makes browsers bind it to this host and to TLS.
pub(crate) const fn cookie_name(secure: bool) -> &'static str {
    if secure {
        "__Host-pts_session"
    } else {
        "pts_session"
    }
}

/// Finds out who asks.
pub(crate) async fn caller(req: &HttpRequest, shared: &Shared) -> Result<Principal, Refusal> {
    let own = cookie(req, cookie_name(client_of::is_secure(req, shared)));
    let (Some(session), false) = (own, req.headers().contains_key(header::AUTHORIZATION)) else {
        return program_caller(req, shared).await;
    };
    let principal = of_kind(
        shared.gateway.authenticate(session, origin(req)).await?,
        TokenKind::Session,
    )?;
    remember(&principal);
    if !is_safe(req.method()) && site(req, shared) != Site::Same {
        return Err(cross_site());
    }
    acting(req, principal)
}

/// Finds out who asks, by a token or a client certificate and nothing else: no page of a browser is to
/// be there.
pub(crate) async fn program_caller(
    req: &HttpRequest,
    shared: &Shared,
) -> Result<Principal, Refusal> {
    if let Some(header) = req.headers().get(header::AUTHORIZATION) {
        let Some(token) = bearer(header) else {
            shared.gateway.turned_away(origin(req), "no bearer token");
            return Err(wrong_scheme());
        };
        let principal = shared.gateway.authenticate(token, origin(req)).await?;
        remember(&principal);
        return acting(req, of_kind(principal, TokenKind::Bearer)?);
    }
    let Some(certificate) = client_of::certificate(req) else {
        return Err(nobody(req, shared));
    };
    // Browsers send certificates unasked, too.
    if !is_safe(req.method()) && site(req, shared) == Site::Other {
        return Err(cross_site());
    }
    let shown = Presented::Certificate(certificate);
    let principal = shown.check(&shared.gateway, origin(req)).await;
    let principal = principal.map_err(|error| match error {
        AccessError::Refused(TokenRefused::Unknown) => unknown_service(),
        other => other.into(),
    })?;
    remember(&principal);
    acting(req, principal)
}

/// Turns somebody away who shows nothing.
fn nobody(req: &HttpRequest, shared: &Shared) -> Refusal {
    shared.gateway.turned_away(origin(req), "no token");
    Refusal::unauthenticated(None)
}

/// Where a request comes from: the client's address, and the request's own name.
pub(crate) fn origin(req: &HttpRequest) -> Origin {
    let extensions = req.extensions();
    let client = extensions.get::<Client>().map(|client| client.address);
    Origin {
        address: client.or_else(|| req.peer_addr().map(|peer| peer.ip().to_canonical())),
        request_id: extensions.get::<RequestId>().map(RequestId::text),
    }
}

/// Writes who asks into the request's line in the log: by the token's id, never its text.
fn remember(principal: &Principal) {
    let token = tracing::field::display(principal.token_id);
    tracing::Span::current().record("token", token);
}

/// Finds out who asks, and that they may.
pub(crate) async fn caller_with(
    req: &HttpRequest,
    shared: &Shared,
    wanted: Wanted,
) -> Result<Principal, Refusal> {
    let principal = caller(req, shared).await?;
    shared.gateway.admit(&principal, wanted)?;
    Ok(principal)
}

/// Finds out who reads a feed, and that they may. Feed readers and calendars can send no more than a
/// user's name and password: the password may be a token.
pub(crate) async fn feed_reader(
    req: &HttpRequest,
    shared: &Shared,
    wanted: Wanted,
) -> Result<Principal, Refusal> {
    let named = req.headers().get(header::AUTHORIZATION).and_then(password);
    let Some(token) = named else {
        return caller_with(req, shared, wanted).await.map_err(inviting);
    };
    let principal = shared.gateway.authenticate(&token, origin(req)).await;
    let principal = principal.map_err(|error| inviting(error.into()))?;
    remember(&principal);
    let principal = of_kind(principal, TokenKind::Bearer).map_err(inviting)?;
    let principal = acting(req, principal)?;
    shared.gateway.admit(&principal, wanted)?;
    Ok(principal)
}

/// Tells a reader that was not let in that it may ask its user for a password.
fn inviting(refusal: Refusal) -> Refusal {
    if refusal.problem().status != StatusCode::UNAUTHORIZED.as_u16() {
        return refusal;
    }
    let challenge = "Basic realm=\"pts\", charset=\"UTF-8\", Bearer realm=\"pts\"";
    refusal.with_header(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static(challenge),
    )
}

/// The password of `Authorization: Basic`.
fn password(header: &HeaderValue) -> Option<String> {
    let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    Some(text.split_once(':')?.1.to_owned())
}

/// Finds out who reads the service's own figures, which are of all workspaces together, and that they
/// may: from memory where the store
/// is away, because that is when one looks.
pub(crate) async fn reader_of_figures(
    req: &HttpRequest,
    shared: &Shared,
) -> Result<Principal, Refusal> {
    let principal = match caller(req, shared).await {
        Err(refusal) if refusal.is_unavailable() => {
            let remembered = match presented(req, shared) {
                Presented::Text(text) => shared.gateway.remembered(&text, origin(req)).ok(),
                Presented::Certificate(_) => None,
            };
            remembered.ok_or(refusal)?
        }
        answer => answer?,
    };
    shared.gateway.admit(&principal, Wanted::FIGURES)?;
    Ok(principal)
}

/// What was presented, whatever it is worth: what lasts longer than a request asks again with it.
#[derive(Debug)]
pub(crate) enum Presented {
    /// A token or a session.
    Text(String),
    /// A service's certificate.
    Certificate(Arc<ClientCertificate>),
}

impl Presented {
    /// Who presents it, if it is good now.
    pub(crate) async fn check(
        &self,
        gateway: &Gateway,
        origin: Origin,
    ) -> Result<Principal, AccessError> {
        match self {
            Self::Text(text) => gateway.authenticate(text, origin).await,
            Self::Certificate(shown) if shown.ends_at <= gateway.now().timestamp() => {
                Err(TokenRefused::Expired.into())
            }
            Self::Certificate(shown) => gateway.authenticate_service(&shown.names, origin).await,
        }
    }
}

/// What the request presents.
pub(crate) fn presented(req: &HttpRequest, shared: &Shared) -> Presented {
    if let Some(header) = req.headers().get(header::AUTHORIZATION) {
        return Presented::Text(bearer(header).unwrap_or_default().to_owned());
    }
    let session = cookie(req, cookie_name(client_of::is_secure(req, shared)));
    match (session, client_of::certificate(req)) {
        (None, Some(certificate)) => Presented::Certificate(certificate),
        (session, _) => Presented::Text(session.unwrap_or_default().to_owned()),
    }
}

fn bearer(header: &HeaderValue) -> Option<&str> {
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

pub(crate) fn cookie<'r>(req: &'r HttpRequest, name: &str) -> Option<&'r str> {
    req.headers()
        .get_all(header::COOKIE)
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// A session is for browsers and a token for programs: each is good only where it belongs, so that
/// a leaked cookie cannot be used from elsewhere as a token.
fn of_kind(principal: Principal, kind: TokenKind) -> Result<Principal, Refusal> {
    if principal.kind == kind {
        Ok(principal)
    } else {
        Err(Refusal::unauthenticated(Some(TokenRefused::Unknown)))
    }
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Where a browser says that a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Site {
    /// A page of this server.
    Same,
    /// Another place.
    Other,
    /// It does not say: an old browser, or no browser.
    Unsaid,
}

/// Where the request comes from, by the headers that pages cannot set themselves: our own pages are at
/// the public address, or wherever this request was sent to.
pub(crate) fn site(req: &HttpRequest, shared: &Shared) -> Site {
    site_among(req, shared.settings.public_url.as_deref())
}

fn site_among(req: &HttpRequest, public: Option<&str>) -> Site {
    let text = |name: HeaderName| req.headers().get(name).map(|value| value.to_str().ok());
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return if site == Some("same-origin") {
            Site::Same
        } else {
            Site::Other
        };
    }
    let Some(origin) = text(header::ORIGIN) else {
        return Site::Unsaid;
    };
    if origin.is_some() && origin == public {
        return Site::Same;
    }
    // Which scheme the browser used is not known behind a proxy; host and port are.
    let from = origin
        .and_then(|origin| origin.split_once("://"))
        .map(|(_, host)| host);
    // HTTP/2 has it in the request's target.
    let target = req.uri().authority().map(Authority::as_str);
    let here = text(header::HOST).flatten().or(target);
    if from.is_some() && from == here {
        Site::Same
    } else {
        Site::Other
    }
}

pub(crate) fn cross_site() -> Refusal {
    Refusal::new(
        StatusCode::FORBIDDEN,
        "cross_site",
        "The request comes from another site",
        "A session cookie changes things only from this server's own pages. Programs send a token \
         as `Authorization: Bearer pts_…`.",
    )
}

fn unknown_service() -> Refusal {
    let mut refusal = Refusal::unauthenticated(Some(TokenRefused::Unknown));
    let detail = "No service is known by the names in the client certificate. Its URIs and DNS names \
        are looked for among the services that are configured; a token in `Authorization` goes \
        before it.";
    refusal.set_detail(detail);
    refusal
}

fn wrong_scheme() -> Refusal {
    let mut refusal = Refusal::unauthenticated(None);
    refusal.set_detail("The Authorization header must read `Bearer pts_…`.");
    refusal
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_request_is_of_the_same_origin_only_if_the_browser_says_so() {
        let check = |headers: &[(&str, &str)], expected| {
            let mut req = TestRequest::post();
            for (name, value) in headers {
                req = req.insert_header((*name, *value));
            }
            let public = Some("https://public.acme");
            let found = site_among(&req.to_http_request(), public);
            assert_eq!(found, expected, "{headers:?}");
        };
        check(&[("origin", "https://public.acme")], Site::Same);
        check(&[("origin", "http://public.acme")], Site::Other);
        check(&[], Site::Unsaid);
        check(&[("sec-fetch-site", "same-origin")], Site::Same);
        check(&[("sec-fetch-site", "same-site")], Site::Other);
        check(&[("sec-fetch-site", "none")], Site::Other);
        check(
            &[("origin", "https://pts.acme"), ("host", "pts.acme")],
            Site::Same,
        );
        check(
            &[("origin", "https://pts.acme:1"), ("host", "pts.acme")],
            Site::Other,
        );
        check(&[("origin", "null"), ("host", "pts.acme")], Site::Other);
        let both = [
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://pts.acme"),
            ("host", "pts.acme"),
        ];
        check(&both, Site::Other);
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let req = TestRequest::get()
            .insert_header(("cookie", "theme=dark; pts_session=abc; odd; x=\"y\""))
            .to_http_request();
        assert_eq!(cookie(&req, "pts_session"), Some("abc"));
        assert_eq!(cookie(&req, "pts"), None);
    }

    #[test]
    fn a_password_is_what_follows_the_first_colon() {
        let check = |text: &str, expected: Option<&str>| {
            let header = HeaderValue::from_str(text).unwrap();
            assert_eq!(password(&header).as_deref(), expected, "{text}");
        };
        check("Basic cmVhZGVyOnB0c18x", Some("pts_1"));
        check("basic OmE6Yg==", Some("a:b"));
        check("Basic cmVhZGVy", None);
        check("Basic %", None);
        check("Bearer cmVhZGVyOnB0c18x", None);
    }

    #[test]
    fn only_the_bearer_scheme_counts() {
        let check = |text: &str, expected| {
            assert_eq!(
                bearer(&HeaderValue::from_str(text).unwrap()),
                expected,
                "{text}"
            );
        };
        check("Bearer pts_1", Some("pts_1"));
        check("bearer  pts_1", Some("pts_1"));
        check("Basic cHRz", None);
        check("pts_1", None);
    }
}
