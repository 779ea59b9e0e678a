//! What the server counts about itself, for Prometheus. Labels come from short lists: the names of
//! routes, the class of a status, the outcome of an event; and, of the tokens and sources that events
//! come with, only those that send most.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use pts_domain::accounting::{Counts, OTHER, Outcome};
use pts_services::Tallies;

use crate::settings::{Figure, FigureKind};

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
struct ByActionAndCode {
    action: &'static str,
    code: String,
}

/// The trace of a request that took so long.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfTrace {
    trace_id: String,
}

type Durations = HistogramWithExemplars<OfTrace>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

/// So many pairs of token and source have figures of their own.
const BUSIEST: usize = 50;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BySender {
    token: String,
    source: String,
    outcome: &'static str,
}

/// What became of the events that this process received.
struct Accounts(Arc<Tallies>);

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Accounts")
    }
}

impl Collector for Accounts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut family = encoder.encode_descriptor(
            "accounting_events",
            "Events that this process received, by what became of them",
            None,
            MetricType::Counter,
        )?;
        let totals = self.0.totals();
        for outcome in Outcome::ALL {
            let label = ByOutcome {
                outcome: outcome.as_str(),
            };
            let counter = ConstCounter::new(totals.get(outcome));
            counter.encode(family.encode_family(&label)?)?;
        }
        // No counter: when a sender overtakes another, the figure of the others becomes less.
        let mut family = encoder.encode_descriptor(
            "accounting_busiest_events",
            "The same for the tokens and sources that sent most since the process began, and for all \
             others together",
            None,
            MetricType::Gauge,
        )?;
        let busiest = self.0.busiest(BUSIEST);
        let lines = busiest.lines.iter().map(|line| {
            let token = line
                .sender
                .map_or_else(String::new, |token| token.to_string());
            (token, line.source.as_str(), line.counts)
        });
        let others = (OTHER.to_owned(), OTHER, busiest.others);
        for (token, source, counts) in lines.chain([others]) {
            for (outcome, number) in shown(counts) {
                let label = BySender {
                    token: token.clone(),
                    source: source.to_owned(),
                    outcome: outcome.as_str(),
                };
                let gauge = ConstGauge::new(i64::try_from(number).unwrap_or(i64::MAX));
                gauge.encode(family.encode_family(&label)?)?;
            }
        }
        Ok(())
    }
}

/// What whoever runs the server counts beside it.
#[derive(Debug)]
struct Figures(Vec<Figure>);

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for figure in &self.0 {
            let (name, help, count) = (figure.name, figure.help, (figure.count)());
            match figure.kind {
                FigureKind::Counter => ConstCounter::new(count)
                    .encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?,
                FigureKind::Gauge => ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX))
                    .encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?,
            }
        }
        Ok(())
    }
}

/// The outcomes that there were.
fn shown(counts: Counts) -> impl Iterator<Item = (Outcome, u64)> {
    let all = Outcome::ALL.into_iter();
    all.map(move |outcome| (outcome, counts.get(outcome)))
        .filter(|(_, number)| *number > 0)
}

/// The server's figures.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<ByActionAndStatus, Counter>,
    durations: Family<ByAction, Durations>,
    errors: Family<ByActionAndCode, Counter>,
    events: Family<ByOutcome, Counter>,
    in_flight: Gauge,
    streams: Gauge,
    waiting_events: Gauge,
    waiting_bytes: Gauge,
}

impl Metrics {
    pub(crate) fn new(tallies: Arc<Tallies>, figures: Vec<Figure>) -> Self {
        let mut registry = Registry::with_prefix("pts");
        if !figures.is_empty() {
            registry.register_collector(Box::new(Figures(figures)));
        }
        registry.register_collector(Box::new(Accounts(tallies)));
        let requests = Family::default();
        let errors = Family::default();
        let durations: Family<ByAction, Durations> =
            Family::new_with_constructor(|| Durations::new(BUCKETS.into_iter()));
        let events = Family::default();
        let (in_flight, streams) = (Gauge::default(), Gauge::default());
        let (waiting_events, waiting_bytes) = (Gauge::default(), Gauge::default());
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
            "http_errors",
            "Requests that were refused or failed, by action and the problem's code",
            Family::clone(&errors),
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
        registry.register(
            "ingest_waiting_events",
            "Events in the queue, accepted and not yet being written",
            Gauge::clone(&waiting_events),
        );
        registry.register_with_unit(
            "ingest_waiting",
            "What these events take in memory",
            Unit::Bytes,
            Gauge::clone(&waiting_bytes),
        );
        Self {
            registry,
            requests,
            durations,
            errors,
            events,
            in_flight,
            streams,
            waiting_events,
            waiting_bytes,
        }
    }

    /// So much waits to be written.
    pub(crate) fn waiting(&self, (events, bytes): (usize, usize)) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.waiting_events.set(number(events));
        self.waiting_bytes.set(number(bytes));
    }

    /// A request has begun; it goes on until the guard is dropped.
    pub(crate) fn begin(&self) -> GaugeGuard {
        GaugeGuard::raise(&self.in_flight)
    }

    /// A live stream was opened; it goes on until the guard is dropped.
    pub(crate) fn stream_opened(&self) -> GaugeGuard {
        GaugeGuard::raise(&self.streams)
    }

    /// A request was answered; `trace` is an example of how long that may take.
    pub(crate) fn answered(
        &self,
        action: &'static str,
        status: u16,
        took: Duration,
        trace: Option<String>,
    ) {
        let status = class(status);
        let trace = trace.map(|trace_id| OfTrace { trace_id });
        self.requests
            .get_or_create(&ByActionAndStatus { action, status })
            .inc();
        self.durations
            .get_or_create(&ByAction { action })
            .observe(took.as_secs_f64(), trace, None);
    }

    /// A request was refused or failed with a problem of this code; none for a page that is no problem.
    pub(crate) fn refused(&self, action: &'static str, code: String) {
        self.errors
            .get_or_create(&ByActionAndCode { action, code })
            .inc();
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
        let metrics = Metrics::new(Arc::default(), Vec::new());
        let running = metrics.begin();
        let trace = Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned());
        metrics.answered(
            "platform.events.append",
            201,
            Duration::from_millis(3),
            trace,
        );
        metrics.refused("platform.events.get", "not_found".to_owned());
        metrics.ingested("created", 2);
        let text = metrics.render().unwrap();
        for line in [
            "pts_http_requests_total{action=\"platform.events.append\",status=\"2xx\"} 1",
            "pts_ingest_events_total{outcome=\"created\"} 2",
            "pts_http_requests_in_flight 1",
            "pts_http_request_duration_seconds_bucket{le=\"0.005\",action=\"platform.events.append\"} 1 # {trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"} 0.003",
            "pts_http_errors_total{action=\"platform.events.get\",code=\"not_found\"} 1",
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

    #[test]
    fn accounts_are_told_for_the_busiest_and_for_all_others_together() {
        let tallies = Arc::new(Tallies::default());
        let token = Some(uuid::Uuid::from_u128(7));
        for n in 1..=200_u64 {
            tallies.count(token, &format!("s{n}"), Outcome::Stored, n);
        }
        tallies.count(
            token,
            "a \"quoted\\\" \u{e4}\nsource",
            Outcome::Refused,
            1_000,
        );
        let text = Metrics::new(tallies, Vec::new()).render().unwrap();
        let token = "00000000-0000-0000-0000-000000000007";
        for line in [
            "pts_accounting_events_total{outcome=\"stored\"} 20100",
            "pts_accounting_events_total{outcome=\"repeated\"} 0",
            &format!("events{{token=\"{token}\",source=\"s200\",outcome=\"stored\"}} 200"),
            "source=\"a \\\"quoted\\\\\\\" \u{e4}\\nsource\",outcome=\"refused\"} 1000",
            "events{token=\"(other)\",source=\"(other)\",outcome=\"stored\"} 11476",
        ] {
            assert!(text.contains(line), "{line} is not in:\n{text}");
        }
        let series = text.matches("pts_accounting_busiest_events{").count();
        assert_eq!(series, BUSIEST + 1);
        assert!(text.ends_with("# EOF\n"));
    }
}
