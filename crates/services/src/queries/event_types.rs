//! The catalogue of what can be sent.

use pts_api::actions::event_types::{
    EventTypeRecord, GetEventType, GetEventTypeInput, ListEventTypes, ListEventTypesInput,
};
use pts_domain::platform::{self, EventType};
use pts_domain::problem::nearest;

use crate::coverage::{Found, Question, found};
use crate::{ActionError, Gateway, UseCase};

fn record(known: &EventType) -> EventTypeRecord {
    EventTypeRecord {
        name: known.name.to_owned(),
        family: known.family.to_owned(),
        version: known.version,
        summary: known.summary.to_owned(),
        required: known
            .required
            .iter()
            .map(|&field| field.to_owned())
            .collect(),
        schema: None,
        example: None,
    }
}

impl UseCase<ListEventTypes> for Gateway {
    async fn run(
        &self,
        input: ListEventTypesInput,
    ) -> Result<Found<Vec<EventTypeRecord>>, ActionError> {
        let wanted = |known: &&EventType| {
            input
                .family
                .as_deref()
                .is_none_or(|family| known.family == family)
        };
        let types = platform::all().iter().filter(wanted).map(record).collect();
        Ok(found(types, Question::itself()))
    }
}

impl UseCase<GetEventType> for Gateway {
    async fn run(&self, input: GetEventTypeInput) -> Result<Found<EventTypeRecord>, ActionError> {
        let Some(known) = platform::find(&input.name) else {
            let names = platform::all().iter().map(|known| known.name);
            let hint = nearest(&input.name, names)
                .map(|near| format!(" (did you mean `{near}`?)"))
                .unwrap_or_default();
            return Err(ActionError::NotFound {
                what: format!("the event type `{}`{hint}", input.name),
            });
        };
        let mut record = record(known);
        record.schema = Some(known.schema().to_value());
        record.example = Some(known.example());
        Ok(found(record, Question::itself()))
    }
}
