//! Who a request comes from: the address at the other end of the connection, or whom a trusted proxy
//! there speaks for; and whether the way is safe from being listened to.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::dev::RequestHead;
use actix_web::http::header::{HeaderMap, HeaderName};
use pts_domain::forwarded::{Client, Said};

use crate::shared::Shared;
use crate::tls::{ClientCertificate, Connection};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED: HeaderName = HeaderName::from_static("forwarded");

/// The client of a request, as [`observe`](crate::middleware::observe) finds it out for all who ask.
pub(crate) fn client(head: &RequestHead, over_tls: bool, shared: &Shared) -> Option<Client> {
    let said = |name: HeaderName| texts(&head.headers, &name);
    let said = Said {
        forwarded_for: said(FORWARDED_FOR),
        proto: said(FORWARDED_PROTO),
        forwarded: said(FORWARDED),
    };
    let peer = head.peer_addr?.ip();
    Some(shared.settings.proxies.client(peer, over_tls, &said))
}

fn texts<'r>(headers: &'r HeaderMap, name: &HeaderName) -> Vec<&'r str> {
    let lines = headers.get_all(name);
    lines.filter_map(|line| line.to_str().ok()).collect()
}

/// Whether a request came over TLS of our own.
pub(crate) fn is_over_tls(req: &HttpRequest) -> bool {
    req.conn_data::<Connection>().is_some()
}

/// Whether the browser, wherever it is, speaks TLS: by what the request says, or by what the operator
/// does.
pub(crate) fn is_secure(req: &HttpRequest, shared: &Shared) -> bool {
    use actix_web::HttpMessage as _;
    let said = req.extensions().get::<Client>().and_then(|it| it.secure);
    said == Some(true) || shared.settings.secure_cookies
}

/// The certificate that the client of this connection showed.
pub(crate) fn certificate(req: &HttpRequest) -> Option<Arc<ClientCertificate>> {
    req.conn_data::<Connection>()?.certificate.clone()
}
