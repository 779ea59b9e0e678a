//! Whether the process lives, whether it could commit an event now, and its figures.

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use crate::auth;
use crate::metrics::CONTENT_TYPE;
use crate::problem::Refusal;
use crate::shared::Shared;

/// `GET /healthz`: the process lives. Says nothing about the database, or an orchestrator would
/// kill every process when the database is away.
pub(crate) async fn alive() -> Result<HttpResponse, Refusal> {
    Ok(HttpResponse::Ok().json(json!({ "status": "alive" })))
}

/// `GET /readyz`: an event could be committed now. Reasons are generic: nobody has to prove who
/// they are to read them. What does not work beside that is named, and takes nothing out of service.
pub(crate) async fn ready(shared: Data<Shared>) -> Result<HttpResponse, Refusal> {
    if shared.is_stopping() {
        return Err(Refusal::unavailable(
            "stopping",
            "The server is stopping.",
            5,
        ));
    }
    shared.gateway.ready().await?;
    let degraded = shared.gateway.degraded();
    Ok(HttpResponse::Ok().json(if degraded.is_empty() {
        json!({ "status": "ready" })
    } else {
        json!({ "status": "ready", "degraded": degraded })
    }))
}

/// `GET /metrics`: figures for Prometheus.
pub(crate) async fn metrics(
    req: HttpRequest,
    shared: Data<Shared>,
) -> Result<HttpResponse, Refusal> {
    auth::reader_of_figures(&req, &shared).await?;
    shared.metrics.waiting(shared.gateway.waiting());
    let text = shared.metrics.render().map_err(|error| {
        tracing::error!(%error, "the metrics could not be written");
        Refusal::internal()
    })?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, CONTENT_TYPE))
        .body(text))
}
