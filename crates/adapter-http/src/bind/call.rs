//! `POST /v1/actions`: any action by its name. It is read here and carried out by the gateway, like
//! everything else; its answer and its errors travel in an envelope of their own.

use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, ResponseError as _};
use pts_api::actions::events::AppendEvents;
use pts_api::{Action as _, Answer, Call, Done, Failed, ItemStatus, Partial, Problem};
use pts_domain::FieldError;
use pts_services::{CallOptions, known_action};
use serde::Deserialize as _;
use serde_json::Value;

use super::{command, json, query_pairs};
use crate::auth;
use crate::events::whole_body;
use crate::middleware::RequestId;
use crate::problem::Refusal;
use crate::shared::Shared;

/// Which action a call was for, as its response carries it to those who count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Called(pub(crate) &'static str);

/// Carries out the action that the body names.
pub(crate) async fn call(
    req: HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
) -> Result<HttpResponse, Refusal> {
    let mut called = None;
    let answered = carry_out(&req, payload, &shared, &mut called).await;
    let mut response = answered.unwrap_or_else(|refusal| refusal.error_response());
    if let Some(called) = called {
        response.extensions_mut().insert(called);
    }
    Ok(response)
}

async fn carry_out(
    req: &HttpRequest,
    payload: Payload,
    shared: &Shared,
    called: &mut Option<Called>,
) -> Result<HttpResponse, Refusal> {
    let principal = auth::caller(req, shared).await?;
    let asked = partial(req)?;
    let parse = command::parse::<Call>(req, &shared.call_fields);
    let (call, _reservation) = whole_body(req, payload, shared, parse).await?;
    *called = known_action(&call.action_key).map(Called);
    let options = CallOptions {
        deny_partial: once(asked, call.partial)? == Some(Partial::Deny),
    };
    let answer = shared
        .gateway
        .act(&principal, &call.action_key, &call.payload, options)
        .await
        .inspect(|answer| count_ingested(shared, &call.action_key, answer))
        .map_err(|error| Refusal::from(error).within("payload"))?;
    let id = req.extensions().get::<RequestId>().map(RequestId::text);
    json(
        shared,
        &principal,
        &Done::of(answer, id.unwrap_or_default()),
    )
}

/// Counts events that were taken in, as their own route does.
pub(crate) fn count_ingested(shared: &Shared, action: &str, answer: &Answer<Value>) {
    if action != AppendEvents::NAME {
        return;
    }
    let items = answer.data["items"].as_array().into_iter().flatten();
    let statuses = items.filter_map(|item| ItemStatus::deserialize(&item["status"]).ok());
    for status in statuses {
        let outcome = match status {
            ItemStatus::Created => "created",
            ItemStatus::Duplicate => "duplicate",
            ItemStatus::Valid => "valid",
            ItemStatus::Accepted => "accepted",
            ItemStatus::Conflict => "conflict",
            ItemStatus::Invalid => "invalid",
        };
        shared.metrics.ingested(outcome, 1);
    }
}

/// What the query says; it may say nothing else.
fn partial(req: &HttpRequest) -> Result<Option<Partial>, Refusal> {
    let pairs = query_pairs(req.query_string()).map_err(|error| Refusal::bad_input(vec![error]))?;
    let mut asked = None;
    for (name, value) in pairs {
        let wrong = |code, expected| {
            let error = FieldError::with_code(code, &*name, format!("{value:?}"), expected);
            Refusal::bad_input(vec![error])
        };
        let said = match (&*name, &*value) {
            ("partial", "deny") => Partial::Deny,
            ("partial", "allow") => Partial::Allow,
            ("partial", _) => return Err(wrong("invalid", "`deny` or `allow`")),
            _ => return Err(wrong("unknown", "`partial` only; the input is in the body")),
        };
        asked = once(asked, Some(said))?;
    }
    Ok(asked)
}

fn once(one: Option<Partial>, other: Option<Partial>) -> Result<Option<Partial>, Refusal> {
    match (one, other) {
        (Some(_), Some(_)) => {
            let error = FieldError::invalid("partial", "it twice", "it once");
            Err(Refusal::bad_input(vec![error]))
        }
        (one, other) => Ok(one.or(other)),
    }
}

/// A problem in the form in which calls are answered.
pub(crate) fn failed(problem: Problem, request_id: &str) -> Vec<u8> {
    serde_json::to_vec(&Failed::of(problem, request_id.to_owned())).unwrap_or_default()
}
