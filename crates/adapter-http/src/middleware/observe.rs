//! Wraps every request: its span, its line in the log, its counts, and the one place where a
//! problem becomes a body.

use std::time::Instant;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _};
use pts_api::actions::events::AppendEvents;
use pts_api::{Action as _, Problem};
use tracing::Instrument as _;

use super::request_id::{REQUEST_ID, RequestId, TRACEPARENT};
use crate::bind::{self, Called};
use crate::client_of;
use crate::routes;
use crate::shared::Shared;

/// Observes one request from its head to the head of its response.
pub(crate) async fn observe<B: MessageBody + 'static>(
    shared: Data<Shared>,
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let begun = Instant::now();
    let id = shared.request_ids.of(req.headers());
    let trace = shared.trace_ids.of(req.headers());
    let over_tls = client_of::is_over_tls(req.request());
    let client = client_of::client(req.head(), over_tls, &shared);
    if let Some(client) = client {
        req.extensions_mut().insert(client);
    }
    let span = tracing::info_span!(
        "request",
        request_id = %id,
        method = %req.method(),
        client = client.map(|client| client.address.to_string()),
        token = tracing::field::Empty,
        action = tracing::field::Empty,
        status = tracing::field::Empty,
        duration_ms = tracing::field::Empty,
        trace_id = trace.trace_id(),
        span_id = trace.span_id(),
        parent_span_id = trace.parent(),
        sampled = trace.is_sampled(),
    );
    req.extensions_mut().insert(RequestId::new(&id));
    let _in_flight = shared.metrics.begin();

    // Routes turn their own errors into responses; what is an error here never reached one.
    let response = next.call(req).instrument(span.clone()).await?;
    let action = routes::name_of(&response, &shared);
    let (mut response, code) = write_problem(response.map_into_left_body(), &id, action);

    let called = response.response().extensions().get().copied();
    let action = called.map_or(action, |Called(name)| name);
    let status = response.status().as_u16();
    let took = begun.elapsed();
    let exemplar = trace.is_sampled().then(|| trace.trace_id());
    shared.metrics.answered(action, status, took, exemplar);
    if status >= 400 {
        shared.metrics.refused(action, code.unwrap_or_default());
    }
    span.record("action", action);
    span.record("status", status);
    span.record("duration_ms", (took.as_secs_f64() * 1e6).round() / 1e3);
    span.in_scope(|| match status {
        500.. => tracing::warn!("answered"),
        // As many as are sent; the counts tell of them.
        ..400 if action == AppendEvents::NAME => tracing::debug!("answered"),
        _ if matches!(action, "healthz" | "readyz" | "metrics") => tracing::debug!("answered"),
        _ => tracing::info!("answered"),
    });

    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Ok(trace) = HeaderValue::try_from(trace.to_string()) {
        headers.insert(TRACEPARENT, trace);
    }
    Ok(response)
}

/// Writes out the problem that a refused request's response carries; tells its code.
fn write_problem<B>(
    mut response: ServiceResponse<EitherBody<B>>,
    request_id: &str,
    action: &str,
) -> (ServiceResponse<EitherBody<B>>, Option<String>) {
    let problem = response
        .response_mut()
        .extensions_mut()
        .remove::<Box<Problem>>();
    let Some(mut problem) = problem else {
        return (response, None);
    };
    let code = problem.code.clone();
    let (body, content_type) = if action == routes::CALL {
        (bind::failed(*problem, request_id), "application/json")
    } else {
        problem.request_id = Some(request_id.to_owned());
        let body = serde_json::to_vec(&*problem).unwrap_or_default();
        (body, "application/problem+json")
    };
    let content_type = HeaderValue::from_static(content_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    let response = response.map_body(|_, _| EitherBody::right(BoxBody::new(body)));
    (response, Some(code))
}
