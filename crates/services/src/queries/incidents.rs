//! Incidents.

use pts_api::actions::incidents::{SearchIncidents, SearchIncidentsInput};
use pts_domain::projection::Incident;
use pts_ports::IncidentQuery;

use crate::coverage::{Found, Question, page};
use crate::gateway::{CursorKind, cursor, limit};
use crate::{ActionError, Gateway, UseCase};

/// What a search asks for, and an export, which is one without pages.
pub(crate) fn sought(gateway: &Gateway, input: SearchIncidentsInput) -> (IncidentQuery, Question) {
    let query = IncidentQuery {
        service: input.service,
        environment: input.environment,
        status: input.status,
        incident_id: input.incident_id,
    };
    let question = Question::present(gateway.now(), &["incident.*"])
        .of(query.service.as_ref(), query.environment.as_ref());
    (query, question)
}

impl UseCase<SearchIncidents> for Gateway {
    async fn run(&self, input: SearchIncidentsInput) -> Result<Found<Vec<Incident>>, ActionError> {
        let limit = limit(input.limit)?;
        let cursor = cursor(input.cursor.as_deref(), CursorKind::Position)?;
        let (query, question) = sought(self, input);
        let incidents = self.projections.incidents(&query, cursor, limit).await?;
        Ok(page(incidents, question, |incident| incident))
    }
}
