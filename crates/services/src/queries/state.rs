//! Operational states.

use pts_api::actions::state::{ListStates, ListStatesInput};
use pts_domain::projection::ComponentState;
use pts_ports::StateQuery;

use crate::coverage::{Found, Question, page};
use crate::gateway::{CursorKind, cursor, limit};
use crate::{ActionError, Gateway, UseCase};

impl UseCase<ListStates> for Gateway {
    async fn run(&self, input: ListStatesInput) -> Result<Found<Vec<ComponentState>>, ActionError> {
        let limit = limit(input.limit)?;
        let cursor = cursor(input.cursor.as_deref(), CursorKind::Name(2))?;
        let query = StateQuery {
            component: input.component,
            environment: input.environment,
            service: input.service,
            state: input.state,
        };
        let question = Question::present(self.now(), &["state.*"])
            .of(query.service.as_ref(), query.environment.as_ref());
        let states = self.projections.states(&query, cursor, limit).await?;
        Ok(page(states, question, |state| state))
    }
}
