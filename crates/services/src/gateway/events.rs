//! Events in, and events as they come.

use futures::stream::{BoxStream, StreamExt as _};
use pts_api::EventRecord;
use pts_api::actions::events::{AppendEvents, StreamEvents, StreamInput};
use pts_domain::access::Principal;
use pts_domain::event::Form;

use crate::access::facts;
use crate::ingest::{ItemOutcome, Mode};
use crate::{ActionError, Gateway, Item};

impl Gateway {
    /// Takes events in: checks each, stores the good ones in one transaction, and tells what became
    /// of each, in order.
    ///
    /// # Errors
    /// [`ActionError::Denied`]; [`ActionError::Overloaded`] or [`ActionError::TooMuch`] at once when
    /// too much is waiting; [`ActionError::Unavailable`] when they could not be stored, or it is not
    /// known whether they are.
    pub async fn ingest(
        &self,
        principal: &Principal,
        items: Vec<Item>,
        form: Form,
        mode: Mode,
    ) -> Result<Vec<ItemOutcome>, ActionError> {
        self.authorise(principal, &facts::<AppendEvents>())?;
        self.gate.send(principal.token_id, self.now())?;
        self.append_items(principal.token_id, items, form, mode)
            .await
    }

    /// Follows events as they come, without an end, a loss or a repeat.
    ///
    /// # Errors
    /// [`ActionError::Denied`], [`ActionError::Invalid`] for a place that is not in the log, or
    /// [`ActionError::Unavailable`].
    pub async fn follow(
        &self,
        principal: &Principal,
        input: StreamInput,
        last_event_id: Option<i64>,
    ) -> Result<BoxStream<'static, Result<EventRecord, ActionError>>, ActionError> {
        self.authorise(principal, &facts::<StreamEvents>())?;
        let (token, now) = (principal.token_id, self.now());
        self.gate.call(token, now)?;
        self.shed()?;
        let place = self.gate.stream(token, now)?;
        let events = self.tail(input, last_event_id).await?;
        // The place is free again when the stream ends, however it ends.
        let events = events.inspect(move |_| {
            let _ = &place;
        });
        Ok(events.boxed())
    }
}
