//! How a reached limit is said on the wire: 429 with `Retry-After`, and `RateLimit` and
//! `RateLimit-Policy` as draft-ietf-httpapi-ratelimit-headers has them.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use pts_services::Limited;

use crate::problem::Refusal;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What a caller is told that has used up what it may take.
pub(crate) fn refusal(limited: Limited) -> Refusal {
    let Limited {
        policy,
        quota,
        window_s,
        retry_after_s,
    } = limited;
    let (allowed, window) = match window_s {
        Some(window_s) => (format!("{quota} in {window_s} s"), format!(";w={window_s}")),
        None => (format!("{quota} at the same time"), String::new()),
    };
    let detail = format!(
        "This token may take {allowed} of `{policy}`, and has; try again in {retry_after_s} s."
    );
    let title = "More than this token may take";
    let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "limited", title, detail)
        .with_header(header::RETRY_AFTER, HeaderValue::from(retry_after_s));
    let told = [
        (RATE_LIMIT, format!("\"{policy}\";r=0;t={retry_after_s}")),
        (RATE_LIMIT_POLICY, format!("\"{policy}\";q={quota}{window}")),
    ];
    told.into_iter().fold(
        refusal,
        |refusal, (name, text)| match HeaderValue::try_from(text) {
            Ok(value) => refusal.with_header(name, value),
            Err(_) => refusal,
        },
    )
}
