//! Which path leads where: every action of the contract, the few well-known pages beside it, and
//! what is said about a path that leads nowhere.

use std::future::Future;

use actix_web::dev::ServiceResponse;
use actix_web::guard::{GuardContext, fn_guard};
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse};
use pts_api::{Action, Call, DevicePoll, DeviceStart, Method as ApiMethod};
use pts_domain::problem::nearest;

use crate::middleware::catch_panics;
use crate::problem::Refusal;
use crate::shared::Shared;
use crate::{bind, device, events, export, feeds, health, mcp, openapi, pages};

/// A path and where it leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route {
    pub(crate) path: &'static str,
    /// `GET` answers `HEAD` too.
    pub(crate) method: Verb,
    /// The action's name, or that of the page.
    pub(crate) name: &'static str,
}

/// The methods that are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verb {
    Get,
    Post,
}

impl From<ApiMethod> for Verb {
    fn from(method: ApiMethod) -> Self {
        match method {
            ApiMethod::Get => Self::Get,
            ApiMethod::Post => Self::Post,
        }
    }
}

/// The name of the one route that leads to every action.
pub(crate) const CALL: &str = "call";

/// Everything that is served beside the actions. Nothing else may be.
const WELL_KNOWN: &[Route] = &[
    well_known("/", Verb::Get, "root"),
    well_known("/healthz", Verb::Get, "healthz"),
    well_known("/readyz", Verb::Get, "readyz"),
    well_known("/metrics", Verb::Get, "metrics"),
    well_known("/openapi.json", Verb::Get, "openapi"),
    well_known("/docs", Verb::Get, "docs"),
    well_known("/docs/{file}", Verb::Get, "docs"),
    well_known("/admin", Verb::Get, "admin"),
    well_known("/admin/{file}", Verb::Get, "admin"),
    well_known("/signin", Verb::Get, "signin"),
    well_known("/signin", Verb::Post, "signin"),
    well_known("/signin/provider", Verb::Get, "signin"),
    well_known("/signin/callback", Verb::Get, "signin"),
    well_known("/signin/{file}", Verb::Get, "signin"),
    well_known("/signout", Verb::Post, "signout"),
    well_known(DeviceStart::PATH, Verb::Post, "device"),
    well_known(DevicePoll::PATH, Verb::Post, "device"),
    well_known(Call::PATH, Verb::Post, CALL),
    well_known(mcp::PATH, Verb::Post, "mcp"),
];

const fn well_known(path: &'static str, method: Verb, name: &'static str) -> Route {
    Route { path, method, name }
}

/// All routes there are.
pub(crate) fn declared() -> Vec<Route> {
    let actions = pts_api::actions::all().into_iter().flat_map(|action| {
        [&[action.path], action.aliases]
            .concat()
            .into_iter()
            .map(move |path| Route {
                path,
                method: action.method.into(),
                name: action.name,
            })
    });
    actions.chain(WELL_KNOWN.iter().copied()).collect()
}

/// Binds all routes; returns those that were bound.
pub(crate) fn configure(config: &mut ServiceConfig) -> Vec<Route> {
    let mut binder = Binder {
        config,
        bound: Vec::new(),
    };
    let b = &mut binder;

    macro_rules! bind {
        (answer $action:ty) => {
            bind::answered::<$action>(b)
        };
        (ingest $action:ty) => {
            b.action::<$action, _, _>(events::append)
        };
        (stream $action:ty) => {
            b.action::<$action, _, _>(events::stream)
        };
        (download $action:ty) => {
            export::bind::<$action>(b)
        };
        (feed $action:ty) => {
            feeds::bind::<$action>(b)
        };
    }
    pts_api::each_action!(bind);

    b.form(Call::PATH, bind::call);
    b.form(mcp::PATH, mcp::serve);
    b.form(DeviceStart::PATH, device::start);
    b.form(DevicePoll::PATH, device::poll);
    b.page("/", pages::root);
    b.page("/healthz", health::alive);
    b.page("/readyz", health::ready);
    b.page("/metrics", health::metrics);
    b.page("/openapi.json", openapi::serve);
    b.page("/docs", pages::docs::page);
    b.page("/docs/{file}", pages::docs::file);
    b.page("/admin", pages::admin::page);
    b.page("/admin/{file}", pages::admin::file);
    b.page("/signin", pages::signin::page);
    b.form("/signin", pages::signin::sign_in);
    b.page("/signin/provider", pages::provider::leave);
    b.page("/signin/callback", pages::provider::come_back);
    b.page("/signin/{file}", pages::signin::file);
    b.form("/signout", pages::signin::sign_out);

    let bound = binder.bound;
    config.default_service(web::to(nowhere));
    bound
}

/// Binds routes, and remembers which.
pub(crate) struct Binder<'c> {
    config: &'c mut ServiceConfig,
    bound: Vec<Route>,
}

impl Binder<'_> {
    /// Binds the paths of an action.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "handlers are functions and closures"
    )]
    pub(crate) fn action<A, F, Args>(&mut self, handler: F)
    where
        A: Action,
        F: Handler<Args, Output = Result<HttpResponse, Refusal>>,
        F::Future: Future<Output = Result<HttpResponse, Refusal>>,
        Args: FromRequest + 'static,
    {
        for path in [&[A::PATH], A::ALIASES].concat() {
            let route = Route {
                path,
                method: A::METHOD.into(),
                name: A::NAME,
            };
            self.route(route, handler.clone());
        }
    }

    fn page<F, Args>(&mut self, path: &'static str, handler: F)
    where
        F: Handler<Args, Output = Result<HttpResponse, Refusal>>,
        Args: FromRequest + 'static,
    {
        self.known(path, Verb::Get, handler);
    }

    fn form<F, Args>(&mut self, path: &'static str, handler: F)
    where
        F: Handler<Args, Output = Result<HttpResponse, Refusal>>,
        Args: FromRequest + 'static,
    {
        self.known(path, Verb::Post, handler);
    }

    fn known<F, Args>(&mut self, path: &'static str, method: Verb, handler: F)
    where
        F: Handler<Args, Output = Result<HttpResponse, Refusal>>,
        Args: FromRequest + 'static,
    {
        let named = (WELL_KNOWN.iter()).find(|route| (route.path, route.method) == (path, method));
        let name = named.map_or("undeclared", |route| route.name);
        self.route(Route { path, method, name }, handler);
    }

    fn route<F, Args>(&mut self, route: Route, handler: F)
    where
        F: Handler<Args, Output = Result<HttpResponse, Refusal>>,
        Args: FromRequest + 'static,
    {
        let others = hidden_by(route.path);
        let guard = fn_guard(move |context: &GuardContext<'_>| {
            let head = context.head();
            answers(route.method, &head.method) && !others.contains(&head.uri.path())
        });
        let resource = web::resource(route.path)
            .guard(guard)
            .wrap(from_fn(catch_panics))
            .to(handler);
        self.config.service(resource);
        self.bound.push(route);
    }
}

/// Paths that are somebody else's, though the pattern fits them: `/v1/quarantine/replay` is no item,
/// whatever the method.
fn hidden_by(pattern: &str) -> Vec<&'static str> {
    let others = declared().into_iter().map(|route| route.path);
    others
        .filter(|path| *path != pattern && !path.contains('{') && fits(pattern, path))
        .collect()
}

fn answers(bound: Verb, asked: &Method) -> bool {
    match bound {
        Verb::Get => matches!(*asked, Method::GET | Method::HEAD),
        Verb::Post => *asked == Method::POST,
    }
}

/// The name of what answered, for logs and metrics; there are as many as there are routes.
pub(crate) fn name_of<B>(response: &ServiceResponse<B>, shared: &Shared) -> &'static str {
    let Some(pattern) = response.request().match_pattern() else {
        return "none";
    };
    let method = response.request().method();
    let fits = |route: &&Route| route.path == pattern && answers(route.method, method);
    shared
        .routes
        .iter()
        .find(fits)
        .map_or("none", |route| route.name)
}

/// What is said about a path that leads nowhere, or not with this method.
async fn nowhere(req: HttpRequest, shared: Data<Shared>) -> Result<HttpResponse, Refusal> {
    let (method, path) = (req.method(), req.path());
    let exact = shared.routes.iter().any(|route| route.path == path);
    let here = shared.routes.iter().filter(|route| {
        if exact {
            route.path == path
        } else {
            fits(route.path, path)
        }
    });
    let mut allowed: Vec<&str> = here
        .flat_map(|route| match route.method {
            Verb::Get => ["GET", "HEAD"].as_slice(),
            Verb::Post => &["POST"],
        })
        .copied()
        .collect();
    allowed.sort_unstable();
    allowed.dedup();
    if !allowed.is_empty() {
        let allowed = allowed.join(", ");
        let detail = format!("{path} does not answer {method}; it answers {allowed}.");
        let title = "Not with this method";
        let refusal = Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            title,
            detail,
        );
        return Err(match HeaderValue::try_from(allowed) {
            Ok(allowed) => refusal.with_header(header::ALLOW, allowed),
            Err(_) => refusal,
        });
    }
    let trimmed = path.trim_end_matches('/');
    let paths = || shared.routes.iter().map(|route| route.path);
    let near = paths()
        .find(|known| fits(known, trimmed))
        .or_else(|| nearest(path, paths()));
    let detail = match near {
        Some(near) => format!("Nothing is at {path}; did you mean {near}?"),
        None => format!("Nothing is at {path}; /openapi.json and /docs list what there is."),
    };
    Err(Refusal::new(
        StatusCode::NOT_FOUND,
        "unknown_route",
        "No such path",
        detail,
    ))
}

/// Whether a path fits a pattern such as `/v1/events/{id}`.
fn fits(pattern: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    let all_fit = pattern.split('/').all(|expected| match parts.next() {
        Some(part) if expected.starts_with('{') => !part.is_empty(),
        part => part == Some(expected),
    });
    all_fit && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use actix_web::App;

    use super::*;

    #[test]
    fn what_is_declared_is_bound_and_what_is_bound_is_declared() {
        let mut bound = Vec::new();
        let _app = App::new().configure(|config| bound = configure(config));
        let mut declared = declared();
        bound.sort();
        declared.sort();
        assert_eq!(bound, declared);
    }

    #[test]
    fn no_route_hides_one_that_is_bound_after_it() {
        let mut bound = Vec::new();
        let _app = App::new().configure(|config| bound = configure(config));
        for (index, route) in bound.iter().enumerate() {
            let hiding = bound[..index]
                .iter()
                .find(|before| before.method == route.method && fits(before.path, route.path));
            assert_eq!(hiding, None, "{} cannot be reached", route.path);
        }
    }

    #[test]
    fn a_pattern_fits_whole_paths_only() {
        assert!(fits("/v1/events/{id}", "/v1/events/7"));
        assert!(!fits("/v1/events/{id}", "/v1/events/"));
        assert!(!fits("/v1/events/{id}", "/v1/events/7/8"));
        assert!(!fits("/v1/events", "/v1/events/7"));
    }
}
