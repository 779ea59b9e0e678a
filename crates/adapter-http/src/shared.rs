//! What every handler can reach: the gateway, and what the server keeps across requests.

use std::sync::{Arc, OnceLock};

use pts_api::Call;
use pts_api::actions::events::{AppendEvents, StreamEvents};
use pts_services::input::Fields;
use pts_services::{Gateway, Turned};
use tokio::sync::{Semaphore, watch};

use crate::bind::Parameters;
use crate::events::BodyBudget;
use crate::metrics::Metrics;
use crate::middleware::{RequestIds, TraceIds};
use crate::routes::{self, Route};
use crate::settings::FigureKind;
use crate::{Figure, HttpSettings, openapi};

/// One for the whole server, shared by its workers.
pub(crate) struct Shared {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) settings: HttpSettings,
    pub(crate) routes: Vec<Route>,
    pub(crate) metrics: Metrics,
    pub(crate) request_ids: RequestIds,
    pub(crate) trace_ids: TraceIds,
    pub(crate) bodies: BodyBudget,
    pub(crate) streams: Arc<Semaphore>,
    /// Turns true when the server begins to stop.
    pub(crate) stopping: watch::Receiver<bool>,
    pub(crate) append_parameters: Parameters,
    pub(crate) stream_parameters: Parameters,
    pub(crate) call_fields: Arc<Fields>,
    openapi: OnceLock<String>,
}

impl Shared {
    pub(crate) fn new(
        gateway: Arc<Gateway>,
        settings: HttpSettings,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let figures = [settings.figures.as_slice(), &turned(&gateway)].concat();
        let metrics = Metrics::new(
            Arc::clone(gateway.tallies()),
            Arc::clone(gateway.masked()),
            figures,
        );
        Self {
            gateway,
            routes: routes::declared(),
            metrics,
            request_ids: RequestIds::new(),
            trace_ids: TraceIds::new(settings.trace_ratio),
            bodies: BodyBudget::new(settings.max_bodies_bytes),
            streams: Arc::new(Semaphore::new(settings.max_streams)),
            stopping,
            append_parameters: Parameters::of::<AppendEvents>(),
            stream_parameters: Parameters::of::<StreamEvents>(),
            call_fields: Arc::new(Fields::of::<Call>()),
            openapi: OnceLock::new(),
            settings,
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// The OpenAPI document; put together when somebody first asks for it.
    pub(crate) fn openapi(&self) -> &str {
        self.openapi.get_or_init(|| openapi::document().to_string())
    }
}

/// How often somebody was not let in.
fn turned(gateway: &Arc<Gateway>) -> [Figure; 2] {
    let figure = |name, help, count: fn(Turned) -> u64| {
        let gateway = Arc::clone(gateway);
        Figure {
            name,
            help,
            kind: FigureKind::Counter,
            count: Arc::new(move || count(gateway.access().turned())),
        }
    };
    [
        figure(
            "access_refused",
            "Tokens and codes that were presented and are not good",
            |turned| turned.refused,
        ),
        figure(
            "access_slowed",
            "Tokens and codes that were not looked at: too much from there was not good",
            |turned| turned.slowed,
        ),
    ]
}
