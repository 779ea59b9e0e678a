//! Headers that every answer leaves with unless its handler knew better: nothing is cached, nothing
//! is sniffed, framed or leaked in a referrer, and what is not a page may load nothing.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;

use crate::client_of;
use crate::shared::Shared;

const DEFAULTS: [(HeaderName, &str); 6] = [
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Browsers that came over TLS once come over TLS for a year.
const ONLY_OVER_TLS: &str = "max-age=31536000";

/// Adds the headers that are not there yet.
pub(crate) async fn secure<B: MessageBody + 'static>(
    shared: Data<Shared>,
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let strict = client_of::is_secure(req.request(), &shared);
    let mut response = next.call(req).await?;
    let headers = response.headers_mut();
    if strict {
        let value = HeaderValue::from_static(ONLY_OVER_TLS);
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    for (name, value) in DEFAULTS {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    Ok(response)
}
