//! Checkpoints told to a webhook: lines of JSON as in the file, by POST. How far it was told is marked in
//! the data directory, because nobody can be asked for it there.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use pts_domain::audit::{Checkpoint, KeyId};
use pts_ports::{CheckpointSink, Outbound, StoreError};

use super::file::lines;

/// What is sent.
const CONTENT_TYPE: &str = "application/x-ndjson";

/// A webhook that is told checkpoints.
pub(crate) struct WebhookCheckpoints {
    outbound: Arc<dyn Outbound>,
    url: String,
    /// What it is shown, if anything.
    token: String,
    /// The file that keeps the last checkpoint that it took.
    mark: PathBuf,
}

impl WebhookCheckpoints {
    pub(crate) fn new(
        outbound: Arc<dyn Outbound>,
        url: String,
        token: String,
        mark: PathBuf,
    ) -> Self {
        Self {
            outbound,
            url,
            token,
            mark,
        }
    }

    async fn send(&self, body: Vec<u8>) -> Result<(), StoreError> {
        let Self {
            outbound,
            url,
            token,
            ..
        } = self;
        let sent = if token.is_empty() {
            outbound.post(url, CONTENT_TYPE, body).await
        } else {
            outbound.post_as(token, url, CONTENT_TYPE, body).await
        };
        match sent {
            Ok(200..=299) => Ok(()),
            Ok(status) => Err(StoreError::unavailable(format!("it answered {status}"))),
            Err(error) => Err(StoreError::unavailable(error.to_string())),
        }
    }

    /// Does something with the mark where nobody has to wait for the disk.
    async fn with_mark<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let mark = self.mark.clone();
        let shown = mark.display().to_string();
        let done = tokio::task::spawn_blocking(move || work(&mark)).await;
        let done = done.unwrap_or_else(|error| Err(io::Error::other(error)));
        done.map_err(|error| StoreError::unavailable(format!("{shown}: {error}")))
    }
}

#[async_trait]
impl CheckpointSink for WebhookCheckpoints {
    fn name(&self) -> &'static str {
        "webhook"
    }

    async fn export(&self, checkpoints: &[Checkpoint]) -> Result<(), StoreError> {
        self.send(lines(checkpoints)?).await?;
        let Some(last) = checkpoints.last() else {
            return Ok(());
        };
        let last = lines(std::slice::from_ref(last))?;
        self.with_mark(move |mark| write(mark, &last)).await
    }

    async fn last(&self, key: &KeyId) -> Result<Option<Checkpoint>, StoreError> {
        let marked = self.with_mark(read).await?;
        Ok(marked.filter(|checkpoint| checkpoint.key == *key))
    }
}

/// Whole or not at all: half a mark would stand in the way of the next start.
fn write(mark: &Path, text: &[u8]) -> io::Result<()> {
    let partial = mark.with_extension("new");
    let mut out = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)?;
    out.write_all(text)?;
    out.sync_all()?;
    fs::rename(&partial, mark)
}

fn read(mark: &Path) -> io::Result<Option<Checkpoint>> {
    match fs::read(mark) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
    }
}
