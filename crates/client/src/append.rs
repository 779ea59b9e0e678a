//! Events in: one or many, safe to send again because each has an id.

use bytes::Bytes;
use http::Method;
use pts_api::actions::events::{AppendEvents, AppendParameters};
use pts_api::{Action as _, BatchResult, Receipt};

use crate::client::{JSON, written};
use crate::route::Target;
use crate::transport::Outgoing;
use crate::{Client, ClientError, Event};

impl Client {
    /// Appends events; returns after they are safe on disk. Each has its own result, in order: one
    /// that is not accepted does not hurt the others. Tried again where that may help: what was
    /// stored by an earlier try is then a duplicate.
    ///
    /// # Errors
    /// See [`ClientError`]; then none or all of the good ones may be stored.
    pub async fn append(&self, events: &[Event]) -> Result<BatchResult, ClientError> {
        self.append_with(events, AppendParameters::default()).await
    }

    /// The same, only checked (`validate`), or without waiting for the disk (`ack`).
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn append_with(
        &self,
        events: &[Event],
        parameters: AppendParameters,
    ) -> Result<BatchResult, ClientError> {
        let request = append(written(&events)?, &parameters)?;
        self.json(&request).await
    }

    /// Appends one event; returns after it is safe on disk.
    ///
    /// # Errors
    /// Beside what can happen to any call: `invalid_event` with the fields that are wrong, and 409
    /// where its id stands for another event.
    pub async fn append_one(&self, event: Event) -> Result<Receipt, ClientError> {
        let request = append(written(&event)?, &AppendParameters::default())?;
        self.json(&request).await
    }
}

/// The request that appends what is already written as JSON.
pub(crate) fn append(body: Bytes, parameters: &AppendParameters) -> Result<Outgoing, ClientError> {
    let mut target = Target {
        path: AppendEvents::PATH.to_owned(),
        body: None,
    };
    let asked = serde_json::to_value(parameters).unwrap_or_default();
    for (name, value) in asked.as_object().into_iter().flatten() {
        target.ask(name, value)?;
    }
    Ok(Outgoing {
        method: Method::POST,
        path: target.path,
        accept: JSON,
        body: Some(body),
        last_event_id: None,
        confirm: None,
        repeatable: true,
    })
}
