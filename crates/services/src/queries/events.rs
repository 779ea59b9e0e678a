//! Searching and looking up events.

use pts_api::actions::events::{GetEvent, GetEventInput, SearchEvents, SearchInput};
use pts_api::{Answer, EventRecord};
use pts_domain::filter::{EventFilter, patterns};

use super::period;
use crate::coverage::{answer, page};
use crate::gateway::{CursorKind, cursor, limit};
use crate::{ActionError, Gateway, UseCase};

impl UseCase<SearchEvents> for Gateway {
    async fn run(&self, input: SearchInput) -> Result<Answer<Vec<EventRecord>>, ActionError> {
        let (since, until) = period(self, input.since.as_ref(), input.until.as_ref())?;
        let limit = limit(input.limit)?;
        let cursor = cursor(input.cursor.as_deref(), CursorKind::Event)?;
        let filter = EventFilter {
            types: patterns(&input.types),
            source: input.source,
            service: input.service,
            environment: input.environment,
            subject: input.subject,
            since,
            until,
            data: input.data,
        };
        let found = self.log.search(&filter, cursor.clone(), limit).await?;
        found
            .items
            .iter()
            .for_each(|event| self.freshness.received(event.received_at));
        let coverage = self.coverage_of_page(&filter, cursor.as_ref(), &found);
        Ok(page(found, coverage, EventRecord::from))
    }
}

impl UseCase<GetEvent> for Gateway {
    async fn run(&self, input: GetEventInput) -> Result<Answer<EventRecord>, ActionError> {
        let found = self.log.get(input.id).await?;
        let event = found.ok_or_else(|| ActionError::NotFound {
            what: format!("the event {}", input.id),
        })?;
        Ok(answer(event.into(), self.coverage()))
    }
}
