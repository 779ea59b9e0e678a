//! The API's description for programs: OpenAPI 3.1, put together from the same declarations that
//! the routes are bound from, so that it cannot say anything else than they do.

mod call;
mod device;
mod document;
mod events;
mod mcp;
mod operation;
mod refusals;

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

pub use document::document;

use crate::auth;
use crate::problem::Refusal;
use crate::shared::Shared;

/// `GET /openapi.json`: for anybody with a good token.
pub(crate) async fn serve(req: HttpRequest, shared: Data<Shared>) -> Result<HttpResponse, Refusal> {
    auth::caller(&req, &shared).await?;
    let body = shared.openapi().to_owned();
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .body(body))
}
