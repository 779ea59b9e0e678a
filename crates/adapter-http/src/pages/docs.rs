//! `/docs`: the API reference, from the OpenAPI document, without a network.

use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use utoipa_swagger_ui::Config;

use super::{embedded, html, no_file, viewer};
use crate::problem::Refusal;
use crate::shared::Shared;

const PAGE: &str = include_str!("../../assets/docs.html");
const OURS: &[(&str, &str, &str)] = &[(
    "docs.js",
    "text/javascript; charset=utf-8",
    include_str!("../../assets/docs.js"),
)];
const THEIRS: [&str; 2] = ["swagger-ui.css", "swagger-ui-bundle.js"];

/// The page.
pub(crate) async fn page(req: HttpRequest, shared: Data<Shared>) -> Result<HttpResponse, Refusal> {
    match viewer(&req, &shared).await {
        Ok(_) => Ok(html(StatusCode::OK, PAGE)),
        Err(refused) => refused.answer(),
    }
}

/// A file of the page.
pub(crate) async fn file(req: HttpRequest, shared: Data<Shared>) -> Result<HttpResponse, Refusal> {
    if let Err(refused) = viewer(&req, &shared).await {
        return refused.answer();
    }
    let name = req.match_info().get("file").unwrap_or_default();
    if !THEIRS.contains(&name) {
        return embedded(&req, OURS);
    }
    let file = utoipa_swagger_ui::serve(name, Arc::new(Config::default()));
    let file = file.ok().flatten().ok_or_else(|| no_file(name))?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, file.content_type))
        .insert_header((header::CACHE_CONTROL, "private, max-age=3600"))
        .body(file.bytes.into_owned()))
}
