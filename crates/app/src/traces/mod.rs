//! Spans of requests, for an OpenTelemetry collector: off unless one is named. Requests never wait for
//! it: what it does not take in time is dropped, and counted.

mod layer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use opentelemetry::KeyValue;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use pts_adapter_http::{Figure, FigureKind};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub(crate) use layer::{SpanLayer, wanted};

use crate::config::Settings;
use crate::system;

/// Spans that may wait to be sent.
const MOST_WAITING: usize = 4_096;
/// Spans that are sent together.
const BATCH: usize = 512;
/// How long company is waited for.
const GATHER: Duration = Duration::from_millis(500);
/// How long the collector may take for one batch.
const SEND_WITHIN: Duration = Duration::from_secs(5);
/// How long the end waits for what is left.
const LAST_WITHIN: Duration = Duration::from_secs(2);

/// What became of spans.
#[derive(Debug, Default)]
struct Counts {
    exported: AtomicU64,
    dropped: AtomicU64,
}

/// Sends spans to a collector.
pub(crate) struct Exporter {
    collector: SpanExporter,
    spans: mpsc::Sender<SpanData>,
    waiting: mpsc::Receiver<SpanData>,
    counts: Arc<Counts>,
}

impl Exporter {
    /// One for the collector that the configuration names, if it names one.
    pub(crate) fn new(settings: &Settings) -> Result<Option<Self>> {
        let endpoint = settings.traces.otlp_endpoint.trim_end_matches('/');
        if endpoint.is_empty() {
            return Ok(None);
        }
        let client = reqwest::Client::builder()
            .timeout(SEND_WITHIN)
            .build()
            .context("no HTTP client for traces")?;
        let mut collector = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{endpoint}/v1/traces"))
            .with_timeout(SEND_WITHIN)
            .build()
            .context("traces.otlp_endpoint")?;
        collector.set_resource(&resource(settings));
        let (spans, waiting) = mpsc::channel(MOST_WAITING);
        Ok(Some(Self {
            collector,
            spans,
            waiting,
            counts: Arc::default(),
        }))
    }

    /// What takes spans where they end.
    pub(crate) fn layer(&self) -> SpanLayer {
        SpanLayer::new(self.spans.clone(), Arc::clone(&self.counts))
    }

    /// How many were sent and dropped, for the server's figures.
    pub(crate) fn figures(&self) -> Vec<Figure> {
        let figure = |name, help, count: fn(&Counts) -> &AtomicU64| {
            let counts = Arc::clone(&self.counts);
            Figure {
                name,
                help,
                kind: FigureKind::Counter,
                count: Arc::new(move || count(&counts).load(Ordering::Relaxed)),
            }
        };
        vec![
            figure(
                "spans_exported",
                "Spans that the collector took",
                |counts| &counts.exported,
            ),
            figure(
                "spans_dropped",
                "Spans that the collector did not take in time",
                |counts| &counts.dropped,
            ),
        ]
    }

    /// Begins to send.
    pub(crate) fn start(self) -> Sending {
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(self.run(stopped));
        Sending { stop, task }
    }

    async fn run(mut self, mut stopped: tokio::sync::oneshot::Receiver<()>) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut going_on = true;
        while going_on {
            tokio::select! {
                _ = &mut stopped => going_on = false,
                count = self.waiting.recv_many(&mut batch, BATCH) => going_on = count > 0,
            }
            if going_on {
                let _ = tokio::time::timeout(GATHER, self.fill(&mut batch)).await;
            }
            self.send(&mut batch).await;
        }
        while let Ok(span) = self.waiting.try_recv() {
            batch.push(span);
            if batch.len() == BATCH {
                self.send(&mut batch).await;
            }
        }
        self.send(&mut batch).await;
    }

    async fn fill(&mut self, batch: &mut Vec<SpanData>) {
        while batch.len() < BATCH {
            let room = BATCH - batch.len();
            if self.waiting.recv_many(batch, room).await == 0 {
                return;
            }
        }
    }

    async fn send(&self, batch: &mut Vec<SpanData>) {
        if batch.is_empty() {
            return;
        }
        let count = batch.len() as u64;
        let sending = self.collector.export(std::mem::take(batch));
        let counter = match tokio::time::timeout(SEND_WITHIN, sending).await {
            Ok(Ok(())) => &self.counts.exported,
            Ok(Err(error)) => {
                tracing::debug!(%error, count, "the collector did not take spans");
                &self.counts.dropped
            }
            Err(_) => {
                tracing::debug!(count, "the collector took too long for spans");
                &self.counts.dropped
            }
        };
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

fn resource(settings: &Settings) -> Resource {
    let itself = &settings.itself;
    let mut attributes = vec![
        KeyValue::new("service.name", itself.service.clone()),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("deployment.environment.name", itself.environment.clone()),
        KeyValue::new("process.pid", i64::from(std::process::id())),
    ];
    if let Some(host) = system::host() {
        attributes.push(KeyValue::new("host.name", host));
    }
    if !itself.instance.is_empty() {
        let instance = itself.instance.clone();
        attributes.push(KeyValue::new("service.instance.id", instance));
    }
    Resource::builder_empty()
        .with_attributes(attributes)
        .build()
}

/// Spans that are on their way.
pub(crate) struct Sending {
    stop: tokio::sync::oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Sending {
    /// Sends what is left, for a moment.
    pub(crate) async fn stop(mut self) {
        let _ = self.stop.send(());
        if tokio::time::timeout(LAST_WITHIN, &mut self.task)
            .await
            .is_err()
        {
            self.task.abort();
        }
    }
}
