//! Deployments and incidents as documents that feed readers and calendars fetch again and again:
//! small when nothing has changed, and with a way to say who asks for programs that can only send a
//! user's name and password.

mod atom;
mod cache;
mod calendar;
mod item;

use std::rc::Rc;

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use pts_api::Action;
use pts_api::actions::feeds::{
    ATOM, DeploymentsCalendar, DeploymentsFeed, DeploymentsFeedInput, IncidentsCalendar,
    IncidentsFeed, IncidentsFeedInput,
};
use pts_domain::projection::{Deployment, Incident};
use pts_services::{Gateway, UseCase};

use crate::auth;
use crate::bind::{Parameters, with_parameters};
use crate::export::{COVERAGE, coverage};
use crate::problem::Refusal;
use crate::routes::Binder;
use crate::shared::Shared;
use item::{Item, identity};

/// An action whose answer can be a feed.
pub(crate) trait Feed: Action {
    /// What it is called in readers.
    const TITLE: &'static str;

    /// Whether things can leave the list other than for newer ones: when it last changed is then not
    /// known from what is in it.
    fn may_shrink(input: &Self::Input) -> bool;

    fn items(output: Self::Output) -> Vec<Item>;
}

macro_rules! feed {
    ($($action:ty, $input:ty, $thing:ty, $title:literal, $shrinks:expr;)*) => {$(
        impl Feed for $action {
            const TITLE: &'static str = $title;

            fn may_shrink(input: &$input) -> bool {
                let shrinks: fn(&$input) -> bool = $shrinks;
                shrinks(input)
            }

            fn items(output: Vec<$thing>) -> Vec<Item> {
                output.into_iter().map(Item::from).collect()
            }
        }
    )*};
}

feed! {
    DeploymentsFeed, DeploymentsFeedInput, Deployment, "Deployments", |input| input.status.is_some();
    DeploymentsCalendar, DeploymentsFeedInput, Deployment, "Deployments", |input| input.status.is_some();
    // Which service and environment suffer may turn out later to be others.
    IncidentsFeed, IncidentsFeedInput, Incident, "Incidents", |input| *input != IncidentsFeedInput { limit: input.limit, ..IncidentsFeedInput::default() };
    IncidentsCalendar, IncidentsFeedInput, Incident, "Incidents", |input| *input != IncidentsFeedInput { limit: input.limit, ..IncidentsFeedInput::default() };
}

/// Binds the route of a feed.
pub(crate) fn bind<A: Feed>(binder: &mut Binder<'_>)
where
    Gateway: UseCase<A>,
{
    with_parameters::<A, _>(binder, serve::<A>);
}

async fn serve<A: Feed>(
    req: HttpRequest,
    shared: Data<Shared>,
    parameters: Rc<Parameters>,
) -> Result<HttpResponse, Refusal>
where
    Gateway: UseCase<A>,
{
    let principal = auth::feed_reader::<A>(&req, &shared).await?;
    let (input, options) = parameters.read::<A::Input>(&req)?;
    let shrinks = A::may_shrink(&input);
    let id = identity(&input);
    let answer = shared.gateway.call::<A>(&principal, input, options).await?;
    let items = A::items(answer.data);
    let [media_type] = A::MEDIA_TYPES else {
        return Err(Refusal::internal());
    };
    let body = if *media_type == ATOM {
        let here = req.uri().path_and_query().map_or("", |here| here.as_str());
        atom::document(A::TITLE, &format!("{}{id}", A::PATH), here, &items)
    } else {
        calendar::document(A::TITLE, &items)
    };
    let newest = items.iter().filter_map(|item| item.learned_at).max();
    let version = cache::Version::of(&body, newest.filter(|_| !shrinks), shared.gateway.now());
    let mut response = if version.is_known(&req) {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    version.write(&mut response);
    response.insert_header((COVERAGE, coverage(&answer.coverage)));
    if version.is_known(&req) {
        return Ok(response.finish());
    }
    shared.gateway.note_read(&principal, body.len());
    Ok(response
        .insert_header((header::CONTENT_TYPE, format!("{media_type}; charset=utf-8")))
        .body(body))
}
