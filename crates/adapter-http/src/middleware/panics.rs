//! A handler that panics is a fault of ours: the client is told so, and the connection lives on.

use std::panic::AssertUnwindSafe;

use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use futures::FutureExt as _;

use crate::problem::Refusal;

/// Wraps a route: routing must be over, because it needs the request for itself.
pub(crate) async fn catch_panics<B: MessageBody + 'static>(
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let request = req.request().clone();
    if let Ok(handled) = AssertUnwindSafe(next.call(req)).catch_unwind().await {
        return handled.map(ServiceResponse::map_into_left_body);
    }
    // What it said was logged by the panic hook, without secrets.
    tracing::error!("a handler panicked");
    Ok(ServiceResponse::from_err(Refusal::internal(), request).map_into_right_body())
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::{App, HttpResponse, web};

    use super::*;

    #[actix_web::test]
    async fn a_panic_becomes_a_500() {
        async fn broken() -> HttpResponse {
            panic!("as the test wants it")
        }
        let resource = web::resource("/").wrap(from_fn(catch_panics)).to(broken);
        let app = init_service(App::new().service(resource)).await;
        let response = call_service(&app, TestRequest::get().to_request()).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
