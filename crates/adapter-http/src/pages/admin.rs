//! `/admin`: events, deployments, services, incidents, quarantine and sessions in the browser, through the same
//! API as everybody else, with the session's cookie.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::{embedded, html, viewer};
use crate::problem::Refusal;
use crate::shared::Shared;

const PAGE: &str = include_str!("../../assets/admin.html");
const SCRIPT: &str = "text/javascript; charset=utf-8";
const FILES: &[(&str, &str, &str)] = &[
    ("app.js", SCRIPT, include_str!("../../assets/app.js")),
    ("api.js", SCRIPT, include_str!("../../assets/api.js")),
    (
        "details.js",
        SCRIPT,
        include_str!("../../assets/details.js"),
    ),
    ("dom.js", SCRIPT, include_str!("../../assets/dom.js")),
    ("live.js", SCRIPT, include_str!("../../assets/live.js")),
    (
        "quarantine.js",
        SCRIPT,
        include_str!("../../assets/quarantine.js"),
    ),
    (
        "sessions.js",
        SCRIPT,
        include_str!("../../assets/sessions.js"),
    ),
    ("views.js", SCRIPT, include_str!("../../assets/views.js")),
];

/// The page.
pub(crate) async fn page(req: HttpRequest, shared: Data<Shared>) -> Result<HttpResponse, Refusal> {
    match viewer(&req, &shared).await {
        Ok(_) => Ok(html(StatusCode::OK, PAGE)),
        Err(refused) => refused.answer(),
    }
}

/// A script of the page.
pub(crate) async fn file(req: HttpRequest, shared: Data<Shared>) -> Result<HttpResponse, Refusal> {
    match viewer(&req, &shared).await {
        Ok(_) => embedded(&req, FILES),
        Err(refused) => refused.answer(),
    }
}
