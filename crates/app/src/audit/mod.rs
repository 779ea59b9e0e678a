//! What the audit needs of the machine: a key to sign with, and a file and a webhook to tell checkpoints
//! to.

mod file;
mod key;
mod webhook;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use pts_adapter_http::{Figure, FigureKind};
use pts_ports::CheckpointSink;
use pts_services::{Audit, Checkpointer, Gateway};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) use file::{FileCheckpoints, read_all};
pub(crate) use key::{load, load_or_make, public};

use crate::config::Settings;
use crate::wiring;
use webhook::WebhookCheckpoints;

/// The file in the data directory that keeps the key.
const KEY_FILE: &str = "audit-key.pem";
/// The file in the data directory that checkpoints are told to.
const CHECKPOINT_FILE: &str = "audit-checkpoints.ndjson";
/// The file in the data directory that says how far the webhook was told.
const WEBHOOK_MARK: &str = "audit-webhook-told.json";

/// Where the key is.
pub(crate) fn key_file(settings: &Settings) -> PathBuf {
    or_usual(settings, &settings.audit.key_file, KEY_FILE)
}

/// Where checkpoints are told.
pub(crate) fn checkpoint_file(settings: &Settings) -> PathBuf {
    or_usual(settings, &settings.audit.checkpoint_file, CHECKPOINT_FILE)
}

fn or_usual(settings: &Settings, path: &std::path::Path, usual: &str) -> PathBuf {
    if path.as_os_str().is_empty() {
        settings.data_dir.join(usual)
    } else {
        path.to_owned()
    }
}

/// The webhook that checkpoints are told to, if there is one.
///
/// # Errors
/// That it would not be called.
pub(crate) fn webhook(settings: &Settings) -> Result<Option<Arc<dyn CheckpointSink>>> {
    let (url, token) = (&settings.audit.webhook, &settings.audit.webhook_token);
    if url.is_empty() {
        return Ok(None);
    }
    let outbound = wiring::outbound(settings)?;
    let good = if token.is_empty() {
        outbound.check(url)
    } else {
        outbound.check_as(token, url)
    };
    good.context("audit.webhook")?;
    let mark = settings.data_dir.join(WEBHOOK_MARK);
    let webhook = WebhookCheckpoints::new(Arc::new(outbound), url.clone(), token.clone(), mark);
    Ok(Some(Arc::new(webhook)))
}

/// What signs, by the configuration.
pub(crate) fn checkpointer(settings: &Settings, audit: &Arc<Audit>) -> Result<Checkpointer> {
    let key = load_or_make(&key_file(settings))?;
    let file: Arc<dyn CheckpointSink> = Arc::new(FileCheckpoints::new(checkpoint_file(settings)));
    let places = [Some(file), webhook(settings)?].into_iter().flatten();
    Ok(Checkpointer::new(Arc::clone(audit), key, places))
}

/// What is counted of it.
pub(crate) fn figures(signs: &Checkpointer) -> Vec<Figure> {
    vec![Figure {
        name: "audit_checkpoint_failures",
        help: "Times that checkpoints of the audit could not be told to the file or the webhook",
        kind: FigureKind::Counter,
        count: Arc::new(signs.failures()),
    }]
}

/// The audit's upkeep while the service runs.
pub(crate) struct Upkeep {
    writing: (oneshot::Sender<()>, JoinHandle<()>),
    signing: (oneshot::Sender<()>, JoinHandle<()>),
}

impl Upkeep {
    /// Begins it.
    pub(crate) fn begin(gateway: &Arc<Gateway>, signs: Checkpointer, every: Duration) -> Self {
        let gateway = Arc::clone(gateway);
        let writing = until_told(async move |stop: oneshot::Receiver<()>| {
            gateway.keep_audit(told(stop)).await;
        });
        let signing = until_told(async move |stop: oneshot::Receiver<()>| {
            signs.keep(every, told(stop)).await;
        });
        Self { writing, signing }
    }

    /// Ends it: everything is written, and then signed.
    pub(crate) async fn end(self) {
        for (stop, ended) in [self.writing, self.signing] {
            drop(stop);
            let _ = ended.await;
        }
    }
}

fn until_told<F>(
    keep: impl FnOnce(oneshot::Receiver<()>) -> F,
) -> (oneshot::Sender<()>, JoinHandle<()>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let (stop, stopping) = oneshot::channel();
    (stop, tokio::spawn(keep(stopping)))
}

async fn told(stop: oneshot::Receiver<()>) {
    let _ = stop.await;
}
