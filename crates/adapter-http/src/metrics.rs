//! What the server counts about itself, for Prometheus. Labels come from short fixed lists: the
//! names of routes, the class of a status, the outcome of an event.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// The form in which the figures are written.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the durations' buckets, in seconds.
const BUCKETS: [f64; 12] = [
    0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByActionAndStatus {
    action: &'static str,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByAction {
    action: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

/// The server's figures.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<ByActionAndStatus, Counter>,
    durations: Family<ByAction, Histogram>,
    events: Family<ByOutcome, Counter>,
    in_flight: Gauge,
    streams: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("pts");
        let requests = Family::default();
        let durations: Family<ByAction, Histogram> =
            Family::new_with_constructor(|| Histogram::new(BUCKETS));
        let events = Family::default();
        let (in_flight, streams) = (Gauge::default(), Gauge::default());
        registry.register(
            "build",
            "What runs here",
            Info::new([("version", env!("CARGO_PKG_VERSION"))].to_vec()),
        );
        registry.register(
            "http_requests",
            "Requests answered, by action and class of status",
            Family::clone(&requests),
        );
        registry.register_with_unit(
            "http_request_duration",
            "Time from a request's head to its answer's",
            Unit::Seconds,
            Family::clone(&durations),
        );
        registry.register(
            "ingest_events",
            "Events that were sent, by what became of them",
            Family::clone(&events),
        );
        registry.register(
            "http_requests_in_flight",
            "Requests that are being answered",
            Gauge::clone(&in_flight),
        );
        registry.register(
            "streams_open",
            "Live streams that are open",
            Gauge::clone(&streams),
        );
        Self {
            registry,
            requests,
            durations,
            events,
            in_flight,
            streams,
        }
    }

    /// A request has begun; it goes on until the guard is dropped.
    pub(crate) fn begin(&self) -> GaugeGuard {
        GaugeGuard::raise(&self.in_flight)
    }

    /// A live stream was opened; it goes on until the guard is dropped.
    pub(crate) fn stream_opened(&self) -> GaugeGuard {
        GaugeGuard::raise(&self.streams)
    }

    /// A request was answered.
    pub(crate) fn answered(&self, action: &'static str, status: u16, took: Duration) {
        let status = class(status);
        self.requests
            .get_or_create(&ByActionAndStatus { action, status })
            .inc();
        self.durations
            .get_or_create(&ByAction { action })
            .observe(took.as_secs_f64());
    }

    /// So many events had this outcome.
    pub(crate) fn ingested(&self, outcome: &'static str, events: u64) {
        self.events
            .get_or_create(&ByOutcome { outcome })
            .inc_by(events);
    }

    /// Everything, as text.
    pub(crate) fn render(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn class(status: u16) -> &'static str {
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

/// Keeps a gauge raised by one.
pub(crate) struct GaugeGuard(Gauge);

impl GaugeGuard {
    fn raise(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_with_their_labels() {
        let metrics = Metrics::new();
        let running = metrics.begin();
        metrics.answered("platform.events.append", 201, Duration::from_millis(3));
        metrics.ingested("created", 2);
        let text = metrics.render().unwrap();
        for line in [
            "pts_http_requests_total{action=\"platform.events.append\",status=\"2xx\"} 1",
            "pts_ingest_events_total{outcome=\"created\"} 2",
            "pts_http_requests_in_flight 1",
            "pts_http_request_duration_seconds_bucket{le=\"0.005\",action=\"platform.events.append\"} 1",
            "pts_build_info{version=",
        ] {
            assert!(text.contains(line), "{line} is not in:\n{text}");
        }
        drop(running);
        assert!(
            metrics
                .render()
                .unwrap()
                .contains("pts_http_requests_in_flight 0")
        );
    }
}
