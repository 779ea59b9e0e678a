//! From an action's declaration to its route: the path and the query, or the body, become its input,
//! guided by the input's schema; its answer becomes JSON. An action that is one question (or command)
//! and one answer needs nothing else. Every action can also be called by its name: see `call`.

mod call;
mod command;
mod confirm;
mod parameters;
mod query;
mod shape;

use std::rc::Rc;
use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use pts_api::{Action, Binding};
use pts_domain::access::Principal;
use pts_services::input::Fields;
use pts_services::{CallOptions, Gateway, UseCase, Wanted};
use serde::Serialize;

pub(crate) use call::{Called, call, count_ingested, failed};
pub(crate) use command::expects_json;
pub(crate) use confirm::{confirmation, read as read_confirmation};
pub(crate) use parameters::Parameters;
pub(crate) use query::pairs as query_pairs;

use crate::auth;
use crate::events::whole_body;
use crate::problem::Refusal;
use crate::routes::Binder;
use crate::shared::Shared;

/// Binds the route of an action that has one answer.
pub(crate) fn answered<A: Action>(binder: &mut Binder<'_>)
where
    Gateway: UseCase<A>,
{
    if A::BINDING == Binding::Command {
        command::<A>(binder);
    } else {
        query::<A>(binder);
    }
}

fn query<A: Action>(binder: &mut Binder<'_>)
where
    Gateway: UseCase<A>,
{
    with_parameters::<A, _>(
        binder,
        async |req: HttpRequest, shared: Data<Shared>, parameters: Rc<Parameters>| {
            let principal = auth::caller_with(&req, &shared, Wanted::of::<A>()).await?;
            let (input, mut options) = parameters.read::<A::Input>(&req)?;
            options.confirm = confirmation(&req, None)?;
            let answer = shared.gateway.call::<A>(&principal, input, options).await?;
            json(&shared, &principal, &answer)
        },
    );
}

/// Binds the route of an action whose input is in its path and query.
pub(crate) fn with_parameters<A: Action, F>(binder: &mut Binder<'_>, serve: F)
where
    F: AsyncFn(HttpRequest, Data<Shared>, Rc<Parameters>) -> Result<HttpResponse, Refusal>
        + Clone
        + 'static,
{
    let parameters = Rc::new(Parameters::of::<A>());
    binder.action::<A, _, _>(move |req: HttpRequest, shared: Data<Shared>| {
        let (serve, parameters) = (serve.clone(), Rc::clone(&parameters));
        async move { serve(req, shared, parameters).await }
    });
}

fn command<A: Action>(binder: &mut Binder<'_>)
where
    Gateway: UseCase<A>,
{
    let fields = Arc::new(Fields::of::<A::Input>());
    let handler = move |req: HttpRequest, payload: Payload, shared: Data<Shared>| {
        let fields = Arc::clone(&fields);
        async move { carry_out::<A>(&req, payload, &shared, &fields).await }
    };
    binder.action::<A, _, _>(handler);
}

async fn carry_out<A: Action>(
    req: &HttpRequest,
    payload: Payload,
    shared: &Shared,
    fields: &Arc<Fields>,
) -> Result<HttpResponse, Refusal>
where
    Gateway: UseCase<A>,
{
    let principal = auth::caller_with(req, shared, Wanted::of::<A>()).await?;
    let parse = command::read::<A::Input>(req, fields)?;
    let read = whole_body(req, payload, shared, parse).await;
    if read.is_err() {
        // What is wrong with the input is said to those who may, as everywhere.
        shared
            .gateway
            .admit(&principal, Wanted::of::<A>().of_others())?;
    }
    let (input, _reservation) = read?;
    let options = CallOptions {
        confirm: confirmation(req, None)?,
        ..CallOptions::default()
    };
    let answer = shared.gateway.call::<A>(&principal, input, options).await?;
    json(shared, &principal, &answer)
}

/// An answer on the wire; its length counts for who reads it.
fn json<T: Serialize>(
    shared: &Shared,
    principal: &Principal,
    answer: &T,
) -> Result<HttpResponse, Refusal> {
    let body = serde_json::to_vec(answer).map_err(|error| {
        tracing::error!(%error, "an answer could not be written as JSON");
        Refusal::internal()
    })?;
    shared.gateway.note_read(principal, body.len());
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .body(body))
}

/// What a question was asked with, beside its own input.
pub(crate) type Read<T> = Result<(T, CallOptions), Refusal>;
