//! Events in, and events as they come.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::stream::{Stream, StreamExt as _};
use pts_api::EventRecord;
use pts_api::actions::events::{AppendEvents, StreamEvents, StreamInput};
use pts_domain::access::Principal;
use pts_domain::event::Form;

use crate::access::facts;
use crate::ingest::{ItemOutcome, Mode};
use crate::limits::Turn;
use crate::tail::Events;
use crate::{ActionError, Gateway, Item};

/// A request's share of the work, given back when it is dropped.
#[must_use]
pub struct Share(#[expect(dead_code, reason = "held while the request is worked on")] Turn);

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

    /// Waits until a request with events may be worked on, and says so before its body is looked at:
    /// that is most of the work. Keep what is given until the request is answered.
    ///
    /// # Errors
    /// [`ActionError::TooMuch`] if too much of the same sender goes before.
    pub async fn share(&self, principal: &Principal, bytes: usize) -> Result<Share, ActionError> {
        let turn = self.gate.share(principal.token_id, bytes, self.now());
        turn.await.map(Share)
    }

    /// Follows events as they come, without an end, a loss or a repeat. Whoever has used up the rows or
    /// bytes that their token may read gets the next event when there is room again.
    ///
    /// # Errors
    /// [`ActionError::Denied`], [`ActionError::Invalid`] for a place that is not in the log, or
    /// [`ActionError::Unavailable`].
    pub async fn follow(
        &self,
        principal: &Principal,
        input: StreamInput,
        last_event_id: Option<i64>,
    ) -> Result<Following, ActionError> {
        self.authorise(principal, &facts::<StreamEvents>())?;
        let (token, now) = (principal.token_id, self.now());
        self.gate.call(token, now)?;
        self.shed()?;
        let place = self.gate.stream(token, now)?;
        let (behind, events) = self.tail(input, last_event_id).await?;
        let meter = Arc::new(self.gate.meter(token, Arc::clone(&self.clock)));
        let events = events.then(move |event| {
            let meter = Arc::clone(&meter);
            async move {
                meter.room().await;
                meter.read(1);
                event
            }
        });
        // The place is free again when the stream ends, however it ends.
        let events = events.inspect(move |_| {
            let _ = &place;
        });
        let events = events.boxed();
        Ok(Following { behind, events })
    }
}

/// Events as they come, and where they begin.
pub struct Following {
    /// The place in the log behind which they begin: whoever saw none yet goes on from there.
    pub behind: i64,
    events: Events,
}

impl Stream for Following {
    type Item = Result<EventRecord, ActionError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_next_unpin(context)
    }
}
