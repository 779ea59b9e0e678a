//! Searching and looking up events.

use pts_api::EventRecord;
use pts_api::actions::events::{GetEvent, GetEventInput, SearchEvents, SearchInput};
use pts_domain::filter::{EventFilter, patterns};

use super::period;
use crate::coverage::{Found, Question, found, page};
use crate::gateway::{CursorKind, cursor, limit};
use crate::{ActionError, Gateway, UseCase};

/// What a search asks for, and with it an export and a stream: they are searches without pages.
pub(crate) fn sought(gateway: &Gateway, input: SearchInput) -> Result<EventFilter, ActionError> {
    let (since, until) = period(gateway, input.since.as_ref(), input.until.as_ref())?;
    Ok(EventFilter {
        types: patterns(&input.types),
        source: input.source,
        service: input.service,
        environment: input.environment,
        subject: input.subject,
        since,
        until,
        data: input.data,
    })
}

impl UseCase<SearchEvents> for Gateway {
    async fn run(&self, input: SearchInput) -> Result<Found<Vec<EventRecord>>, ActionError> {
        let limit = limit(input.limit)?;
        let cursor = cursor(input.cursor.as_deref(), CursorKind::Event)?;
        let filter = sought(self, input)?;
        let events = self.log.search(&filter, cursor.clone(), limit).await?;
        events
            .items
            .iter()
            .for_each(|event| self.freshness.received(event.received_at));
        let question = Question::page_of_events(&filter, cursor.as_ref(), &events);
        Ok(page(events, question, EventRecord::from))
    }

    fn is_heavy(input: &SearchInput) -> bool {
        // Nothing is kept that would find these.
        !input.data.is_empty()
    }
}

impl UseCase<GetEvent> for Gateway {
    async fn run(&self, input: GetEventInput) -> Result<Found<EventRecord>, ActionError> {
        let event = self.log.get(input.id).await?;
        let event = event.ok_or_else(|| ActionError::NotFound {
            what: format!("the event {}", input.id),
        })?;
        Ok(found(event.into(), Question::itself()))
    }
}
